"""Proving again who one is, on a page, before what matters is done."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import Actor, ObjectType, Verb
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.form import AskedForm, Form
from steelyard.server.permits import CurrentActor, permits
from steelyard.services import factors, passkeys, provider, step_up
from steelyard.services.entrance import Signed
from steelyard.web.answer import go_to
from steelyard.web.entry import asked_for, draft_in, send_away, status_for, wanted
from steelyard.web.resume import draw_draft
from steelyard.web.shell import bare_shell
from steelyard.web.sign_in import REFUSED

STEPS: Final[dict[str, Callable[..., Awaitable[Signed]]]] = {
    "totp": step_up.step_up_with_totp,
    "recovery_code": step_up.step_up_with_recovery_code,
    "password": step_up.step_up_with_password,
}

router = APIRouter(dependencies=[permits(Verb.READ, ObjectType.OWN_SESSION)])


@router.get("/step-up")
async def ask(request: Request, browser: AskingBrowser, actor: CurrentActor) -> Response:
    """Ask whoever is signed in to prove it again."""
    refused = REFUSED.get(request.query_params.get("refused", ""), "")
    return await _asked(request, browser, actor, asked_for(request), refused=refused)


@router.post("/step-up/again")
async def ask_with_draft(
    request: Request, browser: AskingBrowser, actor: CurrentActor, form: AskedForm
) -> Response:
    """The same, of who sent something that needs it: the draft travels with the form."""
    return await _asked(request, browser, actor, form)


@router.post("/step-up")
async def with_what_is_typed(
    request: Request, browser: AskingBrowser, actor: CurrentActor, form: AskedForm
) -> Response:
    """Show a code, a recovery code or, where one has no second factor, the password."""
    step, typed = STEPS.get(form.text("method"), step_up.step_up_with_totp), form.secret("code")
    try:
        done = await step(browser.entrance, actor, typed, now=browser.now)
    except SteelyardError as error:
        return await _asked(request, browser, actor, form, error=error)
    return _back(request, browser, form, done)


@router.post("/step-up/passkey")
async def with_passkey(
    request: Request, browser: AskingBrowser, actor: CurrentActor, form: AskedForm
) -> Response:
    """Show a passkey."""
    answer = form.secret("credential")
    try:
        done = await passkeys.step_up_with_passkey(browser.entrance, actor, answer, now=browser.now)
    except SteelyardError as error:
        return await _asked(request, browser, actor, form, error=error)
    return _back(request, browser, form, done)


@router.post("/step-up/at/{name}")
async def at_provider(
    request: Request, browser: AskingBrowser, actor: CurrentActor, form: AskedForm, name: str
) -> Response:
    """Begin to prove it at a provider."""
    try:
        asked = await provider.begin_step_up(
            browser.entrance, name, actor, now=browser.now, return_to=wanted(form)
        )
    except SteelyardError as error:
        return await _asked(request, browser, actor, form, error=error)
    return send_away(request, browser, asked, browser.entrance.providers[name].label)


async def _asked(
    request: Request,
    browser: Browser,
    actor: Actor,
    form: Form,
    *,
    error: SteelyardError | None = None,
    refused: str = "",
) -> Response:
    own = await factors.get_own_factors(actor)
    has_second = own.has_totp or bool(own.passkeys)
    known = {one.issuer for one in own.identities}
    providers = {
        name: one.label
        for name, one in browser.entrance.providers.items()
        if one.provider.issuer in known
        and (not has_second or one.two_factor_methods or one.two_factor_contexts)
    }
    return bare_shell(request).draw(
        "step_up.html",
        title="Prove again who you are",
        status=status_for(error),
        own=own,
        has_second=has_second,
        providers=providers,
        method=form.text("method"),
        after=wanted(form),
        draft=draft_in(form),
        error=error or refused,
    )


def _back(request: Request, browser: Browser, form: Form, done: Signed) -> Response:
    """Go back to what it was needed for, with the new secret of the session."""
    draft = draft_in(form)
    answer = draw_draft(bare_shell(request), draft, wanted(form)) if draft else go_to(wanted(form))
    browser.enter(answer, done.secret)
    return answer
