"""Models of models: their weights flattened exactly, their drift at every level, and what is refused."""

from decimal import Decimal

import pytest

from steelyard.domain.amount import AmountError
from steelyard.domain.asset import AssetIdError
from steelyard.domain.model_portfolio import (
    ModelCycleError,
    ModelPortfolio,
    ModelWeightError,
    UnknownModelError,
    flatten_model,
)
from steelyard.rebalancing.drift import (
    ModelDrift,
    calculate_drift,
    calculate_model_drift,
    calculate_total_drift,
    calculate_weights,
    is_outside,
)
from steelyard.rebalancing.options import Band


def book(*models: ModelPortfolio) -> dict[str, ModelPortfolio]:
    return {model.name: model for model in models}


EUROPE = ModelPortfolio("europe", {"VGK": "0.75", "EWU": "0.25"})
EQUITY = ModelPortfolio("equity", {"VTI": "0.6", "MIX": "0.2"}, {"europe": "0.2"})
BONDS = ModelPortfolio("bonds", {"BND": "0.9", "MIX": "0.1"})
BALANCED = ModelPortfolio("balanced", {}, {"equity": "0.5", "bonds": "0.4"}, cash="0.1")
MODELS = book(EUROPE, EQUITY, BONDS, BALANCED)


def test_an_asset_in_several_models_adds_up() -> None:
    weights, cash = flatten_model(MODELS, "balanced")

    assert {name: str(weight) for name, weight in weights.items()} == {
        "BND": "0.36",
        "EWU": "0.025",
        "MIX": "0.14",  # 0.5 · 0.2 + 0.4 · 0.1
        "VGK": "0.075",
        "VTI": "0.3",
    }
    assert cash == Decimal("0.1")
    assert sum(weights.values(), cash) == 1


def test_weights_finer_than_twelve_decimals_are_rounded_and_still_sum_to_one() -> None:
    third = {"A": "0.333333333333", "B": "0.333333333333", "C": "0.333333333334"}
    models = book(ModelPortfolio("inner", third), ModelPortfolio("outer", {"D": "0.7"}, {"inner": "0.3"}))

    weights, _ = flatten_model(models, "outer")

    assert sum(weights.values()) == 1
    assert {str(weight) for name, weight in weights.items() if name != "D"} == {"0.1"}


def test_an_asset_to_be_sold_stays_with_a_weight_of_zero() -> None:
    assert flatten_model(book(ModelPortfolio("m", {"A": 1, "OLD": 0})), "m") == (
        {"A": Decimal(1), "OLD": Decimal(0)},
        Decimal(0),
    )


WRONG = {
    "unknown": (book(ModelPortfolio("m", {}, {"gone": 1})), UnknownModelError, "Model m holds gone, which is no model"),
    "outermost unknown": ({}, UnknownModelError, "There is no model m"),
    "cycle": (
        book(ModelPortfolio("m", {}, {"n": 1}), ModelPortfolio("n", {}, {"o": 1}), ModelPortfolio("o", {}, {"n": 1})),
        ModelCycleError,
        r"Model n contains itself \(n → o → n\)",
    ),
    "itself": (book(ModelPortfolio("m", {}, {"m": 1})), ModelCycleError, r"\(m → m\)"),
    "sum": (book(ModelPortfolio("m", {"A": "0.999999"})), ModelWeightError, "model m sum to 0.999999, 0.000001 less"),
    "empty": (book(ModelPortfolio("m")), ModelWeightError, "model m sum to 0, 1 less than 1"),
    "below 0": (book(ModelPortfolio("m", {"A": 2, "B": -1})), ModelWeightError, "are below 0 for B"),
    "twice": (book(ModelPortfolio("m", {"n": "0.5"}, {"n": "0.5"})), ModelWeightError, "name n twice"),
    "same key": (
        book(ModelPortfolio("m", {"A": "0.5", "\uff21": "0.5"})),
        ModelWeightError,
        "name A twice",
    ),
    "float": (book(ModelPortfolio("m", {"A": 1.0})), AmountError, "weight in model m of A is 1.0, a float"),  # type: ignore[dict-item]  # wrong on purpose
    "asset id": (book(ModelPortfolio("m", {"../A": 1})), AssetIdError, "two dots"),
}  # fmt: skip


