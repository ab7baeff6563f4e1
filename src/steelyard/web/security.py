"""What one signs in with, and where one is signed in: seen and changed."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.form import AskedForm
from steelyard.server.own import OwnId, RecentActor
from steelyard.server.permits import permits
from steelyard.services import factors, new_passkeys, provider, session
from steelyard.services.entrance import Signed
from steelyard.services.new_passkeys import NoPasskeyError
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.passkeys import KeptPasskey
from steelyard.web.answer import go_to
from steelyard.web.device import device_of
from steelyard.web.entry import PASSWORD_RULE, PROVE_FIRST, ProvenActor, codes_or_on, send_away, status_for
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.sign_in import REFUSED

HERE: Final = "/settings/security"
DONE: Final = {
    "password": "Your password is changed, and every other session of yours has ended, and every API token.",
    "added": "It is added, and every other session of yours has ended, and every API token.",
    "removed": "It is removed, and every other session of yours has ended, and every API token.",
    "renamed": "It is renamed.",
    "linked": "Your account there is linked: you can sign in with it.",
    "ended": "The session has ended.",
    "others": "All your other sessions have ended.",
}
SEE: Final = permits(Verb.READ, ObjectType.OWN_SESSION)
ENROL: Final = permits(Verb.CREATE, ObjectType.OWN_SESSION)
CHANGE: Final = permits(Verb.CHANGE, ObjectType.OWN_SESSION)
END: Final = permits(Verb.END, ObjectType.OWN_SESSION)

PasskeyId = Annotated[str, Path(pattern=r"^(?:[A-Za-z0-9_-]{4}){0,341}[A-Za-z0-9_-]{2,4}$")]

router = APIRouter(prefix=HERE)


@router.get("", dependencies=[SEE])
async def show(request: Request, shell: AskedShell, actor: ProvenActor, browser: AskingBrowser) -> Response:
    """Show what one signs in with, and where one is signed in."""
    asked = request.query_params
    return await _show(
        shell,
        browser,
        actor,
        done=DONE.get(asked.get("done", ""), ""),
        error=REFUSED.get(asked.get("refused", ""), ""),
    )


# ── Passwords ───────────────────────────────────────────────────────────────────────────────────────────


@router.get("/password", dependencies=[CHANGE])
async def ask_password(shell: AskedShell, actor: RecentActor) -> Response:
    """Ask for the password to have from now on."""
    return await _ask_password(shell, actor)


@router.post("/password", dependencies=[CHANGE])
async def set_password(
    shell: AskedShell, actor: RecentActor, browser: AskingBrowser, form: AskedForm
) -> Response:
    """Have another password; other sessions end."""
    try:
        done = await factors.set_password(
            browser.entrance, actor, form.secret("new_password"), now=browser.now
        )
    except PROVE_FIRST:
        raise
    except SteelyardError as error:
        return await _ask_password(shell, actor, error)
    return _changed(browser, done, "password")


@router.post("/password/remove", dependencies=[CHANGE])
async def remove_password(shell: AskedShell, actor: RecentActor, browser: AskingBrowser) -> Response:
    """Have no password any more; other sessions end."""
    try:
        done = await factors.remove_password(browser.entrance, actor, now=browser.now)
    except PROVE_FIRST:
        raise
    except SteelyardError as error:
        return await _ask_password(shell, actor, error)
    return _changed(browser, done, "removed")


# ── Passkeys ────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/passkeys/{passkey_id}", dependencies=[CHANGE])
async def show_passkey(shell: AskedShell, actor: RecentActor, passkey_id: PasskeyId) -> Response:
    """Show a passkey, to be renamed or removed."""
    return await _show_passkey(shell, actor, passkey_id)


@router.post("/passkeys/{passkey_id}", dependencies=[CHANGE])
async def rename_passkey(
    shell: AskedShell,
    actor: RecentActor,
    browser: AskingBrowser,
    form: AskedForm,
    passkey_id: PasskeyId,
) -> Response:
    """Call a passkey something else."""
    label = form.text("label")
    try:
        await new_passkeys.rename(actor, _read(passkey_id), label, now=browser.now)
    except PROVE_FIRST:
        raise
    except SteelyardError as error:
        return await _show_passkey(shell, actor, passkey_id, error, label)
    return go_to(f"{HERE}?done=renamed")


@router.post("/passkeys/{passkey_id}/remove", dependencies=[CHANGE])
async def remove_passkey(
    shell: AskedShell, actor: RecentActor, browser: AskingBrowser, passkey_id: PasskeyId
) -> Response:
    """Have a passkey no more; other sessions end."""
    try:
        done = await new_passkeys.remove(browser.entrance, actor, _read(passkey_id), now=browser.now)
    except PROVE_FIRST:
        raise
    except SteelyardError as error:
        return await _show_passkey(shell, actor, passkey_id, error)
    return _changed(browser, done, "removed")


# ── Authenticator app and recovery codes ────────────────────────────────────────────────────────────────


@router.get("/app", dependencies=[CHANGE])
async def ask_about_app(shell: AskedShell, actor: RecentActor) -> Response:
    """Ask whether the authenticator app is to be replaced or removed."""
    del actor  # whose session is fresh enough
    return _ask_about_app(shell)


@router.post("/app/remove", dependencies=[CHANGE])
async def remove_app(shell: AskedShell, actor: RecentActor, browser: AskingBrowser) -> Response:
    """Have no authenticator app any more; other sessions end."""
    try:
        done = await factors.remove_totp(browser.entrance, actor, now=browser.now)
    except PROVE_FIRST:
        raise
    except SteelyardError as error:
        return _ask_about_app(shell, error)
    return _changed(browser, done, "removed")


@router.get("/codes", dependencies=[CHANGE])
async def ask_about_codes(shell: AskedShell, actor: RecentActor) -> Response:
    """Ask whether there are to be new recovery codes."""
    own = await factors.get_own_factors(actor)
    return shell.draw("new_codes.html", title="New recovery codes", left=own.recovery_codes)


@router.post("/codes", dependencies=[CHANGE])
async def renew_codes(shell: AskedShell, actor: RecentActor, browser: AskingBrowser) -> Response:
    """Show ten recovery codes, this once, in place of those before; other sessions end."""
    done = await factors.renew_recovery_codes(browser.entrance, actor, now=browser.now)
    answer = codes_or_on(shell, done.recovery_codes, HERE)
    browser.enter(answer, done.signed.secret)
    return answer


# ── Providers ───────────────────────────────────────────────────────────────────────────────────────────


@router.post("/at/{name}", dependencies=[ENROL])
async def link_identity(shell: AskedShell, actor: RecentActor, browser: AskingBrowser, name: str) -> Response:
    """Begin to link the person that one is at a provider."""
    after = f"{HERE}?done=linked"
    try:
        asked = await provider.begin_linking(browser.entrance, name, actor, now=browser.now, return_to=after)
    except PROVE_FIRST:
        raise
    except SteelyardError as error:
        return await _show(shell, browser, actor, error=f"{error}", status=status_for(error))
    return send_away(shell.request, browser, asked, browser.entrance.providers[name].label)


@router.post("/identities/remove", dependencies=[CHANGE])
async def unlink_identity(
    shell: AskedShell, actor: RecentActor, browser: AskingBrowser, form: AskedForm
) -> Response:
    """No longer sign in as a person of a provider; other sessions end."""
    issuer, subject = form.text("issuer"), form.text("subject")
    try:
        done = await factors.unlink_identity(browser.entrance, actor, issuer, subject, now=browser.now)
    except PROVE_FIRST:
        raise
    except SteelyardError as error:
        return await _show(shell, browser, actor, error=f"{error}", status=status_for(error))
    return _changed(browser, done, "removed")


# ── Sessions ────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/sessions/end-others", dependencies=[END])
async def end_other_sessions(actor: ProvenActor, browser: AskingBrowser) -> Response:
    """End all of one's sessions but this one."""
    async with get_write_session() as db:
        await session.end_other_sessions(db, actor, now=browser.now)
    return go_to(f"{HERE}?done=others")


