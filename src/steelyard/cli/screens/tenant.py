"""The screen of tenants."""

from collections.abc import Sequence
from decimal import Decimal

from rich.console import Group

from steelyard.cli.screens.cells import Listing, money, title
from steelyard.storage.tenant import Tenant


def listed(tenants: Sequence[Tenant]) -> Group:
    """Show the tenants and their rules."""
    columns = (">Tenant", "Name", "!Currency", "Second factor", ">One person approves up to", ">A code up to")
    listing = Listing(*columns, ">Prices may move", ">Minutes to execute")
    for tenant in tenants:
        listing.add_row(
            f"{tenant.tenant_id}",
            tenant.tenant_name,
            tenant.base_currency,
            "everybody" if tenant.requires_mfa else "by role",
            _limit(tenant.approval_limit),
            _limit(tenant.code_limit),
            f"{100 * tenant.price_tolerance.normalize():f} %",
            f"{tenant.proposal_minutes}",
        )
    return Group(title("Tenants"), "", listing)


def _limit(limit: Decimal | None) -> str:
    return "nothing" if limit is None else money(limit)
