"""One-time links: set-up, invitation and recovery, opened by whoever has them."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from steelyard.api.answer import Answer
from steelyard.api.body import Body, Login, Password, Secret
from steelyard.api.provider import Elsewhere, ProviderName, ReturnBody, sent_away
from steelyard.api.sign_in import CredentialBody
from steelyard.server.browser import AskingBrowser, Browser, enter
from steelyard.server.input import Name
from steelyard.server.permits import signing_in
from steelyard.services import acceptance, new_passkeys, provider
from steelyard.services.acceptance import LinkSeen, Newcomer
from steelyard.services.entrance import Signed

router = APIRouter(prefix="/links/opened", tags=["links"], dependencies=[signing_in()])


@dataclass(frozen=True, slots=True)
class Accepted:
    """Somebody is signed in; new recovery codes, shown this once, where there are any."""

    recovery_codes: tuple[str, ...] = ()


class LinkBody(Body):
    """The secret of a link: what stands behind its #."""

    secret: Secret


class NewcomerBody(LinkBody):
    """Who sets an installation up says who they are; of others it is known."""

    login: Login | None = None
    name: Name | None = None

    @property
    def newcomer(self) -> Newcomer | None:
        """Who it is, where they say it."""
        if self.login is None or self.name is None:
            return None
        return Newcomer(self.login, self.name)


class LinkPasswordBody(NewcomerBody):
    """A link and the password to have."""

    password: Password


class LinkPasskeyBody(NewcomerBody, CredentialBody):
    """A link and the passkey to have."""

    label: Name


class LinkReturnBody(LinkBody, ReturnBody):
    """A link, and the page of ours to go to afterwards."""


@router.post("", response_model=LinkSeen)
async def look(browser: AskingBrowser, body: LinkBody) -> Answer:
    """Say what a link is for, without using it."""
    return Answer(await acceptance.look_at_link(browser.entrance, body.secret, now=browser.now))


@router.post("/password", response_model=Accepted)
async def accept_with_password(browser: AskingBrowser, body: LinkPasswordBody) -> Response:
    """Accept a link with a password."""
    done = await acceptance.accept_with_password(
        browser.entrance,
        browser.visitor,
        body.secret,
        body.password,
        now=browser.now,
        newcomer=body.newcomer,
    )
    return await _let_in(browser, done)


@router.post("/passkey/question", response_model=dict[str, Any])
async def ask_to_accept(browser: AskingBrowser, body: NewcomerBody) -> Answer:
    """Get options for `navigator.credentials.create`."""
    login = body.login or ""
    return Answer(await new_passkeys.ask_to_accept(browser.entrance, body.secret, login, now=browser.now))


@router.post("/passkey", response_model=Accepted)
async def accept_with_passkey(browser: AskingBrowser, body: LinkPasskeyBody) -> Response:
    """Accept a link with a new passkey."""
    done = await new_passkeys.accept_with_passkey(
        browser.entrance,
        browser.visitor,
        body.secret,
        body.text,
        body.label,
        now=browser.now,
        newcomer=body.newcomer,
    )
    return await _let_in(browser, done.signed, done.recovery_codes)


@router.post("/providers/{name}", response_model=Elsewhere)
async def accept_at_provider(browser: AskingBrowser, name: ProviderName, body: LinkReturnBody) -> Response:
    """Begin to accept a link as the person that one is at a provider."""
    asked = await provider.begin_accepting(
        browser.entrance, name, body.secret, now=browser.now, return_to=body.return_to
    )
    return sent_away(browser, asked)


async def _let_in(browser: Browser, done: Signed, codes: tuple[str, ...] = ()) -> Response:
    answer = Answer(Accepted(codes))
    await enter(browser, answer, done)
    return answer
