"""Screens of accounts: which there are, what one is, has, did, and should hold."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.console import Group, RenderableType

from steelyard.cli.screens.cells import UNKNOWN, Listing, day, facts, money, note, percent, quantity, title
from steelyard.services.account import AccountInformation, Balances
from steelyard.storage.booked import JournalEntry
from steelyard.storage.portfolio import StoredAccount


def listed(accounts: Sequence[StoredAccount]) -> Group:
    """Show the accounts."""
    listing = Listing("Account", "?Name", "?Household", "!Currency", "Model")
    for one in accounts:
        listing.add_row(
            one.account_id,
            one.account_name,
            one.household_id or UNKNOWN,
            one.base_currency,
            one.model_id or UNKNOWN,
        )
    body: RenderableType = listing or "There is no account yet: load some with `steelyard load DIR`."
    return Group(title("Accounts"), "", body)


def information(found: AccountInformation) -> Group:
    """Show what an account is."""
    one = found.account
    link = UNKNOWN if one.link_name is None else f"{one.link_name} ({one.broker}, {one.environment})"
    parts: list[tuple[str, RenderableType]] = [
        ("Name", one.account_name),
        ("Base currency", one.base_currency),
        ("Household", one.household_id or UNKNOWN),
        ("Model", one.model_id or UNKNOWN),
        ("Investor profile", UNKNOWN if one.profile_version is None else f"version {one.profile_version}"),
        ("Kept by", one.kept_by),
        ("Lots", one.lot_method),
        ("May", _may(overdraw=one.may_overdraw, short=one.may_short)),
        ("Orders go to", link),
    ]
    holds = [note(f"On hold since {hold.made_at:%Y-%m-%d %H:%M} UTC: {hold.reason}") for hold in found.holds]
    return Group(title(f"Account {one.account_id}"), "", facts(parts), *([""] if holds else []), *holds)


def balances(found: Balances) -> Group:
    """Show what an account has, by currency."""
    listing = Listing("!Currency", ">Cash", ">Invested", f">Value in {found.base_currency}")
    for one in found.balances:
        listing.add_row(one.currency, money(one.cash), money(one.invested), money(one.value))
    total = f"{money(found.total_value)} {found.base_currency}"
    return Group(
        title(f"Balances of {found.account_id}"),
        "",
        listing,
        "",
        facts([("Total", total), ("As of", day(found.as_of))]),
        *(note(text) for text in found.notes),
    )


def transactions(entries: Sequence[JournalEntry], *, account_id: str) -> Group:
    """Show what was booked in an account."""
    listing = Listing("!Day", "Kind", "What", ">Quantity", ">Amount", "?!Currency", "?Transaction")
    for one in entries:
        listing.add_row(
            day(one.trade_date),
            one.kind,
            one.asset_id or one.currency,
            quantity(one.quantity) if one.quantity else "",
            money(one.amount) if one.amount else "",
            one.currency,
            one.transaction_id,
        )
    return Group(title(f"Transactions of {account_id}"), "", listing or "Nothing is booked in it.")


def targets(weights: Mapping[str, Decimal], *, account_id: str) -> Group:
    """Show what an account should hold, the largest weight first."""
    listing = Listing("Asset", ">Target weight")
    for asset, weight in sorted(weights.items(), key=lambda item: (-item[1], item[0])):
        listing.add_row(asset, percent(weight))
    return Group(title(f"Targets of {account_id}"), "", listing)


def _may(*, overdraw: bool, short: bool) -> str:
    words = [word for word, may in (("overdraw", overdraw), ("sell short", short)) if may]
    return " and ".join(words) or "neither overdraw nor sell short"
