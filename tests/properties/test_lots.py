"""Laws of lots and wash sales: nothing is lost, order does not matter, minimum tax is the minimum."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.lot import (
    MORE_THAN_ONE_YEAR,
    Lot,
    LotMatch,
    LotMethod,
    SaleTerms,
    TaxRates,
    match_lots,
)
from steelyard.domain.wash_sale import Sale, match_wash_sales

TODAY = date(2024, 6, 3)
DAYS = 30


def decimals(low: int, high: int, places: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda units: Decimal(units).scaleb(-places))


def lots_of(
    quantities: st.SearchStrategy[Decimal], costs: st.SearchStrategy[Decimal], ages: int = 900
) -> st.SearchStrategy[list[Lot]]:
    rows = st.tuples(quantities, costs, st.integers(0, ages), decimals(0, 5_000, 2))
    return st.lists(rows, min_size=1, max_size=6).map(
        lambda found: [
            Lot(f"L{place}", "VTI", units, cost, TODAY - timedelta(days=age), "", carried)
            for place, (units, cost, age, carried) in enumerate(found)
        ]
    )


LOTS = lots_of(decimals(1, 9_999_999, 6), decimals(0, 999_999, 2))
WHOLE_LOTS = st.lists(
    st.tuples(st.integers(1, 3), st.integers(50, 150), st.integers(0, 900)), min_size=1, max_size=4
).map(
    lambda rows: [
        Lot(f"L{place}", "VTI", Decimal(units), Decimal(units * cost), TODAY - timedelta(days=age))
        for place, (units, cost, age) in enumerate(rows)
    ]
)
RATE = decimals(0, 60, 2)
TERMS = st.builds(
    lambda price, short, long: SaleTerms(price, TODAY, TaxRates(short, long, MORE_THAN_ONE_YEAR)),
    decimals(1, 20_000, 2),
    RATE,
    RATE,
)
METHOD = st.sampled_from([method for method in LotMethod if method is not LotMethod.SPECIFIC])


def total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def held(lots: Iterable[Lot]) -> tuple[Decimal, Decimal, Decimal]:
    lots = list(lots)
    return (
        total(lot.quantity for lot in lots),
        total(lot.cost for lot in lots),
        total(lot.carried_loss for lot in lots),
    )


def tax(match: LotMatch, terms: SaleTerms) -> Fraction:
    return sum((terms.unit_tax(lot) * Fraction(lot.quantity) for lot in match.taken), Fraction(0))


@given(LOTS, METHOD, TERMS, st.fractions(0, 1, max_denominator=7))
def test_quantity_and_cost_are_conserved(
    lots: list[Lot], method: LotMethod, terms: SaleTerms, share: Fraction
) -> None:
    all_units = total(lot.quantity for lot in lots)
    sold = (all_units * share.numerator / share.denominator).quantize(Decimal("0.000001"))

    match = match_lots(lots, sold, method, terms=terms)

    assert total(lot.quantity for lot in match.taken) == sold
    assert held((*match.taken, *match.left)) == held(lots)


@given(LOTS, METHOD, TERMS, st.data())
def test_the_order_lots_are_given_in_does_not_matter(
    lots: list[Lot], method: LotMethod, terms: SaleTerms, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(lots))
    sold = total(lot.quantity for lot in lots) / 2

    assert match_lots(lots, sold, method, terms=terms) == match_lots(shuffled, sold, method, terms=terms)


@given(WHOLE_LOTS, TERMS, st.data())
def test_no_choice_of_lots_is_taxed_less_than_minimum_tax(
    lots: list[Lot], terms: SaleTerms, data: st.DataObject
) -> None:
    sold = data.draw(st.integers(0, int(total(lot.quantity for lot in lots))))
    choices = product(*(range(int(lot.quantity) + 1) for lot in lots))
    every = [
        sum((terms.unit_tax(lot) * units for lot, units in zip(lots, choice, strict=True)), Fraction(0))
        for choice in choices
        if sum(choice) == sold
    ]

    least = tax(match_lots(lots, Decimal(sold), LotMethod.MINIMUM_TAX, terms=terms), terms)

    assert least == min(every)
    for method in (LotMethod.FIFO, LotMethod.LIFO, LotMethod.HIFO):
        assert least <= tax(match_lots(lots, Decimal(sold), method), terms)


@given(WHOLE_LOTS, decimals(1, 20_000, 2), decimals(1, 60, 2), st.data())
def test_at_one_rate_the_highest_basis_is_the_least_tax(
    lots: list[Lot], price: Decimal, rate: Decimal, data: st.DataObject
) -> None:
    sold = Decimal(data.draw(st.integers(0, int(total(lot.quantity for lot in lots)))))
    terms = SaleTerms(price, TODAY, TaxRates(rate, rate, MORE_THAN_ONE_YEAR))

    assert match_lots(lots, sold, LotMethod.HIFO) == match_lots(
        lots, sold, LotMethod.MINIMUM_TAX, terms=terms
    )


# ── Wash sales ──────────────────────────────────────────────────────────────────────────────────────────────


SALES = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 900), st.integers(0, 900), st.integers(0, 90)), max_size=4
).map(
    lambda rows: [
        Sale(
            Lot(f"S{place}", "VTI", Decimal(units), Decimal(cost), TODAY - timedelta(days=400 + place)),
            TODAY - timedelta(days=ago),
            Decimal(proceeds),
        )
        for place, (units, cost, proceeds, ago) in enumerate(rows)
    ]
)
BOUGHT = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 900), st.integers(0, 120)), max_size=4).map(
    lambda rows: [
        Lot(f"B{place}", "VTI", Decimal(units), Decimal(cost), TODAY - timedelta(days=ago), "other")
        for place, (units, cost, ago) in enumerate(rows)
    ]
)


@given(SALES, BOUGHT)
def test_what_is_disallowed_is_carried_and_nothing_is_lost(sales: list[Sale], bought: list[Lot]) -> None:
    answer = match_wash_sales(sales, bought, days=DAYS)

    units, cost, carried = held(answer.lots)
    assert (units, cost) == held(bought)[:2]
    assert carried == answer.disallowed
    assert answer.gain - carried == total(sale.gain for sale in sales)
    assert all(0 < wash.disallowed <= -wash.sale.gain for wash in answer.washed)


@given(SALES, BOUGHT)
def test_a_unit_is_replaced_once_and_replaces_once(sales: list[Sale], bought: list[Lot]) -> None:
    answer = match_wash_sales(sales, bought, days=DAYS)

    for sale in sales:
        replaced = total(
            w.replacement.quantity for w in answer.washed if w.sale.lot.lot_id == sale.lot.lot_id
        )
        assert replaced <= sale.lot.quantity
    for lot in bought:
        serving = total(w.replacement.quantity for w in answer.washed if w.replacement.lot_id == lot.lot_id)
        assert serving <= lot.quantity
    assert all(abs((w.sale.sold - w.replacement.acquired).days) <= DAYS for w in answer.washed)


@given(SALES, BOUGHT, st.data())
def test_the_order_trades_are_given_in_does_not_matter(
    sales: list[Sale], bought: list[Lot], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(sales)), data.draw(st.permutations(bought))

    assert match_wash_sales(sales, bought, days=DAYS) == match_wash_sales(*shuffled, days=DAYS)


@given(SALES, BOUGHT)
def test_selling_the_replacement_too_recovers_the_loss(sales: list[Sale], bought: list[Lot]) -> None:
    """Long after, all that was bought is sold at cost: the sum of gains is what it was without the rule."""
    later = TODAY + timedelta(days=500)
    closing = [Sale(lot, later, lot.cost) for lot in bought]

    answer = match_wash_sales([*sales, *closing], bought, days=DAYS)

    assert answer.gain == total(sale.gain for sale in sales)
    assert answer.lots == ()


@given(SALES, BOUGHT)
def test_a_lot_that_carries_a_loss_replaces_nothing_more(sales: list[Sale], bought: list[Lot]) -> None:
    carrying = [replace(lot, carried_loss=Decimal(1)) for lot in bought]

    assert match_wash_sales(sales, carrying, days=DAYS).washed == ()
