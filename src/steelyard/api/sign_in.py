"""Signing in: a first factor, and the second one where there is one; and out again."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response

from steelyard.api.answer import Answer
from steelyard.api.body import Body, Credential, Login, Password, Secret
from steelyard.server.browser import AskingBrowser, Browser, Kept, enter
from steelyard.server.permits import CurrentActor, signed_in, signing_in
from steelyard.services import passkeys, session, sign_in
from steelyard.services.entrance import SecondFactorNeeded, Signed
from steelyard.storage.connection import get_write_session

router = APIRouter(prefix="/sign-in", tags=["signing in"], dependencies=[signing_in()])
leaving = APIRouter(tags=["signing in"])


@dataclass(frozen=True, slots=True)
class SignInState:
    """How far a sign-in is.

    Attributes:
        is_signed_in: whether the session has begun.
        second_factors: what may be shown now: totp, passkey, recovery_code; empty when it has begun.
        expires_at: until when; None when it has begun.
        return_to: the page of ours to go to then.
    """

    is_signed_in: bool
    second_factors: tuple[str, ...] = ()
    expires_at: datetime | None = None
    return_to: str = "/"


class PasswordBody(Body):
    """A login name and a password."""

    login: Login
    password: Password


class CodeBody(Body):
    """A code of an authenticator app, or a recovery code."""

    code: Secret


class CredentialBody(Body):
    """What the browser made of a passkey's question."""

    credential: Credential

    @property
    def text(self) -> str:
        """The same as JSON, which is what is signed and kept nowhere."""
        return json.dumps(self.credential)


@router.post("/password", response_model=SignInState)
async def with_password(browser: AskingBrowser, body: PasswordBody) -> Response:
    """Sign in with a login name and a password; a second factor may be asked for then."""
    done = await sign_in.sign_in_with_password(
        browser.entrance, browser.visitor, body.login, body.password, now=browser.now
    )
    return await go_on(browser, done)


@router.post("/totp", response_model=SignInState)
async def with_totp(browser: AskingBrowser, body: CodeBody) -> Response:
    """Show a code of an authenticator app as the second factor."""
    half_done = browser.kept(Kept.HALF_DONE)
    done = await sign_in.finish_with_totp(
        browser.entrance, browser.visitor, half_done, body.code, now=browser.now
    )
    return await go_on(browser, done)


@router.post("/recovery-code", response_model=SignInState)
async def with_recovery_code(browser: AskingBrowser, body: CodeBody) -> Response:
    """Show a recovery code as the second factor; it counts once."""
    half_done = browser.kept(Kept.HALF_DONE)
    done = await sign_in.finish_with_recovery_code(
        browser.entrance, browser.visitor, half_done, body.code, now=browser.now
    )
    return await go_on(browser, done)


@router.post("/passkey/question", response_model=dict[str, Any])
async def ask_passkey(browser: AskingBrowser) -> Response:
    """Ask for a passkey of this site: options for `navigator.credentials.get`."""
    question = await passkeys.ask_to_sign_in(browser.entrance, now=browser.now)
    answer = Answer(question.options)
    browser.keep(answer, Kept.QUESTION, question.secret)
    return answer


@router.post("/passkey", response_model=SignInState)
async def with_passkey(browser: AskingBrowser, body: CredentialBody) -> Response:
    """Sign in with a passkey alone: it is the device, and what unlocks it."""
    asked = browser.kept(Kept.QUESTION)
    done = await passkeys.sign_in_with_passkey(
        browser.entrance, browser.visitor, asked, body.text, now=browser.now
    )
    return await go_on(browser, done)


@router.post("/second-passkey/question", response_model=dict[str, Any])
async def ask_second_passkey(browser: AskingBrowser) -> Response:
    """Ask for one of the user's passkeys as the second factor."""
    half_done = browser.kept(Kept.HALF_DONE)
    return Answer(await passkeys.ask_for_second_factor(browser.entrance, half_done, now=browser.now))


@router.post("/second-passkey", response_model=SignInState)
async def with_second_passkey(browser: AskingBrowser, body: CredentialBody) -> Response:
    """Show a passkey as the second factor."""
    half_done = browser.kept(Kept.HALF_DONE)
    done = await passkeys.finish_with_passkey(
        browser.entrance, browser.visitor, half_done, body.text, now=browser.now
    )
    return await go_on(browser, done)


@leaving.post("/sign-out", status_code=204, response_class=Response, dependencies=[signed_in()])
async def sign_out(browser: AskingBrowser, actor: CurrentActor) -> Response:
    """End this session."""
    if actor.user_id is not None and actor.session_id is not None:
        async with get_write_session() as db:
            await session.end_session(db, actor.user_id, actor.session_id, now=browser.now)
    answer = Response(status_code=204)
    browser.leave(answer)
    return answer


async def go_on(browser: Browser, done: Signed | SecondFactorNeeded) -> Response:
    """Let somebody in, in place of whoever was in this browser; or say what is to be shown next."""
    if isinstance(done, SecondFactorNeeded):
        answer = Answer(
            SignInState(
                is_signed_in=False,
                second_factors=done.methods,
                expires_at=done.expires_at,
                return_to=done.return_to,
            )
        )
        browser.keep(answer, Kept.HALF_DONE, done.secret)
        return answer
    answer = Answer(SignInState(is_signed_in=True, return_to=done.return_to))
    await enter(browser, answer, done)
    return answer
