"""The screen of tenants."""

from collections.abc import Sequence

from rich.console import Group

from steelyard.cli.screens.cells import Listing, money, title
from steelyard.storage.tenant import Tenant


def listed(tenants: Sequence[Tenant]) -> Group:
    """Show the tenants and their rules."""
    listing = Listing(">Tenant", "Name", "!Currency", "Second factor", ">One person approves up to")
    for tenant in tenants:
        listing.add_row(
            f"{tenant.tenant_id}",
            tenant.tenant_name,
            tenant.base_currency,
            "everybody" if tenant.requires_mfa else "by role",
            "nothing" if tenant.approval_limit is None else money(tenant.approval_limit),
        )
    return Group(title("Tenants"), "", listing)
