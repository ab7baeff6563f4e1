"""Screens of the keys: who has which, and what a rotation did."""

from collections.abc import Sequence

from rich.console import Group, RenderableType

from steelyard.cli.screens.cells import Listing, day, facts, note, title
from steelyard.services.key_rotation import MasterRotation, Rotation
from steelyard.storage.tenant_key import TenantKey


def listed(found: Sequence[TenantKey]) -> Group:
    """Show the keys of every tenant."""
    if not found:
        return Group(
            title("Keys"), "", "No tenant has a key yet; the first is made when something is encrypted."
        )
    listing = Listing(">Tenant", ">Key", "What it does", "Master key", "Since", "Until")
    for key in found:
        until = key.destroyed_at or key.retired_at
        listing.add_row(
            f"{key.tenant_id}",
            f"{key.key_id}",
            _state(key),
            key.wrapped_by if key.destroyed_at is None else "",
            day(key.created_at.date()),
            day(until.date()) if until else "",
        )
    return Group(title("Keys"), "", listing, "", *_unfinished(found))


def rotated(done: Sequence[Rotation]) -> Group:
    """Say what a rotation did, tenant by tenant."""
    if not done:
        return Group("There is no key to rotate: nothing is encrypted yet.")
    listing = Listing(">Tenant", ">Key", ">Encrypted anew", "Destroyed")
    for one in done:
        listing.add_row(
            f"{one.tenant_id}",
            f"{one.key_id}",
            f"{one.resealed:,}",
            ", ".join(f"{key_id}" for key_id in one.destroyed) or "none",
        )
    resumed = [note("A rotation that had been interrupted was taken to its end.")]
    return Group(title("Keys"), "", listing, "", *(resumed if any(one.resumed for one in done) else []))


def master_rotated(done: MasterRotation) -> Group:
    """Say which master key encrypts now."""
    return Group(
        facts([("Master key", done.name), ("Keys encrypted with it", f"{done.rewrapped:,}")]),
        note(
            "A rotation that had been interrupted was taken to its end; no master key was added."
            if done.resumed
            else "Keep a copy of the key file. Its older lines open backups from before; delete them with those."
        ),
    )


def _state(key: TenantKey) -> str:
    if key.destroyed_at is not None:
        return "destroyed"
    return "encrypts" if key.retired_at is None else "decrypts"


def _unfinished(found: Sequence[TenantKey]) -> list[RenderableType]:
    if any(_state(key) == "decrypts" for key in found):
        return [note("A rotation was interrupted: `steelyard keys rotate` takes it to its end.")]
    return []
