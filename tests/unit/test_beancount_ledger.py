"""Ledgers of beancount, through its own library in a process of its own."""

import gzip
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from beancount_files import brief, read_text, want_beancount
from steelyard.statements import beancount_ledger
from steelyard.statements.beancount_ledger import BeancountLedger
from steelyard.statements.port import StatementError
from steelyard.statements.recognition import open_source
from steelyard.statements.record import Held, Hint, Record, Refused, Row, Skipped

want_beancount()

LEDGER = """option "operating_currency" "USD"
plugin "beancount.plugins.implicit_prices"
2020-01-01 open Assets:B:Cash
2020-01-01 open Assets:B:VTI
2020-01-01 open Equity:Opening-Balances
2020-01-01 open Expenses:Fees
2020-01-01 commodity VTI
  name: "Vanguard Total"
  isin: "US9229087690"

2020-01-02 pad Assets:B:Cash Equity:Opening-Balances
2020-01-03 balance Assets:B:Cash 2000 USD

2020-02-03 * "Broker" "Buy"
  Assets:B:Cash
  Assets:B:VTI    10 VTI {100.25 USD}
  Expenses:Fees    5 USD

2020-02-04 price VTI 101 USD
2020-02-05 balance Assets:B:VTI 10 VTI
2020-02-05 note Assets:B:Cash "all is well"
"""


def records_of(rows: list[Row]) -> list[Record]:
    return [row for row in rows if isinstance(row, Record)]


def refused_of(rows: list[Row]) -> list[tuple[int, str]]:
    return [(row.line, row.why) for row in rows if isinstance(row, Refused)]


def test_a_ledger_is_read_line_by_line(tmp_path: Path) -> None:
    rows = read_text(tmp_path, LEDGER)

    assert [(row.line, brief(row)) for row in records_of(rows)] == [
        (11, "OPENING Assets:B 2000 USD"),
        (14, "BUY Assets:B 10 VTI 1002.5 USD costs 5 tax 0"),
    ]
    buy = records_of(rows)[1]
    assert buy.asset == Hint(isin="US9229087690", symbol="VTI", name="Vanguard Total", currency="USD")
    assert (buy.note, buy.price) == ("Broker | Buy", Decimal("100.25"))
    assert [row for row in rows if isinstance(row, Held)] == [
        Held(12, "Assets:B", date(2020, 1, 2), None, "USD", Decimal(2000)),
        Held(20, "Assets:B", date(2020, 2, 4), buy.asset, "", Decimal(10)),
    ]
    assert {row.line: row.why for row in rows if isinstance(row, Skipped)} == {
        **dict.fromkeys((3, 4, 5, 6), "the opening of an account"),
        7: "what a commodity is called",
        11: "a pad; what it adds is a booking of its own",
        19: "a price",
        21: "a note",
    }


def test_roots_have_the_names_the_ledger_gives_them(tmp_path: Path) -> None:
    text = 'option "name_assets" "Vermoegen"\noption "name_income" "Einnahmen"\n'
    text += '2020-01-01 * "Lohn"\n  Vermoegen:Bank  10 EUR\n  Einnahmen:Lohn\n'

    assert [brief(row) for row in records_of(read_text(tmp_path, text))] == ["DEPOSIT Assets:Bank 10 EUR"]


def test_an_asset_that_is_counted_in_two_currencies_names_none(tmp_path: Path) -> None:
    text = LEDGER + "2020-03-01 price VTI 90 EUR\n"
    (asset,) = {
        row.asset for row in read_text(tmp_path, text) if isinstance(row, Held | Record) and row.asset
    }

    assert asset.currency == ""


def test_a_commodity_that_is_named_late_is_the_same_on_every_line(tmp_path: Path) -> None:
    text = LEDGER.replace("2020-01-01 commodity VTI", "2021-01-01 commodity VTI").replace("7690", "7691")
    assets = {row.asset for row in read_text(tmp_path, text) if isinstance(row, Held | Record) and row.asset}

    assert assets == {Hint(symbol="VTI", name="Vanguard Total (US9229087691)", currency="USD")}


def test_a_fund_whose_ticker_is_a_currency_is_no_money(tmp_path: Path) -> None:
    text = '2020-01-01 * "Buy"\n  Assets:B:Cash\n  Assets:B:BND  2 BND {75 USD}\n'

    assert [brief(row) for row in records_of(read_text(tmp_path, text))] == ["BUY Assets:B 2 BND 150 USD"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [('\n  isin: "US9219378356"', "RECEIVE Assets:B 2 BND"), ('\n  name: "Bonds"', "DEPOSIT Assets:B 2 BND")],
)
def test_an_asset_is_known_by_its_identifier(tmp_path: Path, named: str, expected: str) -> None:
    text = f'2020-01-01 commodity BND{named}\n2020-01-01 * "Gift"\n  Assets:B  2 BND\n  Equity:Gifts\n'

    assert [brief(row) for row in records_of(read_text(tmp_path, text))] == [expected]


