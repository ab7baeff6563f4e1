"""What each kind of entry does to values and flows, on numbers that can be checked by hand."""

import numpy as np
import pytest

from posting_columns import booked, columns, days, post
from steelyard.analytics.observations import DateArray, FloatArray, IntArray
from steelyard.analytics.price_table import PriceTable, PriceTableShapeError
from steelyard.analytics.returns import UnorderedDatesError
from steelyard.analytics.valuation import (
    Cells,
    GroupingShapeError,
    PostingColumns,
    PostingColumnsError,
    UnknownCommodityError,
    Valuation,
    cells_of,
    value_groups,
)
from steelyard.domain.transaction import Transaction

USD, EUR, VTI, NEW = range(4)
COMMODITIES = ("USD", "EUR", "VTI", "NEW")
ACCOUNTS = ("A", "B")
WEEK = days("2024-03-11", "2024-03-12", "2024-03-13", "2024-03-14", "2024-03-15", "2024-03-18")


def table(dates: DateArray = WEEK, **prices: list[float]) -> PriceTable:
    """Make a table where money is worth 1, EUR 1.10, and what is not given has no price."""
    quoted = np.full((len(dates), len(COMMODITIES)), np.nan)
    quoted[:, [USD, EUR]] = 1.0
    for name, values in prices.items():
        quoted[:, COMMODITIES.index(name)] = values
    rates = np.ones_like(quoted)
    rates[:, EUR] = 1.1
    return PriceTable(dates, quoted, rates)


def by_cell(cells: Cells) -> IntArray:
    return np.arange(len(cells))


def value(
    *transactions: Transaction,
    prices: PriceTable,
    after_fees: bool = True,
    after_taxes: bool = True,
) -> tuple[Cells, Valuation]:
    """Value every cell, and as a last group the whole."""
    postings = columns(post(transactions), accounts=ACCOUNTS, commodities=COMMODITIES)
    cells = cells_of(postings)
    groups = np.stack([by_cell(cells), np.full(len(cells), len(cells))])
    valued = value_groups(
        postings, prices, cells=cells, groups=groups, after_fees=after_fees, after_taxes=after_taxes
    )
    return cells, valued


def of(cells: Cells, account: int, commodity: int) -> int:
    return int(cells.find(np.array([account]), np.array([commodity]))[0])


def gains(valued: Valuation) -> FloatArray:
    return np.asarray(np.diff(valued.values, axis=0) - valued.flows[1:])


VTI_PRICES = [100.0, 100.0, 100.0, 104.0, 104.0, 104.0]


def test_a_purchase_flows_from_cash_into_the_asset_and_its_fee_is_the_asset_s_loss() -> None:
    cells, valued = value(
        booked("DEPOSIT", "2024-03-12", amount=1000),
        booked("BUY", "2024-03-13", asset="VTI", quantity=5, amount=500, costs=2),
        prices=table(VTI=VTI_PRICES),
    )
    cash, asset = of(cells, 0, USD), of(cells, 0, VTI)
    assert valued.values[:, asset].tolist() == [0, 0, 500, 520, 520, 520]
    assert valued.values[:, cash].tolist() == [0, 1000, 498, 498, 498, 498]
    assert valued.flows[:, asset].tolist() == [0, 0, 502, 0, 0, 0]
    assert valued.flows[:, cash].tolist() == [0, 1000, -502, 0, 0, 0]
    assert valued.flows_in[:, -1].tolist() == [0, 1000, 0, 0, 0, 0]
    assert valued.flows_out[:, -1].tolist() == [0, 0, 0, 0, 0, 0]
    assert gains(valued)[:, asset].tolist() == [0, -2, 20, 0, 0]


def test_before_fees_a_fee_is_money_taken_out() -> None:
    cells, valued = value(
        booked("DEPOSIT", "2024-03-12", amount=1000),
        booked("BUY", "2024-03-13", asset="VTI", quantity=5, amount=500, costs=5, tax=3),
        prices=table(VTI=VTI_PRICES),
        after_fees=False,
    )
    asset = of(cells, 0, VTI)
    assert gains(valued)[1].tolist() == [0, -3, -3]
    assert valued.flows_in[2, asset] == 503  # one entry: 505 in and 2 out are 503 in
    assert valued.flows_out[2, asset] == 0
    assert valued.flows_out[2, -1] == 2


