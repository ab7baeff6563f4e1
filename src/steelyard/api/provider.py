"""Providers: signing in there, proving it again, linking, and what they send back."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.errors import SteelyardError
from steelyard.identity.link import LinkEndedError
from steelyard.identity.oauth import SignInRefusedError
from steelyard.identity.pending import NoSignInError, unseal
from steelyard.identity.permissions import Actor, ObjectType, SecondFactorNeededError, Verb
from steelyard.identity.session import NotSignedInError, StepUpNeededError
from steelyard.network.outbound import UnreachableError
from steelyard.server.browser import AskingBrowser, Browser, Kept, enter
from steelyard.server.call import header_of
from steelyard.server.permits import CurrentActor, permits, signing_in
from steelyard.services import provider
from steelyard.services.entrance import SecondFactorNeeded, SignInFailedError
from steelyard.services.provider import (
    IdentityTakenError,
    OtherPersonError,
    ProviderQuestion,
    UnknownIdentityError,
)
from steelyard.services.session import find_actor
from steelyard.storage.connection import get_write_session

router = APIRouter(tags=["providers"])

SECOND_FACTOR_PAGE: Final = "/login/mfa"
WORDS: Final[Mapping[type[SteelyardError], str]] = {
    UnknownIdentityError: "unknown",
    IdentityTakenError: "taken",
    OtherPersonError: "other",
    SecondFactorNeededError: "weak",
    SignInRefusedError: "cancelled",
    SignInFailedError: "denied",
    NoSignInError: "expired",
    NotSignedInError: "expired",
    StepUpNeededError: "expired",
    LinkEndedError: "link",
    UnreachableError: "unreachable",
}
"""What a page says of an error, by the word in its address; of any other, that it failed."""

ProviderName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,32}$", examples=["work"])]


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """A provider to sign in at."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where to send the browser."""

    url: str


class ReturnBody(Body):
    """The page of ours to go to afterwards."""

    return_to: Annotated[str, Field(max_length=1001)] = "/"


@router.get("/sign-in/providers", response_model=list[ProviderLine], dependencies=[signing_in()])
async def list_providers(browser: AskingBrowser) -> Answer:
    """Where people can sign in."""
    known = browser.entrance.providers
    return Answer([ProviderLine(name, one.label) for name, one in known.items()])


@router.post("/sign-in/providers/{name}", response_model=Elsewhere, dependencies=[signing_in()])
async def begin(browser: AskingBrowser, name: ProviderName, body: ReturnBody) -> Response:
    """Begin to sign in at a provider: send the browser to this address."""
    asked = await provider.begin_sign_in(browser.entrance, name, now=browser.now, return_to=body.return_to)
    return sent_away(browser, asked)


@router.post(
    "/step-up/providers/{name}",
    response_model=Elsewhere,
    dependencies=[permits(Verb.READ, ObjectType.OWN_SESSION)],
)
async def begin_step_up(
    browser: AskingBrowser, actor: CurrentActor, name: ProviderName, body: ReturnBody
) -> Response:
    """Begin to prove again at a provider who you are."""
    asked = await provider.begin_step_up(
        browser.entrance, name, actor, now=browser.now, return_to=body.return_to
    )
    return sent_away(browser, asked)


@router.post(
    "/factors/identities/{name}",
    response_model=Elsewhere,
    dependencies=[permits(Verb.CREATE, ObjectType.OWN_SESSION)],
)
async def begin_linking(
    browser: AskingBrowser, actor: CurrentActor, name: ProviderName, body: ReturnBody
) -> Response:
    """Begin to link the person that you are at a provider."""
    asked = await provider.begin_linking(
        browser.entrance, name, actor, now=browser.now, return_to=body.return_to
    )
    return sent_away(browser, asked)


@router.get(
    "/sign-in/providers/{name}/callback",
    status_code=303,
    response_class=Response,
    dependencies=[signing_in()],
)
async def come_back(request: Request, browser: AskingBrowser, name: ProviderName) -> Response:
    """End what was begun at a provider; it sends the browser here, and we send it on to a page of ours.

    The one GET that changes something: the protocol has it so, and what came must agree with the browser's cookie.
    """
    actor = await _signed_in(browser)
    try:
        done = await provider.finish(
            browser.entrance,
            browser.visitor,
            name,
            request.url.query,
            browser.kept(Kept.AT_PROVIDER),
            now=browser.now,
            actor=actor,
        )
    except SteelyardError as error:
        if header_of(request.scope, b"sec-fetch-mode") != "navigate":
            raise
        return _told(browser, actor, error)
    answer = Response(status_code=303)
    if isinstance(done, SecondFactorNeeded):
        browser.keep(answer, Kept.HALF_DONE, done.secret)
        browser.forget(answer, Kept.AT_PROVIDER)
        answer.headers["Location"] = f"{SECOND_FACTOR_PAGE}?{urlencode({'next': done.return_to})}"
        return answer
    answer.headers["Location"] = done.return_to
    await enter(browser, answer, done)
    return answer


def _told(browser: Browser, actor: Actor | None, error: SteelyardError) -> Response:
    """Send a person to the page on which they began, with a word for what went wrong."""
    word = next((word for kind, word in WORDS.items() if isinstance(error, kind)), "failed")
    page, query = "/login", {"refused": word}
    if actor is not None:
        page = "/settings/security"
        with suppress(NoSignInError):
            pending = unseal(browser.kept(Kept.AT_PROVIDER), browser.entrance.vault.cookie_key, browser.now)
            if pending.max_age is not None:
                page, query = "/step-up", query | {"next": pending.return_to}
    answer = Response(status_code=303, headers={"Location": f"{page}?{urlencode(query)}"})
    browser.forget(answer, Kept.AT_PROVIDER)
    return answer


def sent_away(browser: Browser, asked: ProviderQuestion) -> Response:
    """Say where to send the browser, which keeps what must agree with what comes back."""
    answer = Answer(Elsewhere(asked.url))
    browser.keep(answer, Kept.AT_PROVIDER, asked.cookie)
    return answer


async def _signed_in(browser: Browser) -> Actor | None:
    """Find whose session the browser has: what was begun in one ends in it."""
    if browser.session is None:
        return None
    try:
        async with get_write_session() as db:
            return await find_actor(db, browser.session, now=browser.now)
    except NotSignedInError:
        return None
