"""Importing at the terminal: a bank's file into the ledger, what stands in its way, and back.

All of it goes into one store: each test has an account there, and its statement a name for it that no other has.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal import OUR_BOOK, Terminal, copied_terminal, write_book

HEAD = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n"
STATEMENT = """<OFX><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>1<ACCTID>{name}<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20240101<DTEND>20240131
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20240105<TRNAMT>100.50<FITID>a1<NAME>Salary</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20240110<TRNAMT>-20.25<FITID>a2<NAME>Rent</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>{closing}<DTASOF>20240131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
EMPTY = "EMPTY"
"""An account in which nothing is booked."""
ACCOUNTS = ("SAVINGS", "PARTLY", "TWICE", "MARKED", "CROWNS", EMPTY)


@pytest.fixture(scope="module")
def store(
    initialised: Terminal, run_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terminal]:
    """A terminal with a book in which each account has units, and has bought some, but for the empty one."""
    bought = "{number},{account},OURS,2024-01-02,BUY,1000\n"
    header, _ = OUR_BOOK["transactions"].split("\n", 1)
    bookings = [
        bought.format(number=number, account=account)
        for number, account in enumerate(ACCOUNTS)
        if account != EMPTY
    ]
    book = write_book(
        tmp_path_factory.mktemp("import") / "book",
        transactions="".join((f"{header}\n", *bookings)),
        portfolio_allocation="portfolio,asset_id,quantity\n"
        + "".join(f"{account},OURS,100\n" for account in ACCOUNTS),
    )
    with copied_terminal(initialised, run_folder) as terminal:
        terminal.run("load", str(book))
        yield terminal


def statement(folder: Path, name: str, closing: str = "80.25") -> str:
    path = folder / "january.ofx"
    path.write_text(HEAD + STATEMENT.format(name=name, closing=closing), encoding="ascii")
    return str(path)


def booked(terminal: Terminal, account: str = "SAVINGS") -> list[tuple[str, str]]:
    entries = terminal.ask("ledger", "--account", account)["entries"]
    return sorted((one["kind"], str(one["amount"])) for one in entries)


def test_a_statement_comes_in_once_and_goes_as_a_whole(store: Terminal, tmp_path: Path) -> None:
    before, file = booked(store), statement(tmp_path, "12345678")

    asked = store.run("import", file, "--dry-run")
    assert asked.returncode == 1
    assert "Which account is '12345678' of the statement?" in asked.stdout
    assert "--statement-account 12345678=ACCOUNT" in asked.stdout
    assert "1 question is open" in asked.stderr
    named = ("--statement-account", "12345678=SAVINGS")

    planned = store.show("import", file, *named, "--dry-run")
    assert "What the import would do" in planned
    assert "+80.25" in planned
    assert booked(store) == before

    done = store.ask("import", file, *named)
    assert done["booked"] == 2
    assert booked(store) == sorted([*before, ("DEPOSIT", "100.5"), ("WITHDRAWAL", "20.25")])
    again = store.ask("import", file)  # the name of the account is remembered
    assert (again["import_id"], again["booked"]) == (None, 0)

    [listed] = [one for one in store.ask("imports") if one["import_id"] == done["import_id"]]
    key = listed["import_id"][:8]
    assert "january.ofx" in store.show("imports", "show", key)
    assert "Taken back" in store.show("imports", "undo", key)
    assert booked(store) == before
    assert "was taken back already" in store.refused("imports", "undo", key)
    assert "12345678" not in json.dumps(store.ask("imports"))


def test_what_a_statement_states_is_compared_and_what_is_there_before_is_opened(
    store: Terminal, tmp_path: Path
) -> None:
    file, account = statement(tmp_path, "empty", closing="180.25"), ("--account", EMPTY)

    planned = store.show("import", file, *account, "--dry-run")
    assert "the ledger lacks 100 USD" in planned
    assert "--opening books what was before" in planned

    done = store.ask("import", file, *account, "--opening")
    assert done["booked"] == 3
    [agreement] = done["plan"]["agreements"]
    assert agreement["stated"] == agreement["ledger"]


def test_rates_that_are_missing_come_with_the_command_that_brings_them(
    store: Terminal, tmp_path: Path
) -> None:
    file = Path(statement(tmp_path, "crowns"))
    file.write_text(file.read_text("ascii").replace("USD", "SEK"), "ascii")

    planned = store.show("import", str(file), "--account", "CROWNS", "--dry-run")

    assert "No exchange rates for days that matter: SEK, USD." in planned
    assert "steelyard prices backfill --source ecb --from 2023-12-26" in planned


def test_lines_are_left_out_by_hand_and_a_slip_is_told(store: Terminal, tmp_path: Path) -> None:
    file, account = statement(tmp_path, "partly"), ("--account", "PARTLY")
    lines = store.ask("import", file, *account, "--dry-run")["bookings"]

    assert "holds no row" in store.refused("import", file, *account, "--leave-out", "99999")
    assert "are no lines" in store.run("import", file, *account, "--leave-out", "x").stderr
    assert "account 'SAVING' is not there; did you mean SAVINGS" in store.refused(
        "import", file, "--account", "SAVING"
    )
    done = store.ask("import", file, *account, "--leave-out", str(lines[0]["line"]))
    assert done["booked"] == 1
    told = store.refused("import", file, *account, "--leave-out", "folder/january.ofx:3")
    assert "is none of the files: they are 'january.ofx'" in told


def test_two_answers_to_one_name_are_none(store: Terminal, tmp_path: Path) -> None:
    file, option = statement(tmp_path, "twice"), "--statement-account"

    told = store.run("import", file, option, "twice=TWICE", option, "twice=OTHER")
    assert told.returncode == 2
    assert "--statement-account says two things of 'twice': TWICE and OTHER" in " ".join(told.stderr.split())
    told = store.run("import", file, "--asset", "symbol:A//=A", "--asset", "symbol:A//=B")
    assert "--asset says two things of 'symbol:A//'" in " ".join(told.stderr.split())
    assert store.ask("import", file, option, "twice=TWICE", option, "twice=TWICE")["booked"] == 2


def test_a_name_with_the_mark_of_answers_is_answered(store: Terminal, tmp_path: Path) -> None:
    file = statement(tmp_path, "A=1=B")

    assert store.ask("import", file, "--statement-account", "A=1=B=MARKED")["booked"] == 2
