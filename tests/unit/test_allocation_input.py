"""What `calculate_investment_allocation` refuses, and that the sentence names the item and the difference."""

from decimal import Decimal
from typing import Any

import pytest

from steelyard.domain.amount import AmountError, read_amount
from steelyard.domain.asset import AssetIdError
from steelyard.errors import InvalidInputError, SteelyardError
from steelyard.rebalancing.account import (
    ChoiceError,
    DuplicateAssetError,
    EmptyTargetError,
    OptionsConflictError,
    PriceError,
    RangeError,
    ShortPositionError,
    UnpricedAssetError,
    WeightError,
    WeightSumError,
)
from steelyard.rebalancing.allocation import Allocation, calculate_investment_allocation
from steelyard.rebalancing.currency import CashCurrencyError, CurrencyError, MissingRateError
from steelyard.rebalancing.options import Band, CashRules, Costs, Currencies, Locks, Trading, Untargeted
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.trade import Bound

TARGET = {"VTI": "0.6", "BND": "0.4"}
PRICES = {"VTI": "250", "BND": "80"}
HELD = {"VTI": 10, "BND": 10}


def allocate(target: Any = None, prices: Any = None, held: Any = None, **options: Any) -> Allocation:
    """Allocate a sound account, but for what is given."""
    return calculate_investment_allocation(
        TARGET if target is None else target,
        PRICES if prices is None else prices,
        HELD if held is None else held,
        **{"cash": 1000, **options},
    )


def test_the_sound_account_is_answered() -> None:
    assert allocate().status is Status.OPTIMAL


NO_AMOUNTS = {
    "float": (250.1, 'a float, which seldom is the number that was typed: give Decimal("250.1") or "250.1"'),
    "nan float": (float("nan"), "not a finite number"),
    "infinite float": (float("-inf"), "not a finite number"),
    "Decimal NaN": (Decimal("NaN"), "not a finite number"),
    "signalling NaN": (Decimal("sNaN"), "not a finite number"),
    "Decimal infinity": (Decimal("-Infinity"), "not a finite number"),
    "text nan": ("nan", "not a plain number"),
    "empty": ("", "empty"),
    "null": (None, "missing"),
    "true": (True, "of type bool"),
    "list": ([1], "of type list"),
    "thousands": ("1,000.5", "not a plain number"),
    "decimal comma": ("1.000,5", "not a plain number"),
    "underscore": ("1_000", "not a plain number"),
    "exponent": ("1e999999", "not a plain number"),
    "huge Decimal": (Decimal("1E+999999"), "out of range: at most 15 digits"),
    "Arabic digits": ("١٢", "not a plain number"),
    "full-width digits": ("\uff11\uff12", "not a plain number"),
    "plus sign": ("+1", "not a plain number"),
    "space": (" 1", "not a plain number"),
    "newline": ("1\n", "not a plain number"),
    "leading point": (".5", "not a plain number"),
    "quintillion": (10**18, "out of range: at most 15 digits"),
    "huge int": (10**10000, "out of range: at most 15 digits"),
    "quintillion text": ("1000000000000000000", "out of range: at most 15 digits"),
    "too fine": (Decimal("1E-30"), "finer than 12 decimals"),
    "too fine text": ("0.0000000000001", "finer than 12 decimals"),
}


@pytest.mark.parametrize(("value", "why"), NO_AMOUNTS.values(), ids=NO_AMOUNTS)
def test_what_is_no_exact_number_is_refused_by_name(value: object, why: str) -> None:
    calls: dict[str, dict[str, Any]] = {
        "price of VTI": {"prices": {**PRICES, "VTI": value}},
        "quantity of VTI": {"held": {**HELD, "VTI": value}},
        "target weight of VTI": {"target": {**TARGET, "VTI": value}},
        "cash": {"cash": value},
        "investment_amount": {"investment_amount": value},
    }

    for item, arguments in calls.items():
        with pytest.raises(AmountError) as error:
            allocate(**arguments)
        assert str(error.value).startswith(f"{item} is ")
        assert why in str(error.value)
        assert len(str(error.value)) < 300


def test_trailing_zeros_are_no_decimals_and_minus_zero_is_zero() -> None:
    assert read_amount("x", Decimal("1.50000000000000000")) == Decimal("1.5")
    assert str(read_amount("x", "-0")) == str(read_amount("x", Decimal("-0.00"))) == "0"
    assert allocate(held={"VTI": "-0", "BND": 10}).status is Status.OPTIMAL


