"""By what an imported row is known: ids are kept in ledgers, so what follows from a row must never change."""

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from statement_lines import row_of
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.services.statement_identity import (
    Booking,
    Identities,
    content_of,
    describe,
    find_twins,
    lasting_id,
    settle_among_files,
    settle_with_store,
)
from steelyard.services.statement_opening import opening_transaction
from steelyard.services.statement_plan import Opening, RowNote, Standing
from steelyard.statements.record import Record
from steelyard.storage.statement_import import BookedText, RowThere

FULL = Transaction(
    transaction_id="T",
    kind=TransactionKind.TRANSFER,
    trade_date=date(2024, 3, 14),
    account_id="A",
    currency="USD",
    amount=Decimal(2500),
    costs=Decimal(1),
    tax=Decimal(2),
    asset_id="VTI",
    quantity=Decimal(10),
    price=Decimal(250),
    settlement_date=date(2024, 3, 18),
    counter_account_id="B",
    counter_asset_id="AAPL",
    counter_quantity=Decimal(3),
    counter_currency="EUR",
    counter_amount=Decimal(4),
    acquired=date(2020, 1, 2),
    basis_fraction=Decimal("0.5"),
)
FEE = Transaction(
    transaction_id="",
    kind=TransactionKind.FEE,
    trade_date=date(2024, 3, 14),
    account_id="A",
    currency="USD",
    amount=Decimal(1),
)
OTHER: dict[type, Any] = {
    TransactionKind: TransactionKind.BUY,
    date: date(2024, 4, 1),
    Decimal: Decimal(77),
    str: "OTHER",
}
SAID = [one.name for one in fields(Transaction) if one.name not in {"transaction_id", "lot_id"}]
"""No statement says a lot of ours."""


def booking(line: str, number: int = 2, file: str = "a.txt", file_number: int = 1) -> Booking:
    record = row_of(number, line)
    assert isinstance(record, Record)
    identities = Identities(file_number, file, "lines")
    transaction = Transaction(
        transaction_id=identities.id_of(record, "A"),
        kind=record.kind,
        trade_date=record.trade_date,
        account_id="A",
        currency=record.currency,
        amount=record.amount or Decimal(0),
    )
    return identities.book(record, transaction, is_valued=False)


def test_ids_are_what_they_were_when_ledgers_were_written() -> None:
    """Were one of these another, a statement would be booked again. From `openssl dgst` and `base32`."""
    assert lasting_id("id", "A", "ofx", "20240314-1") == "imp-ihajvnzo6a53krhpg5darrby"
    cash = Opening("SAVINGS", date(2024, 1, 1), "", "USD", Decimal(0), Decimal(100), "", is_chosen=True)
    units = replace(cash, asset_id="VTI", quantity=Decimal(4))
    assert opening_transaction(cash).transaction_id == "imp-ot7tlhcyomxicx62kuon47qo"
    assert opening_transaction(units).transaction_id == "imp-6ldhzsfru2rnica5lugjxlug"
    assert lasting_id("id", "A", "ofx", "\udcff") != lasting_id("id", "A", "ofx", "?")
    assert content_of(FULL) == "f9d28f97db60cf9de3eed3f08f5c376a"
    plain = replace(FULL, acquired=None, settlement_date=None, basis_fraction=None, price=None)
    assert content_of(plain) == "bc1a23a7702169c36d877cbce7d25439"


@pytest.mark.parametrize("name", SAID)
def test_what_says_anything_else_is_another_row(name: str) -> None:
    kind = type(getattr(FULL, name))
    assert content_of(replace(FULL, **{name: OTHER[kind]})) != content_of(FULL)


def test_equal_numbers_are_written_alike_and_an_id_says_nothing() -> None:
    alike = replace(FULL, transaction_id="other", quantity=Decimal("10.000"), amount=Decimal("2.5E+3"))
    assert content_of(alike) == content_of(FULL)
    assert content_of(replace(FULL, acquired=None)) != content_of(FULL)
    dearer = replace(FULL, amount=Decimal(9))
    assert content_of(dearer, is_valued=True) == content_of(FULL, is_valued=True)


def test_an_id_of_a_statement_counts_in_its_account_and_for_its_reader() -> None:
    record = row_of(2, "DEPOSIT 2024-03-14 source_id=7 currency=USD amount=1")
    assert isinstance(record, Record)
    ids = {
        Identities(1, "a.txt", reader).id_of(record, account)
        for reader in ("lines", "ofx")
        for account in "AB"
    }
    assert len(ids) == 4
    assert Identities(9, "b.txt", "ofx").id_of(record, "A") in ids
    assert not Identities(1, "a.txt", "ofx").id_of(replace(record, source_id=""), "A")


