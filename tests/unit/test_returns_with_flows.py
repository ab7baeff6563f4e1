"""Time-weighted, money-weighted and Dietz returns on numbers that can be checked by hand."""

import math

import numpy as np
import pytest

from posting_columns import days
from steelyard.analytics.day_count import DayCount, annualise, elapsed_years
from steelyard.analytics.modified_dietz import modified_dietz
from steelyard.analytics.money_weighted import (
    CashFlowShapeError,
    RateError,
    internal_rates,
    linked_internal_return,
    money_weighted_return,
    xirr,
    xnpv,
)
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.time_weighted import (
    FlowTiming,
    Growth,
    cumulate,
    currency_effect,
    grow,
    invested_span,
    keep_flow_days,
    link,
    local_growth,
)

NAN = math.nan
START, END, BOTH = FlowTiming.START, FlowTiming.END, FlowTiming.IN_AT_START_OUT_AT_END


def column(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float64)[:, np.newaxis]


def growth(
    *values: float,
    came: list[float] | None = None,
    went: list[float] | None = None,
    timing: FlowTiming = BOTH,
) -> Growth:
    nothing = [0.0] * len(values)
    return grow(column(*values), column(*(came or nothing)), column(*(went or nothing)), timing=timing)


@pytest.mark.parametrize(
    ("timing", "expected"), [(START, 1100 / 1000 - 1), (END, 500 / 400 - 1), (BOTH, 1100 / 1000 - 1)]
)
def test_a_deposit_works_from_the_moment_it_is_there(timing: FlowTiming, expected: float) -> None:
    one = growth(400, 1100, came=[0, 600], timing=timing)
    assert one.returns[1, 0] == pytest.approx(expected)
    assert one.gains[1, 0] == pytest.approx(100)


@pytest.mark.parametrize(
    ("timing", "expected"), [(START, 550 / 400 - 1), (END, 1150 / 1000 - 1), (BOTH, 1150 / 1000 - 1)]
)
def test_a_withdrawal_works_until_it_goes(timing: FlowTiming, expected: float) -> None:
    assert growth(1000, 550, went=[0, 600], timing=timing).returns[1, 0] == pytest.approx(expected)


def test_the_flows_of_the_first_row_are_before_the_period() -> None:
    assert growth(100, 110, came=[70, 0], went=[30, 0]).returns[1, 0] == pytest.approx(0.1)


def test_the_first_row_has_no_return() -> None:
    one = growth(100, 110)
    assert (one.capital[0, 0], one.became[0, 0]) == (0, 0)
    assert np.isnan(one.returns[0, 0])


def test_everything_sold_in_a_day_has_a_return() -> None:
    assert growth(1000, 0, went=[0, 1010]).returns[1, 0] == pytest.approx(0.01)


def test_a_gain_without_capital_is_kept_apart() -> None:
    one = growth(100, 0, 0, 0, went=[0, 100, 7, 0])
    assert one.capital.ravel().tolist() == [0, 100, 0, 0]
    assert one.gains.ravel().tolist() == [0, 0, 7, 0]
    assert link(one).tolist() == [0]
    assert one.gain_without_capital.tolist() == [7]
    assert one.days_without_capital.tolist() == [1]


def test_a_negative_value_is_no_capital() -> None:
    one = growth(-100, -90, timing=END)
    assert one.capital[1, 0] == 0
    assert one.gain_without_capital.tolist() == [10]
    assert np.isnan(link(one)).tolist() == [True]


def test_rounding_noise_is_no_capital_and_no_gain() -> None:
    noise = 0.1 + 0.2 - 0.3
    one = growth(1000.0, noise, 0, went=[0, 1000.0, 0], timing=BOTH)
    assert link(one)[0] == pytest.approx(0)
    assert one.gain_without_capital.tolist() == [0]
    assert one.capital[2, 0] == 0


def test_a_day_without_a_value_ends_no_sub_period_and_its_flows_count_with_the_next() -> None:
    one = growth(100, NAN, NAN, 330, came=[0, 50, 60, 90])
    assert one.capital.ravel().tolist() == [0, 0, 0, 300]
    assert one.became.ravel().tolist() == [0, 0, 0, 330]
    assert link(one)[0] == pytest.approx(0.1)


def test_without_a_first_or_last_value_nothing_is_known() -> None:
    assert np.isnan(link(growth(NAN, 100, 110))).tolist() == [True]
    assert np.isnan(link(growth(100, 110, NAN))).tolist() == [True]
    assert np.isnan(link(growth(0, 0, NAN, came=[0, 0, 100], timing=END))).tolist() == [True]


