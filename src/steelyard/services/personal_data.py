"""A person's data: given to them, held by law, and erased for good. The register says what it is and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.identity.personal_data import REGISTER, SIGN_IN_NOUNS, retained_until
from steelyard.identity.table_rule import OnExport, TableRule
from steelyard.identity.vault import Vault
from steelyard.services.session import end_everything
from steelyard.services.user import hold_user
from steelyard.storage import personal_data as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.personal_data import LegalHold

LONGEST_REASON: Final = 200
_MAY_BE_ERASED: Final = ("invited", "disabled")


class HeldError(ConflictError):
    """Legal holds stand on a person's data."""

    def __init__(self, user_id: UUID, holds: Sequence[LegalHold]) -> None:
        """Name the holds, not the person."""
        named = ", ".join(
            f"{hold.hold_id} ({'tenant' if hold.user_id is None else 'user'})" for hold in holds
        )
        super().__init__(
            f"Data of user {user_id} is under legal hold: {named}. Nothing was erased. When what it waits for is "
            "over: `steelyard personal-data hold release HOLD`."
        )


class RetainedError(ConflictError):
    """What a person did stands in books that must be kept, and say whose acts they were."""

    def __init__(self, user_id: UUID, until: date, years: int) -> None:
        """Name the day from which it can be done, and what can be done before."""
        super().__init__(
            f"User {user_id} acted in books and records that are kept for {years} years, until {until}; only then may "
            "their name go. Nothing was erased. What proves who they are, their sessions, devices, tokens, grants and "
            "notices can go now: --early."
        )


class NotDisabledError(ConflictError):
    """A person who may sign in cannot be erased."""

    def __init__(self, user_id: UUID) -> None:
        """Name the command that comes first."""
        super().__init__(f"User {user_id} may sign in. Disable them first: `steelyard user disable LOGIN`.")


class UnknownHoldError(NotFoundError):
    """No hold of that key stands."""

    def __init__(self, hold_id: UUID) -> None:
        """Name it."""
        super().__init__(
            f"No legal hold {hold_id} stands; `steelyard personal-data hold list` shows those that do."
        )


class HoldReasonError(InvalidInputError):
    """A reason is empty, too long, or does not print."""

    def __init__(self) -> None:
        """Name the rule."""
        super().__init__(
            f"Say why in 1 to {LONGEST_REASON} characters that print, without names: a case number, for instance."
        )


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Everything that is held of a person.

    Attributes:
        user_id: whose.
        taken_at: when it was read.
        tables: the rows that tell of them, by table; encrypted columns are decrypted, and of secrets it says only
            whether there is one.
        why: what each table holds, by table.
    """

    user_id: UUID
    taken_at: datetime
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did.

    Attributes:
        user_id: whose key stays.
        is_whole: whether nothing leads to the person any more; otherwise their name stays until `retained_until`.
        rows: rows that were deleted, by table.
        retained_until: the day from which the rest may be erased; None = there is no rest, or no such day.
    """

    user_id: UUID
    is_whole: bool
    rows: Mapping[str, int]
    retained_until: date | None


async def export_personal_data(
    db: WriteSession, vault: Vault, user_id: UUID, *, now: datetime
) -> PersonalData:
    """Return everything that is held of a user, and record that somebody took it.

    Args:
        db: acting as who takes it.
        vault: decrypts.
        user_id: whose.
        now: the time, with its zone.

    Raises:
        UnknownUserError: there is no such user, or they were erased.
    """
    await hold_user(db, user_id)
    names = await stored.get_names(db, user_id)
    tables = {}
    for table, rule in REGISTER.items():
        if rule.found_by:
            rows = await stored.get_rows(db, table, list(rule.columns), rule.found_by, names)
            tables[table] = [await _exported(db, vault, table, rule, row) for row in rows]
    await record_event(db, "personal_data.export", "user", str(user_id))
    return PersonalData(user_id, now, tables, {table: REGISTER[table].why for table in tables})


