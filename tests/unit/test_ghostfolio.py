"""Ghostfolio's JSON: what its activities become, and what is refused."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from statement_files import read_text, source_of
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.ghostfolio import GhostfolioReader
from steelyard.statements.port import StatementError
from steelyard.statements.record import Held, Hint, Record, Refused, Row

READER = GhostfolioReader()
UUID = "7e91b7d4-1430-4212-8380-289a06c9bbc1"
OTHER = "14a69cb9-1e31-43fa-b320-83703d8ed74b"
BUY: dict[str, Any] = {
    "accountId": "A",
    "currency": "USD",
    "dataSource": "YAHOO",
    "date": "2021-09-16T23:30:00.000-05:00",
    "fee": 19,
    "quantity": 5,
    "symbol": "MSFT",
    "type": "BUY",
    "unitPrice": 298.58,
}


def export(*activities: object, **members: object) -> str:
    return json.dumps({"meta": {"date": "2023-02-05T00:00:00.000Z"}, "activities": activities} | members)


def read_one(folder: Path, **changes: object) -> Row:
    (row,) = read_text(READER, folder, export({k: v for k, v in (BUY | changes).items() if v is not ...}))
    return row


def why_refused(folder: Path, **changes: object) -> str:
    row = read_one(folder, **changes)
    assert isinstance(row, Refused), row
    return row.why


def profile(symbol: str, name: str, source: str = "MANUAL", **more: object) -> dict[str, object]:
    return {"dataSource": source, "symbol": symbol, "name": name} | more


def test_a_buy_is_what_it_says(tmp_path: Path) -> None:
    row = read_one(tmp_path, id="cea33621", comment="My first order 🤓")

    assert row == Record(
        kind=TransactionKind.BUY,
        line=1,
        trade_date=date(2021, 9, 16),
        account="A",
        currency="USD",
        amount=Decimal("1492.90"),
        costs=Decimal(19),
        asset=Hint(symbol="MSFT", currency="USD"),
        quantity=Decimal(5),
        price=Decimal("298.58"),
        source_id="cea33621",
        note="My first order 🤓",
    )


@pytest.mark.parametrize(
    ("changes", "kind", "numbers"),
    [
        ({"type": "SELL"}, TransactionKind.SELL, ("1492.90", "19", "5")),
        ({"type": "ITEM"}, TransactionKind.BUY, ("1492.90", "19", "5")),
        ({"type": "DIVIDEND", "unitPrice": 0.62, "fee": 1}, TransactionKind.DIVIDEND, ("3.10", "1", "0")),
        ({"type": "INTEREST", "quantity": 1, "fee": 0}, TransactionKind.INTEREST, ("298.58", "0", "0")),
        ({"type": "FEE", "unitPrice": 0, "quantity": 0}, TransactionKind.FEE, ("19", "0", "0")),
        ({"type": "FEE", "unitPrice": 7, "quantity": 1, "fee": 0}, TransactionKind.FEE, ("7", "0", "0")),
        ({"unitPrice": 0}, TransactionKind.BUY, ("0", "19", "5")),
        (
            {"quantity": 0.333333333333, "unitPrice": 0.1},
            TransactionKind.BUY,
            ("0.03333333", "19", "0.333333333333"),
        ),
    ],
)
def test_every_kind_is_read(
    tmp_path: Path, changes: dict[str, object], kind: TransactionKind, numbers: tuple[str, str, str]
) -> None:
    row = read_one(tmp_path, **changes)

    assert isinstance(row, Record)
    assert row.kind is kind
    assert (row.amount, row.costs, row.quantity) == tuple(map(Decimal, numbers))


@pytest.mark.parametrize(
    ("written", "code", "currency"), [("ZAc", "ZAC", "ZAR"), ("GBp", "GBX", "GBP"), ("ILA", "ILA", "ILS")]
)
def test_pence_become_pounds(tmp_path: Path, written: str, code: str, currency: str) -> None:
    row = read_one(tmp_path, currency=written, unitPrice=10875.01, fee=150)

    assert isinstance(row, Record)
    assert (row.currency, row.amount, row.price, row.costs) == (
        currency,
        Decimal("543.7505"),
        Decimal("108.7501"),
        Decimal("1.5"),
    )
    assert row.asset == Hint(symbol="MSFT", currency=code)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"type": "LIABILITY"},
            "`type` is LIABILITY: a debt is stated and nothing is moved; leave the row out",
        ),
        ({"type": "buy"}, "`type` is 'buy', none of BUY, SELL, ITEM, DIVIDEND, INTEREST, FEE"),
        ({"type": ...}, "`type` is missing"),
        ({"date": "16/09/2021"}, "`date` is '16/09/2021', no date such as"),
        ({"date": "2021-02-30"}, "`date` is '2021-02-30', no date such as"),
        ({"date": "2021-09-16T24:00:00Z"}, "no date such as"),
        ({"date": "2021-09-16T\u06601:00:00Z"}, "no date such as"),
        ({"date": 20210916}, "`date` is 20210916, no date such as"),
        ({"date": "1969-12-31"}, "`date` is 1969-12-31; Ghostfolio knows no day before 1970"),
        ({"date": "2050-06-06"}, "lies in the future"),
        ({"currency": "usd"}, "`currency` is 'usd', no code such as USD"),
        ({"currency": None}, "`currency` is missing, no code such as USD"),
        ({"dataSource": "<invalid>"}, "`dataSource` is '<invalid>', none of ALPHA_VANTAGE, COINGECKO"),
        ({"symbol": "<invalid>"}, "`symbol` is '<invalid>', no symbol of YAHOO"),
        ({"symbol": "\uff21\uff21\uff30\uff2c"}, "no symbol of YAHOO"),
        ({"symbol": "A" * 65}, "no symbol of YAHOO"),
        ({"symbol": ...}, "`symbol` is missing, no symbol of YAHOO"),
        ({"dataSource": "MANUAL", "symbol": "Penthouse"}, "of MANUAL it is a UUID, or in `assetProfiles`"),
        ({"quantity": -5}, "`quantity` is -5, below 0; `type` gives the direction"),
        ({"quantity": 0}, "as BUY has no quantity above 0"),
        ({"quantity": ...}, "`quantity` is None, missing"),
        ({"quantity": True}, "`quantity` is True, of type bool"),
        ({"quantity": "1,5"}, "`quantity` is '1,5', not a plain number"),
        ({"quantity": 1e-13}, "finer than 12 decimals"),
        ({"unitPrice": 10**15}, "`unitPrice` is 1000000000000000, out of range"),
        ({"fee": -1}, "`fee` is -1, below 0"),
        ({"type": "FEE"}, "a FEE has a `fee` of 19 and a `unitPrice` of 298.58: which is it"),
        ({"type": "FEE", "fee": 0, "unitPrice": 0}, "as FEE has no amount above 0"),
    ],
)
def test_what_is_not_what_it_must_be_is_refused(tmp_path: Path, changes: dict[str, object], why: str) -> None:
    assert why in why_refused(tmp_path, **changes)


def test_an_activity_that_is_no_object_is_refused(tmp_path: Path) -> None:
    assert read_text(READER, tmp_path, export("BUY", BUY))[0] == Refused(1, "an activity is no object")


def test_assets_of_one_s_own_are_known_by_their_names(tmp_path: Path) -> None:
    manual = BUY | {"dataSource": "MANUAL", "symbol": UUID}
    named = export(
        manual, assetProfiles=[profile(UUID, "Flat", assetSubClass="REAL_ESTATE"), profile(OTHER, "Boat")]
    )
    twins = export(manual, assetProfiles=[profile(UUID, "Flat"), profile(OTHER, "Flat")])
    own = export(BUY | {"dataSource": "MANUAL", "symbol": "FLAT"}, assetProfiles=[profile("FLAT", "My flat")])

    assets = [
        row.asset
        for text in (named, twins, own, export(manual))
        for row in read_text(READER, tmp_path, text)
        if isinstance(row, Record)
    ]
    assert assets == [
        Hint(name="Flat", currency="USD", kind="REAL_ESTATE"),
        Hint(name=f"Flat ({UUID})", currency="USD"),
        Hint(name="My flat", currency="USD"),
        Hint(name=UUID, currency="USD"),
    ]


def test_a_profile_says_more_of_an_asset_wherever_it_stands(tmp_path: Path) -> None:
    isin = profile("MSFT", "Microsoft", "YAHOO", isin="US5949181045", cusip="594918104", assetClass="EQUITY")
    wrong = profile("MSFT", "Microsoft", "YAHOO", isin="US5949181046")

    after = json.dumps({"meta": {}, "activities": [BUY], "assetProfiles": [isin]})
    (row,) = read_text(READER, tmp_path, after)
    assert isinstance(row, Record)
    assert row.asset == Hint(
        isin="US5949181045", symbol="MSFT", name="Microsoft", currency="USD", cusip="594918104", kind="EQUITY"
    )
    (row,) = read_text(READER, tmp_path, export(BUY, assetProfiles=[wrong]))
    assert isinstance(row, Record)
    assert row.asset == Hint(symbol="MSFT", name="Microsoft", currency="USD")


def test_an_isin_for_a_symbol_is_taken_as_both(tmp_path: Path) -> None:
    row = read_one(tmp_path, symbol="US5949181045")

    assert isinstance(row, Record)
    assert row.asset == Hint(isin="US5949181045", symbol="US5949181045", currency="USD")


def test_a_fee_on_nothing_is_about_cash_and_its_name_is_a_note(tmp_path: Path) -> None:
    fee = BUY | {"type": "FEE", "unitPrice": 0, "dataSource": "MANUAL", "symbol": UUID, "comment": None}
    (row,) = read_text(READER, tmp_path, export(fee, assetProfiles=[profile(UUID, "Account Opening Fee")]))

    assert isinstance(row, Record)
    assert (row.asset, row.note) == (None, "Account Opening Fee")


def test_cash_of_an_account_is_held(tmp_path: Path) -> None:
    accounts = [
        {
            "id": "A",
            "currency": "USD",
            "balances": [
                {"date": "2024-12-31T00:00:00.000Z", "value": 2000.5},
                {"date": "2023-12-31", "value": -1},
                {"date": "now", "value": 1},
                {"date": "2023-12-31", "value": None},
            ],
        },
        {"id": "B", "currency": "GBp", "balance": 150},
        {"id": "C", "currency": "EUR", "balances": [], "balance": None},
        {"id": "D", "currency": "?", "balance": 1},
        "E",
    ]

    assert read_text(READER, tmp_path, export(accounts=accounts)) == [
        Held(1, "A", date(2024, 12, 31), None, "USD", Decimal("2000.5")),
        Held(1, "A", date(2023, 12, 31), None, "USD", Decimal(-1)),
        Refused(1, "a balance of the account: `date` is 'now', no date such as 2024-03-14T00:00:00.000Z"),
        Refused(1, "a balance of the account: `value` is None, missing"),
        Held(1, "B", date(2023, 2, 5), None, "GBP", Decimal("1.5")),
        Refused(1, "a balance of the account: `currency` is '?', no code such as USD"),
        Refused(1, "an account is no object"),
    ]


@pytest.mark.parametrize(
    ("text", "miss"),
    [
        ("<invalid>", "a JSON object"),
        ("[]", "a JSON object"),
        ("Date,Code,Currency", "a JSON object"),
        ('{"a": 1}', "a list `activities` beside `meta`"),
        ('{"activities": []}', "a list `activities` beside `meta`"),
        ('{"activities": [{"dataSource": "YAHOO"}]}', None),
        (export(), None),
        ('{"meta": {"version": "2"}, "accounts": [' + " " * 70_000 + "], ", None),
    ],
)
def test_a_file_is_known_by_its_head(tmp_path: Path, text: str, miss: str | None) -> None:
    assert READER.miss(source_of(tmp_path, text)) == miss


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"meta": {}, "accounts": []}', "there is no list `activities`"),
        ('{"meta": {}, "accounts": [],\n"activities": {}}', "line 2: `activities` is no list"),
        ('{"meta": {}, "activities": [{}', "the file ends before ','"),
    ],
)
def test_a_broken_file_is_refused_whole(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(StatementError, match=why):
        list(READER.read(source_of(tmp_path, text)))
