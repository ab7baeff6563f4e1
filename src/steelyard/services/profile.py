"""Investor profiles: read, and written in versions; they bound what is bought and which models are offered."""

from datetime import datetime

from steelyard.domain.profile import EXCLUSIONS, Investor, InvestorProfile, Named, check_investor
from steelyard.domain.scope import Scope
from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.services.scope import nearest, require_scope
from steelyard.services.version import ChangedMeanwhileError
from steelyard.storage import profile as store
from steelyard.storage.audit import record_event
from steelyard.storage.connection import AnySession, ReadSession, WriteSession, reading


class NoProfileError(NotFoundError):
    """Nothing is known of the investor of an account."""

    def __init__(self, account_id: str) -> None:
        """Name the command."""
        super().__init__(
            f"Nothing is known of the investor of {account_id}; write it with `steelyard profile set {account_id}`."
        )


class UnknownTraitError(InvalidInputError):
    """A profile names what no asset has."""

    def __init__(self, kind: str, name: str, like: list[str]) -> None:
        """Name it, and those most like it."""
        hint = f"did you mean {' or '.join(like)}?" if like else "correct the name, or load the assets first."
        super().__init__(f"No asset has {name!r} among its {kind.replace('_', ' ')}; {hint}")


async def get_profile(account_id: str, db: ReadSession | None = None) -> InvestorProfile:
    """Return the profile of an account.

    Raises:
        UnknownScopeError: there is no such account.
        NoProfileError: nothing is known of its investor.
    """
    async with reading(db) as session:
        await require_scope(session, Scope.account(account_id))
        found = await store.get_profile(session, account_id)
    if found is None:
        raise NoProfileError(account_id)
    return found


async def write_profile(
    db: WriteSession, account_id: str, investor: Investor, *, expected: int, now: datetime
) -> InvestorProfile:
    """Write the first profile of an account, or another version of it.

    Args:
        db: the transaction; it must not do more than this after it.
        account_id: the account.
        investor: what they want and bear; it replaces what was written before.
        expected: the version that was read; 0 = there was none.
        now: the time.

    Raises:
        UnknownScopeError: there is no such account.
        ProfileError: a part breaks a rule.
        UnknownTraitError: no asset has what is preferred or excluded, so that it would do nothing.
        ChangedMeanwhileError: somebody wrote another version meanwhile.
    """
    check_investor(investor)
    await require_scope(db, Scope.account(account_id))
    for named in (investor.exclusions, investor.preferences):
        await _require_traits(db, named)
    if expected:
        version = await store.change_profile(db, account_id, investor, expected=expected, now=now)
    else:
        version = await store.add_profile(db, account_id, investor, now=now)
    written = await store.get_profile(db, account_id)
    if version is None or written is None:
        there = 0 if written is None else written.version
        raise ChangedMeanwhileError(f"The profile of {account_id}", expected, there)
    facts = {
        "version": version,
        "exclusions": sum(len(investor.exclusions.get(kind, ())) for kind in EXCLUSIONS),
    }
    await record_event(db, "profile.write", "account", account_id, facts)
    return written


async def _require_traits(db: AnySession, named: Named) -> None:
    for kind, name in await store.get_unknown_traits(db, named):
        raise UnknownTraitError(kind, name, nearest(name, await store.get_traits(db, kind)))