def test_before_taxes_a_tax_is_money_taken_out() -> None:
    _, valued = value(
        booked("DEPOSIT", "2024-03-12", amount=1000),
        booked("BUY", "2024-03-13", asset="VTI", quantity=5, amount=500, costs=5, tax=3),
        prices=table(VTI=VTI_PRICES),
        after_taxes=False,
    )
    assert gains(valued)[1].tolist() == [0, -2, -2]
    assert valued.flows_out[2, -1] == 3


def test_a_dividend_is_a_gain_of_its_asset_and_not_of_cash() -> None:
    cells, valued = value(
        booked("OPENING", "2024-03-11", asset="VTI", quantity=5, amount=500),
        booked("DIVIDEND", "2024-03-13", asset="VTI", amount=10, costs=1, tax=1),
        prices=table(VTI=[100.0] * 6),
    )
    assert gains(valued)[1, of(cells, 0, VTI)] == 9
    assert gains(valued)[1, of(cells, 0, USD)] == 0
    assert valued.flows[2, -1] == 0


def test_a_reinvested_dividend_gains_its_units() -> None:
    cells, valued = value(
        booked("OPENING", "2024-03-11", asset="VTI", quantity=5, amount=500),
        booked("DIVIDEND_REINVESTED", "2024-03-13", asset="VTI", quantity="0.1", amount=10),
        prices=table(VTI=[100.0] * 6),
    )
    assert gains(valued)[1, of(cells, 0, VTI)] == pytest.approx(10)
    assert not valued.flows.any()


def test_what_came_on_the_first_day_or_before_opens_the_history() -> None:
    cells, valued = value(
        booked("OPENING", "2020-01-02", asset="VTI", quantity=5, amount=1),
        booked("DEPOSIT", "2024-03-11", amount=7),
        prices=table(VTI=VTI_PRICES),
    )
    assert valued.values[0].tolist() == [7, 500, 507]
    assert not valued.flows.any()
    assert of(cells, 0, VTI) == 1


def test_a_weekend_s_deposit_counts_on_monday_and_a_later_one_not_yet() -> None:
    _, valued = value(
        booked("DEPOSIT", "2024-03-16", amount=100),
        booked("DEPOSIT", "2024-03-19", amount=1000),
        prices=table(),
    )
    assert valued.values[:, -1].tolist() == [0, 0, 0, 0, 0, 100]
    assert valued.flows[:, -1].tolist() == [0, 0, 0, 0, 0, 100]


def test_a_transfer_in_kind_leaves_one_account_and_reaches_the_other() -> None:
    postings = columns(
        post(
            [
                booked("OPENING", "2024-03-11", asset="VTI", quantity=5, amount=500),
                booked("TRANSFER", "2024-03-14", asset="VTI", quantity=2, to="B"),
            ]
        ),
        accounts=ACCOUNTS,
        commodities=COMMODITIES,
    )
    cells = cells_of(postings)
    groups = np.stack([cells.account, np.full(len(cells), 2)])
    valued = value_groups(
        postings, table(VTI=VTI_PRICES), cells=cells, groups=groups, after_fees=True, after_taxes=True
    )
    assert valued.flows[3].tolist() == [-208, 208, 0]
    assert valued.values[3].tolist() == [312, 208, 520]
    assert not valued.flows_in[:, 2].any()
    assert not valued.flows_out[:, 2].any()


def test_money_exchanged_flows_from_one_currency_into_the_other() -> None:
    cells, valued = value(
        booked("OPENING", "2024-03-11", amount=120),
        booked("FX", "2024-03-13", amount=112, counter_currency="EUR", counter_amount=100),
        prices=table(),
    )
    assert valued.values[2, of(cells, 0, EUR)] == pytest.approx(110)
    assert gains(valued)[1, of(cells, 0, USD)] == pytest.approx(-2)  # what the bank kept
    assert gains(valued)[1, of(cells, 0, EUR)] == pytest.approx(0)
    assert valued.flows[2, -1] == 0


def test_a_split_is_no_flow_and_worth_nothing() -> None:
    cells, valued = value(
        booked("OPENING", "2024-03-11", asset="VTI", quantity=5, amount=500),
        booked("SPLIT", "2024-03-13", asset="VTI", quantity=1, counter_quantity=2),
        prices=table(VTI=[100.0, 100.0, 50.0, 50.0, 50.0, 50.0]),
    )
    assert valued.values[:, of(cells, 0, VTI)].tolist() == [500] * 6
    assert not valued.flows.any()