def test_a_price_of_zero_or_below_is_refused() -> None:
    with pytest.raises(PriceError, match=r"price of BND is 0, 0: an asset without worth"):
        allocate(prices={**PRICES, "BND": 0})
    with pytest.raises(PriceError, match=r"price of BND is -1, below 0"):
        allocate(prices={**PRICES, "BND": -1})


def test_an_asset_without_a_price_is_named_with_its_role() -> None:
    with pytest.raises(UnpricedAssetError, match="BND is targeted and has no price"):
        allocate(prices={"VTI": 250})
    with pytest.raises(UnpricedAssetError, match="OLD is held and has no price"):
        allocate({**TARGET, "OLD": 0}, held={**HELD, "OLD": 1})
    with pytest.raises(UnpricedAssetError, match="OLD is held and has no price"):
        allocate(held={**HELD, "OLD": 1}, untargeted=Untargeted.SELL)


def test_what_is_not_traded_needs_no_price() -> None:
    found = allocate({**TARGET, "NEW": 0}, held={**HELD, "OLD": 1, "NONE": 0})

    assert [
        (item.asset_id, item.bound) for item in found.skipped if item.asset_id in {"OLD", "NEW", "NONE"}
    ] == [("OLD", Bound.UNTARGETED)]
    assert any(text.startswith("OLD has no target and is left alone") for text in found.explanations)


@pytest.mark.parametrize(
    ("weights", "difference"),
    [
        (("0.599999", "0.4"), "sum to 0.999999, 0.000001 less than 1"),
        (("0.600001", "0.4"), "sum to 1.000001, 0.000001 more than 1"),
        (("0.6", "0.6"), "sum to 1.2, 0.2 more than 1"),
    ],
)
def test_weights_that_do_not_sum_to_one_are_refused_with_the_difference(
    weights: tuple[str, str], difference: str
) -> None:
    with pytest.raises(WeightSumError, match=difference):
        allocate(dict(zip(TARGET, weights, strict=True)))


def test_the_last_weight_takes_what_a_declared_rounding_left() -> None:
    rounded = {"VTI": "0.333333", "BND": "0.333333", "CASHLIKE": "0.333333"}
    prices = {**PRICES, "CASHLIKE": 1}

    found = allocate(rounded, prices, weight_places=6)

    drift = found.drift_before["CASHLIKE"]
    assert found.weights_before["CASHLIKE"] - drift == Decimal("0.333334").quantize(Decimal("1E-6"))
    with pytest.raises(WeightSumError):
        allocate(rounded, prices)
    with pytest.raises(WeightSumError):
        allocate(rounded, prices, weight_places=7)
    with pytest.raises(RangeError, match="weight_places is -1"):
        allocate(rounded, prices, weight_places=-1)


def test_weights_out_of_range_are_refused() -> None:
    with pytest.raises(WeightError, match="weight of VTI is 60, above 1"):
        allocate({"VTI": 60, "BND": 40})
    with pytest.raises(WeightError, match=r"weight of BND is -0.2, below 0"):
        allocate({"VTI": 1, "BND": "-0.2"})


def test_an_empty_target_is_refused_and_all_cash_is_not() -> None:
    with pytest.raises(EmptyTargetError, match="name at least one asset, or all cash"):
        allocate({})

    found = allocate({"VTI": 0, "BND": 0}, cash_rules=CashRules(weight=1))

    assert {trade.asset_id: trade.quantity for trade in found.trades} == {"VTI": -10, "BND": -10}
    assert found.cash_after == 4300
    assert found.total_drift_after == 0


def test_two_keys_for_one_asset_are_refused_with_both() -> None:
    full_width = "\uff36\uff34\uff29"
    with pytest.raises(
        DuplicateAssetError, match=f"target weight names VTI twice, as 'VTI' and as '{full_width}'"
    ):
        allocate({"VTI": "0.3", full_width: "0.3", "BND": "0.4"})
    with pytest.raises(DuplicateAssetError, match="quantity names VTI twice"):
        allocate(held={"VTI": 1, full_width: 1})
    with pytest.raises(DuplicateAssetError, match="price names VTI twice"):
        allocate(prices={**PRICES, full_width: 250})


def test_a_full_width_key_alone_means_the_plain_one() -> None:
    assert allocate(prices={"\uff36\uff34\uff29": "250", "BND": "80"}).trades == allocate().trades


NO_IDS = ["", "V\x00TI", "\u0410APL", "\u202eITV", "V\u200dTI", "🚀", "../x", "A" * 10_000, " VTI"]


