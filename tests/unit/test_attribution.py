"""What attribution refuses, and the rules that only single cases show."""

from collections.abc import Callable

import numpy as np
import pytest

from steelyard.analytics.attribution import (
    CancellingWeightsError,
    Effects,
    GroupShapeError,
    LevelError,
    Model,
    Side,
    UnknownGroupError,
    WeightSumsError,
    brinson,
    grouped,
    nested_brinson,
)
from steelyard.analytics.factor_attribution import (
    FactorShapeError,
    UnknownLoadingError,
    attribute_to_factors,
)
from steelyard.analytics.linking import (
    EffectSumError,
    Linking,
    PeriodsError,
    UnknownContributionError,
    UnlinkableReturnError,
    link_contributions,
    link_effects,
    linking_coefficients,
)

NAN = float("nan")
HALVES = [0.5, 0.5]
FACHLER = Model.BRINSON_FACHLER


def side(weights: list[float], returns: list[float]) -> Side:
    return Side(np.array(weights), np.array(returns))


def test_a_group_that_one_side_does_not_hold_is_allocation_alone() -> None:
    portfolio = side([0.5, 0.0, 0.5], [0.10, NAN, 0.02])
    benchmark = side([0.0, 0.5, 0.5], [NAN, 0.04, 0.06])  # 5 % as a whole

    effects = brinson(portfolio, benchmark, model=FACHLER)

    np.testing.assert_allclose(
        effects.allocation, [0.5 * (0.10 - 0.05), -0.5 * (0.04 - 0.05), 0.0], atol=1e-15
    )
    np.testing.assert_allclose(effects.selection, [0.0, 0.0, 0.5 * (0.02 - 0.06)], atol=1e-15)
    np.testing.assert_allclose(effects.interaction, 0.0, atol=1e-15)


def test_a_return_at_a_weight_of_zero_is_not_looked_at() -> None:
    benchmark = side(HALVES, [0.04, 0.06])
    unknown, stated = (
        brinson(side([0.0, 1.0], [value, 0.02]), benchmark, model=FACHLER) for value in (NAN, 9.0)
    )

    assert np.array_equal(unknown.total, stated.total)


KNOWN = side(HALVES, [0.1, 0.1])


@pytest.mark.parametrize(
    ("portfolio", "benchmark", "sentence"),
    [
        (side(HALVES, [0.1, NAN]), KNOWN, "portfolio has a weight of 0.5 and a return of nan in group 1"),
        (KNOWN, side([NAN, 0.5], [0.1, 0.1]), "benchmark has a weight of nan and a return of 0.1 in group 0"),
    ],
)
def test_what_is_unknown_is_refused_by_name(portfolio: Side, benchmark: Side, sentence: str) -> None:
    with pytest.raises(UnknownGroupError, match=sentence):
        brinson(portfolio, benchmark, model=FACHLER)


@pytest.mark.parametrize("model", Model)
def test_sides_of_different_size_are_refused(model: Model) -> None:
    with pytest.raises(
        WeightSumsError, match=r"portfolio sum to 1, those of the benchmark to 0\.97; add what is"
    ):
        brinson(side(HALVES, HALVES), side([0.5, 0.47], HALVES), model=model)


def test_a_rounding_difference_of_the_sums_passes() -> None:
    thirds = [1 / 3] * 3

    effects = brinson(side(thirds, [0.1, 0.2, 0.3]), side([0.1, 0.2, 0.7], [0.1, 0.2, 0.3]), model=FACHLER)

    assert float(effects.total.sum()) == pytest.approx(0.2 - 0.26)


@pytest.mark.parametrize(
    "benchmark", [side([1.0], [0.1]), side(HALVES, [0.1]), Side(np.ones((1, 2)), np.ones((1, 2)))]
)
def test_sides_of_other_groups_are_refused(benchmark: Side) -> None:
    with pytest.raises(GroupShapeError, match="one number of each for every group"):
        brinson(side(HALVES, HALVES), benchmark, model=FACHLER)


