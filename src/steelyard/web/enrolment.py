"""Enrolling a second factor: a passkey, or an authenticator app by a picture that is shown once."""

from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Standing, Verb
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.form import AskedForm, Form
from steelyard.server.own import RecentActor
from steelyard.server.permits import current_actor, permits
from steelyard.services import factors, new_passkeys
from steelyard.services.factors import NoEnrolmentError
from steelyard.web.device import device_of
from steelyard.web.entry import (
    ENROL,
    HOME,
    PROVE_FIRST,
    asked_for,
    codes_or_on,
    status_for,
    wanted,
    with_next,
)
from steelyard.web.preference import page_of_ours
from steelyard.web.qr import qr_of
from steelyard.web.shell import AskedShell, Shell

router = APIRouter(dependencies=[permits(Verb.CREATE, ObjectType.OWN_SESSION)])


@router.get("/enrol")
async def choose(request: Request, shell: AskedShell, actor: RecentActor, browser: AskingBrowser) -> Response:
    """Ask which second factor to enrol."""
    del actor  # whose session is fresh enough
    return await _choose(shell, browser, wanted(asked_for(request)))


@router.post("/enrol/passkey")
async def add_passkey(
    shell: AskedShell, actor: RecentActor, browser: AskingBrowser, form: AskedForm
) -> Response:
    """Keep a new passkey; other sessions end."""
    label = form.text("label") or device_of(browser.visitor.user_agent)
    answer = form.secret("credential")
    try:
        done = await new_passkeys.register(browser.entrance, actor, answer, label, now=browser.now)
    except PROVE_FIRST:
        raise
    except SteelyardError as error:
        return await _choose(shell, browser, wanted(form), error=error)
    page = codes_or_on(shell, done.recovery_codes, after(form, "added"))
    browser.enter(page, done.signed.secret)
    return page


@router.post("/enrol/app")
async def begin_app(
    shell: AskedShell, actor: RecentActor, browser: AskingBrowser, form: AskedForm
) -> Response:
    """Show what an authenticator app is to be given, this once; it counts when a code confirms it."""
    enrolment = await factors.begin_totp(browser.entrance, actor, now=browser.now)
    return shell.draw(
        "app.html",
        title="Your authenticator app",
        is_inside=_is_inside(shell),
        qr=qr_of(enrolment.address),
        seed=_grouped(enrolment.seed),
        begin=with_next(ENROL, wanted(form)),
        after=wanted(form),
        error=None,
    )


@router.post("/enrol/app/code")
async def confirm_app(
    shell: AskedShell, actor: RecentActor, browser: AskingBrowser, form: AskedForm
) -> Response:
    """Let the app count, by its first code; other sessions end."""
    try:
        done = await factors.confirm_totp(browser.entrance, actor, form.text("code"), now=browser.now)
    except PROVE_FIRST:
        raise
    except NoEnrolmentError as error:
        return await _choose(shell, browser, wanted(form), error=error)
    except SteelyardError as error:
        return shell.draw(
            "app.html",
            title="Your authenticator app",
            status=status_for(error),
            is_inside=_is_inside(shell),
            qr=None,
            seed="",
            begin=with_next(ENROL, wanted(form)),
            after=wanted(form),
            error=error,
        )
    page = codes_or_on(shell, done.recovery_codes, after(form, "added"))
    browser.enter(page, done.signed.secret)
    return page


def after(form: Form, word: str) -> str:
    """Return the page to go to afterwards, which says what was done where it is a page of settings."""
    path = page_of_ours(form.text("next"), HOME)
    return f"{path}?done={word}" if path == "/settings/security" else path


async def _choose(
    shell: Shell, browser: Browser, then: str, *, error: SteelyardError | None = None
) -> Response:
    own = await factors.get_own_factors(current_actor(shell.request))
    is_inside = _is_inside(shell)
    return shell.draw(
        "enrol.html",
        title="Add a passkey or an app" if is_inside else "One more step",
        status=status_for(error),
        is_inside=is_inside,
        has_totp=own.has_totp,
        label=device_of(browser.visitor.user_agent),
        after=then,
        error=error,
    )


def _is_inside(shell: Shell) -> bool:
    """Whether who looks may go anywhere else already."""
    return shell.actor is not None and shell.actor.standing is Standing.FULL


def _grouped(seed: str) -> str:
    """Write a key in groups of four, which are easier to type.

    >>> _grouped("GEZDGNBVGY")
    'GEZD GNBV GY'
    """
    return " ".join(seed[at : at + 4] for at in range(0, len(seed), 4))
