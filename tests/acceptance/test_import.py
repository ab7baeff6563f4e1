"""Importing at the terminal: a bank's file into the ledger, what stands in its way, and back."""

import json
from pathlib import Path

from terminal import Terminal, write_book

HEAD = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n"
STATEMENT = """<OFX><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>1<ACCTID>12345678<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20240101<DTEND>20240131
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20240105<TRNAMT>100.50<FITID>a1<NAME>Salary</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20240110<TRNAMT>-20.25<FITID>a2<NAME>Rent</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>{closing}<DTASOF>20240131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
ELSEWHERE = """transaction_id,account,asset_id,transaction_date,transaction_type,total_amount
1,OTHER,OURS,2024-01-02,DIVIDEND,1
"""


def statement(folder: Path, name: str = "january.ofx", closing: str = "80.25") -> str:
    path = folder / name
    path.write_text(HEAD + STATEMENT.format(closing=closing), encoding="ascii")
    return str(path)


def booked(terminal: Terminal) -> list[tuple[str, str]]:
    entries = terminal.ask("ledger", "--account", "SAVINGS")["entries"]
    return sorted((one["kind"], str(one["amount"])) for one in entries)


def test_a_statement_comes_in_once_and_goes_as_a_whole(blank: Terminal, tmp_path: Path) -> None:
    blank.show("init")
    blank.run("load", str(write_book(tmp_path / "book")))
    before, file = booked(blank), statement(tmp_path)

    asked = blank.run("import", file, "--dry-run")
    assert asked.returncode == 1
    assert "Which account is '12345678' of the statement?" in asked.stdout
    assert "--statement-account 12345678=ACCOUNT" in asked.stdout
    assert "1 question is open" in asked.stderr
    named = ("--statement-account", "12345678=SAVINGS")

    planned = blank.show("import", file, *named, "--dry-run")
    assert "What the import would do" in planned
    assert "+80.25" in planned
    assert booked(blank) == before

    done = blank.ask("import", file, *named)
    assert done["booked"] == 2
    assert booked(blank) == sorted([*before, ("DEPOSIT", "100.5"), ("WITHDRAWAL", "20.25")])
    again = blank.ask("import", file)  # the name of the account is remembered
    assert (again["import_id"], again["booked"]) == (None, 0)

    [listed] = blank.ask("imports")
    key = listed["import_id"][:8]
    assert "january.ofx" in blank.show("imports", "show", key)
    assert "Taken back" in blank.show("imports", "undo", key)
    assert booked(blank) == before
    assert "was taken back already" in blank.refused("imports", "undo", key)
    assert "12345678" not in json.dumps(blank.ask("imports"))


def test_what_a_statement_states_is_compared_and_what_is_there_before_is_opened(
    blank: Terminal, tmp_path: Path
) -> None:
    blank.show("init")
    blank.run("load", str(write_book(tmp_path / "book", transactions=ELSEWHERE)))
    file, account = statement(tmp_path, closing="180.25"), ("--account", "SAVINGS")

    planned = blank.show("import", file, *account, "--dry-run")
    assert "the ledger lacks 100 USD" in planned
    assert "--opening books what was before" in planned

    done = blank.ask("import", file, *account, "--opening")
    assert done["booked"] == 3
    [agreement] = done["plan"]["agreements"]
    assert agreement["stated"] == agreement["ledger"]


def test_lines_are_left_out_by_hand_and_a_slip_is_told(blank: Terminal, tmp_path: Path) -> None:
    blank.show("init")
    blank.run("load", str(write_book(tmp_path / "book")))
    file, account = statement(tmp_path), ("--account", "SAVINGS")
    lines = blank.ask("import", file, *account, "--dry-run")["bookings"]

    assert "holds no row" in blank.refused("import", file, *account, "--leave-out", "99999")
    assert "are no lines" in blank.run("import", file, *account, "--leave-out", "x").stderr
    assert "account 'SAVING' is not there; did you mean SAVINGS" in blank.refused(
        "import", file, "--account", "SAVING"
    )
    done = blank.ask("import", file, *account, "--leave-out", str(lines[0]["line"]))
    assert done["booked"] == 1
    told = blank.refused("import", file, *account, "--leave-out", "folder/january.ofx:3")
    assert "is none of the files: they are 'january.ofx'" in told


def test_two_answers_to_one_name_are_none(blank: Terminal, tmp_path: Path) -> None:
    blank.show("init")
    blank.run("load", str(write_book(tmp_path / "book")))
    file, option = statement(tmp_path), "--statement-account"

    told = blank.run("import", file, option, "12345678=SAVINGS", option, "12345678=OTHER")
    assert told.returncode == 2
    assert "--statement-account says two things of '12345678': SAVINGS and OTHER" in " ".join(
        told.stderr.split()
    )
    told = blank.run("import", file, "--asset", "symbol:A//=A", "--asset", "symbol:A//=B")
    assert "--asset says two things of 'symbol:A//'" in " ".join(told.stderr.split())
    assert blank.ask("import", file, option, "12345678=SAVINGS", option, "12345678=SAVINGS")["booked"] == 2


def test_a_name_with_the_mark_of_answers_is_answered(blank: Terminal, tmp_path: Path) -> None:
    blank.show("init")
    blank.run("load", str(write_book(tmp_path / "book")))
    path = Path(statement(tmp_path))
    path.write_text(path.read_text(encoding="ascii").replace("12345678", "A=1=B"), encoding="ascii")

    assert blank.ask("import", str(path), "--statement-account", "A=1=B=SAVINGS")["booked"] == 2