def test_rows_without_an_id_are_numbered_among_equal_ones() -> None:
    identities = Identities(3, "a.txt", "lines")
    record = row_of(5, "FEE 2024-03-14 currency=USD amount=1")
    assert isinstance(record, Record)
    found = [identities.book(record, fee, is_valued=True) for fee in (FEE, FEE, replace(FEE, tax=Decimal(1)))]
    assert [(b.nth, b.has_source_id, b.is_valued, b.file_number, b.file_name, b.line) for b in found] == [
        (nth, False, True, 3, "a.txt", 5) for nth in (1, 2, 1)
    ]
    assert len({b.transaction.transaction_id for b in found}) == 3
    assert found[1].transaction.amount == 1
    assert booking("FEE 2024-03-14 source_id=1 currency=USD amount=1").has_source_id


def test_one_id_in_two_files_is_one_row_where_it_says_the_same() -> None:
    same = "FEE 2024-03-14 source_id=1 currency=USD amount=1"
    first, again = booking(same), booking(same, 9, "b.txt", 2)
    assert settle_among_files([first, again]) == ([first, again], [])
    assert [first.standing, again.standing] == [Standing.NEW, Standing.THERE]

    other = booking(same.replace("amount=1", "amount=2"), 4, "b.txt", 2)
    apart = booking("FEE 2024-03-14 source_id=2 currency=USD amount=1", 5)
    stay, refused = settle_among_files([booking(same), apart, other])
    assert stay == [apart]
    assert refused == [
        RowNote(
            "a.txt",
            2,
            "has the id of b.txt line 4 and says otherwise: FEE 1 USD on 2024-03-14 here, FEE 2 USD on 2024-03-14 "
            "there",
        ),
        RowNote(
            "b.txt",
            4,
            "has the id of a.txt line 2 and says otherwise: FEE 2 USD on 2024-03-14 here, FEE 1 USD on 2024-03-14 "
            "there",
        ),
    ]


def test_what_is_in_the_store_is_there_or_refused_with_where_it_came_from() -> None:
    loaded, same, gone, changed, new = (
        booking(f"FEE 2024-03-14 source_id={number} currency=USD amount={number}", number)
        for number in range(2, 7)
    )
    ids = [one.transaction.transaction_id for one in (loaded, same, gone, changed)]
    there = {
        ids[1]: RowThere(ids[1], same.content_hash, "old.txt", 3),
        ids[2]: RowThere(ids[2], "another", "old.txt", 4),
        ids[3]: RowThere(ids[3], "another", "old.txt", 5),
    }
    booked = {
        name: BookedText(name, "FEE", date(2024, 3, 13), "", Decimal(0), Decimal(9), "USD")
        for name in (ids[0], ids[3])
    }
    stay, refused = settle_with_store([loaded, same, gone, changed, new], there, booked)
    assert [(one.line, one.standing) for one in stay] == [
        (2, Standing.THERE),
        (3, Standing.THERE),
        (6, Standing.NEW),
    ]
    assert refused == [
        RowNote(
            "a.txt",
            4,
            "has the id of old.txt line 4, which is booked no more and says FEE 4 USD on 2024-03-14 now",
        ),
        RowNote(
            "a.txt",
            5,
            "has the id of old.txt line 5, booked as FEE 9 USD on 2024-03-13, and says FEE 5 USD on 2024-03-14 now",
        ),
    ]


def test_twins_are_told_of_their_own_file_alone() -> None:
    identities, others = Identities(1, "a.txt", "lines"), Identities(2, "b.txt", "lines")
    records = [row_of(number, "FEE 2024-03-14 currency=USD amount=1") for number in (2, 3, 4)]
    rows = [record for record in records if isinstance(record, Record)]
    found = [identities.book(row, FEE, is_valued=False) for row in rows]
    found.append(others.book(rows[2], FEE, is_valued=False))
    named = booking("FEE 2024-03-14 source_id=1 currency=USD amount=1", 9)
    assert [(note.file_name, note.line) for note in find_twins([*found, named])] == [
        ("a.txt", 3),
        ("a.txt", 4),
    ]
    assert "the same as line 2," in next(find_twins(found)).why


@pytest.mark.parametrize(
    ("asset", "units", "amount", "said"),
    [
        ("", 0, 5, "FEE 5 USD on 2024-03-14"),
        ("VTI", 2, 5, "FEE 2 VTI for 5 USD on 2024-03-14"),
        ("VTI", 2, 0, "FEE 2 VTI on 2024-03-14"),
    ],
)
def test_a_transaction_is_said_in_few_words(asset: str, units: int, amount: int, said: str) -> None:
    one = replace(FEE, asset_id=asset, quantity=Decimal(units), amount=Decimal(amount))
    assert describe(one) == said
