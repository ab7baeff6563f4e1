"""The commands about users: who may sign in, as what, and which accounts they see."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import click

from steelyard.cli.desk import Desk, PrintedLink, open_desk, tenant_option, url_option
from steelyard.cli.options import as_json, examples, scope_options
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.domain.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from steelyard.identity.link import NewLink
    from steelyard.services.people import People
    from steelyard.storage.recovery import RecoveryRequest

Result = TypeVar("Result")

ROLES: Final = click.Choice(["owner", "advisor", "viewer", "compliance", "admin", "service"])
RIGHTS: Final = click.Choice(["propose", "approve", "execute"])


class LimitType(click.ParamType[Decimal]):
    """An amount of money, exact."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Read the amount, or end with the reason."""
        from steelyard.domain.amount import AmountError, read_amount

        try:
            return read_amount("the limit", value)
        except AmountError as error:
            self.fail(str(error), param, ctx)


LIMIT: Final = LimitType()


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be added: the options of the command."""

    login: str
    name: str | None
    role: str
    limit: Decimal | None = None


@click.group(epilog=examples("steelyard user list", "steelyard user invite ada@example.org --role advisor"))
def user() -> None:
    """Look after who may sign in, as what, and which accounts they see."""


@user.command("list", epilog=examples("steelyard user list", "steelyard user list --json"))
@tenant_option
@as_json
@pass_shell
def list_(shell: Shell, *, tenant_id: int, as_json: bool) -> None:
    """Show the users, and what waits for a second person."""
    from steelyard.cli.screens.user import listed

    tell(asyncio.run(_list(shell, tenant_id)), listed, as_json=as_json)


@user.command(
    epilog=examples(
        "steelyard user add nightly --name 'Nightly rebalancing' --role service",
        "steelyard user add ada@example.org --name 'Ada Lovelace' --role advisor --limit 250000",
    )
)
@click.argument("login")
@click.option("--name", help="What people call them.  [default: the login name]")
@click.option("--role", type=ROLES, required=True, help="What they may do.")
@click.option("--limit", type=LIMIT, help="Largest order value they approve alone.  [default: the tenant's]")
@tenant_option
@pass_shell
def add(
    shell: Shell, *, login: str, name: str | None, role: str, limit: Decimal | None, tenant_id: int
) -> None:
    """Add a user.

    A person has no way in until they are invited; a service has tokens and no other way in.
    """
    asyncio.run(_add(shell, tenant_id, NewUser(login, name, role, limit)))
    way_in = (
        f"token create {login} --name cron --scope read:portfolio"
        if role == "service"
        else f"user invite {login}"
    )
    click.echo(f"{login} is added. Next: steelyard {way_in}{_of(tenant_id)}")


@user.command(
    epilog=examples(
        "steelyard user invite ada@example.org --name 'Ada Lovelace' --role advisor",
        "steelyard user invite ada@example.org --url https://book.example.org",
    )
)
@click.argument("login")
@click.option("--name", help="What people call them, who are new.  [default: the login name]")
@click.option("--role", type=ROLES, help="What they may do, who are new.")
@tenant_option
@url_option
@as_json
@pass_shell
def invite(
    shell: Shell, *, login: str, name: str | None, role: str | None, tenant_id: int, url: str, as_json: bool
) -> None:
    """Print the link that lets a user in for the first time, once.

    With --role the user is added first. A new link ends the one before.
    """
    from steelyard.cli.screens.user import link

    if name is not None and role is None:
        raise click.UsageError("--name is for who is new; give --role, too.")
    new = None if role is None else NewUser(login, name, role)
    tell(asyncio.run(_invite(shell, tenant_id, login, new, url=url)), link, as_json=as_json)


@user.command(epilog=examples("steelyard user role ada@example.org compliance"))
@click.argument("login")
@click.argument("role", type=ROLES, metavar="ROLE")
@tenant_option
@pass_shell
def role(shell: Shell, *, login: str, role: str, tenant_id: int) -> None:
    """Give a user another role; their sessions and tokens end."""
    from steelyard.identity.permissions import Role
    from steelyard.services.user import change_role

    async def change(desk: Desk, user_id: UUID) -> None:
        await change_role(desk.db, desk.actor, user_id, Role(role))

    asyncio.run(_for_user(shell, tenant_id, login, change))
    click.echo(f"{login} is {role} from now on; their sessions and tokens have ended.")


@user.command(
    epilog=examples(
        "steelyard user limit ada@example.org 250000", "steelyard user limit ada@example.org --as-tenant"
    )
)
@click.argument("login")
@click.argument("amount", type=LIMIT, required=False)
@click.option("--as-tenant", is_flag=True, help="The tenant's limit, instead of one of their own.")
@tenant_option
@pass_shell
def limit(shell: Shell, *, login: str, amount: Decimal | None, as_tenant: bool, tenant_id: int) -> None:
    """Say up to which order value a user approves alone."""
    if (amount is None) != as_tenant:
        raise click.UsageError("Give either an amount or --as-tenant.")
    from steelyard.services.user import set_approval_limit

    async def change(desk: Desk, user_id: UUID) -> None:
        await set_approval_limit(desk.db, desk.actor, user_id, amount)

    asyncio.run(_for_user(shell, tenant_id, login, change))
    click.echo(f"{login} approves alone up to {'what the tenant says' if amount is None else amount}.")


@user.command(epilog=examples("steelyard user disable ada@example.org"))
@click.argument("login")
@tenant_option
@pass_shell
def disable(shell: Shell, *, login: str, tenant_id: int) -> None:
    """Let a user in no more; their sessions, tokens and links end."""
    from steelyard.services.user import disable_user

    async def change(desk: Desk, user_id: UUID) -> None:
        await disable_user(desk.db, desk.actor, user_id, now=desk.now)

    asyncio.run(_for_user(shell, tenant_id, login, change))
    click.echo(f"{login} is disabled; their sessions, tokens and links have ended.")


@user.command(epilog=examples("steelyard user enable ada@example.org"))
@click.argument("login")
@tenant_option
@pass_shell
def enable(shell: Shell, *, login: str, tenant_id: int) -> None:
    """Let a disabled user in again."""
    from steelyard.services.user import enable_user

    async def change(desk: Desk, user_id: UUID) -> str:
        return await enable_user(desk.db, desk.actor, user_id)

    status = asyncio.run(_for_user(shell, tenant_id, login, change))
    click.echo(
        f"{login} is active again."
        if status == "active"
        else f"{login} has no way in yet. Next: steelyard user invite {login}{_of(tenant_id)}"
    )


@user.command(
    "reset-mfa",
    epilog=examples(
        "steelyard user reset-mfa ada@example.org",
        "steelyard user reset-mfa ada@example.org --approve --url https://book.example.org",
    ),
)
@click.argument("login")
@click.option("--approve", is_flag=True, help="Approve what somebody else asked for, and print the link.")
@tenant_option
@url_option
@as_json
@pass_shell
def reset_mfa(shell: Shell, *, login: str, approve: bool, tenant_id: int, url: str, as_json: bool) -> None:
    """Let a user who lost their factors in again, with four eyes.

    One person asks, another approves and hands on the link, which is printed once. The terminal is one person: what
    was asked for here is approved by a user, and the other way round.
    """
    from steelyard.cli.screens.user import asked, link

    if approve:
        tell(asyncio.run(_approve(shell, tenant_id, login, url)), link, as_json=as_json)
    else:
        tell(asyncio.run(_ask(shell, tenant_id, login)), asked, as_json=as_json)


@user.command(
    epilog=examples(
        "steelyard user grant ada@example.org --household RIVERA --may propose --may approve",
        "steelyard user grant ada@example.org --account RIVERA-IRA",
    )
)
@click.argument("login")
@scope_options
@click.option("--may", type=RIGHTS, multiple=True, help="What else than read.")
@tenant_option
@pass_shell
def grant(shell: Shell, *, login: str, scope: Scope, may: tuple[str, ...], tenant_id: int) -> None:
    """Let a user see an account or a household, and do with it what --may says.

    It takes the place of what they could do with it before.
    """
    from steelyard.identity.permissions import Right
    from steelyard.services.grant import grant as give

    async def change(desk: Desk, user_id: UUID) -> None:
        rights = [Right(right.upper()) for right in may]
        await give(desk.db, desk.actor, user_id, scope, rights, now=desk.now)

    asyncio.run(_for_user(shell, tenant_id, login, change))
    click.echo(f"{login} may {', '.join(('read', *may))}: {scope}.")


@user.command(epilog=examples("steelyard user revoke ada@example.org --household RIVERA"))
@click.argument("login")
@scope_options
@tenant_option
@pass_shell
def revoke(shell: Shell, *, login: str, scope: Scope, tenant_id: int) -> None:
    """Take a grant back."""
    from steelyard.services.grant import end_grant

    async def change(desk: Desk, user_id: UUID) -> None:
        await end_grant(desk.db, desk.actor, user_id, scope)

    asyncio.run(_for_user(shell, tenant_id, login, change))
    click.echo(f"{login} is granted {scope} no more.")


async def _list(shell: Shell, tenant_id: int) -> "People":
    from steelyard.services.people import get_people

    async with open_desk(shell, tenant_id) as desk:
        return await get_people(desk.db, desk.vault, now=desk.now)


async def _add(shell: Shell, tenant_id: int, new: NewUser) -> None:
    async with open_desk(shell, tenant_id) as desk:
        await _added(desk, new)


async def _invite(shell: Shell, tenant_id: int, login: str, new: NewUser | None, *, url: str) -> PrintedLink:
    from steelyard.services.user import find_user, invite_user

    async with open_desk(shell, tenant_id) as desk:
        user_id = (
            (await find_user(desk.db, desk.vault, login)).user_id if new is None else await _added(desk, new)
        )
        made = await invite_user(desk.db, desk.actor, user_id, now=desk.now, random=token_bytes)
        return _printed(made, login, url)


async def _ask(shell: Shell, tenant_id: int, login: str) -> "RecoveryRequest":
    from steelyard.services.recovery import ask_recovery, get_recovery_requests

    async def ask(desk: Desk, user_id: UUID) -> "RecoveryRequest":
        key = await ask_recovery(desk.db, desk.actor, user_id, now=desk.now, random=token_bytes)
        waiting = await get_recovery_requests(desk.db, now=desk.now)
        return next(request for request in waiting if request.request_id == key)

    return await _for_user(shell, tenant_id, login, ask)


async def _approve(shell: Shell, tenant_id: int, login: str, url: str) -> PrintedLink:
    from steelyard.services.recovery import NoRecoveryError, approve_recovery, get_recovery_requests

    async def approve(desk: Desk, user_id: UUID) -> PrintedLink:
        for request in await get_recovery_requests(desk.db, now=desk.now):
            if request.user_id == user_id:
                made = await approve_recovery(
                    desk.db, desk.actor, request.request_id, now=desk.now, random=token_bytes
                )
                return _printed(made, login, url)
        raise NoRecoveryError

    return await _for_user(shell, tenant_id, login, approve)


async def _added(desk: Desk, new: NewUser) -> UUID:
    from steelyard.identity.permissions import Role
    from steelyard.services.user import add_user

    made = await add_user(
        desk.db,
        desk.vault,
        desk.actor,
        login=new.login,
        name=new.name or new.login,
        role=Role(new.role),
        now=desk.now,
        random=token_bytes,
        approval_limit=new.limit,
    )
    return made.user_id


async def _for_user(
    shell: Shell, tenant_id: int, login: str, work: "Callable[[Desk, UUID], Awaitable[Result]]"
) -> Result:
    """Do something with the user of a login name, in one transaction."""
    from steelyard.services.user import find_user

    async with open_desk(shell, tenant_id) as desk:
        found = await find_user(desk.db, desk.vault, login)
        return await work(desk, found.user_id)


def _printed(made: "NewLink", login: str, url: str) -> PrintedLink:
    return PrintedLink(login, made.purpose.value, made.address(url), made.expires_at)


def _of(tenant_id: int) -> str:
    return "" if tenant_id == 1 else f" --tenant {tenant_id}"
