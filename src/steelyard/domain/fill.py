"""Fills: what a broker executed, and what follows from it for the order and the ledger.

All of it follows from the set of an order's fills, never from the order in which they arrived: repeated, reordered and
taken back, they come to the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up, spread
from steelyard.domain.order import LotTaken, OrderState, Side, may_become
from steelyard.domain.transaction import Transaction, TransactionKind

Days = Callable[[datetime], tuple[date, date]]
"""The trade date and the settlement date of what was executed at a moment."""

_KINDS: Final = {Side.BUY: TransactionKind.BUY, Side.SELL: TransactionKind.SELL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """An execution at a broker, and what became of it here.

    Attributes:
        link_id, execution_id: the way to the broker, and its key of the execution.
        symbol, broker_order_id: what the broker calls the asset, and the order.
        quantity: units, positive.
        price: of one unit, in `currency`.
        fees: in `currency`.
        executed_at, received_at: when, UTC; when we knew.
        order_id: the order; None = nobody knows which, or it has none.
        account_id: the account it is booked in; None = of a block, or in suspense.
        asset_id: the asset; None = its symbol is not known.
        busted_at: when the broker took it back; None = it stands.
        transaction_id: the first transaction that books it; None = none does.
        block_execution_id: of an apportioned part, the execution of the block; None = it is the broker's own.
        amount: of an apportioned part, its money in `currency`, so that the parts add up; None = quantity at price.
        suspended_because: why the ledger does not say what it should of it; "" = it does.
    """

    link_id: UUID
    execution_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    currency: str
    executed_at: datetime
    fees: Decimal = Decimal(0)
    broker_order_id: str = ""
    received_at: datetime | None = None
    order_id: UUID | None = None
    account_id: str | None = None
    asset_id: str | None = None
    busted_at: datetime | None = None
    transaction_id: str | None = None
    block_execution_id: str | None = None
    amount: Decimal | None = None
    suspended_because: str = ""

    @property
    def stands(self) -> bool:
        """Whether the broker did not take it back."""
        return self.busted_at is None

    @property
    def money(self) -> Decimal:
        """What was paid or received, without fees, to 8 decimals."""
        with localcontext(EXACT):
            return (
                self.amount
                if self.amount is not None
                else round_half_up(self.quantity * self.price, MONEY_PLACES)
            )

    @property
    def terms(self) -> tuple[object, ...]:
        """What was executed: an execution that comes again says the same."""
        return self.symbol, self.side, self.quantity, self.price, self.currency, self.fees

    def transaction_name(self, piece: int) -> str:
        """Return the id of the transaction that books a piece of it, the first is 1.

        The number stands before the broker's key, so that no key can be taken for another's second piece.
        """
        return f"fill:{self.link_id}{f'#{piece}' if piece > 1 else ''}:{self.execution_id}"


def filled_quantity(fills: Iterable[Fill]) -> Decimal:
    """Return the units that stand."""
    with localcontext(EXACT):
        return sum((fill.quantity for fill in fills if fill.stands), Decimal(0))


def moves_after(
    state: OrderState, quantity: Decimal, filled: Decimal, ended: OrderState | None
) -> tuple[OrderState, ...]:
    """Return the states an order goes through because of its fills; () = it stays.

    Args:
        state: where it is.
        quantity: units ordered.
        filled: units of the fills that stand.
        ended: cancelled or rejected, where it was before fills came late; None = it never was.

    >>> ten = Decimal(10)
    >>> moves_after(OrderState.SENT, ten, Decimal(4), None), moves_after(OrderState.SENT, ten, ten, None)
    ((<OrderState.PARTIALLY_FILLED: 'partially_filled'>,), (<OrderState.FILLED: 'filled'>,))
    >>> moves_after(OrderState.FILLED, ten, Decimal(0), OrderState.REJECTED)  # its late fill was busted
    (<OrderState.SENT: 'sent'>, <OrderState.REJECTED: 'rejected'>)
    """
    target = _state_of(quantity, filled, ended)
    if target is state:
        return ()
    return (target,) if may_become(state, target) else (OrderState.SENT, target)


def _state_of(quantity: Decimal, filled: Decimal, ended: OrderState | None) -> OrderState:
    if filled >= quantity:
        return OrderState.FILLED
    return OrderState.PARTIALLY_FILLED if filled else ended or OrderState.SENT


def transactions_of(
    fills: Sequence[Fill], lots: Sequence[LotTaken], days: Days
) -> dict[str, tuple[Transaction, ...]]:
    """Return what the fills of one order book, by execution.

    They take the lots that the order names in the order of their execution; a fill that takes of several is booked in
    as many pieces, whose amounts and costs sum to its own. What is beyond the lots is by the account's method.

    Args:
        fills: those that stand, of one order, each with account and asset.
        lots: what the order names.
        days: when what is executed at a moment is traded and settled.

    >>> from datetime import UTC
    >>> fill = Fill(link_id=UUID(int=1), execution_id="E", symbol="VTI", side=Side.SELL, quantity=Decimal(3),
    ...             price=Decimal(10), currency="USD", executed_at=datetime(2024, 3, 14, 15, tzinfo=UTC),
    ...             fees=Decimal("0.03"), account_id="A", asset_id="VTI")
    >>> named = [LotTaken("T1", Decimal(2)), LotTaken("T2", Decimal(1))]
    >>> at_once = lambda moment: (moment.date(), moment.date())
    >>> [(one.lot_id, int(one.quantity), str(one.costs)) for one in transactions_of([fill], named, at_once)["E"]]
    [('T1', 2, '0.02000000'), ('T2', 1, '0.01000000')]
    """
    left = list(lots)
    in_order = sorted(fills, key=lambda fill: (fill.executed_at, fill.execution_id))
    return {fill.execution_id: tuple(_book(fill, list(_take(fill, left)), days)) for fill in in_order}


def _take(fill: Fill, left: list[LotTaken]) -> Iterator[LotTaken]:
    """Take a fill's quantity off the lots that are left."""
    wanted = fill.quantity
    with localcontext(EXACT):
        while wanted and left:
            lot = left.pop(0)
            taken = min(lot.quantity, wanted)
            if taken < lot.quantity:
                left.insert(0, LotTaken(lot.lot_id, lot.quantity - taken))
            wanted -= taken
            yield LotTaken(lot.lot_id, taken)
    if wanted:
        yield LotTaken("", wanted)


def _book(fill: Fill, pieces: Sequence[LotTaken], days: Days) -> Iterator[Transaction]:
    quantities = [piece.quantity for piece in pieces]
    shares = zip(pieces, spread(fill.money, quantities), spread(fill.fees, quantities), strict=True)
    day, settles = days(fill.executed_at)
    for number, (piece, part, costs) in enumerate(shares, start=1):
        yield Transaction(
            transaction_id=fill.transaction_name(number),
            kind=_KINDS[fill.side],
            trade_date=day,
            settlement_date=settles,
            account_id=fill.account_id or "",
            asset_id=fill.asset_id or "",
            quantity=piece.quantity,
            price=fill.price,
            currency=fill.currency,
            amount=part,
            costs=costs,
            lot_id=piece.lot_id,
        )
