"""The commands about API tokens: keys of programs, which act as their user within their scopes."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from steelyard.cli.desk import open_desk, tenant_option
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.storage.token import Token

MOST_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class PrintedToken:
    """A token as it is printed, once.

    Attributes:
        token: the token itself.
        token_id: what lists call it.
        expires_at: until when.
    """

    token: str = field(repr=False)
    token_id: UUID
    expires_at: datetime


@click.group(epilog=examples("steelyard token create nightly --name cron --scope read:portfolio"))
def token() -> None:
    """Look after the keys of programs, which act as a user within their scopes."""


@token.command(
    epilog=examples(
        "steelyard token create nightly --name cron --scope read:portfolio --scope propose:order --days 90"
    )
)
@click.argument("login")
@click.option("--name", required=True, help="What lists call it.")
@click.option(
    "--scope",
    "scopes",
    metavar="VERB:TYPE",
    multiple=True,
    required=True,
    help="What it may do of what its user may: read:portfolio, propose:order …",
)
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=90, show_default=True, help="How long it counts."
)
@tenant_option
@as_json
@pass_shell
def create(
    shell: Shell, *, login: str, name: str, scopes: tuple[str, ...], days: int, tenant_id: int, as_json: bool
) -> None:
    """Print a new token of a user, once.

    It never approves or executes an order, and manages nobody.
    """
    from steelyard.cli.screens.token import printed

    tell(
        asyncio.run(_create(shell, tenant_id, login, name=name, scopes=scopes, days=days)),
        printed,
        as_json=as_json,
    )


@token.command(
    "list",
    epilog=examples("steelyard token list", "steelyard token list nightly", "steelyard token list --json"),
)
@click.argument("login", required=False)
@tenant_option
@as_json
@pass_shell
def list_(shell: Shell, *, login: str | None, tenant_id: int, as_json: bool) -> None:
    """Show the tokens that count, of a user or of all."""
    from steelyard.cli.screens.token import listed

    tell(asyncio.run(_list(shell, tenant_id, login)), listed, as_json=as_json)


@token.command(epilog=examples("steelyard token revoke 6f1c0a52-9d0e-4c0a-8a43-2b1f7a0d9c11"))
@click.argument("token_id", type=click.UUID, metavar="TOKEN_ID")
@tenant_option
@pass_shell
def revoke(shell: Shell, *, token_id: UUID, tenant_id: int) -> None:
    """End a token; it opens nothing from the next request on."""
    asyncio.run(_revoke(shell, tenant_id, token_id))
    click.echo(f"Token {token_id} has ended.")


async def _create(
    shell: Shell, tenant_id: int, login: str, *, name: str, scopes: tuple[str, ...], days: int
) -> PrintedToken:
    from steelyard.services.token import create_token
    from steelyard.services.user import find_user

    async with open_desk(shell, tenant_id) as desk:
        user = await find_user(desk.db, desk.vault, login)
        expires_at = desk.now + timedelta(days=days)
        made = await create_token(
            desk.db,
            desk.actor,
            user.user_id,
            name=name,
            scopes=scopes,
            expires_at=expires_at,
            now=desk.now,
            random=token_bytes,
        )
        return PrintedToken(made.text, made.token_id, expires_at)


async def _list(shell: Shell, tenant_id: int, login: str | None) -> "Sequence[Token]":
    from steelyard.services.token import get_tokens
    from steelyard.services.user import find_user

    async with open_desk(shell, tenant_id) as desk:
        user_id = None if login is None else (await find_user(desk.db, desk.vault, login)).user_id
        return await get_tokens(desk.db, user_id, now=desk.now)


async def _revoke(shell: Shell, tenant_id: int, token_id: UUID) -> None:
    from steelyard.services.token import end_token

    async with open_desk(shell, tenant_id) as desk:
        await end_token(desk.db, token_id, now=desk.now)
