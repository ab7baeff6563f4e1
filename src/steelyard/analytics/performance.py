"""Performance of groups over a period: every return, the gain in money, and the conventions they stand on."""

from dataclasses import dataclass

import numpy as np

from steelyard.analytics.day_count import DayCount, annualise, elapsed_years
from steelyard.analytics.modified_dietz import modified_dietz
from steelyard.analytics.money_weighted import Rates, money_weighted_return
from steelyard.analytics.observations import FloatArray, IntArray
from steelyard.analytics.time_weighted import (
    FlowTiming,
    Growth,
    currency_effect,
    grow,
    invested_span,
    link,
    local_growth,
)
from steelyard.analytics.valuation import Valuation


@dataclass(frozen=True, slots=True)
class Conventions:
    """The choices of finance that a performance stands on.

    Attributes:
        timing: when the flows of a day come and go.
        day_count: what makes a year.
        after_fees: whether fees lower the return; else they count as money taken out.
        after_taxes: the same of taxes.
    """

    timing: FlowTiming
    day_count: DayCount
    after_fees: bool
    after_taxes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How groups did from the end of one day to the end of another; arrays are [group].

    Returns are fractions, amounts in the base currency; NaN = not known, or not defined as its line says.

    Attributes:
        conventions: what the figures stand on.
        first: the day whose end is the beginning.
        last: the last day.
        years: from one to the other; of a group that came later or went earlier, the time it was there.
        start_values: at the end of `first`.
        end_values: at the end of `last`.
        flows_in: what came from outside, 0 or above.
        flows_out: what left, 0 or above.
        gains: end − start − in + out.
        currency_gains: what of them exchange rates made; NaN where rates were not told apart.
        time_weighted: over the whole period; NaN without any capital.
        time_weighted_annual: a year; of periods under a year a mere extrapolation.
        local: `time_weighted` had no exchange rate moved.
        currency_effect: (1 + time_weighted) / (1 + local) − 1.
        money_weighted: over the whole period; NaN where no rate solves the flows, or several do.
        money_weighted_annual: a year.
        solutions: how many rates solve the flows; 0 also where something is not known.
        modified_dietz: over the whole period; NaN where the average capital is not above 0.
        gain_without_capital: the part of the gains that no time-weighted return tells of.
        days_without_capital: on how many days there was such a gain.
        days_without_value: on how many days something had no price or rate.
    """

    conventions: Conventions
    first: np.datetime64
    last: np.datetime64
    years: FloatArray
    start_values: FloatArray
    end_values: FloatArray
    flows_in: FloatArray
    flows_out: FloatArray
    gains: FloatArray
    currency_gains: FloatArray
    time_weighted: FloatArray
    time_weighted_annual: FloatArray
    local: FloatArray
    currency_effect: FloatArray
    money_weighted: FloatArray
    money_weighted_annual: FloatArray
    solutions: IntArray
    modified_dietz: FloatArray
    gain_without_capital: FloatArray
    days_without_capital: IntArray
    days_without_value: IntArray


def measure_performance(
    valuation: Valuation, *, at_previous_rates: Valuation | None, timing: FlowTiming, day_count: DayCount
) -> Performance:
    """Measure every group of a valuation from its first row to its last.

    Args:
        valuation: of the period; `Valuation.between` cuts one out.
        at_previous_rates: the same groups and days by `PriceTable.at_previous_rates`, to tell the currency effect
            apart; None = it is not asked for, and is NaN.
        timing: when the flows of a day come and go.
        day_count: what makes a year.
    """
    years = elapsed_years(valuation.dates, day_count=day_count)
    growth = grow(valuation.values, valuation.flows_in, valuation.flows_out, timing=timing)
    came_in, went_out = valuation.flows_in[1:].sum(axis=0), valuation.flows_out[1:].sum(axis=0)
    gains = valuation.values[-1] - valuation.values[0] - came_in + went_out
    whole = link(growth)
    begin, end = invested_span(
        valuation.values, valuation.flows_in, valuation.flows_out, years, timing=timing
    )
    rates = _rates(valuation, years, timing)
    local, effect, currency_gains = _currency(valuation, growth, at_previous_rates, timing)
    return Performance(
        conventions=Conventions(timing, day_count, valuation.after_fees, valuation.after_taxes),
        first=valuation.dates[0],
        last=valuation.dates[-1],
        years=end - begin,
        start_values=valuation.values[0],
        end_values=valuation.values[-1],
        flows_in=came_in,
        flows_out=went_out,
        gains=gains,
        currency_gains=currency_gains,
        time_weighted=whole,
        time_weighted_annual=annualise(whole, years=end - begin),
        local=local,
        currency_effect=effect,
        money_weighted=np.array(
            [one.rate_over(float(length)) for one, length in zip(rates, end - begin, strict=True)],
            dtype=np.float64,
        ),
        money_weighted_annual=np.array([one.rate for one in rates], dtype=np.float64),
        solutions=np.array([len(one.logarithms) for one in rates], dtype=np.int64),
        modified_dietz=modified_dietz(
            valuation.values, valuation.flows_in, valuation.flows_out, years, timing=timing
        ),
        gain_without_capital=growth.gain_without_capital,
        days_without_capital=growth.days_without_capital,
        days_without_value=np.isnan(valuation.values).sum(axis=0),
    )


def _rates(valuation: Valuation, years: FloatArray, timing: FlowTiming) -> list[Rates]:
    columns = (valuation.values.T, valuation.flows_in.T, valuation.flows_out.T)
    return [
        money_weighted_return(values, came_in, went_out, years, timing=timing)
        for values, came_in, went_out in zip(*columns, strict=True)
    ]


def _currency(
    valuation: Valuation, growth: Growth, at_previous_rates: Valuation | None, timing: FlowTiming
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the local return, the currency effect and the gain in money that rates made."""
    if at_previous_rates is None:
        unknown = np.full(valuation.values.shape[1], np.nan)
        return unknown, unknown, unknown
    local = local_growth(
        valuation.values,
        at_previous_rates=at_previous_rates.values,
        flows_in=at_previous_rates.flows_in,
        flows_out=at_previous_rates.flows_out,
        timing=timing,
    )
    made_by_rates = growth.gains.sum(axis=0) - local.gains.sum(axis=0)
    return link(local), currency_effect(growth, local), made_by_rates
