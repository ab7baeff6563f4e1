"""Performance as a whole, from transactions: two accounts, two currencies, on numbers that can be checked by hand."""

from datetime import date

import numpy as np
import pytest

from posting_columns import booked, columns, days, post
from steelyard.analytics.day_count import DayCount
from steelyard.analytics.performance import Conventions, Performance, measure_performance
from steelyard.analytics.price_table import PriceTable
from steelyard.analytics.time_weighted import FlowTiming
from steelyard.analytics.valuation import EmptyPeriodError, Valuation, cells_of, value_groups
from steelyard.domain.transaction import Transaction

DATES = days("2023-01-01", "2023-01-02", "2023-07-02", "2024-01-02")
COMMODITIES = ("USD", "EUR", "VTI", "DAX")
ACCOUNTS = ("A", "B")
WHOLE = 2


def prices(vti: list[float], dax: list[float], eur: list[float]) -> PriceTable:
    one = [1.0] * len(DATES)
    return PriceTable(DATES, np.array([one, one, vti, dax]).T, np.array([one, eur, one, eur]).T)


TABLE = prices([50.0, 50.0, 60.0, 55.0], [10.0, 10.0, 11.0, 11.0], [1.0, 1.0, 1.0, 1.2])


def value(*bookings: Transaction, table: PriceTable = TABLE) -> Valuation:
    """Value each account, and the whole."""
    postings = columns(post(bookings), accounts=ACCOUNTS, commodities=COMMODITIES)
    cells = cells_of(postings)
    levels = np.stack([cells.account, np.full(len(cells), WHOLE)])
    return value_groups(postings, table, cells=cells, groups=levels, after_fees=True, after_taxes=True)


BOOKINGS = (
    booked("DEPOSIT", "2023-01-02", amount=1000),
    booked("BUY", "2023-01-02", asset="VTI", quantity=20, amount=1000),
    booked("DEPOSIT", "2023-07-02", amount=600),
    booked("BUY", "2023-07-02", asset="VTI", quantity=10, amount=600),
    booked("DEPOSIT", "2023-01-02", "B", currency="EUR", amount=500),
    booked("BUY", "2023-01-02", "B", currency="EUR", asset="DAX", quantity=50, amount=500),
)


def measure(valuation: Valuation, local: Valuation | None = None) -> Performance:
    return measure_performance(
        valuation, at_previous_rates=local, timing=FlowTiming.END, day_count=DayCount.ACT_365
    )


def test_an_account_s_returns() -> None:
    """1,000 become 1,200; with 600 more they are 1,800 and become 1,650."""
    found = measure(value(*BOOKINGS))
    assert found.time_weighted[0] == pytest.approx(1200 / 1000 * 1650 / 1800 - 1)
    assert (found.start_values[0], found.end_values[0]) == (0, 1650)
    assert (found.flows_in[0], found.flows_out[0], found.gains[0]) == (1600, 0, 50)
    half = 184 / 365
    capital = 1000 + 600 * half
    assert found.modified_dietz[0] == pytest.approx(50 / capital)
    rate = found.money_weighted_annual[0]
    assert 1000 * (1 + rate) + 600 * (1 + rate) ** half == pytest.approx(1650)
    assert found.years[0] == pytest.approx(1)
    assert found.money_weighted[0] == pytest.approx(rate)
    assert found.time_weighted_annual[0] == pytest.approx(found.time_weighted[0])
    assert found.solutions[0] == 1


def test_the_conventions_come_back_in_the_result() -> None:
    found = measure(value(*BOOKINGS))
    assert found.conventions == Conventions(
        FlowTiming.END, DayCount.ACT_365, after_fees=True, after_taxes=True
    )
    assert (str(found.first), str(found.last)) == ("2023-01-01", "2024-01-02")


def test_the_currency_effect_is_told_apart() -> None:
    """DAX: 10 % by its price, then 20 % by the euro."""
    found = measure(value(*BOOKINGS), value(*BOOKINGS, table=TABLE.at_previous_rates()))
    assert found.time_weighted[1] == pytest.approx(1.1 * 1.2 - 1)
    assert found.local[1] == pytest.approx(0.1)
    assert found.currency_effect[1] == pytest.approx(0.2)
    assert found.currency_gains[1] == pytest.approx(550 * 0.2)
    assert found.local[0] == pytest.approx(found.time_weighted[0])
    assert found.currency_gains[0] == pytest.approx(0)
    assert found.currency_gains[WHOLE] == pytest.approx(110)


