"""The screen of `demo`: the sample book, what of it is real, and what to try next."""

from dataclasses import replace
from typing import Any, Final

from rich.console import Group

from steelyard.cli.screens import answers
from steelyard.cli.screens.cells import facts, title
from steelyard.cli.shell import SampleBook
from steelyard.services.asset_360 import answer_risk
from steelyard.storage.asset_360 import Document

RISKIEST: Final = 5

NEXT: Final = (
    ("steelyard performers", "the best of the year"),
    ("steelyard asset AAPL", "one asset from all sides"),
    ("steelyard overview --household OKAFOR", "one household alone"),
    ("steelyard rebalance --account RIVERA-JOINT", "what to trade, with proof"),
    ("steelyard allocation --json", "for programs"),
    ("steelyard refresh --as-of 2020-03-31", "the same book on another day"),
    ("steelyard --help", "everything else"),
)


def demonstration(overview: dict[str, Any], document: Document, book: SampleBook) -> Group:
    """Show the book, what of it is real, and what to try next."""
    riskiest = answer_risk(replace(document, risk=document.risk[:RISKIEST]))
    return Group(
        answers.overview(overview, document),
        "",
        answers.risk(riskiest, document),
        "",
        title("What this is"),
        facts(
            [("Real", book.real), ("Made", book.made), ("As of", f"{document.as_of}, the last price date")]
        ),
        "",
        title("Try next"),
        facts(NEXT),
    )
