"""The screen of `demo`: the sample book, what of it is real, and what to try next."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from rich.console import Group

from steelyard.cli.screens import answers
from steelyard.cli.screens.cells import change_of, facts, money, title
from steelyard.cli.shell import SampleBook
from steelyard.services.asset_360 import answer_risk
from steelyard.services.performance import ScopePerformance
from steelyard.storage.asset_360 import Document

RISKIEST: Final = 5

NEXT: Final = (
    ("steelyard performers", "the best of the year"),
    ("steelyard asset AAPL", "one asset from all sides"),
    ("steelyard overview --household OKAFOR", "one household alone"),
    ("steelyard performance", "how it did, and what made it"),
    ("steelyard explain return", "the rows behind a figure"),
    ("steelyard rebalance --account RIVERA-JOINT", "what to trade, with proof"),
    ("steelyard allocation --json", "for programs"),
    ("steelyard refresh --as-of 2020-03-31", "the same book on another day"),
    ("steelyard --help", "everything else"),
)


def demonstration(
    overview: dict[str, Any], document: Document, book: SampleBook, did: ScopePerformance
) -> Group:
    """Show the book, how it did, what of it is real, and what to try next."""
    riskiest = answer_risk(replace(document, risk=document.risk[:RISKIEST]))
    return Group(
        answers.overview(overview, document),
        "",
        answers.risk(riskiest, document),
        "",
        title("Performance"),
        facts(
            [
                ("Time-weighted", change_of(_fraction(did, "time_weighted_return"))),
                ("a year", change_of(_fraction(did, "annual_return"))),
                (f"Gain, {did.base_currency}", money(did.figures["gain"])),
                ("Since", f"{did.begin + timedelta(days=1)}"),
            ]
        ),
        "",
        title("What this is"),
        facts(
            [("Real", book.real), ("Made", book.made), ("As of", f"{document.as_of}, the last price date")]
        ),
        "",
        title("Try next"),
        facts(NEXT),
    )


def _fraction(did: ScopePerformance, name: str) -> float | None:
    value = did.figures[name]
    return None if value is None else float(value)