def test_a_spin_off_takes_its_value_out_of_the_parent() -> None:
    cells, valued = value(
        booked("OPENING", "2024-03-11", asset="VTI", quantity=10, amount=500),
        booked(
            "SPIN_OFF",
            "2024-03-13",
            asset="VTI",
            into="NEW",
            quantity=5,
            counter_quantity=1,
            basis_fraction=0.2,
        ),
        prices=table(
            VTI=[100.0, 100.0, 90.0, 90.0, 90.0, 90.0], NEW=[np.nan, np.nan, 50.0, 50.0, 55.0, 55.0]
        ),
    )
    parent, child = of(cells, 0, VTI), of(cells, 0, NEW)
    assert valued.flows[2, [parent, child]].tolist() == [-100, 100]
    assert gains(valued)[:, -1].tolist() == [0, 0, 0, 10, 0]


def test_what_has_no_price_is_named_with_its_days_and_its_value_is_not_known() -> None:
    cells, valued = value(
        booked("DEPOSIT", "2024-03-12", amount=1000),
        booked("BUY", "2024-03-13", asset="VTI", quantity=5, amount=500),
        booked("SELL", "2024-03-18", asset="VTI", quantity=5, amount=500),
        prices=table(VTI=[np.nan, np.nan, np.nan, 100.0, np.nan, np.nan]),
    )
    assert np.isnan(valued.values[:, of(cells, 0, VTI)]).tolist() == [False, False, True, False, True, False]
    assert np.isnan(valued.values[:, -1]).tolist() == [False, False, True, False, True, False]
    assert not np.isnan(valued.values[:, of(cells, 0, USD)]).any()
    missing = valued.unpriced
    assert [missing.account.tolist(), missing.commodity.tolist()] == [[0, 0], [VTI, VTI]]
    assert [missing.first.tolist(), missing.last.tolist()] == [[2, 4], [2, 4]]
    assert len(valued.unpriced_flows) == 0


def test_a_run_without_a_price_is_one() -> None:
    _, valued = value(booked("OPENING", "2024-03-13", asset="VTI", quantity=5, amount=1), prices=table())
    assert (valued.unpriced.first.tolist(), valued.unpriced.last.tolist()) == ([2], [5])


def test_a_flow_without_a_price_is_named_and_not_known() -> None:
    cells, valued = value(
        booked("OPENING", "2024-03-11", asset="VTI", quantity=5, amount=500),
        booked("DELIVER", "2024-03-14", asset="VTI", quantity=5, amount=500),
        prices=table(VTI=[100.0, 100.0, 100.0, np.nan, np.nan, np.nan]),
    )
    asset = of(cells, 0, VTI)
    assert valued.values[3:, asset].tolist() == [0, 0, 0]
    assert np.isnan(valued.flows_in[3, asset])
    assert np.isnan(valued.flows_out[3, asset])
    assert len(valued.unpriced) == 0
    lost = valued.unpriced_flows
    assert [lost.account.tolist(), lost.commodity.tolist(), lost.first.tolist(), lost.last.tolist()] == [
        [0],
        [VTI],
        [3],
        [3],
    ]


def test_a_flow_without_a_price_within_a_group_is_none() -> None:
    cells, valued = value(
        booked("OPENING", "2024-03-11", asset="VTI", quantity=5, amount=500),
        booked("SYMBOL_CHANGE", "2024-03-14", asset="VTI", into="NEW"),
        prices=table(VTI=[100.0] * 6, NEW=[np.nan] * 4 + [100.0] * 2),
    )
    assert np.isnan(valued.flows[3, of(cells, 0, NEW)])
    assert valued.flows[3, -1] == 0


def test_rounding_noise_is_no_position() -> None:
    _, valued = value(
        booked("OPENING", "2024-03-11", asset="VTI", quantity="0.1", amount=1),
        booked("RECEIVE", "2024-03-12", asset="VTI", quantity="0.2", amount=1),
        booked("DELIVER", "2024-03-13", asset="VTI", quantity="0.3", amount=1),
        prices=table(VTI=[100.0, 100.0, 100.0, np.nan, np.nan, np.nan]),
    )
    assert valued.values[2:, -1].tolist() == [0, 0, 0, 0]


