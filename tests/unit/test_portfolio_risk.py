"""What the risk of a portfolio refuses, and the rules that only single cases show."""

import numpy as np
import pytest

from steelyard.analytics.portfolio_risk import (
    ExposureShapeError,
    UnknownExposureError,
    portfolio_expected_shortfall,
    portfolio_value_at_risk,
    portfolio_volatility,
    simulate,
)
from steelyard.analytics.risk import ConfidenceError

NAN = float("nan")
DAYS = np.array([[-0.04, 0.01], [0.02, -0.03], [0.01, 0.02]])
BOTH = np.array([100.0, 100.0])


def test_a_day_without_a_return_of_something_held_is_no_scenario() -> None:
    returns = np.array([[0.01, NAN], [NAN, 0.01], [0.02, 0.02]])

    assert simulate(BOTH, returns).rows.tolist() == [2]
    assert simulate(np.array([100.0, 0.0]), returns).rows.tolist() == [0, 2]
    assert simulate(np.zeros(2), returns).rows.tolist() == [0, 1, 2]


def test_rows_are_those_of_the_returns_that_were_given() -> None:
    returns = np.vstack([[NAN, 0.5], DAYS])

    risk = portfolio_expected_shortfall(simulate(BOTH, returns), confidence=0.75)

    assert risk.rows.tolist() == [1]
    assert simulate(BOTH, returns).rows[0] == 1


def test_a_short_position_gains_where_its_asset_falls() -> None:
    risk = portfolio_expected_shortfall(simulate(np.array([-100.0, 0.0]), DAYS), confidence=0.75)

    assert risk.whole == pytest.approx(2.0)
    assert risk.component.tolist() == [pytest.approx(2.0), 0.0]


def test_what_is_not_held_has_a_marginal_and_no_part() -> None:
    risk = portfolio_value_at_risk(simulate(np.array([100.0, 0.0]), DAYS), confidence=0.999999999999)

    assert risk.whole == pytest.approx(4.0)
    assert risk.marginal.tolist() == [pytest.approx(0.04), pytest.approx(-0.01)]
    assert (risk.component[1], risk.incremental[1]) == (0.0, 0.0)


def test_an_unknown_return_of_what_is_not_held_leaves_its_marginal_unknown() -> None:
    returns = np.column_stack([DAYS[:, 0], [NAN, 0.01, 0.02]])
    scenarios = simulate(np.array([100.0, 0.0]), returns)

    for risk in (
        portfolio_volatility(scenarios, periods_per_year=1, ddof=1),
        portfolio_value_at_risk(scenarios, confidence=0.9),
        portfolio_expected_shortfall(scenarios, confidence=0.9),
    ):
        assert np.isnan(risk.marginal[1])
        assert (risk.component[1], risk.incremental[1]) == (0.0, 0.0)
        assert risk.component[0] == pytest.approx(risk.whole)


def test_parts_of_a_value_at_risk_of_nothing_stay() -> None:
    days = np.array([[0.01, -0.01], [0.02, 0.02], [0.03, 0.03]])

    risk = portfolio_value_at_risk(simulate(BOTH, days), confidence=0.999999999999)

    assert risk.whole == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(risk.component, [-1.0, 1.0], atol=1e-9)


def test_a_portfolio_that_never_moves_has_no_parts() -> None:
    days = np.array([[0.5, -0.5], [0.25, -0.25], [-0.125, 0.125]])

    risk = portfolio_volatility(simulate(BOTH, days), periods_per_year=252, ddof=1)

    assert risk.whole == 0.0
    assert risk.component.tolist() == [0.0, 0.0]
    assert np.isnan(risk.marginal).all()
    assert (risk.incremental < 0).all()


def test_of_equal_days_the_earliest_counts() -> None:
    days = np.array([[0.02, 0.0], [-0.01, -0.03], [-0.03, -0.01], [0.03, 0.0], [0.04, 0.0]])

    risk = portfolio_value_at_risk(simulate(BOTH, days), confidence=0.999999999999)

    assert risk.rows[0] == 1
    np.testing.assert_allclose(risk.component, [1.0, 3.0], atol=1e-9)


@pytest.mark.parametrize(
    "returns", [np.empty((0, 2)), np.full((3, 2), NAN)], ids=["no days", "no known days"]
)
def test_without_scenarios_nothing_is_known(
    returns: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    scenarios = simulate(np.array([100.0, 50.0]), returns)

    for risk in (
        portfolio_volatility(scenarios, periods_per_year=252, ddof=1),
        portfolio_value_at_risk(scenarios, confidence=0.95),
        portfolio_expected_shortfall(scenarios, confidence=0.95),
    ):
        assert np.isnan(risk.whole)
        assert np.isnan(risk.component).all()
        assert np.isnan(risk.incremental).all()
        assert len(risk.rows) == 0


def test_one_scenario_is_the_whole_tail() -> None:
    scenarios = simulate(BOTH, DAYS[:1])

    for measure in (portfolio_value_at_risk, portfolio_expected_shortfall):
        risk = measure(scenarios, confidence=0.95)
        assert risk.whole == pytest.approx(3.0)
        assert risk.rows.tolist() == [0]
    assert np.isnan(portfolio_volatility(scenarios, periods_per_year=252, ddof=1).whole)


def test_an_empty_portfolio_risks_nothing() -> None:
    scenarios = simulate(np.zeros(2), DAYS)

    assert portfolio_value_at_risk(scenarios, confidence=0.95).whole == 0.0
    assert portfolio_volatility(scenarios, periods_per_year=252, ddof=1).whole == 0.0


def test_an_unknown_exposure_is_refused_by_its_asset() -> None:
    with pytest.raises(UnknownExposureError, match="exposure to asset 1 is unknown"):
        simulate(np.array([1.0, NAN]), DAYS)


@pytest.mark.parametrize("exposures", [np.ones(3), np.ones((3, 2)), np.ones((1, 2))])
def test_exposures_that_do_not_fit_are_refused(
    exposures: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> None:
    with pytest.raises(ExposureShapeError, match=r"give \[asset\] and \[day, asset\]"):
        simulate(exposures, DAYS)


def test_returns_of_one_asset_alone_are_refused() -> None:
    with pytest.raises(ExposureShapeError):
        simulate(np.ones(2), DAYS[:, 0])


@pytest.mark.parametrize("measure", [portfolio_value_at_risk, portfolio_expected_shortfall])
def test_a_confidence_in_percent_is_refused(measure: type) -> None:
    with pytest.raises(ConfidenceError, match=r"such as 0\.95"):
        measure(simulate(BOTH, DAYS), confidence=95.0)
