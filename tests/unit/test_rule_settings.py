"""What a rule of each kind must say; files of rules; every refusal names the place and the reason."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ruled import rule_of
from steelyard.compliance.rule import Outcome, RuleKind
from steelyard.compliance.settings import check_rule, is_for
from steelyard.errors import InvalidInputError
from steelyard.statements.rule import read_rule, read_rules_file

SOUND = [
    rule_of(RuleKind.ASSET, "0"),
    rule_of(RuleKind.SECTOR, "1", only={"sectors": ["Tech"]}, **{"except": {"assets": ["AAA"]}}),
    rule_of(RuleKind.RESTRICTED, None, assets=["AAA"], forbids=["buy"]),
    rule_of(RuleKind.MINIMUM_CASH, "0.02"),
    rule_of(RuleKind.MINIMUM_CASH, "1500", currency="EUR"),
    rule_of(RuleKind.TURNOVER, "2.5", days=3660, counts="half"),
    rule_of(RuleKind.LIQUIDITY, "5", sessions=250, of="position"),
    rule_of(RuleKind.WASH_SALE, None, days=1),
    rule_of(RuleKind.WASH_SALE, "100", days=366, identical=[["IVV", "VOO"]]),
]


@pytest.mark.parametrize("rule", SOUND, ids=lambda rule: rule.rule_id)
def test_a_rule_that_says_what_its_kind_needs_is_taken(rule: Any) -> None:
    check_rule(rule)


MANY = [f"A{number}" for number in range(1001)]


def test_a_list_is_of_a_thousand_names_at_most() -> None:
    check_rule(rule_of(RuleKind.RESTRICTED, None, assets=MANY[:1000], forbids=["buy", "sell", "hold"]))
    check_rule(rule_of(RuleKind.WASH_SALE, None, days=30, identical=[[name] for name in MANY[:1000]]))
    for broken in (
        rule_of(RuleKind.RESTRICTED, None, assets=MANY, forbids=["buy"]),
        rule_of(RuleKind.WASH_SALE, None, days=30, identical=[[name] for name in MANY]),
        rule_of(RuleKind.WASH_SALE, None, days=30, identical=[]),
        rule_of(RuleKind.WASH_SALE, None, days=30, identical={"a": ["b"]}),
    ):
        with pytest.raises(InvalidInputError, match="is not a list of"):
            check_rule(broken)


BROKEN: list[tuple[Any, str]] = [
    (rule_of(RuleKind.ASSET, None), "it needs a bound"),
    (rule_of(RuleKind.ASSET, "1.01"), "is a fraction of the account, 0 to 1"),
    (rule_of(RuleKind.ASSET, "-0.01"), "is below 0"),
    (rule_of(RuleKind.MINIMUM_CASH, "1.01"), "is a fraction of the account, 0 to 1"),
    (rule_of(RuleKind.RESTRICTED, "0.1", assets=["A"], forbids=["buy"]), "has no bound"),
    (rule_of(RuleKind.RESTRICTED, None, forbids=["buy"]), "it lists nothing"),
    (rule_of(RuleKind.RESTRICTED, None, assets=["A"]), "its settings lack forbids"),
    (rule_of(RuleKind.RESTRICTED, None, assets=["A"], forbids=["lend"]), "holds others than buy, sell, hold"),
    (rule_of(RuleKind.RESTRICTED, None, assets=[], forbids=["buy"]), "assets is not a list of"),
    (rule_of(RuleKind.RESTRICTED, None, assets=["A\0"], forbids=["buy"]), "assets is not a list of"),
    (rule_of(RuleKind.RESTRICTED, None, assets="A", forbids=["buy"]), "assets is not a list of"),
    (rule_of(RuleKind.TURNOVER, "1", days=0, counts="half"), "days is not a whole number from 1 to 3660"),
    (rule_of(RuleKind.TURNOVER, "1", days=3661, counts="half"), "days is not a whole number"),
    (rule_of(RuleKind.TURNOVER, "1", days=True, counts="half"), "days is not a whole number"),
    (rule_of(RuleKind.TURNOVER, "1", days=30), "its settings lack counts"),
    (rule_of(RuleKind.TURNOVER, "1", days=30, counts=["half"]), "counts is none of lesser, half"),
    (rule_of(RuleKind.LIQUIDITY, "1", sessions=251, of="trade"), "sessions is not a whole number"),
    (rule_of(RuleKind.LIQUIDITY, "1", sessions=20, of="all"), "of is none of trade, position"),
    (rule_of(RuleKind.WASH_SALE, None, days=367), "days is not a whole number"),
    (rule_of(RuleKind.WASH_SALE, None, days=30, identical=["AAA"]), "identical is not a list of lists"),
    (rule_of(RuleKind.MINIMUM_CASH, "5", currency="usd"), "currency is no code of ISO 4217"),
    (rule_of(RuleKind.MINIMUM_CASH, "5", currency=["USD"]), "currency is no code of ISO 4217"),
    (rule_of(RuleKind.ASSET, "0.1", onyl={}), "did you mean only?"),
    (rule_of(RuleKind.ASSET, "0.1", only={}), "only is not a table of lists"),
    (rule_of(RuleKind.ASSET, "0.1", only={"colours": ["red"]}), "only cannot hold 'colours'"),
    (rule_of(RuleKind.ASSET, "0.1", only={"sectors": ["x" * 201]}), "only sectors is not a list of"),
    (replace(SOUND[0], rule_id="tech cap"), "its id is not 1 to 64 letters"),
    (replace(SOUND[0], outcome=Outcome.PASS), "it cannot pass"),
    (replace(SOUND[0], source_document=" "), "name the mandate or the law"),
    (replace(SOUND[0], source_document="a\nb"), "name the mandate or the law"),
    (replace(SOUND[0], valid_until=date(2025, 12, 31)), "before it begins on 2026-01-01"),
    (replace(SOUND[0], valid_from=date(1899, 12, 31)), "it begins before 1900"),
    (replace(SOUND[0], scope={"portfolios": ("A",)}), "its scope cannot name 'portfolios'"),
    (replace(SOUND[0], scope={"accounts": ()}), "its scope's accounts is not a list of"),
    (replace(SOUND[0], bound=Decimal("NaN")), "is Decimal('NaN'), not a finite number"),
]


@pytest.mark.parametrize(("rule", "why"), BROKEN)
def test_a_rule_that_breaks_what_its_kind_asks_for_is_refused(rule: Any, why: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        check_rule(rule)
    assert f" {why}" in f"{refusal.value}"


@pytest.mark.parametrize(
    ("scope", "is_about"),
    [
        ({}, True),
        ({"accounts": ("A-1",)}, True),
        ({"households": ("H",)}, True),
        ({"models": ("M",)}, True),
        ({"accounts": ("A-2",), "models": ("M",)}, True),
        ({"accounts": ("A-2",)}, False),
        ({"accounts": ("H",), "households": ("A-1",)}, False),
    ],
)
def test_a_rule_is_about_whom_its_scope_names(scope: dict[str, tuple[str, ...]], *, is_about: bool) -> None:
    assert is_for(replace(SOUND[0], scope=scope), "A-1", "H", "M") == is_about
    assert is_for(replace(SOUND[0], scope=scope), "B-1", None, None) == (not scope)


TOML = """
[[rules]]
id = "tech-cap"
kind = "sector_concentration"
bound = 0.40
outcome = "hold"
valid_from = 2026-01-01
valid_until = "2026-12-31"
source_document = "Mandate, 3"
scope = { households = ["RIVERA"] }
settings = { except = { asset_classes = ["ETF"] } }

