"""Screens of assets: the list, and the page of one asset."""

from collections.abc import Sequence
from typing import Any, Final

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import (
    UNKNOWN,
    Listing,
    change_of,
    day,
    facts,
    money,
    note,
    percent,
    quantity,
    ratio,
    title,
)
from steelyard.domain.scope import Scope
from steelyard.services.quality import meaning

MOST_FINDINGS: Final = 10


def listing(rows: Sequence[dict[str, Any]], *, among: int, scope: Scope) -> Group:
    """Show assets one a line; `among` is how many the scope has."""
    if not rows:
        return Group(title("Assets"), "", "No asset is held, traded, targeted or checked here.")
    lines = Listing("Asset", "Name", ">Value", ">Return", ">VaR", "?Risk", "?>Flags", "?>Quantity", "?>Price")
    for row in rows:
        lines.add_row(
            row["asset_id"],
            row["asset_name"],
            money(row["market_value"]),
            change_of(row["total_return"]),
            percent(row["value_at_risk"]),
            row["risk_category"],
            f"{len(row['quality_flags'])}",
            quantity(row["quantity"]),
            _price(row),
        )
    return Group(
        title("Assets"), "", lines, "", note(f"{len(rows):,} of {among:,} assets"), _caption(rows[0], scope)
    )


def page(row: dict[str, Any], *, scope: Scope) -> Group:
    """Show everything known about one asset."""
    sides = [_value(row), _return(row), _risk(row), _transactions(row), _compliance(row), *_terms(row)]
    return Group(
        Text.assemble((row["asset_id"], "bold"), "  ", row["asset_name"]),
        note(_kind(row)),
        "",
        Columns(sides, padding=(1, 4), equal=True),
        "",
        *_quality(row),
        _caption(row, scope),
    )


def _kind(row: dict[str, Any]) -> str:
    named = (
        row["asset_type"],
        row["sector"],
        row["issuing_country"],
        row["exchange"],
        row["isin"],
        row["status"],
    )
    return " · ".join(part for part in named if part)


def _value(row: dict[str, Any]) -> Group:
    return _side(
        f"Value, {row['base_currency']}",
        ("Market value", Text(money(row["market_value"]), "bold")),
        ("Quantity", quantity(row["quantity"])),
        ("Price", _price(row)),
        ("Price of", day(row["price_date"])),
        ("Position", row["position_size"]),
    )


def _return(row: dict[str, Any]) -> Group:
    return _side(
        "Return, one year",
        ("Total", change_of(row["total_return"])),
        ("Daily mean", change_of(row["avg_daily_return"])),
        ("Best day", change_of(row["max_daily_return"])),
        ("Worst day", change_of(row["min_daily_return"])),
        ("Category", row["performance_category"]),
        ("Origin", row["performance_origin"] or UNKNOWN),
    )


def _risk(row: dict[str, Any]) -> Group:
    benchmark = f" to {row['benchmark_asset_id']}" if row["benchmark_asset_id"] else ""
    return _side(
        "Risk, three months",
        ("Value at risk", _with_amount(row, "value_at_risk")),
        ("Shortfall", _with_amount(row, "expected_shortfall")),
        ("Volatility", percent(row["avg_volatility"])),
        ("Beta", f"{ratio(row['beta'])}{benchmark}"),
        ("Sharpe", ratio(row["sharpe_ratio"])),
        ("Category", row["risk_category"]),
        ("Origin", row["risk_origin"] or UNKNOWN),
    )


def _transactions(row: dict[str, Any]) -> Group:
    return _side(
        f"Transactions, one year, {row['base_currency']}",
        ("Number", f"{row['total_transactions']:,}"),
        ("Bought", money(row["total_purchases"])),
        ("Sold", money(row["total_sales"])),
        ("Mean cost", money(row["avg_transaction_cost"])),
    )


def _compliance(row: dict[str, Any]) -> Group:
    return _side(
        "Compliance, six months",
        ("Violations", f"{row['active_violations']:,}"),
        ("Last check", day(row["last_compliance_check"])),
    )


def _terms(row: dict[str, Any]) -> list[RenderableType]:
    """Show the terms that are known; shares have few."""
    terms = [
        ("Issuer", row["issuer"]),
        ("Issued", row["issue_date"]),
        ("Matures", row["maturity_date"]),
        ("Par value", row["par_value"] and money(row["par_value"])),
        ("Rating", row["rating"]),
    ]
    known = [(name, f"{value}") for name, value in terms if value]
    return [_side("Terms", *known)] if known else []


def _quality(row: dict[str, Any]) -> list[RenderableType]:
    """Show flags with what they mean, and what the loads found."""
    if not row["quality_flags"] and not row["findings"]:
        return [note("Data quality: nothing limits these figures."), ""]
    flags = facts([(flag, meaning(flag)) for flag in row["quality_flags"]])
    findings = Listing("Finding", "Day", "What was done", "Why")
    for finding in row["findings"][:MOST_FINDINGS]:
        findings.add_row(
            finding["kind"], day(finding["finding_date"]), finding["severity"], finding["reason"]
        )
    parts: list[RenderableType] = [title("Data quality"), flags, ""]
    parts += [findings, ""] if row["findings"] else []
    more = len(row["findings"]) - MOST_FINDINGS
    if more > 0:
        parts += [note(f"… and {more:,} more; `steelyard asset {row['asset_id']} --json` has all."), ""]
    return parts


def _side(name: str, *pairs: tuple[str, RenderableType]) -> Group:
    return Group(title(name), facts(pairs))


def _with_amount(row: dict[str, Any], figure: str) -> str:
    amount = row[f"{figure}_amount"]
    return percent(row[figure]) + (f" = {money(amount)}" if amount is not None else "")


def _price(row: dict[str, Any]) -> str:
    return UNKNOWN if row["current_price"] is None else f"{quantity(row['current_price'])} {row['currency']}"


def _caption(row: dict[str, Any], scope: Scope) -> Text:
    return note(
        f"money in {row['base_currency']} · as of {row['as_of']} · version {row['version']} · {scope}"
    )
