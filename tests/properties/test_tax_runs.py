"""Laws of the runs of steps that tell the search what a sale costs in tax; the wash sale rule judges what is barred."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.lot import MORE_THAN_ONE_YEAR, Lot, LotMethod, take_lots
from steelyard.domain.wash_sale import Sale, match_wash_sales
from steelyard.rebalancing.tax import Taxation, TaxedSale, lots_sold, read_tax, tax_sales
from steelyard.rebalancing.tax_rules import TaxRules, WashRules
from steelyard.rebalancing.units import RAW_PLACES, MoneyUnit

TODAY = date(2024, 6, 3)
DAYS = 30
CENT = MoneyUnit(10 ** (RAW_PLACES - 2), 1)
METHODS = st.sampled_from([method for method in LotMethod if method is not LotMethod.SPECIFIC])


def lots(account: str, smallest: int) -> st.SearchStrategy[list[Lot]]:
    """Draw lots in halves of a unit, some of them bought within the window, some replacements already."""
    row = st.tuples(
        st.integers(1, 6), st.integers(0, 300), st.sampled_from([5, 29, 30, 31, 200, 400]), st.booleans()
    )
    return st.lists(row, min_size=smallest, max_size=4).map(
        lambda rows: [
            Lot(
                f"{account}{place}",
                "VTI",
                Decimal(halves) / 2,
                Decimal(cost),
                TODAY - timedelta(days=age),
                account,
                Decimal(7 * carries),
            )
            for place, (halves, cost, age, carries) in enumerate(rows)
        ]
    )


def taxation(
    own: list[Lot], elsewhere: list[Lot], method: LotMethod, *, sells_short_term_gains: bool
) -> Taxation:
    return read_tax(
        TaxRules(
            trade_date=TODAY,
            short_rate="0.37",
            long_rate="0.15",
            holding=MORE_THAN_ONE_YEAR,
            method=method,
            lots=own,
            sells_short_term_gains=sells_short_term_gains,
            wash=WashRules(DAYS, other_lots=elsewhere),
        )
    )


def at(sales: TaxedSale, steps: int) -> tuple[int, int] | None:
    """Return tax and gain of selling some steps; None where that is barred."""
    for run in sales.runs:
        if run.first <= -steps <= run.last:
            return (
                run.charge_fixed - run.charge_per_step * steps,
                run.gain_fixed - run.gain_per_step * steps,
            )
    return None


ACCOUNTS = st.tuples(lots("own", 1), lots("other", 0), METHODS, st.booleans())
PRICES = st.integers(1, 20_000).map(lambda cents: Decimal(cents).scaleb(-2))


def is_end_of_a_lot(sales: TaxedSale, units: Decimal) -> bool:
    """Whether the last lot that is sold is sold as a whole."""
    match = take_lots(sales.lots, units)
    return len(match.taken) + len(match.left) == len(sales.lots)


def position(own: list[Lot]) -> Decimal:
    return sum((lot.quantity for lot in own), Decimal(0))


@given(ACCOUNTS, PRICES, st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("1.5")]))
def test_tax_and_gain_are_exact_rounded_up_once_a_lot_and_a_step(
    account: tuple[list[Lot], list[Lot], LotMethod, bool], price: Decimal, step: Decimal
) -> None:
    own, elsewhere, method, short = account
    rules = taxation(own, elsewhere, method, sells_short_term_gains=short)

    sales = tax_sales("VTI", rules, position=position(own), price=price, step=step, unit=CENT)

    most = int(position(own) / step)
    assert all(-most <= run.first <= run.last < 0 for run in sales.runs)
    for steps in range(1, most + 1):
        found = at(sales, steps)
        if found is None:
            continue
        sold = lots_sold(sales, steps * step, price, rules)
        exact = (
            100 * sum((Fraction(lot.tax) for lot in sold), Fraction(0)),
            10_000 * sum((Fraction(lot.gain) for lot in sold), Fraction(0)),
        )
        for counted, whole in zip(found, exact, strict=True):
            assert -Fraction(1, 10**3) <= counted - whole < most + 1
            assert counted - whole < 1 or not is_end_of_a_lot(sales, steps * step)


@given(ACCOUNTS, PRICES, st.sampled_from([Decimal(1), Decimal("0.5")]))
def test_a_step_is_barred_where_it_washes_a_loss_or_sells_a_short_term_gain(
    account: tuple[list[Lot], list[Lot], LotMethod, bool], price: Decimal, step: Decimal
) -> None:
    own, elsewhere, method, short = account
    rules = taxation(own, elsewhere, method, sells_short_term_gains=short)

    sales = tax_sales("VTI", rules, position=position(own), price=price, step=step, unit=CENT)

    for steps in range(1, int(position(own) / step) + 1):
        match = take_lots(sales.lots, steps * step)
        closed = [Sale(lot, TODAY, price * lot.quantity) for lot in match.taken]
        washed = match_wash_sales(closed, [*sales.lots, *elsewhere], days=DAYS).washed
        short_gains = any(
            sale.gain > 0 and not MORE_THAN_ONE_YEAR.is_long_term(sale.lot.held_since, sold=TODAY)
            for sale in closed
        )
        assert (at(sales, steps) is None) == (bool(washed) or (short_gains and not short))
