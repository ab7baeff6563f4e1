"""What a beancount transaction brings to or takes from one account, cash or units, by what its other legs stand for.

A dividend or interest is gross, with the fees and taxes beside it; a salary less its taxes is what arrives of it. A
sale brings what its legs leave, whatever they call the gain; units that come from a leg of equity have no cash at all.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from steelyard.domain.amount import plain
from steelyard.domain.money import MONEY_PLACES, round_half_up
from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.beancount_legs import Leg, LegError, Outside, stands_for
from steelyard.statements.beancount_part import Part, Sum


class Costs(NamedTuple):
    """Fees and taxes that belong to something, as a record has them."""

    costs: Decimal
    tax: Decimal


NO_COSTS: Final = Costs(ZERO, ZERO)


def take_costs(sums: dict[Sum, Decimal]) -> Costs:
    """Take fees and taxes out of the sums where they are paid; what is paid back stays."""
    fee, tax = sums.get(Sum(Outside.FEE, ""), ZERO), sums.get(Sum(Outside.TAX, ""), ZERO)
    for key, amount in ((Sum(Outside.FEE, ""), fee), (Sum(Outside.TAX, ""), tax)):
        if amount < 0:
            del sums[key]
    return Costs(max(-fee, ZERO) + max(-tax, ZERO), max(-tax, ZERO))


class Flows:
    """Cash of one account that comes from or goes to outside, without a trade."""

    def __init__(self, part: Part, account: str) -> None:
        """Take the part of a transaction."""
        self.part, self.account = part, account
        self.sums = part.sums()

    def book(self, net: Decimal) -> None:
        """Book it by what the legs outside stand for; a salary less its taxes is what arrives of it."""
        other = sum((amount for key, amount in self.sums.items() if key.kind in _FROM_OUTSIDE), ZERO)
        is_earned = any(key.kind in {Outside.DIVIDEND, Outside.INTEREST} for key in self.sums)
        if not self.sums or (other > 0 and not is_earned) or self._all_from_outside():
            self.part.outside_cash(self.account, net)
            return
        largest = max(self.sums, key=lambda key: abs(self.sums[key]))
        self.sums[largest] += net - sum(self.sums.values())  # what rounding left
        self._earned()
        book_rest(self.part, self.account, self.sums)

    def _all_from_outside(self) -> bool:
        return all(key.kind in _FROM_OUTSIDE for key in self.sums)

    def _earned(self) -> None:
        """Book dividends and interest, gross, with what was withheld of the largest."""
        earned = [key for key in self.sums if key.kind in {Outside.DIVIDEND, Outside.INTEREST}]
        gross = {key: self.sums.pop(key) for key in earned}
        for key in sorted(gross, key=lambda key: -gross[key]):
            costs = take_costs(self.sums) if gross[key] > 0 else NO_COSTS
            book_earned(self.part, self.account, key, gross[key], costs)


_FROM_OUTSIDE: Final = frozenset({Outside.OTHER, Outside.OPENING, Outside.GAIN})


def book_earned(part: Part, account: str, key: Sum, gross: Decimal, costs: Costs = NO_COSTS) -> None:
    """Book a dividend or interest; a dividend of no named asset is income like interest."""
    if gross > 0:
        is_dividend = key.kind is Outside.DIVIDEND and key.asset
        kind = TransactionKind.DIVIDEND if is_dividend else TransactionKind.INTEREST
        stated = {"amount": gross, "asset": key.asset, "costs": costs.costs, "tax": costs.tax}
        part.writer.add(kind, account, part.currency, **stated)
    elif key.kind is Outside.DIVIDEND:
        raise LegError(
            f"pays back a dividend of {plain(-gross)} {part.currency}: correct the dividend by hand"
        )
    else:
        part.writer.add(TransactionKind.INTEREST_PAID, account, part.currency, amount=-gross, asset=key.asset)


def book_rest(part: Part, account: str, sums: Mapping[Sum, Decimal]) -> None:
    """Book fees and taxes on their own, and what comes from or goes to outside."""
    kinds = TransactionKind
    words = {Outside.FEE: (kinds.FEE_REFUND, kinds.FEE), Outside.TAX: (kinds.TAX_REFUND, kinds.TAX)}
    for kind, pair in words.items():
        part.writer.cash(account, part.currency, sums.get(Sum(kind, ""), ZERO), pair)
    outside = sum((amount for key, amount in sums.items() if key.kind in _FROM_OUTSIDE), ZERO)
    part.writer.cash(account, part.currency, outside, (kinds.DEPOSIT, kinds.WITHDRAWAL))


class Trades:
    """Units that one account buys, sells, receives or delivers, and the cash of all accounts that goes with them."""

    def __init__(self, part: Part, home: str, legs: Sequence[Leg]) -> None:
        """Take the part of a transaction, the account that trades, and its legs of units."""
        self.part, self.home = part, home
        self.sums = part.sums()
        self.by_asset: dict[tuple[str, bool], list[Leg]] = {}
        for leg in legs:
            self.by_asset.setdefault((leg.commodity, leg.number > 0), []).append(leg)

    def book(self) -> None:
        """Book them."""
        cash = sum(self.part.cash.values(), ZERO)
        both = [asset for asset, is_in in self.by_asset if is_in and (asset, False) in self.by_asset]
        if both:
            self._split(both[0])
        elif not any(self.part.cash.values()) and self._is_from_equity():
            self._in_kind()
        else:
            self._gather_cash()
            self._trade(cash)

    def _is_from_equity(self) -> bool:
        return bool(self.part.outside) and all(leg.account.startswith("Equity:") for leg in self.part.outside)

    # ── Without cash ────────────────────────────────────────────────────────────────────────────────────

    def _split(self, asset: str) -> None:
        """Book a split: all units of an asset go out and others of it come in, for nothing."""
        goes, comes = (self._units(asset, is_in=is_in) for is_in in (False, True))
        is_alone = (
            len(self.by_asset) == len({True, False}) and not self.sums and not any(self.part.cash.values())
        )
        if not is_alone or goes != self.part.held.get((self.home, asset)):
            raise LegError(f"puts in and takes out {asset} at once: if it is a split, book the SPLIT by hand")
        if goes != comes:
            ratio = {"asset": asset, "quantity": goes, "counter_quantity": comes}
            self.part.writer.add(TransactionKind.SPLIT, self.home, self.part.currency, **ratio)

    def _in_kind(self) -> None:
        is_opening = all(stands_for(leg.account) is Outside.OPENING for leg in self.part.outside)
        kinds = TransactionKind
        for leg in (leg for legs in self.by_asset.values() for leg in legs):
            kind = (kinds.OPENING if is_opening else kinds.RECEIVE) if leg.number > 0 else kinds.DELIVER
            each = leg.price if leg.number < 0 and leg.price is not None else None
            value = leg.weight if each is None else leg.number * each
            amount = round_half_up(abs(value), MONEY_PLACES)
            stated = {"asset": leg.commodity, "quantity": abs(leg.number), "amount": amount}
            acquired = leg.acquired if kind is kinds.OPENING else None
            self.part.writer.add(kind, self.home, self.part.currency, acquired=acquired, **stated)

    # ── With cash ───────────────────────────────────────────────────────────────────────────────────────

    def _gather_cash(self) -> None:
        """Move the cash of other accounts to the one that trades, or from it."""
        for account, net in self.part.cash.items():
            if account != self.home and net:
                sides = (account, self.home) if net < 0 else (self.home, account)
                self.part.move(*sides, abs(net))

    def _trade(self, cash: Decimal) -> None:
        """Book a trade of what is left of the cash when everything else has its own record."""
        costs = take_costs(self.sums)
        paid = {
            key: amount for key, amount in self.sums.items() if not self._is_gain(key, cash + costs.costs)
        }
        if len(self.by_asset) == 1 and not cash and self._reinvest(paid, costs):
            return
        left = cash - sum(paid.values()) + costs.costs
        amounts = {key: self._stated(key) for key in self.by_asset}
        largest = max(amounts, key=lambda key: abs(amounts[key]))
        rest = left - sum(amounts.values())
        self._check(largest, amounts, rest)
        amounts[largest] += rest
        for (asset, is_in), amount in amounts.items():
            taken = costs if (asset, is_in) == largest else NO_COSTS
            self._add(asset, amount if not is_in else -amount, taken, is_in=is_in)
        for key in [key for key in paid if key.kind in {Outside.DIVIDEND, Outside.INTEREST}]:
            book_earned(self.part, self.home, key, paid.pop(key))
        book_rest(self.part, self.home, paid)

    def _is_gain(self, key: Sum, gross: Decimal) -> bool:
        """Whether a leg is the other side of the gain: by its name, or since the price leaves no place for it."""
        if key.kind is Outside.GAIN:
            return not all(is_in for _, is_in in self.by_asset)
        prices = [leg.price for legs in self.by_asset.values() for leg in legs]
        is_sale = all(not is_in for _, is_in in self.by_asset) and None not in prices
        if key.kind is not Outside.OTHER or not is_sale:
            return False
        stated = sum((self._stated(asset) for asset in self.by_asset), ZERO)
        return abs(gross - stated) <= max(abs(stated) * _ROUNDING, Decimal("0.01"))

    def _stated(self, key: tuple[str, bool]) -> Decimal:
        """Return what units bring at their price, else at their cost; below 0 = cost."""
        worth = sum((-leg.number * leg.price if leg.price is not None and not key[1] else -leg.weight
                     for leg in self.by_asset[key]), ZERO)  # fmt: skip
        return round_half_up(worth, MONEY_PLACES)

    def _check(
        self, largest: tuple[str, bool], amounts: Mapping[tuple[str, bool], Decimal], rest: Decimal
    ) -> None:
        """Refuse what contradicts itself; a lone sale without a price says only what it brings."""
        asset, is_in = largest
        has_price = all(leg.price is not None for leg in self.by_asset[largest])
        if len(amounts) == 1 and not is_in and not has_price:
            return
        if abs(rest) > max(Decimal(1), _ONE_PERCENT * abs(amounts[largest])):
            said, left = plain(abs(amounts[largest])), plain(abs(amounts[largest] + rest))
            why = f"says {said} {self.part.currency} for {asset}, and its other legs leave {left}"
            raise LegError(why)

    def _reinvest(self, paid: Mapping[Sum, Decimal], costs: Costs) -> bool:
        ((asset, is_in),) = self.by_asset
        ((key, gross),) = paid.items() if len(paid) == 1 else ((Sum(Outside.OTHER, ""), ZERO),)
        if (
            not is_in
            or key.kind is not Outside.DIVIDEND
            or key.asset not in {"", asset}
            or gross <= costs.costs
        ):
            return False
        self._add(asset, gross, costs, is_in=True, kind=TransactionKind.DIVIDEND_REINVESTED)
        return True

    def _add(
        self, asset: str, amount: Decimal, costs: Costs, *, is_in: bool, kind: TransactionKind | None = None
    ) -> None:
        if amount < 0:
            raise LegError(f"leaves {plain(amount)} {self.part.currency} for {asset}, less than nothing")
        prices = {
            leg.cost if is_in and leg.cost is not None else leg.price for leg in self.by_asset[asset, is_in]
        }
        (price,) = prices if len(prices) == 1 else {None}
        is_plain = price is not None and price == round(price, _PRICE_PLACES)
        self.part.writer.add(
            kind or self._kind(asset, is_in=is_in),
            self.home,
            self.part.currency,
            asset=asset,
            quantity=self._units(asset, is_in=is_in),
            amount=amount,
            costs=costs.costs,
            tax=costs.tax,
            price=price if is_plain else None,
        )

    def _kind(self, asset: str, *, is_in: bool) -> TransactionKind:
        held = self.part.held.get((self.home, asset), ZERO)
        if is_in:
            return TransactionKind.COVER if held < 0 else TransactionKind.BUY
        return TransactionKind.SELL if held > 0 else TransactionKind.SHORT

    def _units(self, asset: str, *, is_in: bool) -> Decimal:
        return abs(sum((leg.number for leg in self.by_asset[asset, is_in]), ZERO))


_ONE_PERCENT: Final = Decimal("0.01")
_ROUNDING: Final = Decimal("0.001")
_PRICE_PLACES: Final = 12
