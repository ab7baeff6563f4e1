"""The legs of one beancount transaction that weigh in one commodity, and what of them moves between accounts.

Whatever a leg outside stands for, the cash and units of every account come out as beancount has them: the amount of
one record, the trade or the largest, is what the others leave.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from steelyard.domain.amount import plain
from steelyard.domain.money import MONEY_PLACES, round_half_up
from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.beancount_legs import Leg, LegError, Outside, Pockets, stands_for
from steelyard.statements.record import Hint, Record

Kinds = tuple[TransactionKind, TransactionKind]
"""What comes in, and what goes out."""


class Sum(NamedTuple):
    """What legs outside stand for together.

    Attributes:
        kind: of them.
        asset: that they are about; "" for none.
    """

    kind: Outside
    asset: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction as the ledger has it.

    Attributes:
        line: where it begins.
        day: its date.
        note: payee and narration.
        legs: its postings.
    """

    line: int
    day: date
    note: str
    legs: tuple[Leg, ...]


class Writer:
    """Makes the records of one transaction, in their order."""

    def __init__(self, entry: Entry, hints: Mapping[str, Hint]) -> None:
        """Take the transaction and what assets are called."""
        self.entry, self._hints = entry, hints
        self.records: list[Record] = []

    def add(self, kind: TransactionKind, account: str, currency: str, **more: Any) -> None:
        """Add one; an asset is given by its symbol."""
        if symbol := more.get("asset"):
            more["asset"] = self._hints.get(symbol) or Hint(symbol=symbol)
        entry = self.entry
        common: dict[str, Any] = {"line": entry.line, "trade_date": entry.day, "note": entry.note}
        tidied: dict[str, Any] = {
            key: Decimal(plain(one)) if isinstance(one, Decimal) else one for key, one in more.items()
        }
        stated = {key: one for key, one in tidied.items() if one not in {"", None} or key == "amount"}
        self.records.append(Record(kind=kind, account=account, currency=currency, **common, **stated))

    def cash(self, account: str, currency: str, amount: Decimal, kinds: Kinds) -> None:
        """Add one that moves cash, of the first kind where it comes in and the second where it goes; nothing of 0."""
        if amount:
            self.add(kinds[0] if amount > 0 else kinds[1], account, currency, amount=abs(amount))


