"""What a ledger realises: gains and losses lot by lot, income, fees and taxes."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from steelyard.domain.lot import Lot
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.domain.posting import Place
from steelyard.domain.transaction import TransactionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """A lot, or part of one, that was closed: sold, covered, redeemed or paid in cash.

    Attributes:
        transaction_id: what closed it.
        lot: the part closed, with its basis; of a short lot `cost` is what it had brought.
        closed: the day.
        amount: what the sale brought, costs deducted; of a short lot what buying it back cost, costs included. In the
            currency tax is paid in.
        local_amount: the same in `currency`.
        currency: of the transaction.
        rate: what one unit of the lot's currency was worth on the day, in the currency tax is paid in.
        is_short: whether the lot was sold short.

    >>> lot = Lot("L1", "SAP", Decimal(10), Decimal(1100), date(2024, 3, 14), local_cost=Decimal(1000), currency="EUR")
    >>> sold = Gain(transaction_id="T2", lot=lot, closed=date(2024, 6, 3), amount=Decimal(1440),
    ...             local_amount=Decimal(1200), currency="EUR", rate=Decimal("1.2"), is_short=False)
    >>> sold.gain, sold.currency_gain  # 200 EUR at 1.2 make 240; 1,000 EUR of cost rose from 1.1 to 1.2
    (Decimal('340'), Decimal('100.00000000'))
    """

    transaction_id: str
    lot: Lot
    closed: date
    amount: Decimal
    local_amount: Decimal
    currency: str
    rate: Decimal
    is_short: bool

    @property
    def account_id(self) -> str:
        """Where it was held."""
        return self.lot.account_id

    @property
    def asset_id(self) -> str:
        """What was held."""
        return self.lot.asset_id

    @property
    def gain(self) -> Decimal:
        """Proceeds less basis; negative = loss."""
        basis = self.lot.basis
        return EXACT.subtract(basis, self.amount) if self.is_short else EXACT.subtract(self.amount, basis)

    @property
    def currency_gain(self) -> Decimal:
        """The part of the gain that the rate made: the lot's local cost at the rate of the day, less its cost."""
        with localcontext(EXACT):
            change = round_half_up(self.lot.local_cost * self.rate, MONEY_PLACES) - self.lot.cost
            return -change if self.is_short else change


@dataclass(frozen=True, slots=True, kw_only=True)
class CashItem:
    """Income, a fee or a tax.

    Attributes:
        transaction_id: where it is booked.
        kind: of that transaction.
        place: income, fees or taxes.
        account_id: whose it is.
        asset_id: what it is about; "" where no asset is named.
        day: the trade date.
        currency: of `local_amount`.
        local_amount: income received, gross, or a fee or tax paid; negative = paid instead, or refunded.
        amount: the same in the currency tax is paid in.
    """

    transaction_id: str
    kind: TransactionKind
    place: Place
    account_id: str
    asset_id: str
    day: date
    currency: str
    local_amount: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Delivered:
    """A lot that left for outside, and the day."""

    lot: Lot
    day: date