@router.post("/sessions/{session_id}/end", dependencies=[END])
async def end_session(actor: ProvenActor, me: OwnId, browser: AskingBrowser, session_id: UUID) -> Response:
    """End one of one's sessions; this one is signed out of."""
    async with get_write_session() as db:
        await session.end_session(db, me, session_id, now=browser.now)
    return go_to("/login" if session_id == actor.session_id else f"{HERE}?done=ended")


# ── Pages ───────────────────────────────────────────────────────────────────────────────────────────────


async def _show(
    shell: Shell,
    browser: Browser,
    actor: ProvenActor,
    *,
    done: str = "",
    error: str = "",
    status: int = 200,
) -> Response:
    own = await factors.get_own_factors(actor)
    async with get_db_session() as db:
        sessions = await session.get_sessions(db, actor.user_id or UUID(int=0), now=browser.now)
    known = browser.entrance.providers.values()
    return shell.draw(
        "security.html",
        title="Signing in",
        status=status,
        own=own,
        passkeys=[(_written(one), one) for one in own.passkeys],
        sessions=[(device_of(one.user_agent), one) for one in sessions],
        labels={one.provider.issuer: one.label for one in known},
        providers={name: one.label for name, one in browser.entrance.providers.items()},
        done=done,
        error=error,
    )


async def _ask_password(shell: Shell, actor: RecentActor, error: SteelyardError | None = None) -> Response:
    own = await factors.get_own_factors(actor)
    return shell.draw(
        "password.html",
        title="Change your password" if own.has_password else "Have a password",
        status=status_for(error),
        own=own,
        rule=PASSWORD_RULE,
        error=error,
    )


async def _show_passkey(
    shell: Shell,
    actor: RecentActor,
    passkey_id: str,
    error: SteelyardError | None = None,
    label: str | None = None,
) -> Response:
    own = await factors.get_own_factors(actor)
    found = next((one for one in own.passkeys if one.credential_id == _read(passkey_id)), None)
    if found is None:
        raise NoPasskeyError
    return shell.draw(
        "passkey.html",
        title="Passkey",
        status=status_for(error),
        passkey_id=passkey_id,
        passkey=found,
        label=found.label if label is None else label,
        error=error,
    )


def _ask_about_app(shell: Shell, error: SteelyardError | None = None) -> Response:
    return shell.draw("authenticator.html", title="Authenticator app", status=status_for(error), error=error)


def _changed(browser: Browser, done: Signed, word: str) -> Response:
    """Go back with the new secret of the session; every other session of the user is over."""
    answer = go_to(f"{HERE}?done={word}")
    browser.enter(answer, done.secret)
    return answer


def _written(passkey: KeptPasskey) -> str:
    return urlsafe_b64encode(passkey.credential_id).decode().rstrip("=")


def _read(passkey_id: str) -> bytes:
    return urlsafe_b64decode(passkey_id + "=" * (-len(passkey_id) % 4))
