"""Reconciling with brokers: what they say an account holds against the ledger, and what becomes of a difference.

A difference is a break: it holds the account, and the owners are told. It is gone when both say the same again, or when
somebody explains it; then the account is let go.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from steelyard.brokers.port import Broker, BrokerAccount
from steelyard.domain.amount import plain
from steelyard.domain.calendar import CLOCK_SKEW
from steelyard.domain.reconciliation import Commodity, Comparison, Difference, compare
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.identity.vault import Vault
from steelyard.services.booking import try_again
from steelyard.services.broker_link import get_number_at_broker
from steelyard.services.fill_reading import collect_fills
from steelyard.services.hold import HoldKind, place_hold
from steelyard.storage import hold as stored_hold
from steelyard.storage import reconciliation_break as stored
from steelyard.storage.acting import acting_of
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession, get_db_session, get_write_session
from steelyard.storage.fill import find_symbol
from steelyard.storage.ledger import lock_ledger
from steelyard.storage.notice import notify_owners
from steelyard.storage.reconciliation_break import Break

__all__ = ["Break", "Reconciled", "accounts_by_number", "explain_break", "get_breaks", "reconcile_link"]

GONE: Final = "system:reconcile"
MAX_EXPLANATION: Final = 2000
_LOOKS: Final = 3
"""How often an account is looked at that changes while it is looked at."""


class BreakNotFoundError(NotFoundError):
    """There is no break of that key."""

    def __init__(self, break_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is no break {break_id}; `steelyard reconcile breaks` lists them.")


class BreakResolvedError(ConflictError):
    """The break is gone, or was explained."""

    def __init__(self, one: Break) -> None:
        """Say who resolved it, and when."""
        super().__init__(f"Break {one.break_id} was resolved by {one.resolved_by} at {one.resolved_at}.")


class ExplanationError(InvalidInputError):
    """An explanation is empty, or too long."""

    def __init__(self) -> None:
        """Name the bounds."""
        super().__init__(
            f"Say in 1 to {MAX_EXPLANATION:,} characters what the difference is: whoever comes later reads it."
        )


class NoAccountsError(ConflictError):
    """No account's orders go by a link, so there is nothing to compare."""

    def __init__(self, link_id: UUID) -> None:
        """Name it and the way."""
        super().__init__(
            f"No account is on link {link_id}; attach one: `steelyard brokers attach LINK ACCOUNT`."
        )


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came of reconciling a link.

    Attributes:
        link_id: the link.
        accounts: those compared.
        found: breaks that are new.
        standing: breaks that were known, and stand.
        resolved: breaks that are gone.
        undecided: account → what its orders at the broker may explain, or changed while it was looked at.
        blocked: accounts in which the broker lets nothing be traded.
    """

    link_id: UUID
    accounts: list[str] = field(default_factory=list)
    found: list[Break] = field(default_factory=list)
    standing: list[Break] = field(default_factory=list)
    resolved: list[Break] = field(default_factory=list)
    undecided: dict[str, list[str]] = field(default_factory=dict)
    blocked: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether broker and ledger say the same of everything."""
        return not (self.found or self.standing or self.undecided)


async def reconcile_link(
    broker: Broker,
    vault: Vault,
    link_id: UUID,
    *,
    clock: Callable[[], datetime],
) -> Reconciled:
    """Compare what a broker says that the accounts of a link hold with the ledger, after its fills were read.

    Accounts that share one there are compared together, and a break is one of each of them. What an order at the
    broker may explain is judged when it has ended.

    Args:
        broker: the link, open.
        vault: opens the accounts' numbers.
        link_id: the link.
        clock: the time, with its zone.

    Raises:
        NoAccountsError: no account is on the link.
        RefusedError, NotReceivedError, OutcomeUnknownError: the broker did not say; nothing is judged.
    """
    done, now = (
        Reconciled(link_id),
        clock(),
    )  # one moment of the whole look: what is still seen is seen since then
    for number, accounts in (await accounts_by_number(vault, link_id)).items():
        await _reconcile_account(broker, done, number, accounts, now)
    async with get_write_session() as db:
        await stored.set_synced(db, link_id, now)
        facts = {
            "accounts": str(len(done.accounts)),
            "found": str(len(done.found)),
            "standing": str(len(done.standing)),
            "resolved": str(len(done.resolved)),
        }
        await record_event(db, "broker_link.reconcile", "broker_link", str(link_id), facts)
    return done


async def explain_break(db: WriteSession, break_id: UUID, explanation: str, *, now: datetime) -> None:
    """Say what a break is: it stands no more and lets its account go, as long as the difference stays what it is.

    Args:
        db: the transaction to do it in; the actor at work is who explains it.
        break_id: which.
        explanation: in words.
        now: the time, with its zone.

    Raises:
        ExplanationError: there is none, or it is too long.
        BreakNotFoundError: there is no such break.
        BreakResolvedError: it is gone, or explained.
    """
    if not 1 <= len(explanation.strip()) <= len(explanation) <= MAX_EXPLANATION:
        raise ExplanationError
    one = await stored.hold_break(db, break_id)
    if one is None:
        raise BreakNotFoundError(break_id)
    if one.resolved_at is not None:
        raise BreakResolvedError(one)
    await _resolve(db, one, acting_of(db).actor, explanation, now)


