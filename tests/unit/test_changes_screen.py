"""The screen of what changed, from changes made by hand."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import StringIO

from rich.console import Console

from steelyard.cli.screens.changes import MOST_LINES, changed
from steelyard.services.changes import AssetMove, CategoryMove, Changes, Side, ValueMove

BEFORE = Side(3, date(2022, 12, 27), "USD", 2, Decimal(1000))
AFTER = Side(4, date(2022, 12, 28), "USD", 3, Decimal("1250.505"))
QUIET = Changes(BEFORE, AFTER, (), (), (), ())
NAME = "A company whose name goes on for quite a while"


def drawn(changes: Changes) -> list[str]:
    console = Console(file=StringIO(), width=80, color_system=None)
    console.print(changed(changes))
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_everything_is_told_within_80_columns() -> None:
    lines = drawn(
        replace(
            QUIET,
            assets_in=(AssetMove("NEW", NAME, None),),
            assets_out=(AssetMove("OLD", NAME, Decimal("1234567.5")),),
            category_moves=(CategoryMove("XOM", NAME, "performance", "UNDERPERFORMING", "OUTPERFORMING"),),
            value_moves=(ValueMove("XOM", NAME, Decimal(1000), Decimal("900.5"), Decimal("-99.5"), -0.0995),),
        )
    )
    text = "\n".join(lines)

    assert max(map(len, lines)) <= 80
    assert "1,000.00 USD → 1,250.51 USD  ▲ +25.05 %" in text
    assert [line for line in lines if line.startswith(("Assets in", "Assets out", "Other", "Biggest"))] == [
        "Assets in, 1",
        "Assets out, 1",
        "Other categories, 1",
        "Biggest moves of value, 1",
    ]
    for figure in ("–", "1,234,567.50", "OUTPERFORMING", "-99.50", "▼ -9.95 %"):
        assert figure in text
    assert "No asset came" not in text


def test_a_long_list_ends_with_how_many_more_there_are() -> None:
    many = tuple(AssetMove(f"A{n:02}", "One of many", Decimal(n)) for n in range(MOST_LINES + 2))
    lines = drawn(replace(QUIET, assets_in=many))

    assert sum("One of many" in line for line in lines) == MOST_LINES
    assert "… and 2 more; `steelyard changes --json` has all." in lines


def test_where_nothing_moved_it_says_so() -> None:
    assert "No asset came or went, no category changed and no value moved; other" in drawn(QUIET)[6]
    euros = drawn(replace(QUIET, after=replace(AFTER, base_currency="EUR")))
    assert "values in two currencies are not" in " ".join(euros)
    assert "%" not in " ".join(euros)
