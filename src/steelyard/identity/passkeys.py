"""Passkeys (Web Authentication, level 3): made for this site alone, and used only by who unlocks them.

The library decides; what it leaves to others is decided here: the challenge, the length of the answer, frames of other
sites, and whose passkey it is. The user is verified (PIN, finger, face), always.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import options_to_json_dict, parse_attestation_object, parse_authenticator_data
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorData,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from steelyard.errors import NotPermittedError
from steelyard.identity import Random
from steelyard.network.strict_json import read_object

CHALLENGE_LENGTH: Final = 32
HANDLE_LENGTH: Final = 32
MAX_ANSWER_LENGTH: Final = 65_536
TIMEOUT_MILLISECONDS: Final = 120_000

Options = Mapping[str, Any]
"""What the browser's `navigator.credentials` takes, as JSON; bytes in base64url."""


class PasskeyDefect(StrEnum):
    """What is wrong with a passkey's answer."""

    MALFORMED = "cannot be read"
    CHALLENGE = "answers another question"
    ORIGIN = "comes from another site"
    FRAME = "comes from a frame in another site"
    SITE = "was made for another site"
    NOT_VERIFIED = "does not say that you unlocked it"
    USER = "belongs to somebody else"
    PROOF = "does not bear the passkey's signature"
    COUNTER = "is older than the one before: somebody may have copied the passkey"


class PasskeyError(NotPermittedError):
    """A passkey's answer is not believed."""

    def __init__(self, defect: PasskeyDefect) -> None:
        """Say what is wrong."""
        super().__init__(
            f"The answer of this passkey {defect}: nothing was done. Try again from the page you were on, unlock the "
            "passkey with PIN, finger or face; or use another factor."
        )
        self.defect = defect


@dataclass(frozen=True, slots=True)
class Site:
    """Us, as browsers know us.

    Attributes:
        rp_id: the domain that passkeys are made for.
        name: what people read when they make one.
        origins: the pages that may use them, such as https://steelyard.example.
    """

    rp_id: str
    name: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passkey:
    """What is kept of a passkey; none of it is secret.

    Attributes:
        credential_id: names it.
        public_key: verifies it (COSE).
        sign_count: how often it says it was used; 0 where it does not count.
        user_handle: whose it is: random bytes of ours, in place of a name.
        is_backed_up: whether it is on several devices.
    """

    credential_id: bytes
    public_key: bytes
    sign_count: int
    user_handle: bytes
    is_backed_up: bool


def new_challenge(random: Random) -> bytes:
    """Make the question of one ceremony; it is asked once, of one session, for a few minutes."""
    return random(CHALLENGE_LENGTH)


def approval_challenge(proposal: bytes, nonce: bytes) -> bytes:
    """Bind a question to what is approved: SHA-256(proposal ‖ nonce).

    Args:
        proposal: the proposal, or its hash, as it is stored and was shown.
        nonce: 32 bytes, new for each question; of one length, so that it is clear where the proposal ends.

    Raises:
        ValueError: the nonce has another length.

    >>> approval_challenge(b"buy 3 ABC", bytes(32)).hex()[:16]
    '29efc651f95c6ea8'
    """
    if len(nonce) != CHALLENGE_LENGTH:
        raise ValueError("the nonce has 32 bytes")
    return sha256(proposal + nonce).digest()


def registration_options(
    site: Site, *, challenge: bytes, user_handle: bytes, user_name: str, existing: Collection[Passkey]
) -> Options:
    """Ask for a new passkey that the device keeps, names the user by itself, and unlocks.

    Args:
        site: who we are.
        challenge: of this ceremony.
        user_handle: random bytes of ours.
        user_name: what people read when they choose among passkeys.
        existing: theirs; a device that holds one makes no second.
    """
    options = generate_registration_options(
        rp_id=site.rp_id,
        rp_name=site.name,
        user_id=user_handle,
        user_name=user_name,
        challenge=challenge,
        timeout=TIMEOUT_MILLISECONDS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_named(existing),
    )
    return options_to_json_dict(options)


def authentication_options(site: Site, *, challenge: bytes, passkeys: Collection[Passkey] = ()) -> Options:
    """Ask for a proof by a passkey.

    Args:
        site: who we are.
        challenge: of this ceremony; of an approval where it is one.
        passkeys: those that may answer; none = any for this site, which then says whose it is.
    """
    options = generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        timeout=TIMEOUT_MILLISECONDS,
        allow_credentials=_named(passkeys),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def register_passkey(site: Site, answer: str, *, challenge: bytes, user_handle: bytes) -> Passkey:
    """Accept a new passkey.

    Args:
        site: who we are.
        answer: the browser's, as JSON.
        challenge: of this ceremony.
        user_handle: whose passkey it becomes.

    Raises:
        PasskeyError: with the first defect in the order of `PasskeyDefect`.
    """
    read = _read(answer)
    _check(site, read, challenge, "webauthn.create", _attested(read))
    try:
        made = verify_registration_response(
            credential=dict(read),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=list(site.origins),
            require_user_verification=True,
        )
    except (WebAuthnException, UnsupportedAlgorithm, ValueError, TypeError, KeyError, IndexError) as error:
        raise PasskeyError(PasskeyDefect.PROOF) from error
    return Passkey(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        user_handle=user_handle,
        is_backed_up=made.credential_backed_up,
    )