def test_two_panels_are_not_sides() -> None:
    panel = Side(np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(GroupShapeError):
        brinson(panel, panel, model=FACHLER)


def test_groups_without_assets_have_no_return() -> None:
    summed = grouped(side([0.4, 0.6], [0.1, 0.2]), np.array([0, 2]))

    np.testing.assert_allclose(summed.weights, [0.4, 0.0, 0.6])
    np.testing.assert_allclose(summed.returns, [0.1, NAN, 0.2])


def test_an_asset_that_is_not_held_needs_no_return() -> None:
    summed = grouped(side([1.0, 0.0], [0.1, NAN]), np.array([0, 0]))

    assert summed.returns.tolist() == [pytest.approx(0.1)]


def test_long_and_short_that_cancel_are_refused_with_what_they_earned() -> None:
    with pytest.raises(CancellingWeightsError, match=r"portfolio in group 1 cancel to 0 and earn 0\.02"):
        grouped(side([1.0, 0.2, -0.2], [0.1, 0.1, 0.0]), np.array([0, 1, 1]))


def test_long_and_short_that_cancel_and_earn_nothing_are_nothing() -> None:
    hedged = side([1.0, 0.1 + 0.2, -0.3], [0.1, 0.05, 0.05])  # cancels to 5.6e-17

    summed = grouped(hedged, np.array([0, 1, 1]))

    assert summed.total == pytest.approx(0.1, abs=1e-15)


def test_assets_without_a_group_are_refused() -> None:
    with pytest.raises(GroupShapeError):
        grouped(side(HALVES, HALVES), np.array([0]))


def test_a_group_in_two_groups_above_is_refused() -> None:
    levels = [np.array([0, 1, 1]), np.array([0, 0, 1])]
    thirds = side([0.2, 0.3, 0.5], [0.1, 0.1, 0.1])

    with pytest.raises(LevelError, match="Group 0 of level 1 lies in several groups"):
        nested_brinson(thirds, thirds, levels=levels, model=FACHLER)


def test_within_a_country_that_the_benchmark_does_not_hold_nothing_is_left() -> None:
    portfolio = side([0.5, 0.3, 0.2], [0.02, 0.10, 0.05])
    benchmark = side([1.0, 0.0, 0.0], [0.02, NAN, NAN])
    levels = [np.array([0, 1, 1]), np.array([0, 1, 2])]

    effects = nested_brinson(portfolio, benchmark, levels=levels, model=FACHLER)

    np.testing.assert_allclose(effects.allocation[0], [0.0, 0.3 * 0.10 + 0.2 * 0.05 - 0.5 * 0.02], atol=1e-15)
    for rest in (effects.allocation[1], effects.selection, effects.interaction):
        np.testing.assert_allclose(rest, 0.0, atol=1e-15)


@pytest.mark.parametrize("name", ["portfolio", "benchmark"])
def test_levels_say_on_which_side_weights_cancel(name: str) -> None:
    plain, hedged = side([1.0, 0.0, 0.0], [0.1, 0.1, 0.1]), side([1.0, 0.2, -0.2], [0.1, 0.1, 0.0])
    sides = (hedged, plain) if name == "portfolio" else (plain, hedged)

    with pytest.raises(CancellingWeightsError, match=f"The weights of the {name} in group 1 cancel"):
        nested_brinson(*sides, levels=[np.array([0, 1, 1])], model=FACHLER)


def test_nothing_has_no_effects() -> None:
    nothing, nowhere = side([], []), np.empty(0, dtype=np.int64)

    assert brinson(nothing, nothing, model=FACHLER).total.tolist() == []
    assert nested_brinson(nothing, nothing, levels=[nowhere, nowhere], model=FACHLER).total == 0.0


SENTENCES: dict[Callable[[], Exception], str] = {
    lambda: UnknownGroupError("portfolio", 3, 0.5, NAN): (
        "The portfolio has a weight of 0.5 and a return of nan in group 3; give every weight, 0 for none, and the "
        "return wherever it is not 0."
    ),
    lambda: CancellingWeightsError("benchmark", 1, -0.02): (
        "The weights of the benchmark in group 1 cancel to 0 and earn -0.02; put its long and its short part into "
        "groups of their own."
    ),
    lambda: WeightSumsError(1.0, 0.97): (
        "The weights of the portfolio sum to 1, those of the benchmark to 0.97; add what is missing as a group, cash "
        "for one."
    ),
    lambda: GroupShapeError([(2,), (3,)]): (
        "Weights, returns and groups have the shapes (2,), (3,); give one number of each for every group."
    ),
    lambda: LevelError(1, 4): (
        "Group 4 of level 1 lies in several groups of the level above; give each part a number of its own."
    ),
}


@pytest.mark.parametrize(("error", "sentence"), SENTENCES.items())
def test_an_error_says_what_to_do(error: Callable[[], Exception], sentence: str) -> None:
    assert str(error()) == sentence


# ── Linking ─────────────────────────────────────────────────────────────────────────────────────────────


def test_menchero_as_in_his_paper() -> None:
    """One factor for all, and what is left in proportion to each difference, worked out by hand for two periods."""
    own, market = np.array([0.10, 0.21]), np.array([0.0, 0.21])  # 33.1 % against 21 %
    factor = (0.331 - 0.21) / 2 / (1.331**0.5 - 1.21**0.5)
    left = (0.331 - 0.21 - factor * 0.10) / 0.10**2

    found = linking_coefficients(own, market, linking=Linking.MENCHERO)

    np.testing.assert_allclose(found, [factor + left * 0.10, factor])


def test_menchero_where_nothing_differs() -> None:
    returns = np.array([0.0, 0.44])

    np.testing.assert_allclose(linking_coefficients(returns, returns, linking=Linking.MENCHERO), 1.2)


def test_carino_where_nothing_differs() -> None:
    returns = np.array([0.0, 0.44])

    found = linking_coefficients(returns, returns, linking=Linking.CARINO)

    np.testing.assert_allclose(found, [1.44, 1.0])  # what the other period makes of one unit


@pytest.mark.parametrize("linking", Linking)
def test_rounding_is_not_spread_over_the_periods(linking: Linking) -> None:
    returns = np.array([0.1, 0.2])

    found = linking_coefficients(returns + 1e-15, returns, linking=linking)

    assert np.all((found > 1.0) & (found < 1.3))


@pytest.mark.parametrize("linking", Linking)
def test_without_periods_nothing_is_linked(linking: Linking) -> None:
    assert linking_coefficients(np.empty(0), np.empty(0), linking=linking).tolist() == []
    assert link_contributions(np.empty((0, 2)), linking=linking).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("linking", Linking)
@pytest.mark.parametrize("loss", [-1.0, -1.5, NAN])
def test_a_total_loss_and_an_unknown_return_are_refused_by_their_period(
    linking: Linking, loss: float
) -> None:
    for pair in (([0.1, loss], [0.1, 0.1]), ([0.1, 0.1], [0.1, loss])):
        with pytest.raises(UnlinkableReturnError, match=f"return of period 1 is {loss:g}; only"):
            linking_coefficients(np.array(pair[0]), np.array(pair[1]), linking=linking)


def test_effects_of_other_returns_are_refused() -> None:
    effects = Effects(np.array([0.01]), np.array([0.01]), np.array([0.0]))

    with pytest.raises(
        EffectSumError, match=r"effects of period 1 sum to 0\.02 and its returns differ by 0\.03"
    ):
        link_effects([effects] * 2, np.array([0.02, 0.03]), np.zeros(2), linking=Linking.CARINO)


def test_an_unknown_effect_is_refused() -> None:
    effects = Effects(np.array([NAN]), np.array([0.01]), np.array([0.0]))

    with pytest.raises(EffectSumError, match="effects of period 0 sum to nan"):
        link_effects([effects], np.array([0.02]), np.zeros(1), linking=Linking.CARINO)


def test_other_numbers_of_periods_are_refused() -> None:
    effects = Effects(np.array([0.01]), np.array([0.01]), np.array([0.0]))
    with pytest.raises(PeriodsError, match="There are 1, 2 periods; give as many of each"):
        link_effects([effects], np.zeros(2), np.zeros(2), linking=Linking.CARINO)
    with pytest.raises(PeriodsError, match="There are 2, 1 periods"):
        linking_coefficients(np.zeros(2), np.zeros(1), linking=Linking.CARINO)


def test_an_unknown_contribution_is_refused_by_its_place() -> None:
    with pytest.raises(UnknownContributionError, match="part 2 in period 1 is unknown"):
        link_contributions(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, NAN]]), linking=Linking.CARINO)