def test_a_sale_of_a_lot_that_is_not_there_is_refused(tmp_path: Path) -> None:
    buy = '2020-01-01 * "Buy"\n  Assets:B  1 VTI {8 USD}\n  Assets:B\n'
    sale = '2020-01-02 * "Sell"\n  Assets:B  -1 VTI {9 USD}\n  Assets:B\n'
    rows = read_text(tmp_path, buy + sale)

    assert [row.line for row in records_of(rows)] == [1]
    ((line, why),) = refused_of(rows)
    assert (line, why[:33]) == (4, "beancount says: No position match")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('2020-01-01 * "Off"\n  Assets:A  1 USD\n  Income:B  -2 USD\n', 1, "does not balance"),
        ("2020-01-01 open Assets:A\nthis is nothing\n", 2, "Invalid token"),
        ("2020-02-30 open Assets:A\n2020-02-02 open Assets:B\n", 1, "beancount says"),
        (
            '2020-01-01 * "Swap"\n  Assets:A  -1 BTC\n  Assets:A  20 ETH {0.05 BTC}\n',
            1,
            "counts in BTC, which is no currency",
        ),
    ],
)
def test_a_line_that_is_refused(tmp_path: Path, text: str, line: int, why: str) -> None:
    rows = read_text(tmp_path, text)

    assert records_of(rows) == []
    ((refused, said),) = refused_of(rows)
    assert refused == line
    assert why in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('\nplugin "os"\n', "line 2: wants the plugin 'os', which is code and is not run"),
        ('plugin "beancount.plugins.split_expenses" "x"\n', "split_expenses', which is code"),
        ('include "other.beancount"\n', "line 1: includes 'other.beancount'"),
        (b'2020-01-01 open Assets:A\n2020-01-01 * "K\xf6nig"\n', "line 2: is not UTF-8"),
        (b"2020-01-01 open Assets:A\n\0", "line 2: has a NUL"),
    ],
)
def test_a_ledger_that_is_refused_as_a_whole(tmp_path: Path, text: str | bytes, why: str) -> None:
    (tmp_path / "other.beancount").write_text("2020-01-01 open Assets:A\n", encoding="utf-8")

    with pytest.raises(StatementError, match=why):
        read_text(tmp_path, text)


def test_the_configuration_of_a_plugin_is_not_run(tmp_path: Path) -> None:
    """Its own plugins evaluate it as Python."""
    trap = tmp_path / "trap"
    config = f"__import__('pathlib').Path('{trap}').touch() or {{}}"
    text = f'plugin "beancount.plugins.commodity_attr" "{config}"\n2020-01-01 open Assets:A\n'

    assert len(read_text(tmp_path, text)) == 1
    assert not trap.exists()


def test_nothing_is_written_beside_the_ledger(tmp_path: Path) -> None:
    read_text(tmp_path, LEDGER)

    assert [path.name for path in tmp_path.iterdir()] == ["main.beancount"]


def test_our_process_has_no_beancount_in_it(tmp_path: Path) -> None:
    (tmp_path / "main.beancount").write_text(LEDGER, encoding="utf-8")
    program = (
        "import sys, pathlib; from steelyard.statements.recognition import open_source;"
        "from steelyard.statements.beancount_ledger import BeancountLedger\n"
        f"with open_source(pathlib.Path({str(tmp_path / 'main.beancount')!r})) as source:"
        " rows = list(BeancountLedger().read(source))\n"
        "sys.exit(len(rows) if 'beancount' not in sys.modules else 99)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 12


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = tmp_path / "child.py"
    source = beancount_ledger._CHILD.read_text(encoding="utf-8")  # noqa: SLF001  the program it starts
    child.write_text(source.replace('f"beancount.{name}"', 'f"absent_beancount.{name}"'), encoding="utf-8")
    monkeypatch.setattr(beancount_ledger, "_CHILD", child)

    with pytest.raises(StatementError, match=r"not installed: pip install 'steelyard\[beancount\]'"):
        read_text(tmp_path, LEDGER)


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beancount_ledger, "MAX_MEMORY", 2**25)

    many = "".join(f'2020-01-01 * "{n}"\n  Assets:A  1 USD\n  Income:B\n' for n in range(9_000))

    assert len(read_text(tmp_path, LEDGER)) == 12
    with pytest.raises(StatementError, match=r"33,554,432 bytes of memory"):
        read_text(tmp_path, many)


def test_time_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = tmp_path / "child.py"
    child.write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    monkeypatch.setattr(beancount_ledger, "_CHILD", child)

    with pytest.raises(StatementError, match="cannot be read by beancount within 1 s"):
        read_text(tmp_path, LEDGER, seconds=1)


def test_a_process_that_ends_early_is_no_short_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    said = '{"is":"skipped","line":1,"why":"a price"}'
    child.write_text(f"print('{said}')\nprint('{said}', end='')\n", encoding="utf-8")
    monkeypatch.setattr(beancount_ledger, "_CHILD", child)

    with pytest.raises(StatementError, match="cannot be read by beancount"):
        read_text(tmp_path, LEDGER)


def test_the_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beancount_ledger, "MAX_BYTES", 100)

    with pytest.raises(StatementError, match="larger than 100 bytes"):
        read_text(tmp_path, LEDGER)


def test_a_reader_that_stops_ends_the_process(tmp_path: Path) -> None:
    path = tmp_path / "main.beancount"
    path.write_text(LEDGER, encoding="utf-8")
    with open_source(path) as source:
        rows = BeancountLedger().read(source)
        next(iter(rows))
        rows.close()  # type: ignore[attr-defined]  # it is a generator; ResourceWarning would fail the test


@pytest.mark.parametrize(
    ("head", "is_known"),
    [
        ("2020-01-01 open Assets:Cash USD\n", True),
        ('; a comment\n2020-01-01 * "Payee" "Narration"\n', True),
        ('2020/01/01 txn "Narration"\n', True),
        ("2020-01-01 commodity USD\n", True),
        ("2020-01-01 * Payee of another ledger\n  Assets:Cash  $1\n", False),
        ("Date,Action,Symbol\n2020-01-01,open,VTI\n", False),
        ("2020-01-01;open;VTI", False),
    ],
)
def test_what_is_recognised(tmp_path: Path, head: str, *, is_known: bool) -> None:
    path = tmp_path / "some.gz"
    path.write_bytes(gzip.compress(head.encode()))
    with open_source(path) as source:
        missed = BeancountLedger().miss(source)

    assert missed == (None if is_known else "a directive such as `2024-01-02 open Assets:Cash`")
