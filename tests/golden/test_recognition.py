"""Every reader looks at every sample: no file is of two kinds, and those of none are a closed list."""

from pathlib import Path

import pytest

from books import SHARED_DATA
from steelyard.statements.port import StatementError
from steelyard.statements.readers import get_readers
from steelyard.statements.recognition import open_source

CLIENTS = SHARED_DATA / "clients"
PROGRAMS = ("alpaca", "etrade", "fix", "plaid")
"""Folders of what programs say to each other: no statements, and no reader may know them."""

OF_NO_KIND = {
    "broker_csv/kapji/exchange_rates_data.csv": "exchange rates; nobody's history",
    "ghostfolio_import/not-ok/unexpected-format.json": "`<invalid>`",
    "iso20022_camt/golden-camt053.pydata": "Python: what another program makes of a statement",
    "iso20022_camt/golden-camt053-no-ntry.pydata": "as above",
    "iso20022_camt/golden-camt053-txdtls.pydata": "as above",
    "iso20022_camt/golden-camt054.pydata": "as above",
    "iso20022_camt/test-camt053.zip": "an archive of two files",
    "statements_txt/degiro_AccountStatement01.txt": "words of a printed page, which no columns hold together",
    "statements_txt/degiro_Kontoauszug01.txt": "as above",
    "statements_txt/degiro_Transaktionsuebersicht11.txt": "as above",
    "statements_txt/etrade_Buy01.txt": "as above",
}
"""Samples that no reader knows, each with what it is."""

LEDGERS = SHARED_DATA / "vectors/inputs"
"""Files of Portfolio Performance lie among the published cases."""

FILES = sorted(path for folder in (CLIENTS, LEDGERS) for path in folder.rglob("*") if path.is_file())


def knowing(path: Path) -> list[str]:
    """The names of the readers that know a file; none where it cannot be opened."""
    try:
        with open_source(path) as source:
            return [reader.name for reader in get_readers() if reader.miss(source) is None]
    except StatementError:
        return []


def inside(path: Path) -> str:
    return path.relative_to(CLIENTS if path.is_relative_to(CLIENTS) else SHARED_DATA).as_posix()


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    if not FILES:
        pytest.skip("../shared/data/clients is not beside the checkout")
    return {inside(path): knowing(path) for path in FILES}


def test_no_file_is_of_two_kinds(found: dict[str, list[str]]) -> None:
    assert {name: readers for name, readers in found.items() if len(readers) > 1} == {}


def test_what_programs_say_to_each_other_is_no_statement(found: dict[str, list[str]]) -> None:
    looked_at = [name for name in found if name.startswith(PROGRAMS)]

    assert len(looked_at) > 100
    assert {name: found[name] for name in looked_at if found[name]} == {}


def test_the_files_of_no_kind_are_a_closed_list(found: dict[str, list[str]]) -> None:
    files = {inside(path) for path in FILES if path.is_relative_to(CLIENTS)}
    statements = {name for name in files if not name.startswith(PROGRAMS)}

    assert {name for name in statements if not found[name]} == set(OF_NO_KIND)


def test_every_reader_knows_some_file(found: dict[str, list[str]]) -> None:
    names = {name for readers in found.values() for name in readers}

    assert {reader.name for reader in get_readers()} - names == set()


def test_readers_have_names_of_their_own() -> None:
    readers = get_readers()

    assert (
        len({reader.name for reader in readers}) == len({reader.title for reader in readers}) == len(readers)
    )
    assert all(reader.name == reader.name.lower() and " " not in reader.name for reader in readers)