def read_credential_id(answer: str) -> bytes:
    """Say which passkey answers, to look it up; nothing is proved yet. Raises PasskeyError."""
    return _bytes(_read(answer).get("rawId"))


def read_challenge(answer: str) -> bytes:
    """Say which question is answered, to look it up; nothing is proved yet. Raises PasskeyError."""
    try:
        stated = read_object(_bytes(_read(answer)["response"].get("clientDataJSON")))
    except ValueError as error:
        raise PasskeyError(PasskeyDefect.MALFORMED) from error
    return _bytes(stated.get("challenge"))


def check_passkey(site: Site, answer: str, *, challenge: bytes, passkey: Passkey) -> Passkey:
    """Accept a proof by a passkey.

    Args:
        site: who we are.
        answer: the browser's, as JSON.
        challenge: of this ceremony.
        passkey: the one of `read_credential_id`, as it is kept.

    Returns:
        The passkey as it is to be kept from now on, in the transaction that lets them in.

    Raises:
        PasskeyError: with the first defect in the order of `PasskeyDefect`; COUNTER is worth an alarm.
    """
    read = _read(answer)
    _check(site, read, challenge, "webauthn.get", _asserted(read))
    _check_user(read, passkey)
    try:
        proved = verify_authentication_response(
            credential=dict(read),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=list(site.origins),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # compared below, once it is known who signed it
            require_user_verification=True,
        )
    except (WebAuthnException, UnsupportedAlgorithm, ValueError, TypeError, KeyError, IndexError) as error:
        raise PasskeyError(PasskeyDefect.PROOF) from error
    if proved.new_sign_count <= passkey.sign_count != 0:
        raise PasskeyError(PasskeyDefect.COUNTER)
    return replace(passkey, sign_count=proved.new_sign_count, is_backed_up=proved.credential_backed_up)


def _named(passkeys: Collection[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in passkeys]


def _read(answer: str) -> Mapping[str, Any]:
    if len(answer) > MAX_ANSWER_LENGTH:
        raise PasskeyError(PasskeyDefect.MALFORMED)
    try:
        read = read_object(answer.encode())
    except ValueError as error:
        raise PasskeyError(PasskeyDefect.MALFORMED) from error
    if not isinstance(read.get("response"), dict):
        raise PasskeyError(PasskeyDefect.MALFORMED)
    return read


def _bytes(value: object) -> bytes:
    """Decode base64url."""
    if not isinstance(value, str):
        raise PasskeyError(PasskeyDefect.MALFORMED)
    try:
        return base64url_to_bytes(value)
    except ValueError as error:
        raise PasskeyError(PasskeyDefect.MALFORMED) from error


def _attested(read: Mapping[str, Any]) -> AuthenticatorData:
    try:
        return parse_attestation_object(_bytes(read["response"].get("attestationObject"))).auth_data
    except (WebAuthnException, ValueError, TypeError, KeyError, IndexError) as error:
        raise PasskeyError(PasskeyDefect.MALFORMED) from error


def _asserted(read: Mapping[str, Any]) -> AuthenticatorData:
    try:
        return parse_authenticator_data(_bytes(read["response"].get("authenticatorData")))
    except (WebAuthnException, ValueError, TypeError, KeyError, IndexError) as error:
        raise PasskeyError(PasskeyDefect.MALFORMED) from error


def _check(site: Site, read: Mapping[str, Any], challenge: bytes, kind: str, data: AuthenticatorData) -> None:
    """Find the first defect of what any answer states; the signature over it is the library's part."""
    try:
        stated = read_object(_bytes(read["response"].get("clientDataJSON")))
    except ValueError as error:
        raise PasskeyError(PasskeyDefect.MALFORMED) from error
    asked = urlsafe_b64encode(challenge).decode().rstrip("=")
    checks = (
        (stated.get("type") == kind, PasskeyDefect.MALFORMED),
        (_same(stated.get("challenge"), asked), PasskeyDefect.CHALLENGE),
        (stated.get("origin") in site.origins, PasskeyDefect.ORIGIN),
        (not stated.get("crossOrigin") and "topOrigin" not in stated, PasskeyDefect.FRAME),
        (data.rp_id_hash == sha256(site.rp_id.encode()).digest(), PasskeyDefect.SITE),
        (data.flags.up and data.flags.uv, PasskeyDefect.NOT_VERIFIED),
    )
    for holds, defect in checks:
        if not holds:
            raise PasskeyError(defect)


def _check_user(read: Mapping[str, Any], passkey: Passkey) -> None:
    handle = read["response"].get("userHandle")
    is_theirs = handle is None or hmac.compare_digest(_bytes(handle), passkey.user_handle)
    if not is_theirs or _bytes(read.get("rawId")) != passkey.credential_id:
        raise PasskeyError(PasskeyDefect.USER)


def _same(value: object, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode("utf-8", "replace"), wanted.encode())
