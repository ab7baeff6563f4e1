"""Categories at their bounds."""

import numpy as np
import pytest

from steelyard.analytics.categories import (
    Thresholds,
    performance_categories,
    position_sizes,
    risk_categories,
)

HOUSE = Thresholds()


@pytest.mark.parametrize(
    ("value_at_risk", "category"),
    [
        (0.03, "HIGH"),
        (np.nextafter(0.03, 0), "MEDIUM"),
        (0.02, "MEDIUM"),
        (np.nextafter(0.02, 0), "LOW"),
        (-0.01, "LOW"),
        (np.inf, "HIGH"),
        (np.nan, "UNKNOWN"),
    ],
)
def test_risk(value_at_risk: float, category: str) -> None:
    assert risk_categories(np.array([value_at_risk]), HOUSE).tolist() == [category]


@pytest.mark.parametrize(
    ("total_return", "category"),
    [
        (np.nextafter(0.15, 1), "OUTPERFORMING"),
        (0.15, "NEUTRAL"),
        (0.04, "NEUTRAL"),
        (np.nextafter(0.04, 0), "UNDERPERFORMING"),
        (-1.0, "UNDERPERFORMING"),
        (np.nan, "UNKNOWN"),
    ],
)
def test_performance(total_return: float, category: str) -> None:
    assert performance_categories(np.array([total_return]), HOUSE).tolist() == [category]


@pytest.mark.parametrize(
    ("market_value", "category"),
    [
        (1_000_000.01, "LARGE"),
        (1_000_000.0, "MEDIUM"),
        (100_000.01, "MEDIUM"),
        (100_000.0, "SMALL"),
        (-5.0, "SMALL"),
        (np.nan, "UNKNOWN"),
    ],
)
def test_size(market_value: float, category: str) -> None:
    assert position_sizes(np.array([market_value]), HOUSE).tolist() == [category]


def test_a_tenant_may_draw_the_lines_elsewhere() -> None:
    strict = Thresholds(high_risk=0.01, outperforming=0.5, large_position=10)
    assert risk_categories(np.array(0.015), strict).tolist() == "HIGH"
    assert performance_categories(np.array(0.4), strict).tolist() == "NEUTRAL"
    assert position_sizes(np.empty(0), strict).tolist() == []
