"""How a scope did: returns, gains, risk and what made them, each figure with a trail that it can be made again from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

import numpy as np

from steelyard.analytics.drawdown import find_drawdowns
from steelyard.analytics.figures import MEASURES, Days, measure, measure_trail
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.return_trails import (
    annual_trail,
    currency_effect_trail,
    modified_dietz_trail,
    money_weighted_trail,
    time_weighted_trail,
)
from steelyard.analytics.time_weighted import Growth, link
from steelyard.analytics.track_record import contributions
from steelyard.analytics.trail import Convention, Trail, Unit, known
from steelyard.domain.transaction import Fault, describe_fault
from steelyard.errors import NotFoundError
from steelyard.services.money_trails import MONEY_TRAILS
from steelyard.services.portfolio import reading
from steelyard.services.scope import nearest
from steelyard.services.track_record import LEVELS, PerformanceCache, Question, Workings, read_workings
from steelyard.storage.connection import ReadSession

Number = Decimal | float

RETURNS: Final = (
    "time_weighted_return",
    "annual_return",
    "money_weighted_return",
    "modified_dietz_return",
    "currency_effect",
)
MONEY: Final = tuple(MONEY_TRAILS)
RISK: Final = (
    "volatility",
    "max_drawdown",
    "recovery_days",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "omega_ratio",
    "value_at_risk",
    "expected_shortfall",
    "position_volatility",
)
RELATIVE: Final = (
    "benchmark_return",
    "alpha",
    "beta",
    "tracking_error",
    "information_ratio",
    "up_capture",
    "down_capture",
)
FIGURES: Final = (*RETURNS, *MONEY, *RISK, *RELATIVE)
"""Every figure of a performance, in the order people read them."""