def test_a_flow_that_is_not_known_makes_its_day_not_known() -> None:
    one = growth(100, 110, 121, came=[0, NAN, 0])
    assert np.isnan(one.capital.ravel()).tolist() == [False, True, False]
    assert np.isnan(link(one)).tolist() == [True]
    assert np.isnan(growth(100, 110, came=[0, NAN], timing=END).capital[1, 0])


def test_a_total_loss_is_minus_one_for_good() -> None:
    one = growth(100, 0, 50, came=[0, 0, 50])
    assert link(one).tolist() == [-1]
    assert cumulate(one).ravel().tolist() == [0, -1, -1]


def test_a_group_that_never_had_anything_has_no_return() -> None:
    assert np.isnan(link(growth(0, 0, 0))).tolist() == [True]


def test_cumulation_goes_on_over_days_without_capital_and_ends_where_something_is_not_known() -> None:
    one = growth(100, 110, 0, 50, 55, NAN, 60, came=[0, 0, 0, 50, 0, 0, NAN], went=[0, 0, 110, 0, 0, 0, 0])
    assert cumulate(one).ravel()[:6] == pytest.approx([0, 0.1, 0.1, 0.1, 0.21, 0.21])
    assert np.isnan(cumulate(one)[6, 0])


def test_the_values_of_days_without_flows_may_be_forgotten_where_flows_come_at_the_end() -> None:
    values, came = column(100, 105, 160, 170, 187), column(0, 0, 50, 0, 0)
    sparse = keep_flow_days(values, came)
    assert np.isnan(sparse.ravel()).tolist() == [False, True, False, True, False]
    nothing = np.zeros_like(came)
    one, other = (grow(each, came, nothing, timing=END) for each in (values, sparse))
    assert link(one)[0] == pytest.approx(link(other)[0])


def test_the_currency_effect_is_what_rates_add() -> None:
    """100 units at 1 and at 1.1: the price rises by 5 %, the rate by 10 %."""
    values, at_previous = column(100, 115.5), column(100, 105)
    nothing = np.zeros_like(values)
    local = local_growth(
        values, at_previous_rates=at_previous, flows_in=nothing, flows_out=nothing, timing=END
    )
    assert link(local)[0] == pytest.approx(0.05)
    assert currency_effect(growth(100, 115.5), local)[0] == pytest.approx(0.1)


def test_the_currency_effect_is_not_known_after_a_day_without_a_value() -> None:
    values = column(100, NAN, 120)
    nothing = np.zeros_like(values)
    local = local_growth(values, at_previous_rates=values, flows_in=nothing, flows_out=nothing, timing=END)
    assert np.isnan(link(local)).tolist() == [True]


@pytest.mark.parametrize(
    ("timing", "begin", "end"),
    [(START, 0, 2), (END, 1, 3), (BOTH, 0, 3)],
)
def test_a_span_begins_with_the_first_flow_and_ends_with_the_last(
    timing: FlowTiming, begin: float, end: float
) -> None:
    """In on the second row, out on the fourth."""
    span = invested_span(
        column(0, 50, 50, 0, 0),
        column(0, 50, 0, 0, 0),
        column(0, 0, 0, 50, 0),
        np.arange(5.0),
        timing=timing,
    )
    assert [each.tolist() for each in span] == [[begin], [end]]


@pytest.mark.parametrize("timing", FlowTiming)
def test_a_span_of_what_was_there_throughout_is_the_period(timing: FlowTiming) -> None:
    nothing = np.zeros((3, 1))
    span = invested_span(column(5, 0, 5), nothing, nothing, np.arange(3.0), timing=timing)
    assert [each.tolist() for each in span] == [[0], [2]]


def test_a_span_of_nothing_is_nothing() -> None:
    nothing = np.zeros((3, 1))
    span = invested_span(nothing, column(9, 0, 0), nothing, np.arange(3.0), timing=END)
    assert [each.tolist() for each in span] == [[0], [0]]


@pytest.mark.parametrize(
    ("day_count", "expected"),
    [
        (DayCount.ACT_365, 366 / 365),
        (DayCount.ACT_365_25, 366 / 365.25),
        (DayCount.ACT_360, 366 / 360),
        (DayCount.SESSIONS_252, 1 / 252),
    ],
)
def test_day_counts(day_count: DayCount, expected: float) -> None:
    elapsed = elapsed_years(days("2024-01-01", "2025-01-01"), day_count=day_count)
    assert elapsed.tolist() == pytest.approx([0, expected])


