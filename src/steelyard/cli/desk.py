"""Where the operator looks after people: a tenant of the open store, and what its names are encrypted with."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.shell import Shell

if TYPE_CHECKING:
    from steelyard.identity.permissions import Actor
    from steelyard.identity.vault import Vault
    from steelyard.storage.connection import Pool, WriteSession

tenant_option: Callable[..., Any] = click.option(
    "--tenant",
    "tenant_id",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    show_default=True,
    help="Of this tenant.",
)

url_option: Callable[..., Any] = click.option(
    "--url",
    metavar="URL",
    default="http://localhost:8000",
    show_default=True,
    help="What people type to reach the server.",
)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command works with, in one transaction.

    Attributes:
        db: works for the operator in the tenant.
        vault: opens and seals names.
        actor: the operator in the tenant.
        now: the time.
        pool: on the store.
    """

    db: "WriteSession"
    vault: "Vault"
    actor: "Actor"
    now: datetime
    pool: "Pool"


@dataclass(frozen=True, slots=True)
class PrintedLink:
    """A link as it is printed, once.

    Attributes:
        login: whom it lets in.
        purpose: invitation, recovery or set-up.
        url: the link.
        expires_at: until when.
    """

    login: str
    purpose: str
    url: str = field(repr=False)
    expires_at: datetime


@asynccontextmanager
async def open_desk(shell: Shell, tenant_id: int) -> AsyncIterator[Desk]:
    """Open the store for one command about people.

    Raises:
        UnknownTenantError: there is no such tenant.
        SteelyardError: as `Shell.store` and `Shell.vault`.
    """
    from steelyard.identity.permissions import Actor
    from steelyard.services.tenant import require_tenant
    from steelyard.storage.acting import acting_as
    from steelyard.storage.connection import get_write_session

    operator = Actor(tenant_id)
    async with shell.store() as pool:
        vault = await shell.vault(pool)
        with acting_as(operator.acting):
            async with get_write_session() as db:
                await require_tenant(db, tenant_id)
                yield Desk(db, vault, operator, datetime.now(UTC), pool)


@asynccontextmanager
async def open_book(shell: Shell, tenant_id: int) -> AsyncIterator["WriteSession"]:
    """Open the store for one command about what a tenant holds and trades, which needs no keys.

    Raises:
        UnknownTenantError: there is no such tenant.
        SteelyardError: as `Shell.store`.
    """
    from steelyard.identity.permissions import Actor
    from steelyard.services.tenant import require_tenant
    from steelyard.storage.connection import get_write_session

    async with shell.store(acts_as=Actor(tenant_id).acting), get_write_session() as db:
        await require_tenant(db, tenant_id)
        yield db
