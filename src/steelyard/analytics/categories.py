"""Words for figures: how risky, how well, how big. NaN is UNKNOWN."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from steelyard.analytics.observations import FloatArray

LabelArray = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Bounds of the categories; the defaults are the house's, a tenant may have its own.

    Attributes:
        high_risk: from this value at risk on, risk is HIGH (fraction of value, positive = loss).
        medium_risk: from this value at risk on, MEDIUM; below, LOW.
        outperforming: above this total return, OUTPERFORMING (fraction).
        underperforming: below this total return, UNDERPERFORMING; between, NEUTRAL.
        large_position: above this market value, LARGE (base currency).
        medium_position: above this market value, MEDIUM; up to it, SMALL.
    """

    high_risk: float = 0.03
    medium_risk: float = 0.02
    outperforming: float = 0.15
    underperforming: float = 0.04
    large_position: float = 1_000_000
    medium_position: float = 100_000


class RiskCategory(StrEnum):
    """How much a day may lose."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    UNKNOWN = "UNKNOWN"


class PerformanceCategory(StrEnum):
    """How a year went."""

    OUTPERFORMING = "OUTPERFORMING"
    NEUTRAL = "NEUTRAL"
    UNDERPERFORMING = "UNDERPERFORMING"
    UNKNOWN = "UNKNOWN"


class PositionSize(StrEnum):
    """How much is held."""

    LARGE = "LARGE"
    MEDIUM = "MEDIUM"
    SMALL = "SMALL"
    UNKNOWN = "UNKNOWN"


def risk_categories(value_at_risk: FloatArray, thresholds: Thresholds) -> LabelArray:
    """Name the risk of each value at risk, a positive fraction; any shape, the same comes back.

    >>> risk_categories(np.array([0.03, 0.02, 0.01, np.nan]), Thresholds()).tolist()
    ['HIGH', 'MEDIUM', 'LOW', 'UNKNOWN']
    """
    return _first_label(
        {
            RiskCategory.UNKNOWN: np.isnan(value_at_risk),
            RiskCategory.HIGH: value_at_risk >= thresholds.high_risk,
            RiskCategory.MEDIUM: value_at_risk >= thresholds.medium_risk,
        },
        otherwise=RiskCategory.LOW,
    )


def performance_categories(total_return: FloatArray, thresholds: Thresholds) -> LabelArray:
    """Name the performance of each total return, a fraction; any shape, the same comes back.

    >>> performance_categories(np.array([0.16, 0.15, 0.03, np.nan]), Thresholds()).tolist()
    ['OUTPERFORMING', 'NEUTRAL', 'UNDERPERFORMING', 'UNKNOWN']
    """
    return _first_label(
        {
            PerformanceCategory.UNKNOWN: np.isnan(total_return),
            PerformanceCategory.OUTPERFORMING: total_return > thresholds.outperforming,
            PerformanceCategory.UNDERPERFORMING: total_return < thresholds.underperforming,
        },
        otherwise=PerformanceCategory.NEUTRAL,
    )


def position_sizes(market_value: FloatArray, thresholds: Thresholds) -> LabelArray:
    """Name the size of each market value in base currency; any shape, the same comes back.

    >>> position_sizes(np.array([1_000_001.0, 1_000_000.0, 100_000.0, np.nan]), Thresholds()).tolist()
    ['LARGE', 'MEDIUM', 'SMALL', 'UNKNOWN']
    """
    return _first_label(
        {
            PositionSize.UNKNOWN: np.isnan(market_value),
            PositionSize.LARGE: market_value > thresholds.large_position,
            PositionSize.MEDIUM: market_value > thresholds.medium_position,
        },
        otherwise=PositionSize.SMALL,
    )


def _first_label(conditions: dict[StrEnum, NDArray[np.bool_]], *, otherwise: StrEnum) -> LabelArray:
    """Take the first label whose condition holds."""
    labels = [np.str_(label) for label in conditions]
    return np.select(list(conditions.values()), labels, np.str_(otherwise))
