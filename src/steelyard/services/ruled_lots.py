"""The lots that rules about wash sales ask for: of the account and its household, as they were when bought."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import localcontext

from steelyard.compliance.rule import Rule, RuleKind
from steelyard.domain.lot import Lot, LotMethod, match_lots
from steelyard.domain.money import EXACT
from steelyard.domain.portfolio import Portfolio
from steelyard.domain.wash_sale import Sale
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.trade import LotSale, Trade
from steelyard.services.lot import ReplayedAccounts, replay_accounts
from steelyard.storage.compliance import sees_whole_household
from steelyard.storage.connection import AnySession
from steelyard.storage.portfolio import StoredAccount, get_account_ids
from steelyard.storage.valuation import ScopeAccount, get_accounts


@dataclass(frozen=True, slots=True)
class KnownLots:
    """Lots, and the sales of them.

    Attributes:
        open: lots of the account, as they are now.
        lots: every lot acquired by the account and its household, as it was then; None = not known.
        sales: every sale by them; that of an account which is not taxed counts too, as nothing says that it is not.
        method: which lots a sale of the account takes.
        fault: why they are not known; "" = they are, or nobody asks.
    """

    open: tuple[Lot, ...] = ()
    lots: tuple[Lot, ...] | None = None
    sales: tuple[Sale, ...] = ()
    method: LotMethod = LotMethod.FIFO
    fault: str = ""

    def taken(self, trade: Trade, sold: Sequence[LotSale]) -> tuple[Lot, ...] | None:
        """Return the lots that a sale takes: those that are named, else as the method says; None = not known."""
        of_asset = [lot for lot in self.open if lot.asset_id == trade.asset_id]
        if trade.quantity >= 0 or self.lots is None:
            return None
        chosen = {one.lot_id: one.quantity for one in sold}
        method = LotMethod.SPECIFIC if chosen else self.method
        try:
            return match_lots(of_asset, -trade.quantity, method, chosen=chosen or None).taken
        except InvalidInputError:  # more than the lots hold, or a method that lacks what it chooses by
            return None


async def read_known_lots(
    db: AnySession, portfolio: Portfolio, account: StoredAccount, rules: Collection[Rule], day: date
) -> KnownLots:
    """Return the lots of an account and its household, where a rule asks for them.

    Of an account that the ledger does not keep, they are those that the portfolio brings.
    """
    if not any(rule.kind is RuleKind.WASH_SALE for rule in rules):
        return KnownLots()
    return await read_account_lots(db, account, day, lots=portfolio.lots, sales=portfolio.sales)


async def read_account_lots(
    db: AnySession, account: StoredAccount, day: date, *, lots: Sequence[Lot] = (), sales: Sequence[Sale] = ()
) -> KnownLots:
    """Return the lots of an account and its household up to a day; `lots` and `sales` where no ledger keeps it."""
    (own,) = await get_accounts(db, [account.account_id])
    if own.kept_by != "ledger" and lots:
        return _of(lots, sales, own)
    if own.kept_by != "ledger":
        return KnownLots(fault=f"account {own.account_id} is kept by snapshots, which have no lots")
    if account.household_id and not await sees_whole_household(db, account.household_id):
        return KnownLots(fault=f"not every account of household {account.household_id} is seen by who asks")
    ids = await get_account_ids(db, account.household_id) if account.household_id else [account.account_id]
    replayed = await replay_accounts(db, await get_accounts(db, ids), day)
    return _replayed(replayed, own)


def _replayed(replayed: ReplayedAccounts, own: ScopeAccount) -> KnownLots:
    if replayed.faults:
        account_id, reason = min(replayed.faults.items())
        return KnownLots(fault=f"the history of {account_id} does not add up: {reason.rstrip('.')}")
    sales = [Sale(gain.lot, gain.closed, gain.amount) for gain in replayed.gains if not gain.is_short]
    return _of(replayed.lots, sales, own)


def _of(lots: Iterable[Lot], sales: Sequence[Sale], own: ScopeAccount) -> KnownLots:
    """Name every lot's account, and put what was sold of each back to what is left of it."""
    open_lots = [_placed(lot, own.account_id) for lot in lots]
    sold = [replace(sale, lot=_placed(sale.lot, own.account_id)) for sale in sales]
    return KnownLots(
        open=tuple(lot for lot in open_lots if lot.account_id == own.account_id),
        lots=as_bought([*open_lots, *(sale.lot for sale in sold)]),
        sales=tuple(sold),
        method=own.lot_method,
    )


def _placed(lot: Lot, account_id: str) -> Lot:
    return lot if lot.account_id else replace(lot, account_id=account_id)


def as_bought(parts: Iterable[Lot]) -> tuple[Lot, ...]:
    """Return lots as they were acquired, from what is left of them and what was sold.

    >>> from decimal import Decimal
    >>> half = Lot("L1", "VTI", Decimal(5), Decimal(1000), date(2024, 3, 14))
    >>> [(str(lot.quantity), str(lot.cost)) for lot in as_bought([half, half])]
    [('10', '2000')]
    """
    by_lot: dict[tuple[str, str, str], list[Lot]] = defaultdict(list)
    for part in parts:
        by_lot[part.account_id, part.asset_id, part.lot_id].append(part)
    with localcontext(EXACT):
        return tuple(
            replace(
                group[0],
                quantity=sum((part.quantity for part in group[1:]), group[0].quantity),
                cost=sum((part.cost for part in group[1:]), group[0].cost),
                carried_loss=sum((part.carried_loss for part in group[1:]), group[0].carried_loss),
            )
            for group in by_lot.values()
        )