[[rules]]
id = "no-wash"
kind = "wash_sale"
outcome = "warn"
valid_from = 2026-01-01
source_document = "26 USC 1091"
settings = { days = 30, identical = [["IVV", "VOO"], ["AGG", "BND"]] }
"""

CSV = """\
id,kind,bound,outcome,valid_from,valid_until,source_document,scope.households,except.asset_classes,days,identical
tech-cap,sector_concentration,0.40,hold,2026-01-01,2026-12-31,"Mandate, 3",RIVERA,ETF,,
no-wash,wash_sale,,warn,2026-01-01,,26 USC 1091,,,30,"IVV,VOO;AGG,BND"
"""


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_file_says_the_same_in_toml_and_in_csv(tmp_path: Path) -> None:
    rules = read_rules_file(written(tmp_path, "rules.toml", TOML))
    from_csv = read_rules_file(written(tmp_path, "rules.csv", CSV))
    assert rules == from_csv
    assert [dict(rule.scope) for rule in rules] == [{"households": ("RIVERA",)}, {}]
    assert (rules[0].bound, rules[0].valid_until) == (Decimal("0.40"), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"tech-cap"', '"tech cap"', "rule 1: rule 'tech cap': its id is not"),
        ("sector_concentration", "sector_concentraton", "did you mean sector_concentration?"),
        ('"hold"', '"pass"', "outcome 'pass' is not known"),
        ("0.40", "[0.4]", "rule 1: bound is [Decimal('0.4')]"),
        ("0.40", "inf", "bound is Decimal('Infinity')"),
        ("2026-01-01", "2026-01-01T00:00:00", "valid_from is no day such as 2026-01-31"),
        ('"2026-12-31"', '"2026-13-31"', "valid_until is no day"),
        ('id = "tech-cap"', "", "rule 1: lacks id"),
        ('id = "tech-cap"', 'id = "tech-cap"\nlimit = 1', "unknown key 'limit'"),
        ('id = "tech-cap"', "id = 7", "id is no text"),
        ("{ households", "[] # {", "scope is no table"),
        ("days = 30", 'days = "30"', "rule 2: rule 'no-wash': days is not a whole number"),
        ("[[rules]]", "[rules]", "is"),
        ("[[rules]]", "[[rule]]", "is not a list of tables [[rules]]"),
    ],
)
def test_a_file_is_refused_with_its_place_and_the_reason(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    path = written(tmp_path, "rules.toml", TOML.replace(old, new))
    with pytest.raises(InvalidInputError) as refusal:
        read_rules_file(path)
    assert f"{refusal.value}".startswith(f"{path}")
    assert why in f"{refusal.value}"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (",days,", ",dyas,", "unknown column 'dyas'; did you mean days?"),
        ("30,", "thirty,", "line 3: rule 'no-wash': days is not a whole number"),
        ("warn", "", "line 3: lacks outcome"),
        ("0.40", "0,40", "cells under"),
    ],
)
def test_a_csv_is_refused_with_its_line_and_the_reason(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(InvalidInputError, match=r"rules\.csv line") as refusal:
        read_rules_file(written(tmp_path, "rules.csv", CSV.replace(old, new)))
    assert why in f"{refusal.value}"


def test_a_rule_from_anywhere_names_its_place() -> None:
    with pytest.raises(InvalidInputError, match=r"^here: lacks id\.$"):
        read_rule({}, "here")