def test_many_cells_are_valued_as_few_are() -> None:
    """More than one chunk of cells."""
    dates = days("2024-01-01") + np.arange(3000)
    accounts = 400
    numbers = np.arange(accounts)
    postings = PostingColumns(
        entry=numbers,
        date=dates[numbers],
        account=numbers,
        place=np.zeros(accounts, dtype=np.int64),
        commodity=np.zeros(accounts, dtype=np.int64),
        quantity=np.arange(1.0, accounts + 1),
        about_account=numbers,
        about_commodity=np.zeros(accounts, dtype=np.int64),
    )
    prices = PriceTable(dates, np.full((3000, 1), 2.0), np.ones((3000, 1)))
    cells = cells_of(postings)
    valued = value_groups(postings, prices, cells=cells, groups=numbers, after_fees=True, after_taxes=True)
    assert valued.values[-1].tolist() == (2.0 * (numbers + 1)).tolist()
    assert valued.values[10, :12].tolist() == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 0]


def test_a_history_without_postings_has_no_groups() -> None:
    postings = columns([], accounts=ACCOUNTS, commodities=COMMODITIES)
    cells = cells_of(postings)
    valued = value_groups(
        postings, table(), cells=cells, groups=by_cell(cells), after_fees=True, after_taxes=True
    )
    assert valued.values.shape == valued.flows.shape == (6, 0)


def test_a_cell_of_no_group_counts_as_outside() -> None:
    postings = columns(
        post(
            [
                booked("DEPOSIT", "2024-03-12", amount=1000),
                booked("BUY", "2024-03-13", asset="VTI", quantity=5, amount=500),
            ]
        ),
        accounts=ACCOUNTS,
        commodities=COMMODITIES,
    )
    cells = cells_of(postings)
    valued = value_groups(
        postings,
        table(VTI=VTI_PRICES),
        cells=cells,
        groups=np.array([-1, 0]),
        after_fees=True,
        after_taxes=True,
    )
    assert valued.flows.T.tolist() == [[0, 0, 500, 0, 0, 0]]
    assert valued.values.T.tolist() == [[0, 0, 500, 520, 520, 520]]


def test_columns_of_different_lengths_are_refused() -> None:
    one, none = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64)
    with pytest.raises(PostingColumnsError, match=r"entry 1, date 1, account 0"):
        PostingColumns(
            entry=one,
            date=WEEK[:1],
            account=none,
            place=one,
            commodity=one,
            quantity=np.ones(1),
            about_account=one,
            about_commodity=one,
        )


def test_a_commodity_without_a_column_is_refused() -> None:
    postings = columns(
        post([booked("DEPOSIT", "2024-03-12", amount=1)]), accounts=ACCOUNTS, commodities=("EUR", "USD")
    )
    narrow = PriceTable(WEEK, np.ones((6, 1)), np.ones((6, 1)))
    cells = cells_of(postings)
    with pytest.raises(UnknownCommodityError, match=r"commodity number 1, and the price table has 1 columns"):
        value_groups(postings, narrow, cells=cells, groups=by_cell(cells), after_fees=True, after_taxes=True)


def test_a_grouping_of_other_cells_is_refused() -> None:
    postings = columns(
        post([booked("DEPOSIT", "2024-03-12", amount=1)]), accounts=ACCOUNTS, commodities=COMMODITIES
    )
    with pytest.raises(GroupingShapeError, match=r"shape \(3,\) does not fit 1 cells"):
        value_groups(
            postings,
            table(),
            cells=cells_of(postings),
            groups=np.arange(3),
            after_fees=True,
            after_taxes=True,
        )


def test_a_table_out_of_order_is_refused() -> None:
    with pytest.raises(UnorderedDatesError):
        PriceTable(WEEK[::-1], np.ones((6, 1)), np.ones((6, 1)))
    with pytest.raises(UnorderedDatesError):
        PriceTable(WEEK, np.ones((5, 1)), np.ones((5, 1)))


def test_a_table_whose_rates_do_not_fit_is_refused() -> None:
    with pytest.raises(PriceTableShapeError, match=r"\(6, 1\) and rates of shape \(6, 2\)"):
        PriceTable(WEEK, np.ones((6, 1)), np.ones((6, 2)))
    with pytest.raises(PriceTableShapeError):
        PriceTable(WEEK, np.ones(6), np.ones(6))