async def _exported(
    db: WriteSession, vault: Vault, table: str, rule: TableRule, row: Mapping[str, Any]
) -> dict[str, Any]:
    exported = dict(row)
    for name, column in rule.columns.items():
        if column.on_export is OnExport.SECRET:
            exported[name] = "there is one" if row[name] is not None else None
        elif column.on_export is OnExport.SEALED and row[name] is not None:
            sealed = bytes.fromhex(row[name].removeprefix("\\x"))
            exported[name] = await vault.unseal(db, table, name, str(row[rule.owners[0]]), sealed)
    return exported


async def erase_personal_data(
    db: WriteSession, user_id: UUID, *, now: datetime, retention_years: int, early: bool = False
) -> Erased:
    """Erase a user for good: only their key stays, in the audit and the books, and leads to nobody.

    Args:
        db: acting as who does it.
        user_id: whose data; they may not be able to sign in.
        now: the time, with its zone.
        retention_years: how long it must be known who did what stands in the books, from their last act on.
        early: erase what no law holds, and leave name and login name for when the retention is over.

    Raises:
        UnknownUserError: there is no such user, or they were erased.
        NotDisabledError: they may sign in.
        HeldError: a legal hold stands on them or on the tenant.
        RetainedError: they acted in books and records that must be kept; not with `early`.
    """
    _, status = await hold_user(db, user_id)
    if status not in _MAY_BE_ERASED:
        raise NotDisabledError(user_id)
    names = await stored.get_names(db, user_id)
    rows = await _erase(db, names, later=not early)
    await end_everything(db, user_id)
    if not early:
        await stored.mark_erased(db, user_id)
    facts = {"early": early, "rows": sum(rows.values())}
    await record_event(db, "personal_data.erase", "user", str(user_id), facts)
    # Who places a hold, or acts as this user, records it, and one of us waits for the other there: this sees all.
    if holds := await stored.get_holds(db, user_id=user_id):
        raise HeldError(user_id, holds)
    until = await _retained_until(db, names, retention_years)
    is_retained = until is not None and until > now.astimezone(UTC).date()
    if is_retained and until is not None and not early:
        raise RetainedError(user_id, until, retention_years)
    return Erased(user_id, not early, rows, until if early and is_retained else None)


async def _erase(db: WriteSession, names: Sequence[str], *, later: bool) -> dict[str, int]:
    rows = {}
    for table, rule in REGISTER.items():
        if rule.rows_go:
            rows[table] = await stored.delete_rows(db, table, rule.owners, names)
        elif cleared := rule.cleared(later=later):
            await stored.clear_columns(db, table, cleared, rule.owners, names)
    return rows


async def _retained_until(db: WriteSession, names: Sequence[str], years: int) -> date | None:
    """Return the first day on which nothing holds a person's name; None where they never acted."""
    last = await stored.get_last_act(db, names, besides=SIGN_IN_NOUNS)
    if last is None:
        return None
    return retained_until(last, years)


async def place_hold(db: WriteSession, user_id: UUID | None, reason: str) -> UUID:
    """Let nothing of a user, or of the whole tenant, be erased until the hold is released; returns its key.

    Args:
        db: acting as who places it.
        user_id: whose data; None = everything of the tenant.
        reason: why, without personal data.

    Raises:
        UnknownUserError: there is no such user, or they were erased.
        HoldReasonError: the reason is empty, too long, or does not print.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        raise HoldReasonError
    if user_id is not None:
        await hold_user(db, user_id)
    hold_id = await stored.place_hold(db, user_id, reason)
    facts = {"user": None if user_id is None else str(user_id)}
    await record_event(db, "hold.place", "hold", str(hold_id), facts)
    return hold_id


async def release_hold(db: WriteSession, hold_id: UUID) -> None:
    """Let a hold go.

    Raises:
        UnknownHoldError: none of that key stands.
    """
    if not await stored.release_hold(db, hold_id):
        raise UnknownHoldError(hold_id)
    await record_event(db, "hold.release", "hold", str(hold_id))


async def get_holds(db: ReadSession | WriteSession, *, with_released: bool = False) -> list[LegalHold]:
    """Return the legal holds of the tenant, the oldest first; with `with_released` those that stand no more, too."""
    return await stored.get_holds(db, with_released=with_released)
