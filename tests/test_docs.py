"""The pages say what is there: links lead somewhere, no setting, word or name is left out."""

import ast
import importlib
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import steelyard
from steelyard.statements.columns import FORMATS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "src/steelyard"


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# ── Links ───────────────────────────────────────────────────────────────────────────────────────────────


def broken_links(page: Path) -> list[str]:
    """Give the relative links and pictures of a page that lead nowhere."""
    without_code = re.sub(r"```.*?```", "", read(page), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)|(?:src|href)=\"([^\"#]+)\"", without_code)
    relative = [target for pair in targets for target in pair if target and ":" not in target]
    return [target for target in relative if not (page.parent / target).exists()]


@pytest.mark.parametrize(
    "page", sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")]), ids=lambda page: page.name
)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[a](page.md#top) [b](gone.md) [c](https://example.org) ![d](gone.svg)", encoding="utf-8")

    assert broken_links(page) == ["gone.md", "gone.svg"]


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────


def settings_read(source: str) -> set[str]:
    """Give the environment variables a configuration module names in its code."""
    strings = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return {text for text in strings if isinstance(text, str) and re.fullmatch(r"[A-Z][A-Z0-9_]{3,}", text)}


def settings_described(page: str) -> set[str]:
    return set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", page, re.MULTILINE))


def test_every_setting_is_described_and_every_description_is_true() -> None:
    names = settings_read(read(PACKAGE / "config.py"))

    assert names
    assert settings_described(read(DOCS / "reference/settings.md")) == names


def test_an_undescribed_setting_is_noticed() -> None:
    assert settings_read("env.get('STEELYARD_NEW')") != settings_described("| `STEELYARD_OLD` | a folder |")


# ── Tables ──────────────────────────────────────────────────────────────────────────────────────────────


def tables_described(page: str) -> dict[str, list[str]]:
    """Give the columns of each table's section."""
    sections = re.split(r"^### (\w+)\n", page, flags=re.MULTILINE)[1:]
    texts = zip(sections[::2], sections[1::2], strict=True)
    return {name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for name, text in texts}


def test_every_column_of_every_table_is_described() -> None:
    formats = {name: [column.name for column in table.columns] for name, table in FORMATS.items()}

    assert tables_described(read(DOCS / "reference/tables.md")) == formats


def test_an_undescribed_column_is_noticed() -> None:
    page = "### accounts\n\n| `account_id` | text |\n\n### benchmarks\n\n| `currency` | code |\n"

    assert tables_described(page) == {"accounts": ["account_id"], "benchmarks": ["currency"]}


# ── Measures ────────────────────────────────────────────────────────────────────────────────────────────

MEASURED = [
    "returns",
    "risk",
    "drawdown",
    "downside",
    "distribution",
    "benchmark",
    "ratios",
    "rolling",
    "attribution",
    "linking",
    "factor_attribution",
    "portfolio_risk",
]


def measures_described(page: str) -> dict[str, list[str]]:
    """Give the functions in each module's section."""
    sections = re.split(r"^## `(\w+)`\n", page, flags=re.MULTILINE)[1:]
    texts = zip(sections[::2], sections[1::2], strict=True)
    return {name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for name, text in texts}


def public_functions(source: str) -> list[str]:
    tree = ast.parse(source)
    return [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]


def test_every_measure_has_its_formula_and_convention() -> None:
    described = measures_described(read(DOCS / "reference/measures.md"))

    assert list(described) == MEASURED
    for module in MEASURED:
        functions = public_functions(read(PACKAGE / f"analytics/{module}.py"))
        assert sorted(described[module]) == sorted(functions), module


def test_an_undescribed_measure_is_noticed() -> None:
    assert public_functions("def beta(): ...\ndef _own(): ...\nclass Side: ...") == ["beta"]
    assert measures_described("## `risk`\n\n| `alpha` | a |\n| beta | b |\n") == {"risk": ["alpha"]}


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────


def classes_without_a_word(sources: Iterable[str], glossary: str) -> set[str]:
    """Give the public classes of the domain that the glossary does not name; errors speak for themselves."""
    trees = (ast.parse(source) for source in sources)
    names = {node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}
    return {name for name in names if not name.startswith("_") and f"`{name}`" not in glossary} - {
        name for name in names if name.endswith("Error")
    }


def test_every_domain_class_is_in_the_glossary() -> None:
    sources = [read(path) for path in PACKAGE.glob("domain/*.py")]

    assert classes_without_a_word(sources, read(DOCS / "glossary.md")) == set()


def test_a_class_without_a_word_is_noticed() -> None:
    assert classes_without_a_word(["class Lot: ...\nclass LotError: ..."], "| `Money` |") == {"Lot"}


# ── Names the users already know ────────────────────────────────────────────────────────────────────────

KNOWN_NAMES = [
    "init_connection_pool",
    "get_db_session",
    "create_and_run_procedure",
    "get_portfolio_overview",
    "get_asset_allocation",
    "get_risk_metrics",
    "get_performance_dashboard",
    "get_compliance_summary",
    "get_transaction_analysis",
    "get_sector_exposure",
    "get_geographic_distribution",
    "Accounts",
    "get_current_price",
    "get_current_prices",
    "start_session",
    "select_account",
    "calculate_allocation",
    "calculate_investment_allocation",
    "get_performance",
    "explain_figure",
    "get_positions",
    "get_lots",
    "get_journal",
    "review",
    "approve",
    "execute",
]


def names_described(page: str) -> dict[str, str]:
    """Give the module of each name on the page; "not yet" where the page says so."""
    return dict(re.findall(r"^\| `(\w+)` \| `?([\w. ]+?)`? \|", page, re.MULTILINE))


def misplaced(places: dict[str, str]) -> list[str]:
    """Give the names that are not where the page says, or are there although it says "not yet"."""
    return [
        name
        for name, place in places.items()
        if (
            hasattr(steelyard, name)
            if place == "not yet"
            else getattr(steelyard, name, None) is not getattr(importlib.import_module(place), name)
        )
    ]


def test_every_known_name_is_where_the_page_says() -> None:
    places = names_described(read(DOCS / "reference/names.md"))

    assert sorted(places) == sorted(KNOWN_NAMES)
    assert misplaced(places) == []


def test_a_misplaced_name_is_noticed() -> None:
    assert misplaced({"path": "os"}) == ["path"]
    assert misplaced({"__doc__": "not yet"}) == ["__doc__"]
