"""Users: what they are called, and who may change whom."""

import unicodedata
from decimal import Decimal
from typing import Final
from uuid import UUID

from steelyard.domain.amount import AmountError, read_amount
from steelyard.errors import InvalidInputError, NotPermittedError
from steelyard.identity.permissions import Actor, Role

LONGEST_LOGIN: Final = 254
"""Characters of the longest e-mail address (RFC 5321)."""

LONGEST_NAME: Final = 200

UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Kinds of characters (Unicode, general category) that two names could differ by and look alike."""

JOINERS: Final = "\u200c\u200d"
"""Belong to names as Persian and Indian scripts write them."""

MANAGERS: Final = frozenset({Role.OWNER, Role.ADMIN})
"""Who manages users; a tenant keeps one."""

LIMIT_PLACES: Final = 8
"""Decimals of an approval limit that are kept."""

GRANTED: Final = frozenset({Role.ADVISOR, Role.VIEWER, Role.SERVICE})
"""Roles that see the accounts granted to them; the others see all or none, whatever is granted."""


class UnusableNameError(InvalidInputError):
    """A name cannot be kept, or nobody could type it."""

    def __init__(self, what: str, rule: str) -> None:
        """Name what it is the name of and the rule; the name itself may be long, or not for every eye."""
        super().__init__(f"The {what} {rule}.")


class OneselfError(NotPermittedError):
    """Somebody changes their own access."""

    def __init__(self) -> None:
        """Say who can."""
        super().__init__(
            "Nobody changes their own role, limit, status or grants. Ask another owner or admin."
        )


class OwnersOnlyError(NotPermittedError):
    """Somebody who is none makes or changes an owner."""

    def __init__(self) -> None:
        """Say who can."""
        super().__init__(
            "Only an owner, or the operator at the terminal, makes somebody an owner or changes one."
        )


def check_name(what: str, name: str, longest: int = LONGEST_NAME, allowed: str = "") -> str:
    """Give a name back without the spaces around it.

    Args:
        what: what it is the name of, for the sentence of the error.
        name: any text.
        longest: characters it may have.
        allowed: characters that may be in it although they cannot be seen.

    Raises:
        UnusableNameError: it is empty, too long, or has characters that cannot be seen.

    >>> check_name("login name", " ada@example.org ")
    'ada@example.org'
    >>> check_name("login name", "  ")
    Traceback (most recent call last):
    ...
    steelyard.identity.user.UnusableNameError: The login name is empty.
    """
    text = name.strip()
    if not text:
        raise UnusableNameError(what, "is empty")
    if len(text) > longest:
        raise UnusableNameError(what, f"has {len(text)} characters; {longest} is the most")
    if any(unicodedata.category(character) in UNSEEN for character in text if character not in allowed):
        raise UnusableNameError(what, "has characters that cannot be seen; type it anew")
    return text


def check_limit(limit: Decimal | None) -> None:
    """Refuse an approval limit that is below 0, or that would not be kept exactly; None passes.

    Raises:
        AmountError: with the reason.

    >>> check_limit(Decimal(-1))
    Traceback (most recent call last):
    ...
    steelyard.domain.amount.AmountError: approval limit is Decimal('-1'), below 0.
    """
    if limit is None:
        return
    amount = read_amount("approval limit", limit)
    if amount < 0:
        raise AmountError("approval limit", limit, "below 0")
    if amount != round(amount, LIMIT_PLACES):
        raise AmountError("approval limit", limit, f"with more than {LIMIT_PLACES} decimals")


def check_may_manage(actor: Actor, user_id: UUID | None, *roles: Role) -> None:
    """Return where an actor who manages users may change this one; the role itself is `authorize`'s to ask.

    Args:
        actor: who changes.
        user_id: who is changed; None = who is being made.
        roles: those that the user has, or is to have.

    Raises:
        OneselfError: they are one.
        OwnersOnlyError: an owner is made or changed by somebody who is none.

    >>> check_may_manage(Actor(1, UUID(int=7), Role.ADMIN), UUID(int=8), Role.VIEWER)
    """
    if actor.is_operator:
        return
    if actor.user_id == user_id:
        raise OneselfError
    if Role.OWNER in roles and actor.role is not Role.OWNER:
        raise OwnersOnlyError