def test_rates_that_are_not_told_apart_are_not_known() -> None:
    found = measure(value(*BOOKINGS))
    for unknown in (found.local, found.currency_effect, found.currency_gains):
        assert np.isnan(unknown).tolist() == [True] * 3


def test_a_group_without_a_price_is_not_known_and_the_others_are() -> None:
    table = prices([50.0, 50.0, 60.0, 55.0], [10.0, 10.0, 11.0, np.nan], [1.0] * 4)
    found = measure(value(*BOOKINGS, table=table))
    for each in (
        found.time_weighted,
        found.time_weighted_annual,
        found.money_weighted,
        found.modified_dietz,
        found.gains,
        found.end_values,
    ):
        assert np.isnan(each).tolist() == [False, True, True]
    assert found.solutions.tolist() == [1, 0, 0]
    assert found.days_without_value.tolist() == [0, 1, 1]


def test_what_was_there_for_a_part_of_the_period_is_annualised_by_that_part() -> None:
    found = measure(
        value(
            booked("DEPOSIT", "2023-07-02", amount=600),
            booked("BUY", "2023-07-02", asset="VTI", quantity=10, amount=600),
        )
    )
    assert found.years[0] == pytest.approx(184 / 365)
    assert found.time_weighted[0] == pytest.approx(found.money_weighted[0]) == pytest.approx(-50 / 600)
    assert found.money_weighted_annual[0] == pytest.approx((550 / 600) ** (365 / 184) - 1)
    assert found.time_weighted_annual[0] == pytest.approx(found.money_weighted_annual[0])


def test_a_gain_without_capital_is_said() -> None:
    found = measure(
        value(
            booked("DEPOSIT", "2023-01-02", amount=100),
            booked("WITHDRAWAL", "2023-07-02", amount=100),
            booked("INTEREST", "2024-01-02", amount=7),
        )
    )
    assert found.time_weighted[0] == 0
    assert (found.gains[0], found.gain_without_capital[0], found.days_without_capital[0]) == (7, 7, 1)


def test_a_period_is_cut_out_of_a_valuation() -> None:
    whole = value(*BOOKINGS)
    second = whole.between(date(2023, 7, 10), date(2024, 6, 1))
    assert [str(day) for day in second.dates] == ["2023-07-02", "2024-01-02"]
    found = measure(second)
    assert found.time_weighted[0] == pytest.approx(1650 / 1800 - 1)
    assert (found.start_values[0], found.flows_in[0]) == (1800, 0)
    assert measure(whole.between(date(2023, 1, 2), date(2023, 7, 2))).time_weighted[0] == pytest.approx(0.2)


def test_what_was_unpriced_in_a_period_is_cut_with_it() -> None:
    table = prices([50.0, np.nan, np.nan, np.nan], [10.0, 10.0, 10.0, 10.0], [1.0] * 4)
    cut = value(
        booked("OPENING", "2022-01-01", asset="VTI", quantity=1, amount=1),
        booked("RECEIVE", "2023-01-02", asset="VTI", quantity=1, amount=1),
        booked("RECEIVE", "2024-01-02", asset="VTI", quantity=1, amount=1),
        table=table,
    ).between(date(2023, 1, 2), date(2023, 7, 2))
    assert (cut.unpriced.first.tolist(), cut.unpriced.last.tolist()) == ([0], [1])
    assert cut.unpriced.commodity.tolist() == [COMMODITIES.index("VTI")]
    assert len(cut.unpriced_flows) == 0


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2022, 1, 1), date(2023, 7, 2)),
        (date(2023, 1, 2), date(2023, 5, 1)),
        (date(2024, 1, 2), date(2023, 1, 2)),
    ],
)
def test_a_period_without_days_is_refused(first: date, last: date) -> None:
    with pytest.raises(EmptyPeriodError, match=rf"{first} to {last} .* covers 2023-01-01 to 2024-01-02"):
        value(*BOOKINGS).between(first, last)


def test_an_empty_valuation_has_no_period() -> None:
    empty = PriceTable(days(), np.ones((0, 4)), np.ones((0, 4)))
    with pytest.raises(EmptyPeriodError, match="no days at all"):
        value(table=empty).between(date(2023, 1, 1), date(2024, 1, 1))