def test_no_dates_are_no_years() -> None:
    for day_count in DayCount:
        assert elapsed_years(days(), day_count=day_count).tolist() == []


def test_annualising() -> None:
    assert float(annualise(0.21, years=2)) == pytest.approx(0.1)
    assert float(annualise(0.1, years=0.5)) == pytest.approx(0.21)
    assert float(annualise(-1.0, years=2)) == -1
    undefined = [annualise(0.1, years=0), annualise(-1.5, years=2), annualise(9.0, years=1e-6)]
    assert all(np.isnan(one) for one in undefined)


def test_one_rate() -> None:
    found = internal_rates(np.array([-100.0, 0.0, 121.0]), np.array([0.0, 1.0, 2.0]))
    assert found.yearly == pytest.approx((0.1,))
    assert found.rate == pytest.approx(0.1)


def test_several_rates_are_said() -> None:
    """−1 + 6/(1+r) − 11/(1+r)² + 6/(1+r)³ = 0 at r = 0, 1 and 2 (in units of 1 + r: 1, 2, 3)."""
    found = internal_rates(np.array([-1.0, 6.0, -11.0, 6.0]), np.arange(4.0))
    assert found.yearly == pytest.approx((0, 1, 2), abs=1e-9)
    assert math.isnan(found.rate)


def test_no_rate_is_said() -> None:
    """The two equations of one sign, and one whose sum touches nothing: 1 − 2x + 2x² > 0."""
    for amounts in ([100.0, 200.0], [-100.0, -1.0], [1.0, -2.0, 2.0], [], [0.0, 0.0], [NAN, 5.0]):
        found = internal_rates(np.array(amounts), np.arange(float(len(amounts))))
        assert found.yearly == ()
        assert math.isnan(found.rate)


def test_a_rate_that_is_touched_and_not_crossed_is_found_once() -> None:
    """(1 − 1.1x)² = 0 at x = 1 / 1.1."""
    found = internal_rates(np.array([1.0, -2.2, 1.21]), np.arange(3.0))
    assert found.yearly == pytest.approx((0.1,), abs=1e-5)


def test_rates_beyond_a_float_have_a_return_over_their_own_time() -> None:
    """A tenfold in a day."""
    found = internal_rates(np.array([-1.0, 10.0]), np.array([0.0, 1 / 365]))
    assert math.isnan(found.rate)
    assert found.rate_over(1 / 365) == pytest.approx(9)


def test_flows_of_one_day_are_one() -> None:
    found = internal_rates(np.array([-50.0, -50.0, 110.0, 0.0]), np.array([0.0, 0.0, 1.0, 9.0]))
    assert found.yearly == pytest.approx((0.1,))


def test_xnpv_is_0_at_the_rate() -> None:
    dates, amounts = days("2023-03-14", "2023-09-01", "2024-03-13"), np.array([-100.0, 30.0, 80.0])
    rate = xirr(dates, amounts, day_count=DayCount.ACT_365).rate
    assert xnpv(dates, amounts, rate=rate, day_count=DayCount.ACT_365) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("rate", [-1.0, -2.0, NAN])
def test_a_rate_that_discounts_nothing_is_refused(rate: float) -> None:
    with pytest.raises(RateError, match=r"rate of (-1.0|-2.0|nan) discounts nothing"):
        xnpv(days("2024-01-01"), np.array([1.0]), rate=rate, day_count=DayCount.ACT_365)


def test_amounts_without_dates_are_refused() -> None:
    with pytest.raises(CashFlowShapeError, match="2 amounts for 1 times"):
        xirr(days("2024-01-01"), np.array([-1.0, 2.0]), day_count=DayCount.ACT_365)
    with pytest.raises(CashFlowShapeError, match="2 amounts for 1 times"):
        xnpv(days("2024-01-01"), np.array([-1.0, 2.0]), rate=0.1, day_count=DayCount.ACT_365)


@pytest.mark.parametrize(
    ("timing", "amounts"),
    [
        (START, [-100 - 50 + 20, 0, 110]),
        (END, [-100, -50 + 20, 110]),
        (BOTH, [-100 - 50, 20, 110]),
    ],
)
def test_the_flows_of_a_period_count_when_they_come(timing: FlowTiming, amounts: list[float]) -> None:
    years = np.array([0.0, 1.0, 2.0])
    found = money_weighted_return(
        np.array([100.0, 140.0, 110.0]),
        np.array([9.0, 50.0, 0.0]),
        np.array([9.0, 20.0, 0.0]),
        years,
        timing=timing,
    )
    assert found.yearly == pytest.approx(internal_rates(np.array(amounts, dtype=float), years).yearly)
    assert len(found.yearly) == 1


