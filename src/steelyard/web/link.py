"""One-time links: whoever has one says who they are, and gets a way in.

The secret of a link stands behind its #, so that no server sees it before it is sent here in a form. While the link is
open it waits in a cookie that no script reads; it stands in no page and in no address.
"""

from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.link import PAGES, LinkEndedError, LinkPurpose
from steelyard.identity.passwords import SHORTEST_WITH_SECOND_FACTOR
from steelyard.identity.user import LONGEST_LOGIN, check_name
from steelyard.server.browser import AskingBrowser, Browser, Kept, enter
from steelyard.server.form import AskedForm, Form
from steelyard.server.permits import signing_in
from steelyard.services import acceptance, new_passkeys, provider
from steelyard.services.acceptance import LinkSeen, Newcomer
from steelyard.services.set_up import needs_set_up
from steelyard.web.answer import go_to
from steelyard.web.device import device_of
from steelyard.web.entry import HOME, PASSWORD_RULE, PASSWORD_WORDS, codes_or_on, send_away, status_for
from steelyard.web.reading import REQUIRED
from steelyard.web.shell import bare_shell

TITLES: Final = {
    LinkPurpose.SETUP: "Set up Steelyard",
    LinkPurpose.INVITATION: "You are invited",
    LinkPurpose.RECOVERY: "Get back in",
}
PASSWORD_RULES: Final = {LinkPurpose.SETUP: f"{PASSWORD_WORDS} {SHORTEST_WITH_SECOND_FACTOR} characters."}
AFTER: Final = {LinkPurpose.SETUP: "/welcome"}

router = APIRouter(dependencies=[signing_in()])


@router.get("/setup")
async def show_set_up(request: Request, browser: AskingBrowser) -> Response:
    """Ask for the link that sets the installation up, or what it takes once the link is open."""
    return await _show(request, browser, LinkPurpose.SETUP)


@router.get("/invite")
async def show_invitation(request: Request, browser: AskingBrowser) -> Response:
    """Ask for the link of an invitation, or what it takes once the link is open."""
    return await _show(request, browser, LinkPurpose.INVITATION)


@router.get("/recover")
async def show_recovery(request: Request, browser: AskingBrowser) -> Response:
    """Ask for the link of a recovery, or what it takes once the link is open."""
    return await _show(request, browser, LinkPurpose.RECOVERY)


@router.post("/link")
async def open_link(request: Request, browser: AskingBrowser, form: AskedForm) -> Response:
    """Open a link, whatever it is for, without using it."""
    secret = form.secret("secret").rpartition("#")[2].strip()
    try:
        seen = await acceptance.look_at_link(browser.entrance, secret, now=browser.now)
    except SteelyardError as error:
        return await _ask(request, browser, _purpose_in(form), error)
    answer = go_to(PAGES[seen.purpose])
    browser.keep(answer, Kept.LINK, secret)
    return answer


@router.post("/link/password")
async def accept_with_password(request: Request, browser: AskingBrowser, form: AskedForm) -> Response:
    """Accept the open link with a password."""
    try:
        seen = await _seen(browser)
        done = await acceptance.accept_with_password(
            browser.entrance,
            browser.visitor,
            _secret(browser),
            form.secret("password"),
            now=browser.now,
            newcomer=_newcomer(form, seen),
        )
    except SteelyardError as error:
        return await _again(request, browser, form, error)
    answer = go_to(AFTER.get(seen.purpose, HOME))
    await enter(browser, answer, done)
    return answer


@router.post("/link/passkey/question")
async def ask_for_passkey(request: Request, browser: AskingBrowser, form: AskedForm) -> Response:
    """Get options for `navigator.credentials.create`."""
    try:
        who = _newcomer(form, await _seen(browser))
        options = await new_passkeys.ask_to_accept(
            browser.entrance, _secret(browser), who.login if who else "", now=browser.now
        )
    except SteelyardError as error:
        return await _again(request, browser, form, error)
    return Response(msgspec.json.encode(options), media_type="application/json")


