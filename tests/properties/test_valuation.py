"""Valuation against a plain one in decimals, and the laws that sums of cells keep."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from posting_columns import booked, columns, days, post
from reference_valuation import Cell, Valued, value_group
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.price_table import PriceTable
from steelyard.analytics.valuation import PostingColumns, Valuation, cells_of, value_groups
from steelyard.domain.posting import Place
from steelyard.domain.transaction import Transaction

ACCOUNTS = ("A", "B")
COMMODITIES = ("USD", "EUR", "VTI", "NEW")
MONDAY = date(2024, 3, 11)
SESSIONS = [MONDAY + timedelta(days) for days in (0, 1, 2, 4, 7)]

amounts = st.integers(1, 10**6).map(lambda cents: Decimal(cents) / 100)
units = st.integers(1, 10**5).map(lambda thousandths: Decimal(thousandths) / 1000)
when = st.integers(-2, 9).map(lambda days: (MONDAY + timedelta(days)).isoformat())
kinds = st.sampled_from(
    [
        "DEPOSIT",
        "WITHDRAWAL",
        "OPENING",
        "BUY",
        "SELL",
        "SHORT",
        "DIVIDEND",
        "DIVIDEND_REINVESTED",
        "INTEREST",
        "FEE",
        "TAX_REFUND",
        "RECEIVE",
        "DELIVER",
        "TRANSFER",
        "FX",
        "SPLIT",
        "SPIN_OFF",
        "MERGER",
        "SYMBOL_CHANGE",
        "RETURN_OF_CAPITAL",
    ]
)
NEEDS_NO_ASSET = {"DEPOSIT", "WITHDRAWAL", "INTEREST", "FEE", "TAX_REFUND", "FX"}


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    kind = draw(kinds)
    account = draw(st.sampled_from(ACCOUNTS))
    costs = draw(st.one_of(st.just(Decimal(0)), amounts)) / 100
    return booked(
        kind,
        draw(when),
        account,
        asset="" if kind in NEEDS_NO_ASSET else "VTI",
        currency=draw(st.sampled_from(("USD", "USD", "EUR"))) if kind != "FX" else "USD",
        quantity=draw(units),
        amount=draw(amounts),
        costs=costs,
        tax=costs / 4,
        to=("B" if account == "A" else "A") if kind == "TRANSFER" else "",
        into="NEW" if kind in {"SPIN_OFF", "MERGER", "SYMBOL_CHANGE"} else "",
        counter_quantity=draw(units),
        counter_currency="EUR" if kind == "FX" else "",
        counter_amount=draw(amounts),
    )


@st.composite
def quotes(draw: st.DrawFn, *, complete: bool = False) -> dict[tuple[str, date], Decimal]:
    """Return what is quoted: prices of both assets, and the rate of the euro."""
    wanted = [(name, day) for name in ("VTI", "NEW", "EUR") for day in SESSIONS]
    return {key: draw(amounts) for key in wanted if complete or draw(st.integers(0, 9))}


def table(quoted: dict[tuple[str, date], Decimal]) -> PriceTable:
    prices, rates = np.ones((len(SESSIONS), 4)), np.ones((len(SESSIONS), 4))
    for column, name in enumerate(COMMODITIES):
        values = [float(quoted.get((name, day), "nan")) for day in SESSIONS]
        if name == "EUR":
            rates[:, column] = values
        elif name != "USD":
            prices[:, column] = values
    return PriceTable(days(*SESSIONS), prices, rates)


def value_levels(postings: PostingColumns, prices: PriceTable, *, fees: bool, taxes: bool) -> Valuation:
    """Value each cell, each account (in groups from 100) and the whole (200)."""
    cells = cells_of(postings)
    levels = np.stack([np.arange(len(cells)), cells.account + 100, np.full(len(cells), 200)])
    return value_groups(postings, prices, cells=cells, groups=levels, after_fees=fees, after_taxes=taxes)


def assert_same(actual: FloatArray, expected: list[Decimal | None]) -> None:
    wanted = [np.nan if one is None else float(one) for one in expected]
    np.testing.assert_allclose(actual, wanted, rtol=1e-9, atol=1e-6, equal_nan=True)


@settings(max_examples=150, deadline=None)
@given(
    bookings=st.lists(transactions(), min_size=1, max_size=8),
    quoted=quotes(),
    fees=st.booleans(),
    taxes=st.booleans(),
)
def test_values_and_flows_are_those_of_the_plain_reference(
    *, bookings: list[Transaction], quoted: dict[tuple[str, date], Decimal], fees: bool, taxes: bool
) -> None:
    entries = post(bookings)
    postings = columns(entries, accounts=ACCOUNTS, commodities=COMMODITIES)
    valued = value_levels(postings, table(quoted), fees=fees, taxes=taxes)
    outside = {Place.OUTSIDE} | (set() if fees else {Place.FEES}) | (set() if taxes else {Place.TAXES})

    def worth(commodity: str, day: date) -> Decimal | None:
        return Decimal(1) if commodity == "USD" else quoted.get((commodity, day))

    def number(cell: Cell) -> int:
        cells = cells_of(postings)
        account, commodity = ACCOUNTS.index(cell[0]), COMMODITIES.index(cell[1])
        return int(cells.find(np.array([account]), np.array([commodity]))[0])

    groupings = {
        **{column: (number, column) for column in range(len(cells_of(postings)))},
        **{100 + place: (lambda cell: cell[0], name) for place, name in enumerate(ACCOUNTS)},
        200: (lambda _: "whole", "whole"),
    }
    for column, (group_of, group) in groupings.items():
        if column >= valued.values.shape[1]:
            continue
        wanted: list[Valued] = list(
            value_group(
                entries, SESSIONS, worth, group=group, group_of=group_of, outside=frozenset(outside)
            ).values()
        )
        assert_same(valued.values[:, column], [one.value for one in wanted])
        assert_same(valued.flows_in[:, column], [one.came_in for one in wanted])
        assert_same(valued.flows_out[:, column], [one.went_out for one in wanted])


@settings(max_examples=60, deadline=None)
@given(
    bookings=st.lists(transactions(), min_size=1, max_size=8),
    quoted=quotes(complete=True),
    fees=st.booleans(),
    taxes=st.booleans(),
)
def test_gains_of_cells_add_up_to_the_gain_of_accounts_and_of_the_whole(
    *, bookings: list[Transaction], quoted: dict[tuple[str, date], Decimal], fees: bool, taxes: bool
) -> None:
    postings = columns(post(bookings), accounts=ACCOUNTS, commodities=COMMODITIES)
    assume(len(postings.entry))  # an action on nothing moves nothing
    valued = value_levels(postings, table(quoted), fees=fees, taxes=taxes)
    gains = np.diff(valued.values, axis=0) - valued.flows[1:]
    size = 1.0 + np.abs(valued.values).max()
    np.testing.assert_allclose(gains[:, :100].sum(axis=1), gains[:, 200], rtol=0, atol=1e-9 * size)
    np.testing.assert_allclose(gains[:, 100:200].sum(axis=1), gains[:, 200], rtol=0, atol=1e-9 * size)


@settings(max_examples=40, deadline=None)
@given(st.lists(transactions(), min_size=1, max_size=8), quotes(), st.randoms(use_true_random=False))
def test_the_order_of_postings_is_of_no_matter(
    bookings: list[Transaction], quoted: dict[tuple[str, date], Decimal], chance: Random
) -> None:
    postings = columns(post(bookings), accounts=ACCOUNTS, commodities=COMMODITIES)
    order = list(range(len(postings.entry)))
    chance.shuffle(order)
    shuffled = PostingColumns(**{name: getattr(postings, name)[order] for name in PostingColumns.__slots__})
    one, other = (value_levels(each, table(quoted), fees=True, taxes=True) for each in (postings, shuffled))
    for name in ("values", "flows_in", "flows_out"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-6)
