"""What one signs in with: password, authenticator app, recovery codes, passkeys and providers."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from steelyard.api.answer import Answer
from steelyard.api.body import Body, Password
from steelyard.api.sign_in import CodeBody, CredentialBody
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.input import Name
from steelyard.server.permits import CurrentActor, permits
from steelyard.services import factors, new_passkeys
from steelyard.services.entrance import Signed
from steelyard.services.factors import Enrolment, FactorChanged
from steelyard.storage.factors import LinkedIdentity

router = APIRouter(prefix="/factors", tags=["own factors"])

SEE: Final = permits(Verb.READ, ObjectType.OWN_SESSION)
ENROL: Final = permits(Verb.CREATE, ObjectType.OWN_SESSION)
CHANGE: Final = permits(Verb.CHANGE, ObjectType.OWN_SESSION)

PasskeyId = Annotated[str, Path(pattern=r"^(?:[A-Za-z0-9_-]{4}){0,341}[A-Za-z0-9_-]{2,4}$")]
"""What names a passkey, in base64url; at most 1,023 bytes (Web Authentication)."""

Issuer = Annotated[str, Query(min_length=1, max_length=2000)]
Subject = Annotated[str, Query(min_length=1, max_length=255)]


@dataclass(frozen=True, slots=True)
class OwnPasskey:
    """A passkey of one's own."""

    passkey_id: str
    label: str
    is_backed_up: bool
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """What one signs in with.

    Attributes:
        recovery_codes: how many are left.
    """

    has_password: bool
    has_totp: bool
    recovery_codes: int
    passkeys: tuple[OwnPasskey, ...]
    identities: tuple[LinkedIdentity, ...]


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """New recovery codes, shown this once; empty = those there are still count."""

    recovery_codes: tuple[str, ...]


class NewPasswordBody(Body):
    """The password to have from now on."""

    password: Password


class PasskeyBody(CredentialBody):
    """A new passkey, and what to call it."""

    label: Name


class LabelBody(Body):
    """What to call a passkey."""

    label: Name


@router.get("", response_model=OwnFactors, dependencies=[SEE])
async def list_factors(actor: CurrentActor) -> Answer:
    """What you sign in with."""
    own = await factors.get_own_factors(actor)
    kept = tuple(
        OwnPasskey(_written(one.credential_id), one.label, one.is_backed_up, one.created_at, one.last_used_at)
        for one in own.passkeys
    )
    return Answer(OwnFactors(own.has_password, own.has_totp, own.recovery_codes, kept, tuple(own.identities)))


@router.put("/password", status_code=204, response_class=Response, dependencies=[CHANGE])
async def set_password(browser: AskingBrowser, actor: CurrentActor, body: NewPasswordBody) -> Response:
    """Have another password; your other sessions end."""
    done = await factors.set_password(browser.entrance, actor, body.password, now=browser.now)
    return changed(browser, done)


@router.delete("/password", status_code=204, response_class=Response, dependencies=[CHANGE])
async def remove_password(browser: AskingBrowser, actor: CurrentActor) -> Response:
    """Have no password any more; your other sessions end."""
    return changed(browser, await factors.remove_password(browser.entrance, actor, now=browser.now))


@router.post("/totp", response_model=Enrolment, dependencies=[ENROL])
async def begin_totp(browser: AskingBrowser, actor: CurrentActor) -> Answer:
    """Get what an authenticator app is to be given; it counts once a code confirms it."""
    return Answer(await factors.begin_totp(browser.entrance, actor, now=browser.now))


@router.put("/totp", response_model=RecoveryCodes, dependencies=[ENROL])
async def confirm_totp(browser: AskingBrowser, actor: CurrentActor, body: CodeBody) -> Response:
    """Let the new app count, by its first code; your other sessions end."""
    return added(browser, await factors.confirm_totp(browser.entrance, actor, body.code, now=browser.now))


@router.delete("/totp", status_code=204, response_class=Response, dependencies=[CHANGE])
async def remove_totp(browser: AskingBrowser, actor: CurrentActor) -> Response:
    """Have no authenticator app any more; your other sessions end."""
    return changed(browser, await factors.remove_totp(browser.entrance, actor, now=browser.now))


@router.post("/recovery-codes", response_model=RecoveryCodes, dependencies=[CHANGE])
async def renew_recovery_codes(browser: AskingBrowser, actor: CurrentActor) -> Response:
    """Get ten recovery codes in place of those before; your other sessions end."""
    return added(browser, await factors.renew_recovery_codes(browser.entrance, actor, now=browser.now))


@router.post("/passkeys/question", response_model=dict[str, Any], dependencies=[ENROL])
async def ask_to_register(browser: AskingBrowser, actor: CurrentActor) -> Answer:
    """Get options for `navigator.credentials.create`."""
    return Answer(await new_passkeys.ask_to_register(browser.entrance, actor, now=browser.now))


@router.post("/passkeys", response_model=RecoveryCodes, dependencies=[ENROL])
async def register(browser: AskingBrowser, actor: CurrentActor, body: PasskeyBody) -> Response:
    """Keep a new passkey; your other sessions end."""
    done = await new_passkeys.register(browser.entrance, actor, body.text, body.label, now=browser.now)
    return added(browser, done)


@router.put("/passkeys/{passkey_id}", status_code=204, response_class=Response, dependencies=[CHANGE])
async def rename(
    browser: AskingBrowser, actor: CurrentActor, passkey_id: PasskeyId, body: LabelBody
) -> Response:
    """Call a passkey something else."""
    await new_passkeys.rename(actor, _read(passkey_id), body.label, now=browser.now)
    return Response(status_code=204)


@router.delete("/passkeys/{passkey_id}", status_code=204, response_class=Response, dependencies=[CHANGE])
async def remove(browser: AskingBrowser, actor: CurrentActor, passkey_id: PasskeyId) -> Response:
    """Have a passkey no more; your other sessions end."""
    done = await new_passkeys.remove(browser.entrance, actor, _read(passkey_id), now=browser.now)
    return changed(browser, done)


@router.delete("/identities", status_code=204, response_class=Response, dependencies=[CHANGE])
async def unlink(browser: AskingBrowser, actor: CurrentActor, issuer: Issuer, subject: Subject) -> Response:
    """No longer sign in as this person of a provider; your other sessions end."""
    done = await factors.unlink_identity(browser.entrance, actor, issuer, subject, now=browser.now)
    return changed(browser, done)


def changed(browser: Browser, done: Signed) -> Response:
    """Give the browser the new secret of its session; every other session of the user is over."""
    answer = Response(status_code=204)
    browser.enter(answer, done.secret)
    return answer


def added(browser: Browser, done: FactorChanged) -> Response:
    """The same, with the recovery codes that came of it."""
    answer = Answer(RecoveryCodes(done.recovery_codes))
    browser.enter(answer, done.signed.secret)
    return answer


def _written(credential_id: bytes) -> str:
    return urlsafe_b64encode(credential_id).decode().rstrip("=")


def _read(passkey_id: str) -> bytes:
    return urlsafe_b64decode(passkey_id + "=" * (-len(passkey_id) % 4))
