"""What a person sees of proposals, from answers made by hand: every figure is the allocation's own."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

from rich.console import Console, RenderableType

from steelyard.cli.screens.book import summary
from steelyard.cli.screens.rebalance import proposals
from steelyard.domain.portfolio import Portfolio, Price
from steelyard.rebalancing.allocation import Allocation
from steelyard.rebalancing.policy import Policy, Proposal
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.trade import Conflict, Conversion, LotSale, Skipped, Trade
from steelyard.services.book import BookSummary

ALLOCATION = Allocation(
    trades=(
        Trade(
            "AAA",
            Decimal("1234.5"),
            Decimal("10.25"),
            "USD",
            Decimal("12653.625"),
            Decimal("1.50"),
            Decimal(0),
            None,
            "Buy it.",
        ),
        Trade(
            "BBB",
            Decimal(-7),
            Decimal("99.99"),
            "USD",
            Decimal("-699.93"),
            Decimal(0),
            Decimal("-3.455"),
            None,
            "Sell it.",
        ),
    ),
    conversions=(
        Conversion(
            "EUR", Decimal("100.00"), "USD", Decimal("106.25"), Decimal("0.05"), "Dollars are needed."
        ),
    ),
    lots=tuple(
        LotSale(
            "BBB",
            f"lot-{n}",
            Decimal(1),
            date(2024, 1, 2),
            Decimal(100),
            Decimal(120),
            Decimal(-20),
            n % 2 == 0,
            Decimal(-4),
        )
        for n in range(33)
    ),
    skipped=(Skipped("CCC", None, "CCC is not traded: it is on hold."),),
    weights_before={"AAA": Decimal("0.40"), "BBB": Decimal("0.35")},
    weights_after={"AAA": Decimal("0.50001"), "BBB": Decimal("0.30")},
    drift_before={"AAA": Decimal("-0.10"), "BBB": Decimal("0.05")},
    drift_after={"AAA": Decimal("0.00001"), "BBB": Decimal("0.00")},
    total_drift_before=Decimal("0.10"),
    total_drift_after=Decimal("0.00001"),
    cash_after=Decimal("1000.005"),
    cash_by_currency={"USD": Decimal("900.005"), "EUR": Decimal("94.12")},
    fees=Decimal("1.55"),
    taxes=Decimal("-3.455"),
    objective=Decimal("250.5"),
    lower_bound=Decimal("250.499"),
    gap=Decimal("0.001"),
    status=Status.WITHIN_GAP,
    binding=(),
    conflicts=(),
    explanations=(),
)
PROPOSAL = Proposal(
    portfolio=Portfolio(
        "IRA-1",
        "USD",
        {},
        {},
        {},
        {},
        {
            "AAA": Price(Decimal("10.25"), "USD", date(2026, 1, 30)),
            "BBB": Price(Decimal("99.99"), "USD", date(2026, 1, 27)),
        },
        as_of=date(2026, 1, 30),
        positions_date=date(2026, 1, 29),
    ),
    policy=Policy(),
    investment_amount=Decimal(-250),
    stale_prices={"BBB": 4},
    stale_reason="no trading there",
    allocation=ALLOCATION,
)


def shown(renderable: RenderableType, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width, emoji=False, markup=False, highlight=False)
    console.print(renderable)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_every_part_of_a_proposal_is_shown_in_80_columns() -> None:
    screen = shown(proposals([PROPOSAL], ""))

    for line in (
        "Rebalance IRA-1  within a gap",
        "Drift, total  10.00 % → 0.00 %",
        "Taken out     250.00",
        "Cash after    1,000.01 USD = 94.12 EUR + 900.01 USD",
        "Gap           less than 0.01 of 250.50 USD²",
        "Trades, 2",
        "Conversions, to be made first",
        "100.00 EUR   106.25 USD   0.05   Dollars are needed.",
        "Lots sold, 33",
        "… and 3 more; --json has all.",
        "CCC  CCC is not traded: it is on hold.",
        "BBB  4 sessions old",
        "taken all the same: no trading there",
        "money in USD · as of 2026-01-30 · prices of 2026-01-27 to 2026-01-30 · positions",
    ):
        assert line in screen, line
    assert max(map(len, screen.splitlines())) <= 80


def test_drift_has_its_sign_and_cash_is_what_the_assets_leave() -> None:
    table = shown(proposals([PROPOSAL], "")).partition("\nDrift\n")[2].partition("\n\n")[0]

    rows = {name: figures for name, *figures in (line.split() for line in table.splitlines())}
    assert rows["AAA"] == ["50.00", "%", "40.00", "%", "50.00", "%", "-10.00", "%", "0.00", "%"]
    assert rows["BBB"] == ["30.00", "%", "35.00", "%", "30.00", "%", "+5.00", "%", "0.00", "%"]
    assert rows["cash"] == ["20.00", "%", "25.00", "%", "20.00", "%", "+5.00", "%", "0.00", "%"]


def test_nothing_to_trade_is_said() -> None:
    quiet = replace(ALLOCATION, trades=(), conversions=(), lots=(), status=Status.OPTIMAL)

    screen = shown(proposals([replace(PROPOSAL, allocation=quiet)], "Wrote orders.csv."))

    assert "Nothing to trade." in screen
    assert "✓ optimal" in screen
    assert "Wrote orders.csv." in screen
    assert "Gap" not in screen


def test_an_infeasible_answer_names_the_conflict_and_shows_no_figure_of_a_plan() -> None:
    conflict = Conflict(None, ("cash_floor",), "There must be 500 of cash.", ("Lower the floor.",))
    stuck = replace(ALLOCATION, status=Status.INFEASIBLE, conflicts=(conflict,))

    screen = shown(proposals([replace(PROPOSAL, allocation=stuck)], ""))

    assert "There must be 500 of cash." in screen
    assert "→ Lower the floor." in screen
    assert "Trades" not in screen
    assert "1,000.01" not in screen


def test_a_book_is_counted_and_says_what_limits_it() -> None:
    done = BookSummary(date(2026, 1, 30), accounts=8, trades=1234)
    done.statuses.update(optimal=6, refused=2)
    done.stale_prices.update({f"A{n}": 5 for n in range(12)})
    done.notes.append("numba is not installed.")

    screen = shown(summary(done, Path("answers.parquet")))

    assert "optimal             6   75.00 %" in screen
    assert "Trades    1,234" in screen
    assert "accounts that need" in screen
    assert "and 2 more" in screen
    assert "Note: numba is not installed." in screen
    assert "Wrote answers.parquet." in screen
    assert "No account follows a model" in shown(summary(BookSummary(date(2026, 1, 30)), None))