@pytest.mark.parametrize("name", NO_IDS, ids=ascii)
def test_what_cannot_be_an_asset_id_is_refused(name: str) -> None:
    with pytest.raises(AssetIdError):
        allocate({name: 1})
    with pytest.raises(AssetIdError):
        allocate(held={name: 1})
    with pytest.raises(AssetIdError):
        allocate(locks=Locks(no_buy=[name]))


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="7"):
        allocate({7: 1})


@pytest.mark.parametrize("name", ["BRK.B", "BRK/B", "US0378331005:XNAS:USD"])
def test_common_ids_are_taken(name: str) -> None:
    assert allocate({name: 1}, {name: 10}, {}).trades[0].quantity == 100


def test_short_positions_need_permission() -> None:
    with pytest.raises(ShortPositionError, match="quantity of VTI is -1, below 0"):
        allocate(held={"VTI": -1})

    found = allocate({"VTI": 1}, held={"VTI": -1}, allow_short=True)

    assert [trade.quantity for trade in found.trades] == [4]  # 1,000 − 250 = 3 shares' worth


OPTIONS: dict[str, tuple[dict[str, Any], type[SteelyardError], str]] = {
    "mode": ({"mode": "sell"}, ChoiceError, "mode is 'sell': it must be one of rebalance, buy_only"),
    "objective": ({"objective": "l3"}, ChoiceError, "objective is 'l3'"),
    "band above 1": ({"band": Band(absolute=5)}, RangeError, "band.absolute is 5: it must be a fraction"),
    "band below 0": ({"band": Band(relative="-0.1")}, RangeError, "band.relative is -0.1"),
    "places": ({"trading": Trading(places=13)}, RangeError, "places of BND is 13"),
    "places in part": ({"trading": Trading(places={"VTI": 1.5})}, RangeError, "places of VTI is 1.5"),  # type: ignore[dict-item]  # wrong on purpose
    "lot of 0": (
        {"trading": Trading(lot_size={"VTI": 0})},
        RangeError,
        "lot_size of VTI is 0: it must be above 0",
    ),
    "lots and places": (
        {"trading": Trading(places=2, lot_size={"VTI": 10})},
        OptionsConflictError,
        "places of VTI and lot_size of VTI say two things about the same",
    ),
    "minimum": ({"trading": Trading(minimum_value=-1)}, RangeError, "minimum_value of BND is -1"),
    "maximum": ({"trading": Trading(maximum_weight=2)}, RangeError, "maximum_weight of BND is 2"),
    "fee": ({"costs": Costs(fee=-1)}, RangeError, "fee of BND is -1"),
    "spread": ({"costs": Costs(spread=2)}, RangeError, "spread of BND is 2"),
    "cost weight": ({"costs": Costs(weight=-1)}, RangeError, "costs.weight is -1"),
    "two cash targets": (
        {"cash_rules": CashRules(target=1, weight="0.1")},
        OptionsConflictError,
        "cash_rules.target",
    ),
    "locks as text": ({"locks": Locks(hold="VTI")}, RangeError, "locks.hold is 'VTI': it must be a list"),
    "currency": ({"currencies": Currencies("USDX")}, CurrencyError, "currencies.base is 'USDX'"),
    "rate": ({"currencies": Currencies("USD", {"EUR": 0})}, RangeError, "rate of EUR is 0"),
    "own rate": ({"currencies": Currencies("USD", {"USD": 2})}, RangeError, "rate of USD is 2"),
    "no rate": ({"currencies": Currencies("USD", of={"VTI": "EUR"})}, MissingRateError, "EUR has no rate"),
    "cash without base": ({"cash": {"USD": 1}}, CashCurrencyError, "which one is the base"),
}


@pytest.mark.parametrize(("options", "error", "sentence"), OPTIONS.values(), ids=OPTIONS)
def test_an_option_out_of_range_is_named(
    options: dict[str, Any], error: type[SteelyardError], sentence: str
) -> None:
    with pytest.raises(error) as found:
        allocate(**options)

    assert sentence in str(found.value)


def test_no_cash_one_asset_and_nothing_at_all_are_answered() -> None:
    assert allocate(cash=0).status is Status.OPTIMAL
    assert allocate({"VTI": 1}, held={}, cash=999).trades[0].quantity == 3
    nothing = allocate(held={}, cash=0)
    assert nothing.trades == ()
    assert nothing.cash_after == 0
    assert nothing.status is Status.OPTIMAL