@router.post("/link/passkey")
async def accept_with_passkey(request: Request, browser: AskingBrowser, form: AskedForm) -> Response:
    """Accept the open link with a new passkey."""
    try:
        seen = await _seen(browser)
        done = await new_passkeys.accept_with_passkey(
            browser.entrance,
            browser.visitor,
            _secret(browser),
            form.secret("credential"),
            device_of(browser.visitor.user_agent),
            now=browser.now,
            newcomer=_newcomer(form, seen),
        )
    except SteelyardError as error:
        return await _again(request, browser, form, error)
    after = AFTER.get(seen.purpose, HOME)
    answer = codes_or_on(bare_shell(request), done.recovery_codes, after)
    await enter(browser, answer, done.signed)
    return answer


@router.post("/link/at/{name}")
async def accept_at_provider(
    request: Request, browser: AskingBrowser, form: AskedForm, name: str
) -> Response:
    """Begin to accept the open link as the person that one is at a provider."""
    try:
        seen = await _seen(browser)
        after = AFTER.get(seen.purpose, HOME)
        asked = await provider.begin_accepting(
            browser.entrance, name, _secret(browser), now=browser.now, return_to=after
        )
    except SteelyardError as error:
        return await _again(request, browser, form, error)
    return send_away(request, browser, asked, browser.entrance.providers[name].label)


async def _show(request: Request, browser: Browser, purpose: LinkPurpose) -> Response:
    """Show what an open link asks for; where none of this purpose is open, ask for one."""
    if browser.kept(Kept.LINK) is not None:
        try:
            seen = await _seen(browser)
        except LinkEndedError as error:
            return await _ask(request, browser, purpose, error)
        if seen.purpose is purpose:
            return _accepting(request, browser, seen, Form({}))
    return await _ask(request, browser, purpose)


async def _ask(
    request: Request, browser: Browser, purpose: LinkPurpose, error: SteelyardError | None = None
) -> Response:
    """Ask for a link; where the installation has users, set-up is over."""
    is_over = purpose is LinkPurpose.SETUP and not await needs_set_up()
    answer = bare_shell(request).draw(
        "link.html",
        title="Steelyard is set up" if is_over else TITLES[purpose],
        status=status_for(error),
        purpose=purpose.value,
        is_over=is_over,
        error=error,
    )
    if browser.kept(Kept.LINK) is not None:
        browser.forget(answer, Kept.LINK)
    return answer


async def _again(request: Request, browser: Browser, form: Form, error: SteelyardError) -> Response:
    """Ask anew, with what was typed; a link that opens nothing any more is asked for."""
    try:
        seen = await _seen(browser)
    except LinkEndedError as ended:
        return await _ask(request, browser, _purpose_in(form), ended)
    return _accepting(request, browser, seen, form, error)


def _accepting(
    request: Request, browser: Browser, seen: LinkSeen, form: Form, error: SteelyardError | None = None
) -> Response:
    is_asked = error is not None and seen.purpose is LinkPurpose.SETUP
    faults = {name: REQUIRED for name in ("name", "login") if is_asked and not form.text(name)}
    answer = bare_shell(request).draw(
        "accept.html",
        title=TITLES[seen.purpose],
        status=status_for(error),
        seen=seen,
        form=form,
        faults=faults,
        error=error,
        password_rule=PASSWORD_RULES.get(seen.purpose, PASSWORD_RULE),
        providers={name: one.label for name, one in browser.entrance.providers.items()},
    )
    browser.keep(answer, Kept.LINK, _secret(browser))  # counted from the last page on
    return answer


async def _seen(browser: Browser) -> LinkSeen:
    return await acceptance.look_at_link(browser.entrance, _secret(browser), now=browser.now)


def _secret(browser: Browser) -> str:
    secret = browser.kept(Kept.LINK)
    if secret is None:
        raise LinkEndedError
    return secret


def _newcomer(form: Form, seen: LinkSeen) -> Newcomer | None:
    """Return who sets the installation up, as they say; of others it is known."""
    if seen.purpose is not LinkPurpose.SETUP:
        return None
    name, login = form.text("name"), form.text("login")
    return Newcomer(check_name("login name", login, LONGEST_LOGIN), check_name("name", name))


def _purpose_in(form: Form) -> LinkPurpose:
    """Return the purpose of the page that a form stands on."""
    return next((one for one in LinkPurpose if one.value == form.text("purpose")), LinkPurpose.INVITATION)
