"""Presets of broker CSV: every one that is shipped can be read, and one that is wrong says where."""

from pathlib import Path

import pytest

from steelyard.statements.broker_csv.preset import FIELDS, PREDICATES, PresetError
from steelyard.statements.broker_csv.preset_file import read_preset
from steelyard.statements.broker_csv.reader import get_csv_readers

SMALL = 'title = "Trial"\ndates = "2023-12-31"\n[columns]\ndate = "Date"\nnet = "Net"\n'
RULE = '[[rule]]\nis = "FEE"\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("title = ", "the file: is no TOML"),
        (SMALL.replace('title = "Trial"', ""), "title: is missing"),
        (SMALL.replace('dates = "2023-12-31"', ""), "dates: is missing"),
        ('title = "Trial"\ndates = "2023-12-31"\n', "columns: is missing"),
        (SMALL.replace("2023-12-31", "YYYY-MM-DD"), "dates: 'YYYY-MM-DD' does not show"),
        ('numbers = "1.0"\n' + SMALL, "numbers: '1.0' does not show"),
        ('colums = "x"\n' + SMALL, "colums: is no key that is known here"),
        ('signs = "maybe"\n' + SMALL, "signs: is 'maybe', none of cash, none, any"),
        ('currency = "Taler"\n' + SMALL, "currency: is 'Taler', no ISO 4217 code"),
        ('encoding = "cp1253x"\n' + SMALL, "encoding: is 'cp1253x', which Python does not know"),
        ('delimiter = "x"\n' + SMALL, "delimiter: is none of"),
        ('optional = "fee"\n' + SMALL, "optional: names 'fee', which is no column"),
        ("header = false\n" + SMALL, "header: is false, and then `width` and `head` are needed"),
        (SMALL + 'Fee = "Fee"\n', "columns.Fee: is no name of lower case letters"),
        (SMALL + 'fee = { header = "Fee", sing = "-" }\n', "columns.fee.sing: is no key"),
        (SMALL + 'fee = { header = "Fee", times = "rate" }\n', "columns.fee: names the column 'rate'"),
        (SMALL + 'fee = "re:("\n', "columns.fee: is no pattern"),
        (SMALL + "fee = { at = 3 }\n", "columns.fee: needs a name in the header"),
        (SMALL + '[kinds]\nPURCHASE = "Buy"\n', "kinds.PURCHASE: is 'PURCHASE', no kind"),
        (SMALL + '[kinds]\nSKIP = "Info"\n', "kinds.why: is missing: people read the reason"),
        (
            SMALL + '[skip]\n"a title" = { what = "x" }\n',
            "rule.when: names the column 'what', which nothing gives",
        ),
        (SMALL + '[skip]\n"a title of {what}" = { net = "x" }\n', "why: names the column 'what'"),
        (SMALL + '[[rule]]\nis = "BUY/SELL/FEE"\n', "rule[1].is: is 'BUY/SELL/FEE', no kind"),
        (SMALL + RULE + 'set = { weight = "net" }\n', "rule[1].set.weight: is none of the fields"),
        (SMALL + RULE + 'set = { costs = "fee" }\n', "rule.set: names the column 'fee', which nothing gives"),
        (SMALL + RULE + 'when = { net = "@big" }\n', "rule[1].when.net: is '@big', none of @"),
        (SMALL + RULE + 'when = { net = "=fee" }\n', "rule.when: names the column 'fee'"),
        (SMALL + '[differences]\ncosts = ["net"]\n', "differences.costs: needs two columns"),
        (
            SMALL + '[[join]]\nby = "date"\nparts = [{ when = { net = "x" } }]\n',
            "join[1].parts: needs two lines",
        ),
        (
            SMALL + '[[join]]\nby = "date"\nparts = [{ when = { net = "x" }, optional = true }, {}]\n',
            "join[1].parts: begins with the line that goes on to the rules",
        ),
    ],
)
def test_what_a_preset_does_not_say_rightly_is_refused_with_its_key(text: str, fault: str) -> None:
    with pytest.raises(PresetError) as raised:
        read_preset("trial", text)

    assert f"preset trial.toml, {fault}" in str(raised.value)


def test_the_small_preset_is_right() -> None:
    assert read_preset("trial", SMALL + RULE).title == "Trial"


def test_every_preset_that_is_shipped_can_be_read() -> None:
    readers = get_csv_readers()

    assert [reader.name for reader in readers] == sorted({reader.name for reader in readers})
    assert len({reader.title for reader in readers}) == len(readers)


def test_the_reference_names_every_field_and_every_predicate() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/broker-presets.md").read_text(encoding="utf-8")

    assert [field for field in sorted(FIELDS) if f"`{field}`" not in page] == []
    assert [predicate for predicate in sorted(PREDICATES) if f"`@{predicate}`" not in page] == []
