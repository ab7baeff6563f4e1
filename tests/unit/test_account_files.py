"""One account from a file: what is read, and what is refused with its line and the reason."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from steelyard.domain.lot import Lot
from steelyard.domain.portfolio import Price
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.household_input import Treatment
from steelyard.rebalancing.options import Band, BandRule, Mode
from steelyard.rebalancing.policy import HouseholdPolicy, Policy
from steelyard.statements.lot import read_lots_file
from steelyard.statements.policy import read_policy, read_policy_file
from steelyard.statements.portfolio import read_account_file

CSV = """\
asset,quantity,price,target_weight,currency,no_buy,hold,lot_size,substitute
VTI,40,201.16,0.60,USD,,,,
VXUS,30,51.72,0.35,USD,yes,no,,VEU
OLD,,33.1,,USD,,x,10,
$CASH,1250.00,,0.05,USD,,,,
"""


def write(folder: Path, text: str, name: str = "account.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def write_json(folder: Path, document: Any) -> Path:
    return write(folder, json.dumps(document), "account.json")


# ── What is read ────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_is_an_asset_and_cash_has_a_row_of_its_own(tmp_path: Path) -> None:
    portfolio = read_account_file(write(tmp_path, CSV)).portfolio

    assert portfolio.positions == {"VTI": 40, "VXUS": 30}
    assert portfolio.cash == {"USD": Decimal("1250.00")}
    assert portfolio.targets == {"VTI": Decimal("0.60"), "VXUS": Decimal("0.35")}
    assert portfolio.cash_targets == {"USD": Decimal("0.05")}
    assert portfolio.prices["OLD"] == Price(Decimal("33.1"), "USD")
    assert portfolio.base_currency == "USD"


def test_columns_of_locks_and_lots_become_the_policy(tmp_path: Path) -> None:
    policy = read_account_file(write(tmp_path, CSV)).policy

    assert policy.locks.no_buy == ("VXUS",)
    assert policy.locks.hold == ("OLD",)
    assert policy.locks.substitutes == {"VXUS": "VEU"}
    assert policy.trading.lot_size == {"OLD": 10}


def test_json_says_the_same_and_more(tmp_path: Path) -> None:
    document = {
        "account": "MINE",
        "currency": "USD",
        "rates": {"EUR": "1.0625"},
        "assets": [
            {"asset": "VTI", "quantity": 40, "price": 201.16, "target_weight": "0.60", "no_buy": True},
            {"asset": "SAP", "price": "120.5", "currency": "EUR", "target_weight": "0.4"},
            {"asset": "$CASH", "quantity": "-3.5", "currency": "EUR"},
        ],
        "policy": {"mode": "buy_only", "band": {"absolute": 0.02}},
    }

    read = read_account_file(write_json(tmp_path, document))

    assert read.portfolio.account_id == "MINE"
    assert read.portfolio.rates == {"EUR": Decimal("1.0625")}
    assert read.portfolio.cash == {"USD": 0, "EUR": Decimal("-3.5")}
    assert read.portfolio.prices == {
        "VTI": Price(Decimal("201.16"), "USD"),
        "SAP": Price(Decimal("120.5"), "EUR"),
    }
    assert read.policy.mode is Mode.BUY_ONLY
    assert read.policy.band == Band(absolute=Decimal("0.02"))
    assert read.policy.locks.no_buy == ("VTI",)


def test_pence_become_pounds(tmp_path: Path) -> None:
    text = "asset,quantity,price,target_weight,currency\nVOD,10,101.25,1,GBX\n"

    portfolio = read_account_file(write(tmp_path, text)).portfolio

    assert portfolio.prices["VOD"] == Price(Decimal("1.0125"), "GBP")
    assert portfolio.base_currency == "GBP"


def test_spaces_empty_lines_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    plain = read_account_file(write(tmp_path, CSV))

    spaced = read_account_file(write(tmp_path, "\ufeff" + CSV.replace(",", " , ").replace("\n", "\r\n\r\n")))

    assert spaced == plain


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────

HEADER = "asset,quantity,price,target_weight\n"
REFUSED = {
    "no asset": (HEADER, "names no asset"),
    "no column asset": ("quantity,price\n1,2\n", "line 1: the column asset is missing"),
    "unknown column": ("asset,quantiy\nA,1\n", "line 1: unknown column 'quantiy'; did you mean quantity?"),
    "column twice": ("asset,price,price\nA,1,1\n", "line 1: column price stands there twice"),
    "asset twice": (HEADER + "A,1,2,1\nB,1,2,\nA,1,2,\n", "line 4: A stands there twice; see also"),
    "ragged": (HEADER + "A,1,2\n", "line 2: 3 cells under 4 columns"),
    "unclosed quote": (HEADER + '"A,1,2,1\n', "is no CSV"),
    "no price": (HEADER + "A,1,,1\n", "line 2: A has no price"),
    "cash without the sign": (
        HEADER + "cash,100,,1\n",
        "line 2: cash has no price, and nothing is planned without it; cash is written $CASH",
    ),
    "price NaN": (HEADER + "A,1,nan,1\n", "line 2: price of A is 'nan', not a plain number"),
    "thousands": (HEADER + 'A,"1,000",2,1\n', "line 2: quantity of A is '1,000', not a plain number"),
    "exponent": (HEADER + "A,1e999999,2,1\n", "line 2: quantity of A is '1e999999', not a plain number"),
    "Arabic digits": (HEADER + "A,٣,2,1\n", "line 2: quantity of A is '٣', not a plain number"),
    "too many decimals": (HEADER + "A,1,2,0.1234567890123\n", "line 2: target_weight of A is"),
    "Cyrillic": (
        HEADER + "\u0410,1,2,1\n",
        "line 2: asset_id '\u0410' holds U+0410 (cyrillic capital letter a)",
    ),
    "right to left": (HEADER + "A\u202eB,1,2,1\n", "line 2: asset_id"),
    "NUL": (HEADER + "A\0,1,2,1\n", "holds a NUL character"),
    "no flag": ("asset,price,no_buy\nA,1,perhaps\n", "line 2: no_buy is 'perhaps'; write yes or no"),
    "no currency": ("asset,price,currency\nA,1,usd\n", "line 2: currency 'usd' is not an ISO 4217 code"),
    "two currencies": (
        "asset,price,currency\nA,1,USD\nB,1,EUR\n",
        "prices and cash are in EUR, USD; bring it as JSON",
    ),
    "cash with a price": (HEADER + "A,1,1,1\n$CASH,1,1,\n", "line 3: $CASH has a quantity"),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_fault_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(tmp_path, text)

    with pytest.raises(InvalidInputError) as refused:
        read_account_file(path)

    assert f"{refused.value}".startswith(f"{path}")
    assert sentence in f"{refused.value}"


DOCUMENTS = {
    "no JSON": ("{", "is no JSON"),
    "no object": ("[]", "is not an object"),
    "unknown key": ('{"asset": []}', "unknown key 'asset'; known are account"),
    "no list": ('{"assets": {}}', "assets is not a list of objects"),
    "key twice": ('{"account": "A", "account": "B"}', "the key 'account' stands twice in one object"),
    "NaN": ('{"assets": [{"asset": "A", "price": NaN}]}', "NaN is no number"),
    "too deep": ("[" * 100_000, "nested too deeply"),
    "no text": ('{"assets": [{"asset": 1}]}', "assets 1: asset is not text"),
    "a list for a price": ('{"assets": [{"asset": "A", "price": [1]}]}', "price of A is [1]"),
    "a policy unknown": ('{"assets": [], "policy": {"mod": 1}}', "unknown key 'mod'; did you mean mode?"),
}


@pytest.mark.parametrize(("text", "sentence"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_fault_in_json_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_account_file(write(tmp_path, text, "account.json"))

    assert sentence in f"{refused.value}"


def test_other_encodings_and_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("asset,price\nZ\xfcrich,1\n".encode("latin-1"))

    with pytest.raises(InvalidInputError, match="byte 13 is not UTF-8"):
        read_account_file(tmp_path / "latin.csv")
    with pytest.raises(InvalidInputError, match="cannot be read: No such file"):
        read_account_file(tmp_path / "gone.csv")


# ── Policies ────────────────────────────────────────────────────────────────────────────────────────────

TOML = """\
mode = "rebalance"
convert = true

