"""The guide "add a broker in ten lines": its preset reads its file, and gives what its table says."""

import re
from decimal import Decimal
from pathlib import Path

from preset_reading import rows_of
from steelyard.domain.amount import plain
from steelyard.statements.record import Record, Refused, Row

GUIDE = (Path(__file__).parents[2] / "docs/how-to/add-a-broker.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


def said(row: Row) -> tuple[int, str]:
    """Say a row as the guide's table does."""
    if isinstance(row, Refused):
        return row.line, f"refused: {row.why}"
    assert isinstance(row, Record)
    assert row.asset
    assert row.amount is not None
    what = f"{row.kind} {plain(row.quantity)} of {row.asset.isin} on {row.trade_date}"
    return row.line, f"{what} for {row.amount} {row.currency}"


def test_the_guide_keeps_its_promise_of_ten_lines() -> None:
    assert len(block("toml").splitlines()) == 10


def test_the_preset_of_the_guide_reads_its_file_as_its_table_says(tmp_path: Path) -> None:
    table = [(int(line), text) for line, text in re.findall(r"^\| (\d+) \| (.*) \|$", GUIDE, re.MULTILINE)]

    assert [said(row) for row in rows_of(block("toml"), block("csv"), tmp_path)] == table


def test_the_word_that_the_guide_adds_is_understood(tmp_path: Path) -> None:
    preset = block("toml").replace('SELL = "Sell"', 'SELL = "Sell", DIVIDEND = "Dividend"')
    *_, dividend = rows_of(preset, block("csv"), tmp_path)

    assert isinstance(dividend, Record)
    assert (dividend.kind, dividend.amount) == ("DIVIDEND", Decimal("0.20"))
