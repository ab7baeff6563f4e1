"""Signing in and out, on pages: a passkey first, or a name and a password, then the second factor."""

from typing import Final

from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.pending import NoSignInError
from steelyard.server.browser import AskingBrowser, Browser, Kept, enter
from steelyard.server.form import AskedForm, Form
from steelyard.server.permits import CurrentActor, public, signed_in, signing_in
from steelyard.services import passkeys, provider, session, sign_in
from steelyard.services.entrance import SecondFactorNeeded, Signed, SignInFailedError
from steelyard.storage.connection import get_write_session
from steelyard.web.answer import go_to
from steelyard.web.entry import asked_for, draft_in, send_away, status_for, wanted, with_next
from steelyard.web.resume import draw_draft
from steelyard.web.shell import bare_shell

REFUSED: Final = {
    "unknown": "No user here is linked to that account. Sign in another way and link it in your settings, or open it "
    "from an invitation.",
    "cancelled": "You were not signed in there. Try again, or sign in another way.",
    "expired": "That sign-in took too long, or was begun in another window. Try again.",
    "link": "That link opens nothing any more. Ask whoever sent it for a new one.",
    "denied": "This user may not sign in. Ask an administrator.",
    "taken": "That account is linked to another user already.",
    "other": "That account is another person's. Sign in there with your own.",
    "weak": "You have a second factor here: show that.",
    "unreachable": "The provider does not answer at the moment. Try again, or sign in another way.",
    "failed": "The provider's answer was not believed, and nobody is signed in. Tell whoever runs this server.",
}
"""Why a browser came back from a provider without a session, by the word in the address."""

FINISH: Final = {"totp": sign_in.finish_with_totp, "recovery_code": sign_in.finish_with_recovery_code}

router = APIRouter()


@router.get("/login", dependencies=[public()])
async def ask(request: Request, browser: AskingBrowser) -> Response:
    """Ask who somebody is."""
    refused = REFUSED.get(request.query_params.get("refused", ""), "")
    return _asked(request, browser, asked_for(request), refused=refused)


@router.post("/login/again", dependencies=[signing_in()])
async def ask_with_draft(request: Request, browser: AskingBrowser, form: AskedForm) -> Response:
    """Ask who somebody is, whose session ended while they typed: the draft travels with the form."""
    return _asked(request, browser, form)


@router.post("/login", dependencies=[signing_in()])
async def with_password(request: Request, browser: AskingBrowser, form: AskedForm) -> Response:
    """Sign in with a login name and a password."""
    try:
        done = await sign_in.sign_in_with_password(
            browser.entrance, browser.visitor, form.text("login"), form.secret("password"), now=browser.now
        )
    except SteelyardError as error:
        return _asked(request, browser, form, error=error)
    if isinstance(done, SecondFactorNeeded):
        return _half_done(request, browser, form, done)
    return await _in(request, browser, form, done)


@router.post("/login/passkey", dependencies=[signing_in()])
async def with_passkey(request: Request, browser: AskingBrowser, form: AskedForm) -> Response:
    """Sign in with a passkey alone."""
    question, answer = browser.kept(Kept.QUESTION), form.secret("credential")
    try:
        done = await passkeys.sign_in_with_passkey(
            browser.entrance, browser.visitor, question, answer, now=browser.now
        )
    except SteelyardError as error:
        return _asked(request, browser, form, error=error)
    return await _in(request, browser, form, done)


@router.post("/login/at/{name}", dependencies=[signing_in()])
async def at_provider(request: Request, browser: AskingBrowser, form: AskedForm, name: str) -> Response:
    """Begin to sign in at a provider."""
    entrance = browser.entrance
    try:
        asked = await provider.begin_sign_in(entrance, name, now=browser.now, return_to=wanted(form))
    except SteelyardError as error:
        return _asked(request, browser, form, error=error)
    return send_away(request, browser, asked, entrance.providers[name].label)