class Part:
    """The legs of a transaction that weigh in one commodity; their weights sum to zero."""

    def __init__(
        self,
        writer: Writer,
        weighs_in: str,
        legs: Sequence[Leg],
        *,
        pockets: Pockets,
        held: Mapping[tuple[str, str], Decimal],
    ) -> None:
        """Tell apart what is ours, as cash and as units, and what is outside."""
        self.writer, self.currency, self.pockets, self.held = writer, weighs_in, pockets, held
        own = [leg for leg in legs if leg.is_own]
        self.outside = [leg for leg in legs if not leg.is_own]
        self.units = [leg for leg in own if not pockets.is_cash(leg.commodity) and leg.number]
        self.exchanged = [
            leg for leg in own if pockets.is_cash(leg.commodity) and leg.commodity != weighs_in and leg.number
        ]
        self.named = {leg.commodity for leg in own if not pockets.is_cash(leg.commodity)}
        self.cash: dict[str, Decimal] = defaultdict(Decimal)
        for leg in own:
            if leg.commodity == weighs_in:
                self.cash[self.owner(leg)] += leg.number

    def owner(self, leg: Leg) -> str:
        """Return the account of ours that a leg is of."""
        return self.pockets.owner(leg.account)

    # ── Units that weigh as themselves ──────────────────────────────────────────────────────────────────

    def book_units(self) -> None:
        """Book units that have no cost: between accounts, and from or to outside without a value."""
        if self.exchanged or any(leg.commodity != self.currency for leg in self.units):
            raise LegError(f"counts in {self.currency}, which is no currency")
        for account, units in self.transfer(self.cash, asset=self.currency).items():
            self._without_value(account, units)

    def _without_value(self, account: str, units: Decimal) -> None:
        """Book units from or to outside; below nothing they are owed, as a short position."""
        held = self.held.get((account, self.currency), ZERO)
        usual, below = TransactionKind.RECEIVE, TransactionKind.COVER
        owed = min(units, max(-held, ZERO))
        if units < 0:
            usual, below = TransactionKind.DELIVER, TransactionKind.SHORT
            owed = max(-units - max(held, ZERO), ZERO)
        for kind, quantity, amount in ((usual, abs(units) - owed, None), (below, owed, ZERO)):
            if quantity:
                self.writer.add(kind, account, "", asset=self.currency, quantity=quantity, amount=amount)

    def transfer(self, nets: Mapping[str, Decimal], *, asset: str = "") -> dict[str, Decimal]:
        """Book what goes from one account to another; return what is left of each."""
        left = {account: net for account, net in nets.items() if net}
        for source in [account for account, net in left.items() if net < 0]:
            for target in [account for account, net in left.items() if net > 0]:
                moved = min(-left[source], left[target])
                if moved > 0:
                    left[source] += moved
                    left[target] -= moved
                    self.move(source, target, moved, asset)
        return {account: net for account, net in left.items() if net}

    def move(self, source: str, target: str, moved: Decimal, asset: str = "") -> None:
        """Book units of an asset, or cash, that go from one account to another."""
        what = {"asset": asset, "quantity": moved} if asset else {"amount": moved}
        currency = "" if asset and not self.pockets.is_cash(self.currency) else self.currency
        self.writer.add(TransactionKind.TRANSFER, source, currency, counter_account=target, **what)

    # ── What is counted in money ────────────────────────────────────────────────────────────────────────

    def traded_units(self) -> dict[tuple[str, str], list[Leg]]:
        """Book units that change the account only; return the legs of the others by account and asset."""
        by_asset: dict[str, dict[str, list[Leg]]] = defaultdict(lambda: defaultdict(list))
        for leg in self.units:
            by_asset[leg.commodity][self.owner(leg)].append(leg)
        left: dict[tuple[str, str], list[Leg]] = {}
        for asset, accounts in by_asset.items():
            nets = {account: sum((leg.number for leg in legs), ZERO) for account, legs in accounts.items()}
            if len(accounts) > 1 and not sum(nets.values()):
                self.transfer(nets, asset=asset)
            else:
                left |= {(account, asset): legs for account, legs in accounts.items()}
        return left

    def exchange(self, *, keeps_rounding: bool) -> None:
        """Book money that is changed, in the account that has the other money, and count there what it cost."""
        rest = sum((leg.weight for leg in (*self.outside,)), ZERO) + sum(self.cash.values())
        for place, leg in enumerate(self.exchanged):
            weight = round_half_up(leg.weight, MONEY_PLACES)
            if keeps_rounding and place == 0:
                others = sum((round_half_up(one.weight, MONEY_PLACES) for one in self.exchanged[1:]), ZERO)
                weight = round_half_up(-(rest + others), MONEY_PLACES)
            account = self.owner(leg)
            self.cash[account] += weight
            own, other = (leg.commodity, abs(leg.number)), (self.currency, abs(weight))
            sold, bought = (own, other) if leg.number < 0 else (other, own)
            if weight * leg.number <= 0:
                raise LegError(f"changes {leg.commodity} for nothing")
            self.writer.add(
                TransactionKind.FX,
                account,
                sold[0],
                amount=sold[1],
                counter_currency=bought[0],
                counter_amount=bought[1],
            )

    def outside_cash(self, account: str, net: Decimal) -> None:
        """Book cash from or to outside: as it was before the ledger begins where all legs outside say so."""
        kinds = {stands_for(leg.account) for leg in self.outside}
        up = TransactionKind.OPENING if kinds == {Outside.OPENING} else TransactionKind.DEPOSIT
        self.writer.cash(account, self.currency, net, (up, TransactionKind.WITHDRAWAL))

    def sums(self) -> dict[Sum, Decimal]:
        """Return what the legs outside do to cash: above 0 brings it."""
        sums: dict[Sum, Decimal] = defaultdict(Decimal)
        for leg in self.outside:
            kind = stands_for(leg.account)
            asset = self.pockets.asset_of(leg.account) or (min(self.named) if len(self.named) == 1 else "")
            named = asset if kind in {Outside.DIVIDEND, Outside.INTEREST} else ""
            sums[Sum(kind, named)] -= round_half_up(leg.weight, MONEY_PLACES)
        return {key: amount for key, amount in sums.items() if amount}
