"""The screen of a joint plan: the household's drift, what each account trades and why, and what is known of it."""

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import Listing, facts, money, note, percent, title
from steelyard.cli.screens.rebalance import (
    STATUS,
    caption,
    conflict_lines,
    drift_lines,
    lot_lines,
    skipped_lines,
    small,
    stale_lines,
    trade_lines,
)
from steelyard.rebalancing.household import AccountAllocation
from steelyard.rebalancing.household_policy import HouseholdProposal
from steelyard.rebalancing.problem import Status


def joint_plan(found: HouseholdProposal, written: str) -> Group:
    """Show the plan of a household; `written` says which order file was written."""
    word, colour, meaning = STATUS[found.allocation.status]
    name = f"Rebalance {found.household_id} as one"
    return Group(
        Text.assemble((name, "bold"), "  ", (word, colour)),
        note(meaning),
        "",
        *(conflict_lines(found.allocation) if found.allocation.status is Status.INFEASIBLE else _plan(found)),
        *caption(found.portfolios[0]),
        written or note("Nothing was ordered; --csv FILE writes an order file."),
    )


def _plan(found: HouseholdProposal) -> list[RenderableType]:
    parts: list[RenderableType] = [_summary(found), "", *_accounts(found)]
    for account in found.allocation.accounts:
        if account.trades:
            parts += [title(account.account_id), *trade_lines(account.trades), *lot_lines(account.lots)]
    return [*parts, *drift_lines(found.allocation), *skipped_lines(found.allocation), *stale_lines(found)]


def _summary(found: HouseholdProposal) -> RenderableType:
    allocation, currency = found.allocation, found.portfolios[0].base_currency
    drift = Text.assemble(
        f"{percent(allocation.total_drift_before)} → ", (percent(allocation.total_drift_after), "bold")
    )
    pairs: list[tuple[str, RenderableType]] = [
        ("Drift, total", drift),
        ("Cash after", f"{money(allocation.cash_after)} {currency}"),
        ("Fees", money(allocation.fees)),
        ("Gains", money(allocation.gains)),
        ("Taxes", money(allocation.taxes)),
    ]
    if found.policy.household and found.policy.household.annual_tax is not None:
        annual = f"{money(allocation.annual_tax_before)} → {money(allocation.annual_tax_after)} a year"
        word = "saves" if allocation.location_benefit >= 0 else "costs"
        location = f"{word} {money(abs(allocation.location_benefit))} a year"
        pairs += [("Annual tax", annual), ("Location", location)]
    gap = f"{small(allocation.gap)} {currency}"
    if allocation.gap_relative is not None:
        gap += f", {percent(allocation.gap_relative)} of the household"
    return facts(
        [
            *pairs,
            ("Objective", f"{money(allocation.objective)} {currency}"),
            ("Bound", f"{money(allocation.lower_bound)} {currency}"),
            ("Gap", gap),
        ]
    )


def _accounts(found: HouseholdProposal) -> list[RenderableType]:
    """Show the accounts, one a line."""
    listing = Listing("Account", "Treatment", ">Trades", ">Cash after", ">Taxes", "?>Fees")
    for account in found.allocation.accounts:
        listing.add_row(*_account(account))
    return [title(f"Accounts, {len(found.allocation.accounts):,}"), listing, ""]


def _account(account: AccountAllocation) -> list[str]:
    return [
        account.account_id,
        account.treatment.replace("_", "-"),
        f"{len(account.trades):,}",
        money(account.cash_after),
        money(account.taxes),
        money(account.fees),
    ]
