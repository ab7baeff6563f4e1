"""What all accounts of a book share, prices, models and policy, read once and put into whole numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa

from steelyard.domain.amount import Amount, AmountError, read_amount
from steelyard.domain.asset import normalize_asset_id
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.account import (
    DuplicateAssetError,
    of_asset,
    read_cash_weight,
    read_choice,
    read_fraction,
    read_locks,
    read_positive,
)
from steelyard.rebalancing.book_columns import (
    LARGEST,
    BookColumnError,
    Codes,
    check_kinds,
    is_text,
    places_of,
)
from steelyard.rebalancing.book_kernel import NO_BUY, NO_SELL, WHOLE_WEIGHT, Market, Rules
from steelyard.rebalancing.options import Mode, Objective, PerAsset, Untargeted
from steelyard.rebalancing.policy import Policy
from steelyard.rebalancing.position import step_of
from steelyard.rebalancing.problem import Norm
from steelyard.rebalancing.units import AMOUNT_PLACES, ONE_AMOUNT, few_digits_up, scaled

FINER: Final = ONE_AMOUNT // WHOLE_WEIGHT
WIDEST_CHARGE: Final = 4
"""Weight of costs above which a product could outgrow 64 bits."""

LOCKS: Final = {
    "no_buy": NO_BUY,
    "no_sell": NO_SELL,
    "hold": NO_BUY | NO_SELL,
    "restricted": NO_BUY | NO_SELL,
}


class NotForBooksError(InvalidInputError):
    """A policy asks for what a book does not do."""

    def __init__(self, option: str) -> None:
        """Name the option."""
        super().__init__(
            f"{option} is not for books: leave it out, or take the accounts one by one with "
            "calculate_investment_allocation."
        )


class UnknownModelError(InvalidInputError):
    """An account names a model that is not among the models."""

    def __init__(self, model: object) -> None:
        """Name the model."""
        super().__init__(
            f"The model is {model!r}, which is none of the models given: add it, or correct the name."
        )


def read_policy(policy: Policy) -> Policy:
    """Return a policy that a book can follow, its words checked.

    Raises:
        NotForBooksError: it asks for what a book does not do; the sentence names it.
        ChoiceError, AssetIdError, RangeError: a word or a name is wrong.
    """
    refused = {
        f"mode {policy.mode}": read_choice("mode", policy.mode, Mode) not in {Mode.REBALANCE, Mode.BUY_ONLY},
        "weight_places": policy.weight_places is not None,
        "tax": policy.tax is not None,
        "locks.substitutes": bool(policy.locks.substitutes),
        "convert": policy.convert,
        "conversion_spread": bool(policy.conversion_spread),
    }
    for option, is_asked in refused.items():
        if is_asked:
            raise NotForBooksError(option)
    read_choice("objective", policy.objective, Objective)
    read_choice("untargeted", policy.untargeted, Untargeted)
    read_locks(policy.locks)
    return policy


def is_plain(policy: Policy) -> bool:
    """Whether cash is all that limits an account, and squared drift all that counts."""
    costs, trading = policy.costs, policy.trading
    amounts = (costs.fee, costs.spread, trading.minimum_value, trading.minimum_quantity)
    has_amounts = any(any(map(_is_above_0, _values(amount))) for amount in amounts)
    cash_counts = policy.cash.target is not None or policy.cash.weight is not None
    return policy.objective == Objective.L2 and policy.band is None and not has_amounts and not cash_counts


def is_for_kernel(policy: Policy) -> bool:
    """Whether compiled code knows what a policy asks: all but bands, and numbers that 64 bits are too few for."""
    weight = scaled(read_positive("costs.weight", policy.costs.weight))
    is_narrow = weight <= WIDEST_CHARGE * ONE_AMOUNT and weight % FINER == 0
    return (
        policy.band is None
        and is_narrow
        and _raw_weight(read_cash_weight(policy.cash, allow_short=False)) >= 0
    )


def _values(option: PerAsset) -> Iterable[Amount]:
    return option.values() if isinstance(option, Mapping) else [option]


def _is_above_0(amount: Amount) -> bool:
    return read_positive("an amount", amount) > 0


@dataclass(frozen=True, slots=True)
class Models:
    """Model portfolios, as Python has them and as the kernel reads them.

    Attributes:
        targets: model → asset → weight.
        place: model → its number.
        start: by number, where its entries begin; one more at the end.
        asset: code of each entry.
        weight: of each entry; below -1 where the kernel cannot take it.
    """

    targets: Mapping[str, dict[str, Decimal]] = field(default_factory=dict)
    place: Mapping[str, int] = field(default_factory=dict)
    start: Any = field(default_factory=lambda: np.zeros(2, np.int64))
    asset: Any = field(default_factory=lambda: np.zeros(1, np.int64))
    weight: Any = field(default_factory=lambda: np.zeros(1, np.int64))

    @property
    def longest(self) -> int:
        """The most entries a model has."""
        return int(np.diff(self.start).max(initial=0))


def read_models(models: pa.Table | None, codes: Codes) -> Models:
    """Read rows of model, asset_id and target_weight.

    Raises:
        BookColumnError, DuplicateAssetError, AssetIdError: a column is wrong, or an asset is named twice in a model.
    """
    if models is None:
        return Models()
    _check("The models", models, ("model", "asset_id", "target_weight"))
    targets: dict[str, dict[str, Decimal]] = {}
    columns = (models.column(name).to_pylist() for name in ("model", "asset_id", "target_weight"))
    for model, named, weight in zip(*columns, strict=True):
        entry = targets.setdefault(str(model), {})
        asset_id = normalize_asset_id(str(codes.id_of(named)))
        if asset_id in entry:
            raise DuplicateAssetError(f"The model {model}", str(named), str(named), asset_id)
        entry[asset_id] = read_amount(f"target weight of {asset_id} in {model}", weight)
    flat = [
        (codes.code_of(asset_id), weight) for entry in targets.values() for asset_id, weight in entry.items()
    ]
    return Models(
        targets,
        {model: place for place, model in enumerate(targets)},
        np.cumsum([0, *(len(entry) for entry in targets.values())], dtype=np.int64),
        np.array([code for code, _ in flat], np.int64),
        np.array([_raw_weight(weight) for _, weight in flat], np.int64),
    )


def _raw_weight(weight: Decimal) -> int:
    raw, finer = divmod(scaled(weight), FINER)
    return -2 if finer or not 0 <= raw <= WHOLE_WEIGHT else raw


def _check(table: str, rows: pa.Table, names: tuple[str, ...]) -> None:
    kinds = {field.name: field.type for field in rows.schema}
    for name in names:
        if name not in kinds:
            raise BookColumnError(table, name, "missing", "there")
    check_kinds(table, {name: kinds[name] for name in names})


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by asset id, and the codes of the assets."""

    by_id: Mapping[str, Any]
    codes: Codes


