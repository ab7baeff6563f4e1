"""Connections: one's accounts at providers, and the brokers that orders go to."""

from typing import Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import Actor, ObjectType, Verb, permissions_of
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import AskedForm, Form
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import broker_link, factors
from steelyard.services.broker_settings import LONGEST_SECRET
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.portfolio import get_all_accounts
from steelyard.web.answer import go_to
from steelyard.web.entry import PROVE_FIRST, ProvenActor, status_for
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell

HERE: Final = "/settings/connections"
DONE: Final = {
    "linked": "The broker is linked. Attach the accounts whose orders go there.",
    "attached": "The account is attached: its orders go there from now on.",
    "ended": "The link has ended: nothing is sent there any more.",
}
BROKERS: Final = {
    "paper": "Paper: nothing real is traded",
    "alpaca": "Alpaca",
}
"""Those that are linked on a page; where a broker of files keeps them is for the operator to say."""

ENVIRONMENTS: Final = {"paper": "Paper: nothing real is traded", "live": "Live: real money moves"}
PAPER_SETTINGS: Final = ("slippage_bps", "delay_seconds")
SEE: Final = (Verb.READ, ObjectType.BROKER_LINK)

router = APIRouter(prefix=HERE)


@router.get("", dependencies=[permits(Verb.READ, ObjectType.OWN_SESSION)])
async def show(request: Request, shell: AskedShell, actor: ProvenActor, browser: AskingBrowser) -> Response:
    """Show what is connected."""
    done = DONE.get(request.query_params.get("done", ""), "")
    return await _show(shell, browser, actor, done=done)


@router.get("/new", dependencies=[permits(Verb.CREATE, ObjectType.BROKER_LINK)])
async def ask(request: Request, shell: AskedShell, actor: RecentActor) -> Response:
    """Ask what a link to a broker is made of."""
    del actor  # whose session is fresh enough
    broker = request.query_params.get("broker", "")
    return _ask(
        shell, Form({"broker": (broker if broker in BROKERS else "paper",), "environment": ("paper",)})
    )


@router.post("", dependencies=[permits(Verb.CREATE, ObjectType.BROKER_LINK)])
async def link(shell: AskedShell, actor: RecentActor, browser: AskingBrowser, form: AskedForm) -> Response:
    """Link a broker; its keys are kept encrypted, and never shown again."""
    reading = Reading(form, shell.region)
    name, broker = reading.text("name"), reading.one_of("broker", BROKERS)
    environment = reading.one_of("environment", ENVIRONMENTS) if broker == "alpaca" else "paper"
    credentials = _credentials(reading) if broker == "alpaca" else {}
    if name is None or broker is None or environment is None or reading.faults:
        return _ask(shell, form, reading)
    settings = {one: form.text(one) for one in PAPER_SETTINGS if broker == "paper" and form.text(one)}
    try:
        async with get_write_session() as db:
            await broker_link.link_broker(
                db,
                browser.entrance.vault,
                actor,
                uuid4(),
                broker=broker,
                name=name,
                environment=environment,
                address=None,
                settings=settings,
                credentials=credentials,
                now=browser.now,
            )
    except PROVE_FIRST:
        raise
    except SteelyardError as error:
        return _ask(shell, form, reading, error)
    return go_to(f"{HERE}?done=linked")


@router.post("/{link_id}/accounts", dependencies=[permits(Verb.CHANGE, ObjectType.BROKER_LINK)])
async def attach(
    shell: AskedShell, actor: RecentActor, browser: AskingBrowser, form: AskedForm, link_id: UUID
) -> Response:
    """Let the orders of an account go by a link."""
    try:
        async with get_write_session() as db:
            await broker_link.attach_account(
                db,
                browser.entrance.vault,
                form.text("attached"),
                link_id,
                shell.request.app.state.broker_tools,
            )
    except SteelyardError as error:
        return await _show(shell, browser, actor, error=error)
    return go_to(f"{HERE}?done=attached")


@router.post("/{link_id}/end", dependencies=[permits(Verb.END, ObjectType.BROKER_LINK)])
async def end(shell: AskedShell, actor: RecentActor, browser: AskingBrowser, link_id: UUID) -> Response:
    """End a link: nothing is sent there any more."""
    try:
        async with get_write_session() as db:
            await broker_link.end_broker_link(db, link_id, now=browser.now)
    except SteelyardError as error:
        return await _show(shell, browser, actor, error=error)
    return go_to(f"{HERE}?done=ended")


async def _show(
    shell: Shell,
    browser: AskingBrowser,
    actor: Actor,
    *,
    done: str = "",
    error: SteelyardError | None = None,
) -> Response:
    own = await factors.get_own_factors(actor)
    links, accounts = None, []
    if SEE in permissions_of(actor):
        async with get_db_session() as db:
            links = await broker_link.get_broker_links(db)
            accounts = await get_all_accounts(db)
    return shell.draw(
        "connections.html",
        title="Connections",
        status=status_for(error),
        links=links,
        accounts={one.account_id: f"{one.account_id} · {one.account_name}" for one in accounts},
        identities=own.identities,
        labels={one.provider.issuer: one.label for one in browser.entrance.providers.values()},
        done=done,
        error=error,
    )


def _ask(
    shell: Shell, form: Form, reading: Reading | None = None, error: SteelyardError | None = None
) -> Response:
    faults = reading.faults if reading is not None else {}
    broker = form.text("broker")
    return shell.draw(
        "new_connection.html",
        title="Link a broker",
        status=422 if faults else status_for(error),
        form=form,
        broker=broker if broker in BROKERS else "paper",
        brokers=BROKERS,
        environments=ENVIRONMENTS,
        faults=faults,
        error=error,
    )


def _credentials(reading: Reading) -> dict[str, str]:
    """Read the keys of Alpaca, of which both are needed."""
    found = {name: reading.text(name, longest=LONGEST_SECRET) for name in ("key_id", "secret_key")}
    return {name: value for name, value in found.items() if value is not None}