async def get_breaks(
    db: ReadSession | WriteSession,
    *,
    account_id: str | None = None,
    household_id: str | None = None,
    with_resolved: bool = False,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> Sequence[Break]:
    """Return breaks, the newest first.

    Args:
        db: where to read.
        account_id: of this account; None = of any.
        household_id: of the accounts of this household; None = of any.
        with_resolved: whether those that are gone or explained are there too.
        before: moment and key to go on from, as the last of the page before has them.
        limit: at most so many.
    """
    return await stored.list_breaks(
        db,
        account_id=account_id,
        household_id=household_id,
        with_resolved=with_resolved,
        before=before,
        most=limit,
    )


async def accounts_by_number(vault: Vault, link_id: UUID) -> dict[str, list[str]]:
    """Return the accounts of a link by their number at the broker."""
    found: dict[str, list[str]] = {}
    async with get_db_session() as db:
        for account_id in await stored.get_accounts_of_link(db, link_id):
            number = await get_number_at_broker(db, vault, account_id)
            found.setdefault(number, []).append(account_id)
    if not found:
        raise NoAccountsError(link_id)
    return found


async def _reconcile_account(
    broker: Broker, done: Reconciled, number: str, accounts: Sequence[str], now: datetime
) -> None:
    """Look at an account until it does not change while it is looked at, and judge what is seen."""
    done.accounts.extend(accounts)
    for _ in range(_LOOKS):
        await collect_fills(broker.list_fills, done.link_id, today=now.date)
        async with get_write_session() as db:
            await try_again(db, accounts, today=now.date())
            before = await stored.get_held_by_ledger(db, accounts)
        there = await broker.get_account(number)
        told = await collect_fills(broker.list_fills, done.link_id, today=now.date)
        if not told and await _judge(done, accounts, before, there, now):
            return
    for account_id in accounts:
        done.undecided[account_id] = ["it is trading"]


async def _judge(
    done: Reconciled,
    accounts: Sequence[str],
    before: dict[Commodity, Decimal],
    there: BrokerAccount,
    now: datetime,
) -> bool:
    """Compare and write down what comes of it; False = the ledger changed meanwhile, and nothing is written."""
    async with get_write_session() as db:
        await lock_ledger(db)
        if await stored.get_held_by_ledger(db, accounts) != before:
            return False
        # what is said of now is compared with now, whatever the clocks; a file of last night with last night
        as_of = there.as_of if now - there.as_of > CLOCK_SKEW else None
        ledger = await stored.get_held_by_ledger(db, accounts, as_of)
        held = await _held_there(db, there)
        found = compare(ledger, held, await stored.get_on_the_way(db, accounts))
        for account_id in accounts:
            await _judge_account(db, done, account_id, found, now)
            if there.is_blocked:
                done.blocked.append(account_id)
    return True


async def _held_there(db: WriteSession, there: BrokerAccount) -> dict[Commodity, Decimal]:
    """Return what a broker's account holds, by our names; an asset that is not known here by the broker's."""
    held = {Commodity(currency, is_cash=True): money for currency, money in there.cash.items()}
    for position in there.positions:
        name = await find_symbol(db, position.symbol) or position.symbol
        commodity = Commodity(name, is_cash=False)
        held[commodity] = held.get(commodity, Decimal(0)) + position.quantity
    return held


async def _judge_account(
    db: WriteSession, done: Reconciled, account_id: str, found: Comparison, now: datetime
) -> None:
    known = {one.key[1]: one for one in await stored.get_open_breaks(db, [account_id])}
    for difference in found.breaks:
        if difference.commodity in known:
            one = known.pop(difference.commodity)
            await stored.see_break(db, one.break_id, difference, now)
            done.standing.append(one)
        elif not await stored.see_explained_break(db, account_id, difference, now):
            done.found.append(await _find(db, done.link_id, account_id, difference, now))
    for commodity, one in known.items():
        if commodity not in found.undecided:
            await _resolve(db, one, GONE, "", now)
            done.resolved.append(one)
    if found.undecided:
        done.undecided[account_id] = sorted(commodity.name for commodity in found.undecided)


async def _find(
    db: WriteSession, link_id: UUID, account_id: str, difference: Difference, now: datetime
) -> Break:
    """Write a break down, hold its account and tell the owners."""
    name = difference.commodity.name
    reason = (
        f"The ledger says {plain(difference.ledger)} {name}, the broker {plain(difference.broker)}: "
        "`steelyard reconcile breaks`."
    )
    hold_id = await place_hold(db, HoldKind.BREAK, reason, account_id=account_id)
    break_id = await stored.add_break(db, link_id, account_id, difference, hold_id=hold_id, now=now)
    await notify_owners(db, "break.find")
    facts = {
        "account": account_id,
        "commodity": name,
        "ledger": plain(difference.ledger),
        "broker": plain(difference.broker),
    }
    await record_event(db, "break.find", "break", str(break_id), facts)
    [one] = [one for one in await stored.get_open_breaks(db, [account_id]) if one.break_id == break_id]
    return one


async def _resolve(db: WriteSession, one: Break, resolved_by: str, explanation: str, now: datetime) -> None:
    """Note that a break stands no more, and let go of what it held."""
    await stored.resolve_break(db, one.break_id, resolved_by=resolved_by, explanation=explanation, now=now)
    why = explanation or "broker and ledger say the same again"
    if one.hold_id is not None and await stored_hold.end_hold(db, one.hold_id, why):
        await record_event(db, "hold.release", "trading_hold", str(one.hold_id))
    await record_event(db, "break.resolve", "break", str(one.break_id), {"by": resolved_by})