def read_prices(prices: pa.Table) -> Prices:
    """Read rows of asset_id and price. A price that is missing or not above 0 matters only where it is needed.

    Raises:
        BookColumnError, DuplicateAssetError, AssetIdError: a column is wrong, an asset is named twice or is none.
    """
    _check("The prices", prices, ("asset_id", "price"))
    if not is_text(prices.schema.field("asset_id").type):
        raise BookColumnError("The prices", "asset_id", prices.schema.field("asset_id").type, "text")
    by_id: dict[str, Any] = {}
    for named, price in zip(
        *(prices.column(name).to_pylist() for name in ("asset_id", "price")), strict=True
    ):
        asset_id = normalize_asset_id(named or "")
        if asset_id in by_id:
            raise DuplicateAssetError("The prices", named, named, asset_id)
        by_id[asset_id] = price
    return Prices(by_id, Codes(list(by_id)))


@dataclass(frozen=True, slots=True)
class Scale:
    """Decimals of raw quantities and of raw money, and how drift is measured."""

    quantity: int
    money: int
    norm: Norm


@dataclass(frozen=True, slots=True)
class _Counted:
    """An asset in units of 10^-12, money of a step in 10^-24."""

    price: int
    step: int
    fee: int
    spread: int
    least: int
    most: int


def make_market(
    prices: Prices, policy: Policy, kinds: Mapping[str, pa.DataType], limit: int, *, finish: bool
) -> tuple[Market, Rules, Scale, int]:
    """Put prices and policy into whole numbers, for columns of these types; the last is the cash floor of all.

    Raises:
        AmountError, RangeError, OptionsConflictError: an option is no such number.
    """
    counted = [_count(asset_id, prices.by_id[asset_id], policy) for asset_id in prices.codes.ids]
    quantity = max([places_of(kinds["quantity"]), *(_places(asset.step, AMOUNT_PLACES) for asset in counted)])
    priced = max([0, *(_places(asset.price, AMOUNT_PLACES) for asset in counted)])
    cash = [places_of(kinds[name]) for name in ("cash", "investment_amount", "cash_floor") if name in kinds]
    costs = [_places(amount, 2 * AMOUNT_PLACES) for asset in counted for amount in (asset.fee, asset.spread)]
    rules = [_places(scaled(amount), AMOUNT_PLACES) for amount in _cash_amounts(policy)]
    norm = Norm.L1 if policy.objective == Objective.L1 else Norm.L2
    scale = Scale(quantity, max([priced + quantity, *cash, *costs, *rules]), norm)
    floor = _shifted(scaled(read_amount("cash.floor", policy.cash.floor)), scale.money - AMOUNT_PLACES)
    floor = max(min(floor, LARGEST), -LARGEST)
    return (
        _market(counted, prices.codes, policy, scale),
        _rules(policy, scale, limit, finish=finish),
        scale,
        floor,
    )