# ── Factors ─────────────────────────────────────────────────────────────────────────────────────────────


def test_tilt_is_the_average_exposure_and_timing_the_rest() -> None:
    weights = np.array([[1.0, 0.0], [0.5, 0.5]])
    loadings = np.broadcast_to(np.array([[2.0, 0.0], [0.0, 1.0]]), (2, 2, 2))
    factor_returns = np.array([[0.01, 0.02], [0.03, -0.02]])

    effects = attribute_to_factors(np.array([0.05, 0.05]), weights, loadings, factor_returns)

    np.testing.assert_allclose(effects.exposures, [[2.0, 0.0], [1.0, 0.5]])
    np.testing.assert_allclose(effects.factors, [[0.02, 0.0], [0.03, -0.01]])
    np.testing.assert_allclose(effects.common + effects.specific, 0.05)
    np.testing.assert_allclose(effects.tilt, [1.5 * 0.01 + 0.25 * 0.02, 1.5 * 0.03 - 0.25 * 0.02])
    np.testing.assert_allclose(effects.tilt + effects.timing, effects.common)


def test_a_loading_that_nobody_needs_may_be_unknown() -> None:
    loadings = np.array([[[1.0], [NAN]]])

    effects = attribute_to_factors(np.array([0.1]), np.array([[1.0, 0.0]]), loadings, np.array([[0.1]]))

    assert effects.common.tolist() == [0.1]
    with pytest.raises(
        UnknownLoadingError, match="Asset 1 is held on day 0 and its loading on factor 0 is unknown"
    ):
        attribute_to_factors(np.array([0.1]), np.array([[1.0, 0.1]]), loadings, np.array([[0.1]]))


def test_no_days_have_no_effects() -> None:
    effects = attribute_to_factors(np.empty(0), np.empty((0, 2)), np.empty((0, 2, 3)), np.empty((0, 3)))

    assert effects.tilt.shape == effects.common.shape == (0,)
    assert effects.exposures.shape == (0, 3)


@pytest.mark.parametrize("place", range(4))
def test_factors_that_do_not_fit_are_refused(place: int) -> None:
    arrays = [np.zeros(3), np.zeros((3, 2)), np.zeros((3, 2, 4)), np.zeros((3, 4))]
    arrays[place] = arrays[place][1:]

    with pytest.raises(FactorShapeError, match=r"\[day, asset, factor\]"):
        attribute_to_factors(*arrays)
