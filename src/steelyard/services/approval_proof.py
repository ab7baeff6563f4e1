"""How a person in a browser proves that they approve: a passkey whose question holds the hash, or a code of an app."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from steelyard.errors import ConflictError, NotPermittedError
from steelyard.identity.passkeys import (
    CHALLENGE_LENGTH,
    Options,
    Passkey,
    Site,
    approval_challenge,
    authentication_options,
    check_passkey,
)
from steelyard.identity.permissions import Actor
from steelyard.identity.session import Factor
from steelyard.network.strict_json import read_object
from steelyard.services.approval import CodeTooWeakError, Proof, Subject
from steelyard.services.entrance import Entrance, count_code_try, forget_code_tries
from steelyard.services.factors import own_factors
from steelyard.services.passkeys import (
    NoQuestionError,
    ask_session,
    known_passkey,
    prove,
    take_from_session,
)
from steelyard.services.sign_in import check_totp
from steelyard.storage.approval import Approval, ApprovalTerms
from steelyard.storage.challenges import Purpose
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.passkeys import list_passkeys

SIGNED: Final = ("clientDataJSON", "authenticatorData", "signature")
"""What of a passkey's answer is kept: it is all that the signature is of."""


class OtherProposalError(NotPermittedError):
    """An answer was given to another question than this proposal's, or twice, or too late."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "This passkey did not answer for this proposal, or did so before, or longer than ten minutes ago. Look at "
            "the proposal again and approve it from there."
        )


class NoEvidenceError(ConflictError):
    """An approval left nothing to check."""

    def __init__(self, factor: str) -> None:
        """Name the factor."""
        super().__init__(f"An approval by {factor} leaves nothing to check again: it binds to nothing.")


@dataclass(frozen=True, slots=True)
class ApprovalQuestion:
    """What a browser is asked.

    Attributes:
        options: for `navigator.credentials`, as JSON.
        nonce: to be sent back with the answer, in hexadecimal digits.
    """

    options: Options
    nonce: str


async def ask_to_approve(
    entrance: Entrance, actor: Actor, content_hash: bytes, *, now: datetime
) -> ApprovalQuestion:
    """Ask whoever is signed in to sign a hash with one of their passkeys; raises NotSignedInError."""
    nonce = entrance.random(CHALLENGE_LENGTH)
    challenge = approval_challenge(content_hash, nonce)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        await ask_session(db, actor, challenge, Purpose.APPROVE, now)
        own = [known_passkey(entrance, user, kept) for kept in await list_passkeys(db, user.user_id)]
    return ApprovalQuestion(
        authentication_options(entrance.site, challenge=challenge, passkeys=own), nonce.hex()
    )


@dataclass(frozen=True, slots=True)
class PasskeyProof:
    """A passkey that signed the hash of what is approved.

    Attributes:
        entrance: what signing in needs.
        actor: whose passkey it is.
        answer: the browser's, as JSON.
        nonce: of the question.
    """

    entrance: Entrance
    actor: Actor
    answer: str
    nonce: bytes

    async def take(self, now: datetime) -> None:
        """Take the question away that this answers, whatever the answer is worth: it is asked once.

        Raises:
            TooManyTriesError: too many second factors of this user were wrong of late.
            OtherProposalError: this session was not asked it, or answered it.
            PasskeyError: the answer cannot be read.
        """
        try:
            await take_from_session(self.entrance, self.actor, self.answer, Purpose.APPROVE, now)
        except NoQuestionError:
            raise OtherProposalError from None

    async def prove(self, db: WriteSession, subject: Subject, terms: ApprovalTerms, now: datetime) -> Proof:
        """Let the signature count, once its question was taken.

        Raises:
            OtherProposalError: it is not of this subject and nonce.
            UnknownPasskeyError, PasskeyError: it is not believed.
        """
        del terms
        if len(self.nonce) != CHALLENGE_LENGTH:
            raise OtherProposalError
        challenge = approval_challenge(subject.content_hash, self.nonce)
        user = await own_factors(db, self.actor)
        passkey = await prove(db, self.entrance, user, self.answer, challenge, now=now)
        await forget_code_tries(db, self.entrance, user.user_id, now=now)
        return Proof(Factor.PASSKEY.value, _evidence(self.entrance.site, passkey, self.answer, self.nonce))


@dataclass(frozen=True, slots=True)
class CodeProof:
    """A code of an authenticator app, for orders up to the tenant's limit."""

    entrance: Entrance
    actor: Actor
    typed: str = field(repr=False)

    async def take(self, now: datetime) -> None:
        """Count the try before it is looked at; raises TooManyTriesError."""
        async with get_write_session() as db:
            user = await own_factors(db, self.actor)
            await count_code_try(db, self.entrance, user.user_id, now=now)

    async def prove(self, db: WriteSession, subject: Subject, terms: ApprovalTerms, now: datetime) -> Proof:
        """Let the code count, once its try was counted.

        Raises:
            CodeTooWeakError: the orders are worth more than a code approves.
            WrongCodeError: it is not the code, or was used.
        """
        if terms.code_limit is None or subject.order_value > terms.code_limit:
            raise CodeTooWeakError(subject.order_value, terms.code_limit, terms.currency)
        user = await own_factors(db, self.actor)
        await check_totp(db, self.entrance, user, self.typed, now)
        await forget_code_tries(db, self.entrance, user.user_id, now=now)
        return Proof(Factor.TOTP.value)


def check_approval(approval: Approval) -> None:
    """Check again that a passkey signed what was approved, from what the approval left alone.

    Raises:
        NoEvidenceError: it was no passkey.
        PasskeyError: the signature is not of this hash, or not of this passkey.
    """
    kept = approval.evidence
    if approval.factor != Factor.PASSKEY.value:
        raise NoEvidenceError(approval.factor)
    answer = {
        "id": kept["credential_id"],
        "rawId": kept["credential_id"],
        "type": "public-key",
        "response": {name: kept[name] for name in SIGNED},
    }
    passkey = Passkey(
        credential_id=_decode(kept["credential_id"]),
        public_key=_decode(kept["public_key"]),
        sign_count=0,  # what it counted since says nothing about then
        user_handle=b"",
        is_backed_up=False,
    )
    challenge = approval_challenge(approval.content_hash, _decode(kept["nonce"]))
    site = Site(kept["site"], "", (kept["origin"],))
    check_passkey(site, json.dumps(answer), challenge=challenge, passkey=passkey)


def _evidence(site: Site, passkey: Passkey, answer: str, nonce: bytes) -> dict[str, str]:
    """Return what `check_approval` reads, of an answer that was believed."""
    response = read_object(answer.encode())["response"]
    origin = read_object(_decode(response["clientDataJSON"]))["origin"]
    return {name: response[name] for name in SIGNED} | {
        "credential_id": _encode(passkey.credential_id),
        "public_key": _encode(passkey.public_key),
        "nonce": _encode(nonce),
        "site": site.rp_id,
        "origin": origin,
    }


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