@pytest.mark.parametrize(("models", "error", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_in_a_model_is_named(
    models: dict[str, ModelPortfolio], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        flatten_model(models, "m")


def test_drift_is_known_at_every_level() -> None:
    weights = {
        name: Decimal(text)
        for name, text in {"VTI": "0.4", "VGK": "0.1", "BND": "0.3", "MIX": "0.14"}.items()
    }
    drift = {
        found.path: found
        for found in calculate_model_drift(MODELS, "balanced", weights, cash=Decimal("0.06"))
    }

    assert drift["balanced",] == ModelDrift(("balanced",), Decimal(1), Decimal(1), Decimal(0), Decimal("0.1"))
    # equity: VTI 0.40, 10/14 of MIX 0.10, Europe 0.10; its target is 0.50
    equity = drift["balanced", "equity"]
    assert (equity.weight, equity.drift) == (Decimal("0.6"), Decimal("0.1"))
    assert equity.total_drift == Decimal("0.05")  # VTI is 0.1 over, the rest on target
    bonds = drift["balanced", "bonds"]
    assert (bonds.weight, bonds.drift, bonds.total_drift) == (
        Decimal("0.34"),
        Decimal("-0.06"),
        Decimal("0.03"),
    )
    europe = drift["balanced", "equity", "europe"]
    assert (europe.weight, europe.drift, europe.total_drift) == (Decimal("0.1"), Decimal(0), Decimal("0.025"))


def test_an_asset_without_any_target_counts_evenly_where_it_stands() -> None:
    models = book(
        ModelPortfolio("a", {"X": 1, "OLD": 0}),
        ModelPortfolio("b", {"Y": 1, "OLD": 0}),
        ModelPortfolio("m", {}, {"a": "0.5", "b": "0.5"}),
    )
    weights = {"X": Decimal("0.4"), "Y": Decimal("0.4"), "OLD": Decimal("0.2")}

    found = calculate_model_drift(models, "m", weights, cash=Decimal(0))

    assert [(one.weight, one.drift) for one in found[1:]] == [(Decimal("0.5"), Decimal(0))] * 2


# ── Weights and drift ───────────────────────────────────────────────────────────────────────────────────


def test_weights_of_nothing_are_zero() -> None:
    assert calculate_weights({"A": Decimal(0)}, Decimal(0)) == {"A": 0}


def test_total_drift_is_what_must_change_hands() -> None:
    weights = {"A": Decimal("0.5"), "B": Decimal("0.5")}
    drift = calculate_drift(weights, {"A": Decimal("0.2"), "C": Decimal("0.8")})

    assert drift == {"A": Decimal("0.3"), "B": Decimal("0.5"), "C": Decimal("-0.8")}
    assert calculate_total_drift(drift) == Decimal("0.8")


@pytest.mark.parametrize(
    ("drift", "target", "band", "outside"),
    [
        ("0.05", "0.4", Band(absolute="0.05"), False),
        ("0.050000000001", "0.4", Band(absolute="0.05"), True),
        ("-0.050000000001", "0.4", Band(absolute="0.05"), True),
        ("0.1", "0.4", Band(relative="0.25"), False),
        ("0.11", "0.4", Band(relative="0.25"), True),
        ("0.02", "0.1", Band(absolute="0.05", relative="0.25"), False),
        ("0.03", "0.1", Band(absolute="0.05", relative="0.25"), True),
        ("0.06", "0.8", Band(absolute="0.05", relative="0.25"), True),
        ("0.000000000001", "0", Band(absolute="0.05"), True),
        ("0.000000000001", "0.4", Band(), True),
    ],
)
def test_the_narrower_band_decides_and_zero_has_none(
    drift: str, target: str, band: Band, *, outside: bool
) -> None:
    assert is_outside(Decimal(drift), Decimal(target), band) is outside


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (ModelPortfolio("m", {"A": "1.5"}), "sum to 1.5, 0.5 more than 1"),
        (ModelPortfolio("m", {"A": "0.5"}), "sum to 0.5, 0.5 less than 1"),
        (ModelPortfolio("m", {"A": "1.5"}, cash="-0.5"), "are below 0 for cash"),
        (ModelPortfolio("m", {"A": "0.5"}, {"A": "0.5"}), "name A twice, as an asset and as a model"),
        (ModelPortfolio("m", {"A": "0.5", "\uff21": "0.5"}), "name A twice"),
    ],
)
def test_the_model_and_what_is_wrong_with_its_weights_are_named(model: ModelPortfolio, sentence: str) -> None:
    with pytest.raises(ModelWeightError) as refused:
        flatten_model(book(model), "m")

    assert str(refused.value) == f"The weights of model m {sentence}: correct them."