[band]
absolute = 0.05
rule = "edge"

[trading]
minimum_value = { VTI = 100 }

[locks]
no_buy = ["A"]
"""


def test_a_policy_file_is_exact_and_lists_add_up(tmp_path: Path) -> None:
    before = read_policy({"locks": {"no_buy": ["B"]}, "costs": {"fee": 1}}, "before")

    policy = read_policy_file(write(tmp_path, TOML, "policy.toml"), over=before)

    assert policy.band == Band(absolute=Decimal("0.05"), rule=BandRule.EDGE)
    assert policy.trading.minimum_value == {"VTI": 100}
    assert policy.locks.no_buy == ("B", "A")
    assert policy.costs.fee == 1
    assert policy.convert


HOUSEHOLD = """\
[household]
model = "SHARED"
years = 2.5

[household.treatments]
BROKER = "taxable"
IRA-7 = "tax_deferred"

[household.annual_tax]
BND = {taxable = 0.015, tax_deferred = 0}
"""


def test_what_the_accounts_of_a_household_share_is_a_section(tmp_path: Path) -> None:
    household = read_policy_file(write(tmp_path, HOUSEHOLD, "policy.toml")).household

    assert household == HouseholdPolicy(
        "SHARED",
        {"BROKER": Treatment.TAXABLE, "IRA-7": Treatment.TAX_DEFERRED},
        {"BND": {Treatment.TAXABLE: Decimal("0.015"), Treatment.TAX_DEFERRED: 0}},
        Decimal("2.5"),
    )


POLICIES = {
    "no TOML": ("mode = ", "is no TOML"),
    "unknown section": ("[bands]\nabsolute = 1\n", "unknown key 'bands'; did you mean band?"),
    "unknown key": ("[band]\nwidth = 1\n", "unknown key 'width'; known here: absolute, relative, rule"),
    "unknown word": ('mode = "rebalence"', "mode is 'rebalence'; it is one of rebalance, buy_only"),
    "no table": ("band = 0.05", "band is not a table"),
    "no list": ('[locks]\nhold = "AAPL"\n', "hold is not a list of assets, such as"),
    "no substitutes": ('[locks]\nsubstitutes = "AAPL"\n', "substitutes is not a table, such as"),
    "no rates": ('[tax]\nmethod = "hifo"\n', "tax does not state short_rate, long_rate, holding_years"),
    "no method": ('[tax]\nmethod = "best"\n', "method is 'best'; it is one of fifo, lifo"),
    "no day": ("[tax]\ntrade_date = 2026-01-31T10:00:00\n", "write the day as YYYY-MM-DD"),
    "no whole number": ("[tax]\nwash_days = true\n", "wash_days is not a whole number"),
    "no groups": ('[tax]\nidentical = ["A"]\n', "identical is not a list of lists"),
    "no treatments": (
        '[household]\nmodel = "M"\n',
        "household does not state treatments, which has no default",
    ),
    "no model": ("[household]\nmodel = 3\n", "model is not the id of a model"),
    "no table of treatments": ('[household]\ntreatments = "taxable"\n', "treatments is not a table, such as"),
    "no treatment": (
        HOUSEHOLD.replace('"tax_deferred"', '"deferred"'),
        "treatments of IRA-7: 'deferred' is none of taxable, tax_deferred, tax_free",
    ),
    "no treatment to tax": (
        HOUSEHOLD.replace("{taxable", "{taxed"),
        "annual_tax of BND: 'taxed' is none of taxable",
    ),
    "no rates by treatment": (
        "[household]\nannual_tax = {BND = 0.1}\n",
        "annual_tax is not a table of tables",
    ),
    "squared drift": (f'objective = "l2"\n{HOUSEHOLD}', "objective is 'l2'; the drift of a household"),
    "no truth": ('convert = "yes"', "convert is neither true nor false"),
}


@pytest.mark.parametrize(("text", "sentence"), POLICIES.values(), ids=POLICIES)
def test_a_fault_in_a_policy_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_policy_file(write(tmp_path, text, "policy.toml"))

    assert sentence in f"{refused.value}"


LOTS = """\
lot,asset,quantity,cost,acquired,account
1,VTI,2.5,400.50,2024-03-14,
2,VTI,1,150,2025-01-02,ROTH
"""


def test_a_lot_is_a_row(tmp_path: Path) -> None:
    mine, other = read_lots_file(write(tmp_path, LOTS, "lots.csv"))

    assert mine == Lot("1", "VTI", Decimal("2.5"), Decimal("400.50"), date(2024, 3, 14))
    assert other.account_id == "ROTH"


LOT_FAULTS = {
    "no cost": (LOTS.replace("cost", "costs"), "line 1: unknown column 'costs'; did you mean cost?"),
    "no quantity": (LOTS.replace("2.5", ""), "line 2: quantity is '', empty"),
    "none held": (LOTS.replace("2.5", "0"), "line 2: "),
    "no day": (
        LOTS.replace("2024-03-14", "14.03.2024"),
        "line 2: acquired is '14.03.2024'; write the day as",
    ),
    "no id": (LOTS.replace("1,VTI,2.5", ",VTI,2.5"), "line 2: lot is '', which is no text"),
}


@pytest.mark.parametrize(("text", "sentence"), LOT_FAULTS.values(), ids=LOT_FAULTS)
def test_a_fault_in_a_lot_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_lots_file(write(tmp_path, text, "lots.csv"))

    assert sentence in f"{refused.value}"


def test_an_empty_policy_is_the_default(tmp_path: Path) -> None:
    assert read_policy_file(write(tmp_path, "", "policy.toml")) == Policy()
