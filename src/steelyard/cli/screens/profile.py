"""Screens of investor profiles, and of the models offered to them."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType

from steelyard.cli.screens.cells import UNKNOWN, Listing, facts, note, percent, title
from steelyard.domain.profile import InvestorProfile, Model
from steelyard.services.model import Offer


def shown(found: InvestorProfile) -> Group:
    """Show what the investor of an account wants and bears."""
    investor = found.investor
    parts: list[tuple[str, RenderableType]] = [
        ("Risk tolerance", f"{investor.risk_tolerance} of 5"),
        ("Horizon", f"{investor.horizon_years} years"),
        ("Goals", ", ".join(investor.goals) or UNKNOWN),
        ("Prefers", _named(investor.preferences)),
        ("Never buys", _named(investor.exclusions)),
    ]
    written = note(f"Version {found.version}, {found.changed_by}, {found.changed_at:%Y-%m-%d %H:%M} UTC")
    return Group(title(f"Investor of {found.account_id}"), "", facts(parts), "", written)


def models(found: Sequence[Model]) -> Group:
    """Show the models."""
    listing = Listing("Model", "?Name", ">Assets", ">Risk", ">Years", "?>Version")
    for one in found:
        listing.add_row(
            one.model_id,
            one.model_name,
            f"{len(one.weights)}",
            _number(one.risk_level),
            _number(one.min_horizon_years),
            f"{one.version}",
        )
    return Group(title("Models"), "", listing or "There is no model yet: `steelyard models set`.")


def model(one: Model) -> Group:
    """Show a model with its weights, the largest first."""
    listing = Listing("Asset", ">Target weight")
    for asset, weight in sorted(one.weights.items(), key=lambda item: (-item[1], item[0])):
        listing.add_row(asset, percent(weight))
    parts: list[tuple[str, RenderableType]] = [
        ("Name", one.model_name),
        ("Risk", UNKNOWN if one.risk_level is None else f"{one.risk_level} of 5"),
        ("Shortest horizon", UNKNOWN if one.min_horizon_years is None else f"{one.min_horizon_years} years"),
        ("Version", f"{one.version}"),
    ]
    return Group(title(f"Model {one.model_id}"), "", facts(parts), "", listing)


def offers(found: Sequence[Offer], *, account_id: str) -> Group:
    """Show which models are offered to the investor of an account, and why the others are not."""
    listing = Listing("Model", "Offered", ">Preferred", "Why not")
    for one in found:
        offered = "yes" if one.is_offered else "no"
        listing.add_row(
            one.model_id + (" (followed)" if one.is_followed else ""),
            offered,
            percent(one.preferred_weight),
            "; ".join(one.reasons),
        )
    return Group(title(f"Models for {account_id}"), "", listing or "There is no model yet.")


def _named(named: Mapping[str, Sequence[str]]) -> str:
    words = [
        f"{kind.replace('_', ' ')}: {', '.join(names)}" for kind, names in sorted(named.items()) if names
    ]
    return "; ".join(words) or UNKNOWN


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value}"
