"""What a route asks of who calls it. Every route says so, once; one that does not is refused at the start.

A route that reads an account says `dependencies=[permits(Verb.READ, ObjectType.PORTFOLIO, account="account_id")]`, and
takes `actor: CurrentActor` where it wants to know who calls.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Request

from steelyard.identity.permissions import Actor, ObjectType, Verb


class Need(StrEnum):
    """Who may call a route."""

    PUBLIC = "public"
    SIGNING_IN = "signing in"
    SIGNED_IN = "signed in"
    PERMISSION = "permission"


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks.

    Attributes:
        need: who may call it.
        verb: what it does, where a permission is needed.
        object_type: to what.
        account: the parameter of the path that names the account; None = the route is about no single one.
        moves_money: whether it asks for an Idempotency-Key, so that what is sent twice is done once.
        by_itself: whether pages call it by themselves: it keeps no session alive.
        takes_files: whether its form may send files.
    """

    need: Need
    verb: Verb | None = None
    object_type: ObjectType | None = None
    account: str | None = None
    moves_money: bool = False
    by_itself: bool = False
    takes_files: bool = False

    async def __call__(self, request: Request) -> None:
        """Fail where the gate was not passed: a route is never served without the shell around it."""
        if request.scope["steelyard.call"].route.access is not self:
            raise RuntimeError("a route was reached past the gate")


def permits(
    verb: Verb,
    object_type: ObjectType,
    *,
    account: str | None = None,
    moves_money: bool = False,
    by_itself: bool = False,
    takes_files: bool = False,
) -> Any:
    """Say that a route needs a permission, and where its path names an account, a grant.

    Args:
        verb: what the route does.
        object_type: to what.
        account: the parameter of the path that names the account.
        moves_money: whether orders, or money, move by it: it then needs an Idempotency-Key, or a page the key of its
            form, and does its work by `api.once.Once` or `web.move.Move`.
        by_itself: whether pages call it by themselves, so that it says nothing of somebody being there.
        takes_files: whether its form may send files: what it is sent is kept on disk, and read as an `AskedUpload`.
    """
    return Depends(Access(Need.PERMISSION, verb, object_type, account, moves_money, by_itself, takes_files))


def public() -> Any:
    """Say that anybody may call a route; it shows nothing of any tenant."""
    return Depends(Access(Need.PUBLIC))


def signing_in() -> Any:
    """Say that a route is part of signing in: whoever calls it is nobody yet."""
    return Depends(Access(Need.SIGNING_IN))


def signed_in() -> Any:
    """Say that whoever is known may call a route, with a token too, or a second factor still to show.

    Routes about one's own sessions, factors and tokens need a permission (OWN_SESSION, OWN_TOKEN) instead.
    """
    return Depends(Access(Need.SIGNED_IN))


def current_actor(request: Request) -> Actor:
    """Return who calls, in a route that is not open to anybody."""
    actor = request.scope["steelyard.call"].actor
    if not isinstance(actor, Actor):
        raise TypeError("a route that is open to anybody asks who calls it")
    return actor


async def _current_actor(request: Request) -> Actor:
    return current_actor(request)


CurrentActor = Annotated[Actor, Depends(_current_actor)]
"""Who calls, in a route that is not open to anybody."""