def _cash_amounts(policy: Policy) -> list[Decimal]:
    rules = policy.cash
    amounts = {
        "cash.retain_at_least": rules.retain_at_least,
        "cash.allocate_at_most": rules.allocate_at_most,
        "cash.target": rules.target,
    }
    read = [read_positive(name, amount) for name, amount in amounts.items() if amount is not None]
    return [*read, read_amount("cash.floor", rules.floor)]


def _places(amount: int, places: int) -> int:
    """Give the decimals an amount of so many has without trailing zeros."""
    while places > 0 and amount % 10 == 0:
        amount, places = amount // 10, places - 1
    return places


def _count(asset_id: str, price: Any, policy: Policy) -> _Counted:
    known = _known_price(price)
    step = step_of(asset_id, policy.trading)
    fee = scaled(read_positive(f"fee of {asset_id}", of_asset(policy.costs.fee, asset_id) or 0))
    spread = scaled(read_fraction(f"spread of {asset_id}", of_asset(policy.costs.spread, asset_id) or 0))
    most = of_asset(policy.trading.maximum_weight, asset_id)
    weight = 2 * ONE_AMOUNT if most is None else scaled(read_fraction(f"maximum_weight of {asset_id}", most))
    half = few_digits_up(-(-known * step * spread // (2 * ONE_AMOUNT)))
    return _Counted(known, step, fee * ONE_AMOUNT, half, _least(asset_id, known * step, step, policy), weight)


def _least(asset_id: str, price: int, step: int, policy: Policy) -> int:
    """Give the fewest steps of a trade; price of a step in units of 10^-24."""
    quantity = of_asset(policy.trading.minimum_quantity, asset_id) or 0
    worth = of_asset(policy.trading.minimum_value, asset_id) or 0
    steps = -(-scaled(read_positive(f"minimum_quantity of {asset_id}", quantity)) // step)
    value = scaled(read_positive(f"minimum_value of {asset_id}", worth)) * ONE_AMOUNT
    return min(max(1, steps, -(-value // price) if price else 1), LARGEST)


def _known_price(price: Any) -> int:
    """Read a price; 0 where it is none: that is said of the accounts that need it."""
    try:
        return max(scaled(read_amount("price", price)), 0)
    except AmountError:
        return 0


def _market(counted: list[_Counted], codes: Codes, policy: Policy, scale: Scale) -> Market:
    to_money = scale.money - scale.quantity - AMOUNT_PLACES
    raw = [_shifted(asset.price, to_money) for asset in counted]
    steps = [_shifted(asset.step, scale.quantity - AMOUNT_PLACES) for asset in counted]
    fits = [
        price * step < LARGEST and asset.most % FINER == 0
        for price, step, asset in zip(raw, steps, counted, strict=True)
    ]
    return Market(
        price=_int64s(price if ok else 0 for price, ok in zip(raw, fits, strict=True)),
        step=_int64s(step if ok else 1 for step, ok in zip(steps, fits, strict=True)),
        locked=_int64s(_locked(asset_id, policy) for asset_id in codes.ids),
        fee=_int64s(_shifted(asset.fee, scale.money - 2 * AMOUNT_PLACES) for asset in counted),
        spread=_int64s(_shifted(asset.spread, scale.money - 2 * AMOUNT_PLACES) for asset in counted),
        least=_int64s(asset.least for asset in counted),
        most=_int64s(asset.most // FINER for asset in counted),
    )


def _shifted(amount: int, places: int) -> int:
    return int(amount * 10**places) if places >= 0 else int(amount // 10**-places)


def _int64s(values: Any) -> Any:
    return np.array([*values, 0], np.int64)


def _locked(asset_id: str, policy: Policy) -> int:
    locks = read_locks(policy.locks)
    both = asset_id in locks.hold or asset_id in locks.restricted
    no_buy = NO_BUY if both or asset_id in locks.no_buy else 0
    return no_buy | (NO_SELL if both or asset_id in locks.no_sell else 0)


def _rules(policy: Policy, scale: Scale, limit: int, *, finish: bool) -> Rules:
    def raw(amount: Any) -> int:
        return min(_shifted(scaled(Decimal(amount)), scale.money - AMOUNT_PLACES), LARGEST)

    spent = policy.cash.allocate_at_most
    return Rules(
        sells_untargeted=int(policy.untargeted == Untargeted.SELL),
        buys_only=int(policy.mode == Mode.BUY_ONLY),
        retained=raw(policy.cash.retain_at_least or 0),
        spent=-1 if spent is None else raw(spent),
        target=raw(policy.cash.target or 0),
        cash_weight=_raw_weight(read_cash_weight(policy.cash, allow_short=False)),
        has_target=int(policy.cash.target is not None or policy.cash.weight is not None),
        norm=int(scale.norm),
        charge_weight=scaled(read_positive("costs.weight", policy.costs.weight)) // FINER,
        limit=limit,
        finishes=int(finish),
    )
