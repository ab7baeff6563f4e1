"""Keys of requests that move money, with what was answered to them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row

from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.queries import query

KEPT_FOR: Final = timedelta(days=30)
"""How long an answer is kept, at least: far longer than anybody repeats a request."""

FORGOTTEN_AT_ONCE: Final = 10
"""Old answers that a new one takes away: they end faster than they begin."""


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request under the key that its sender made for it.

    Attributes:
        key: theirs.
        route: method and path.
        body_hash: SHA-256 of the body as canonical JSON.
    """

    key: str
    route: str
    body_hash: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered.

    Attributes:
        status: of HTTP.
        text: JSON; "" = the answer has no body.
    """

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a key: the request it was made for, and the answer."""

    asked: KeyedRequest
    answer: KeptAnswer


async def take_key(db: WriteSession, asked: KeyedRequest) -> Kept | None:
    """Take a key for this transaction; or return what was kept under it, where it was taken before.

    Who has it in hand is waited for; where their transaction is undone, so is their key.
    """
    values = {"key": asked.key, "route": asked.route, "body_hash": asked.body_hash}
    if (await db.execute(query("take_key"), values)).one_or_none() is not None:
        return None
    return _kept((await db.execute(query("get_kept"), {"key": asked.key})).one())


async def get_kept(db: ReadSession, key: str) -> Kept | None:
    """Return what was asked and answered under a key of who asks; None where nothing was."""
    row = (await db.execute(query("get_kept"), {"key": key})).one_or_none()
    return None if row is None else _kept(row)


async def keep_answer(db: WriteSession, asked: KeyedRequest, answer: KeptAnswer) -> None:
    """Write down what is answered to a key that this transaction took, and forget what was answered long ago."""
    values = {"key": asked.key, "status": answer.status, "answer": answer.text}
    await db.execute(query("keep_answer"), values)
    await db.execute(query("forget_kept"), {"kept_for": KEPT_FOR, "most": FORGOTTEN_AT_ONCE})


def _kept(row: Row[Any]) -> Kept:
    return Kept(KeyedRequest(row.key, row.route, row.body_hash), KeptAnswer(row.status, row.answer))