@router.get("/login/mfa", dependencies=[signing_in()])
async def ask_again(request: Request, browser: AskingBrowser) -> Response:
    """Ask for the second factor of a sign-in that is half done."""
    form = asked_for(request)
    if browser.kept(Kept.HALF_DONE) is None:
        return go_to(with_next("/login", wanted(form)))
    return await _asked_again(request, browser, form)


@router.post("/login/mfa", dependencies=[signing_in()])
async def with_code(request: Request, browser: AskingBrowser, form: AskedForm) -> Response:
    """Show a code of an authenticator app, or a recovery code."""
    finish = FINISH.get(form.text("method"), sign_in.finish_with_totp)
    half_done, code = browser.kept(Kept.HALF_DONE), form.text("code")
    try:
        done = await finish(browser.entrance, browser.visitor, half_done, code, now=browser.now)
    except SteelyardError as error:
        return await _asked_again(request, browser, form, error)
    return await _in(request, browser, form, done)


@router.post("/login/mfa/passkey", dependencies=[signing_in()])
async def with_second_passkey(request: Request, browser: AskingBrowser, form: AskedForm) -> Response:
    """Show a passkey as the second factor."""
    half_done, answer = browser.kept(Kept.HALF_DONE), form.secret("credential")
    try:
        done = await passkeys.finish_with_passkey(
            browser.entrance, browser.visitor, half_done, answer, now=browser.now
        )
    except SteelyardError as error:
        return await _asked_again(request, browser, form, error)
    return await _in(request, browser, form, done)


@router.post("/logout", dependencies=[signed_in()])
async def sign_out(browser: AskingBrowser, actor: CurrentActor) -> Response:
    """End this session."""
    if actor.user_id is not None and actor.session_id is not None:
        async with get_write_session() as db:
            await session.end_session(db, actor.user_id, actor.session_id, now=browser.now)
    answer = go_to("/login")
    browser.leave(answer)
    return answer


def _asked(
    request: Request,
    browser: Browser,
    form: Form,
    *,
    error: SteelyardError | None = None,
    refused: str = "",
) -> Response:
    providers = {name: one.label for name, one in browser.entrance.providers.items()}
    return bare_shell(request).draw(
        "login.html",
        title="Sign in",
        status=status_for(error),
        form=form,
        after=wanted(form),
        draft=draft_in(form),
        error=error or refused,
        providers=providers,
    )


async def _asked_again(
    request: Request, browser: Browser, form: Form, error: SteelyardError | None = None
) -> Response:
    """Ask for the second factor; where the sign-in is over, from the beginning."""
    if isinstance(error, NoSignInError | SignInFailedError):
        return _asked(request, browser, form, error=error)
    try:
        methods = await sign_in.get_second_factors(browser.kept(Kept.HALF_DONE), now=browser.now)
    except SteelyardError as over:
        return _asked(request, browser, form, error=over)
    return _second_step(request, form, methods, error)


def _second_step(
    request: Request, form: Form, methods: tuple[str, ...], error: SteelyardError | None = None
) -> Response:
    return bare_shell(request).draw(
        "login_mfa.html",
        title="Second step",
        status=status_for(error),
        methods=methods,
        method=form.text("method"),
        after=wanted(form),
        draft=draft_in(form),
        error=error,
    )


def _half_done(request: Request, browser: Browser, form: Form, done: SecondFactorNeeded) -> Response:
    """Ask for the second factor: on a page of its own, but where a draft travels, which no address holds."""
    if draft_in(form):
        answer = _second_step(request, form, done.methods)
    else:
        answer = go_to(with_next("/login/mfa", wanted(form)))
    browser.keep(answer, Kept.HALF_DONE, done.secret)
    return answer


async def _in(request: Request, browser: Browser, form: Form, done: Signed) -> Response:
    """Let somebody in: to what they had typed, or to the page they wanted."""
    draft = draft_in(form)
    answer = draw_draft(bare_shell(request), draft, wanted(form)) if draft else go_to(wanted(form))
    await enter(browser, answer, done)
    return answer