def test_linked_internal_returns() -> None:
    """10 % until a valuation, then 100 + 100 later become 231 in two years: 10 % a year, 21 % the window."""
    values = np.array([100.0, 110.0, NAN, 231.0])
    came = np.array([0.0, 0.0, 100.0, 0.0])
    total = linked_internal_return(values, came, np.zeros(4), np.array([0.0, 1.0, 2.0, 3.0]), timing=END)
    second = internal_rates(np.array([-110.0, -100.0, 231.0]), np.arange(3.0)).rate_over(2)
    assert total == pytest.approx(1.1 * (1 + second) - 1)


def test_linked_internal_returns_leave_out_what_begins_with_nothing_and_ends_with_flows() -> None:
    values, came = np.array([0.0, 100.0, 110.0]), np.array([0.0, 101.0, 0.0])
    total = linked_internal_return(values, came, np.zeros(3), np.arange(3.0), timing=END)
    assert total == pytest.approx(0.1)


def test_linked_internal_returns_need_the_first_and_the_last_value() -> None:
    for values in ([NAN, 1.0], [1.0, NAN], []):
        nothing = np.zeros(len(values))
        assert math.isnan(
            linked_internal_return(
                np.array(values), nothing, nothing, np.arange(float(len(values))), timing=END
            )
        )


@pytest.mark.parametrize(
    ("timing", "capital"),
    [(START, 100 + 60 * 1 - 20 * 0.5), (END, 100 + 60 * 0.5 - 20 * 0), (BOTH, 100 + 60 * 1 - 20 * 0)],
)
def test_modified_dietz_weighs_flows_by_the_time_they_were_there(timing: FlowTiming, capital: float) -> None:
    value = modified_dietz(
        column(100, 160, 160), column(5, 60, 0), column(5, 0, 20), np.array([0.0, 0.5, 1.0]), timing=timing
    )
    assert value[0] == pytest.approx((160 - 100 - 60 + 20) / capital)


def test_modified_dietz_begins_with_the_first_flow() -> None:
    value = modified_dietz(
        column(0, 0, 110), column(0, 100, 0), np.zeros((3, 1)), np.array([0.0, 0.5, 1.0]), timing=END
    )
    assert value[0] == pytest.approx(0.1)


def test_modified_dietz_without_capital_or_time_is_not_known() -> None:
    nothing = np.zeros((3, 1))
    years = np.array([0.0, 0.5, 1.0])
    for values, came in (
        (column(0, 0, 0), nothing),
        (column(-100, -90, -80), nothing),
        (column(0, 0, 10), column(0, 0, 10)),
        (column(NAN, 0, 10), nothing),
        (column(10, 0, NAN), nothing),
        (column(10, 0, 10), column(0, NAN, 0)),
    ):
        assert np.isnan(modified_dietz(values, came, nothing, years, timing=END)).tolist() == [True]


def test_rates_far_apart_are_all_found() -> None:
    """2 units before the last day outweigh the first 431, and the last day's 1 outweighs those."""
    found = internal_rates(np.array([-431.0, 2.0, -1.0]), np.array([0.0, 3129 / 365, 3135 / 365]))
    assert found.logarithms == pytest.approx((-math.log(2) * 365 / 6, -0.7089912), abs=1e-6)


def test_rounding_noise_is_no_amount() -> None:
    """Money that comes and goes at once: what is left of it in floats would add rates."""
    found = internal_rates(
        np.array([-100.0, -0.1, -0.2, 0.3, 110.0, -7.7, 7.7]), np.array([0.0, 0.5, 0.5, 0.5, 1.0, 2.0, 2.0])
    )
    assert found.yearly == pytest.approx((0.1,))


def test_money_that_goes_in_and_out_a_thousand_times_has_one_rate() -> None:
    """Every month 1,000 come, and go three days later; 5 a month are earned on them."""
    days_ = np.arange(1000)[:, np.newaxis] * 30 + np.array([[0, 3]])
    amounts = np.tile([-1000.0, 1005.0], 1000)
    found = internal_rates(amounts, days_.ravel() / 365)
    assert found.logarithms == pytest.approx((math.log(1.005) * 365 / 3,))
