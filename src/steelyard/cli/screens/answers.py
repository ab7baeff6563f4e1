"""Screens of the eight answers. Each takes what the reader returned and the document it is from."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import (
    Listing,
    bars,
    change,
    change_of,
    facts,
    money,
    note,
    percent,
    percentage,
    ratio,
    title,
)
from steelyard.cli.screens.flags import quality
from steelyard.domain.scope import Scope
from steelyard.storage.asset_360 import Document

NOTHING_HELD = "No asset is held, traded, targeted or checked here."


def caption(document: Document, *, unit: str | None = None) -> Text:
    """Say what the figures of a screen are of: unit, day, version and scope."""
    scope = Scope(document.scope_kind, document.scope_id)  # type: ignore[arg-type]  # kinds as published
    parts = (unit, f"as of {document.as_of}", f"version {document.version}", str(scope))
    return note(" · ".join(part for part in parts if part))


def overview(answer: dict[str, Any], document: Document) -> Group:
    """Show value, return and how the value is spread over the risk categories."""
    unvalued = answer["unvalued_assets"]
    held = f"{answer['total_assets']:,}" + (
        f", {unvalued:,} of them without a known value" if unvalued else ""
    )
    summary = facts(
        [
            ("Total value", Text(f"{money(answer['total_value'])} {answer['base_currency']}", "bold")),
            ("Assets", held),
            ("Return, one year", _with_note(change(answer["average_return"]), "weighted by value")),
            ("", _with_note(change(answer["mean_return"]), "plain mean of the assets")),
        ]
    )
    return Group(
        title("Overview"),
        "",
        summary,
        "",
        _risk_categories(answer),
        "",
        *quality(document),
        _money_of(document),
    )


def allocation(answer: dict[str, Any], document: Document) -> Group:
    """Show the value of each asset type."""
    return _shares("Asset allocation", "Asset type", answer, document)


def sectors(answer: dict[str, Any], document: Document) -> Group:
    """Show the value and number of assets of each sector."""
    return _shares("Sector exposure", "Sector", answer, document)


def countries(answer: dict[str, Any], document: Document) -> Group:
    """Show the value and number of assets of each issuing country."""
    return _shares("Geographic distribution", "Country", answer, document)


def risk(answer: Sequence[dict[str, Any]], document: Document) -> Group:
    """Show the riskiest assets, those without a figure last."""
    listing = Listing("Asset", "Name", ">VaR", "?=", ">Beta", ">Sharpe")
    lengths = [row["value_at_risk"] or 0.0 for row in answer]
    for row, bar in zip(answer, bars(lengths), strict=True):
        listing.add_row(
            row["asset_id"],
            row["asset_name"],
            percent(row["value_at_risk"]),
            bar,
            ratio(row["beta"]),
            ratio(row["sharpe_ratio"]),
        )
    meaning = note("VaR, one day at 95 %: one day in 20 of the last three months lost that or more.")
    return _screen("Highest risk", listing, [meaning, note(_risk_free(document))], document)


def performers(answer: dict[str, Any], document: Document) -> Group:
    """Show the best performers of one year."""
    listing = Listing("Asset", "Name", ">Return", "?=", ">Daily", ">Volatility", "?Category")
    rows = answer["top_performers"]
    for row, bar in zip(rows, bars([row["total_return"] for row in rows]), strict=True):
        listing.add_row(
            row["asset_id"],
            row["asset_name"],
            change_of(row["total_return"]),
            bar,
            percent(row["avg_daily_return"]),
            percent(row["avg_volatility"]),
            row["performance_category"],
        )
    meaning = note("Return compounds one year of days; volatility is annual, of three months.")
    return _screen("Best performers", listing, [meaning], document)


def compliance(answer: Sequence[dict[str, Any]], document: Document) -> Group:
    """Show the assets with violations in six months, most first."""
    if not answer:
        return Group(title("Compliance"), "", "No violation in the last six months.", "", caption(document))
    listing = Listing("Asset", "Name", ">Violations", "=", "Last check")
    lengths = bars([row["active_violations"] for row in answer])
    for row, bar in zip(answer, lengths, strict=True):
        violations, checked = f"{row['active_violations']:,}", row["last_compliance_check"]
        listing.add_row(row["asset_id"], row["asset_name"], violations, bar, f"{checked}")
    meaning = note("Checks of the last six months that ended in VIOLATION.")
    return _screen("Compliance", listing, [meaning], document)


def transactions(answer: dict[str, Any], document: Document) -> Group:
    """Show the amount traded in each of twelve months."""
    meta = answer["layout"]["meta"]
    listing = Listing("Month", f">Volume {meta['unit']}", "=")
    for row, bar in zip(meta["rows"], bars([row["value"] or 0.0 for row in meta["rows"]]), strict=True):
        listing.add_row(row["month"], money(row["value"]), bar)
    return _screen("Transactions", listing, [note("Amounts bought and sold, without costs.")], document)


def _risk_categories(answer: dict[str, Any]) -> RenderableType:
    rows = answer["risk_distribution"]
    if not rows:
        return NOTHING_HELD
    total = answer["total_value"]
    listing = Listing("Risk", ">Assets", f">Value {answer['base_currency']}", ">Share", "=")
    for row, bar in zip(rows, bars([float(row["value"]) for row in rows]), strict=True):
        share = 100 * row["value"] / total if total > 0 else None
        listing.add_row(
            row["risk_category"], f"{row['count']:,}", money(row["value"]), percentage(share), bar
        )
    return listing


def _shares(name: str, what: str, answer: dict[str, Any], document: Document) -> Group:
    """Show a pie as a table: value and number of assets of each slice, and its share of the value."""
    meta = answer["layout"]["meta"]
    listing = Listing(what, ">Assets", f">Value {meta['unit']}", ">Share", "=")
    for row, bar in zip(meta["rows"], bars([row["value"] for row in meta["rows"]]), strict=True):
        share = percentage(row["share_of_value"])
        listing.add_row(row["label"], f"{row['count']:,}", money(row["value"]), share, bar)
    return _screen(name, listing, [], document)


def _screen(name: str, listing: Listing, notes: Sequence[Text], document: Document) -> Group:
    if not listing:
        return Group(title(name), "", NOTHING_HELD, "", caption(document))
    return Group(title(name), "", listing, "", *notes, caption(document))


def _money_of(document: Document) -> Text:
    return caption(document, unit=f"money in {document.base_currency}")


def _risk_free(document: Document) -> str:
    if not document.risk_free:
        return "Sharpe: above 0, for no risk-free series is loaded."
    series = ", ".join(f"{name} for {currency}" for currency, name in sorted(document.risk_free.items()))
    return f"Sharpe: above {series}; above 0 for other currencies."


def _with_note(figure: Text, words: str) -> Text:
    return Text.assemble(figure, ("  " + words, "dim"))
