"""One account as it comes in, read and checked: what is wrong is named, and nothing is guessed.

The rules are those of docs/reference/data-quality.md for numbers that a program gives: exact, in range, no duplicates,
weights that sum to 1.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from steelyard.domain.amount import MAX_PLACES, Amount, read_amount
from steelyard.domain.asset import normalize_asset_id
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.options import CashRules, Locks, Mode, Objective, Options, PerAsset, Untargeted
from steelyard.rebalancing.trade import Bound, Skipped

ONE: Final = Decimal(1)
ZERO: Final = Decimal(0)

Choice = TypeVar("Choice", bound=StrEnum)


class EmptyTargetError(InvalidInputError):
    """No target was given."""

    def __init__(self) -> None:
        """Say how an all-cash target is written."""
        super().__init__("The target is empty: name at least one asset, or all cash as CashRules(weight=1).")


class WeightSumError(InvalidInputError):
    """Target weights do not sum to 1."""

    def __init__(self, total: Decimal, of_what: str = "The target weights") -> None:
        """Name the sum and the difference."""
        self.difference = total - 1
        word = "more" if total > 1 else "less"
        super().__init__(
            f"{of_what} sum to {total:f}, {abs(self.difference):f} {word} than 1: correct them, or say to how many "
            "decimals they were rounded (weight_places)."
        )


class WeightError(InvalidInputError):
    """A target weight is out of range."""

    def __init__(self, asset_id: str, weight: Decimal) -> None:
        """Name the asset and its weight."""
        rule = "above 1" if weight > 1 else "below 0, and short positions are not allowed (allow_short)"
        super().__init__(
            f"The target weight of {asset_id} is {weight:f}, {rule}: weights are fractions of the whole."
        )


class AssetKeyError(InvalidInputError):
    """A key that should be an asset id is no text."""

    def __init__(self, where: str, key: object) -> None:
        """Name the place and the key."""
        super().__init__(f"{where} has the key {key!r}, of type {type(key).__name__}: asset ids are text.")


class DuplicateAssetError(InvalidInputError):
    """Two keys mean one asset."""

    def __init__(self, where: str, first: str, second: str, asset_id: str) -> None:
        """Name the place and both keys."""
        super().__init__(f"{where} names {asset_id} twice, as {first!r} and as {second!r}: give it once.")


class UnpricedAssetError(InvalidInputError):
    """An asset of the plan has no price."""

    def __init__(self, asset_id: str, role: str) -> None:
        """Name the asset and why it needs a price."""
        super().__init__(f"{asset_id} is {role} and has no price: give one, or take it out of the plan.")


class PriceError(InvalidInputError):
    """A price cannot be one."""

    def __init__(self, asset_id: str, price: Decimal) -> None:
        """Name the asset and its price."""
        rule = "0: an asset without worth is taken out of the plan" if not price else "below 0"
        super().__init__(f"The price of {asset_id} is {price:f}, {rule}.")


class ShortPositionError(InvalidInputError):
    """A quantity held is below 0."""

    def __init__(self, asset_id: str, quantity: Decimal) -> None:
        """Name the asset and its quantity."""
        super().__init__(
            f"The quantity of {asset_id} is {quantity:f}, below 0, and short positions are not allowed (allow_short)."
        )


class RangeError(InvalidInputError):
    """An option is out of its range."""

    def __init__(self, item: str, value: object, rule: str) -> None:
        """Name the option, its value and the range."""
        super().__init__(f"{item} is {value}: it must be {rule}.")


class ChoiceError(InvalidInputError):
    """A word is none of those that may be chosen."""

    def __init__(self, item: str, word: object, words: Iterable[str]) -> None:
        """Name the option, the word and the words there are."""
        super().__init__(f"{item} is {word!r}: it must be one of {', '.join(words)}.")


class OptionsConflictError(InvalidInputError):
    """Two options exclude each other."""

    def __init__(self, first: str, second: str) -> None:
        """Name both."""
        super().__init__(f"{first} and {second} say two things about the same: give one of them.")


@dataclass(frozen=True, slots=True)
class Holding:
    """An asset of the plan as it came in.

    Attributes:
        asset_id: the asset.
        weight: its target weight.
        quantity: held now.
        price: of one, in its own currency, above 0.
    """

    asset_id: str
    weight: Decimal
    quantity: Decimal
    price: Decimal


def read_choice(item: str, word: str, kind: type[Choice]) -> Choice:
    """Return the member of `kind` that `word` names.

    Raises:
        ChoiceError: there is none.
    """
    try:
        return kind(word)
    except ValueError:
        raise ChoiceError(item, word, kind) from None


def read_amounts(item: str, amounts: Mapping[str, Amount]) -> dict[str, Decimal]:
    """Read a dict from asset id to amount.

    Raises:
        AmountError, AssetIdError: a value or a key is not one.
        DuplicateAssetError: two keys mean one asset.
    """
    found: dict[str, Decimal] = {}
    for key, amount in amounts.items():
        if not isinstance(key, str):
            raise AssetKeyError(item, key)
        asset_id = normalize_asset_id(key)
        if asset_id in found:
            first = next(other for other in amounts if normalize_asset_id(other) == asset_id)
            raise DuplicateAssetError(item, first, key, asset_id)
        found[asset_id] = read_amount(f"{item} of {asset_id}", amount)
    return found


def read_fraction(item: str, value: Amount) -> Decimal:
    """Read an amount from 0 to 1.

    Raises:
        AmountError, RangeError: it is no amount, or out of range.
    """
    fraction = read_amount(item, value)
    if not 0 <= fraction <= 1:
        raise RangeError(item, f"{fraction:f}", "a fraction from 0 to 1")
    return fraction


def read_positive(item: str, value: Amount) -> Decimal:
    """Read an amount of 0 or above.

    Raises:
        AmountError, RangeError: it is no amount, or below 0.
    """
    amount = read_amount(item, value)
    if amount < 0:
        raise RangeError(item, f"{amount:f}", "0 or above")
    return amount


def of_asset(option: PerAsset, asset_id: str) -> Amount | None:
    """Return the amount that holds for one asset; None where there is none."""
    return option.get(asset_id) if isinstance(option, Mapping) else option


def read_options(options: Options) -> Options:
    """Return options with the words and asset ids as they are everywhere else.

    Raises:
        ChoiceError: a word is none of those that may be chosen.
        AssetIdError, RangeError: a lock names no asset id, or is no list.
    """
    return replace(
        options,
        mode=read_choice("mode", options.mode, Mode),
        objective=read_choice("objective", options.objective, Objective),
        untargeted=read_choice("untargeted", options.untargeted, Untargeted),
        locks=read_locks(options.locks),
    )


def read_locks(locks: Locks) -> Locks:
    """Return locks with asset ids as they are everywhere else.

    Raises:
        AssetIdError: a name is no asset id.
    """
    return Locks(
        no_buy=_read_ids("locks.no_buy", locks.no_buy),
        no_sell=_read_ids("locks.no_sell", locks.no_sell),
        hold=_read_ids("locks.hold", locks.hold),
        restricted=_read_ids("locks.restricted", locks.restricted),
        substitutes={normalize_asset_id(a): normalize_asset_id(b) for a, b in locks.substitutes.items()},
    )


def _read_ids(item: str, names: Collection[str]) -> frozenset[str]:
    if isinstance(names, str):
        raise RangeError(item, repr(names), "a list of asset ids")
    return frozenset(map(normalize_asset_id, names))


def read_cash_weight(rules: CashRules, *, allow_short: bool) -> Decimal:
    """Return the target weight of cash, 0 where it has none; above 1 only where short positions pay for it.

    Raises:
        OptionsConflictError: cash has a target amount too.
        AmountError, RangeError: the weight is no fraction.
    """
    if rules.target is not None and rules.weight is not None:
        raise OptionsConflictError("cash_rules.target", "cash_rules.weight")
    read = read_positive if allow_short else read_fraction
    return read("cash_rules.weight", rules.weight or 0)


def read_targets(
    weights: Mapping[str, Amount], options: Options, *, places: int | None
) -> dict[str, Decimal]:
    """Return target weights that sum to 1 with the one that the options give cash.

    Raises:
        InvalidInputError: as `read_cash_weight` and `read_weights`.
    """
    cash = read_cash_weight(options.cash_rules, allow_short=options.allow_short)
    return read_weights(weights, cash, places=places, allow_short=options.allow_short)


def read_weights(
    weights: Mapping[str, Amount], cash_weight: Decimal, *, places: int | None, allow_short: bool
) -> dict[str, Decimal]:
    """Return target weights that sum to 1 with that of cash, exactly.

    Args:
        weights: asset → fraction of the whole.
        cash_weight: the fraction cash should be.
        places: decimals the weights were rounded to: the last that is not 0 then takes what rounding left, at most
            half a unit of the last decimal for each weight. None = they are exact.
        allow_short: whether a weight may be below 0.

    Raises:
        EmptyTargetError, WeightError, WeightSumError: nothing is named, a weight is out of range, the sum is not 1.

    >>> third = "0.333"
    >>> read_weights({"A": third, "B": third, "C": third}, Decimal(0), places=3, allow_short=False)["C"]
    Decimal('0.334')
    """
    targets = read_amounts("target weight", weights)
    if not targets and not cash_weight:
        raise EmptyTargetError
    for asset_id, weight in targets.items():
        if weight > 1 or (weight < 0 and not allow_short):
            raise WeightError(asset_id, weight)
    total = sum(targets.values(), cash_weight)
    if total != 1:
        last = next((asset_id for asset_id in reversed(targets) if targets[asset_id]), None)
        if last is None or abs(total - 1) > _rounding(len(targets), places) or 1 - total < -targets[last]:
            raise WeightSumError(total)
        targets[last] += 1 - total
    return targets


def _rounding(weights: int, places: int | None) -> Decimal:
    """Return how far a sum of rounded weights may be from the sum of the weights."""
    if places is None:
        return ZERO
    if type(places) is not int or not 0 <= places <= MAX_PLACES:
        raise RangeError("weight_places", places, f"a whole number from 0 to {MAX_PLACES}")
    return weights * Decimal(5).scaleb(-places - 1)


def read_holdings(
    targets: Mapping[str, Decimal],
    prices: Mapping[str, Amount],
    quantities: Mapping[str, Amount],
    options: Options,
) -> tuple[list[Holding], list[Skipped]]:
    """Return the assets of the plan, by asset id, and the positions that stand outside it.

    An asset is of the plan where it has a target weight above 0, is held and has one, or is to stand in for another.
    A target of 0 that is not held changes nothing and needs no price.

    Raises:
        UnpricedAssetError, PriceError, ShortPositionError, AmountError, AssetIdError, DuplicateAssetError: as they say.
    """
    held = {
        asset_id: quantity for asset_id, quantity in read_amounts("quantity", quantities).items() if quantity
    }
    substitutes = options.locks.substitutes
    if not options.allow_short and (short := next((name for name in held if held[name] < 0), None)):
        raise ShortPositionError(short, held[short])
    outside = (
        []
        if options.untargeted is Untargeted.SELL
        else sorted(held.keys() - targets.keys() - set(substitutes.values()))
    )
    wanted = {asset_id for asset_id, weight in targets.items() if weight}
    inside = (wanted | held.keys() | {substitutes[name] for name in wanted & substitutes.keys()}).difference(
        outside
    )
    priced = _prices_by_id(prices)
    holdings = [
        Holding(
            asset_id,
            targets.get(asset_id, ZERO),
            held.get(asset_id, ZERO),
            _price(priced, asset_id, "targeted" if asset_id in wanted else "held"),
        )
        for asset_id in sorted(inside)
    ]
    return holdings, [_outside(asset_id) for asset_id in outside]


def _prices_by_id(prices: Mapping[str, Amount]) -> Mapping[str, Amount]:
    """Only keys in other than plain letters can mean an asset by another name: a price list may be long."""
    odd = [key for key in prices if not (isinstance(key, str) and key.isascii())]
    if not odd:
        return prices
    found = {key: price for key, price in prices.items() if key not in odd}
    for key in odd:
        asset_id = normalize_asset_id(key)
        if asset_id in found:
            raise DuplicateAssetError("price", asset_id, key, asset_id)
        found[asset_id] = prices[key]
    return found


def _price(prices: Mapping[str, Amount], asset_id: str, role: str) -> Decimal:
    if asset_id not in prices:
        raise UnpricedAssetError(asset_id, role)
    price = read_amount(f"price of {asset_id}", prices[asset_id])
    if price <= 0:
        raise PriceError(asset_id, price)
    return price


def _outside(asset_id: str) -> Skipped:
    reason = f"{asset_id} has no target and is left alone; give it a target of 0, or untargeted='sell', to sell it."
    return Skipped(asset_id, Bound.UNTARGETED, reason)
