"""An authenticator in software: makes passkeys and proves with them, as a device with a finger on it would.

Chromium's own is in tests/acceptance/test_passkeys.py; this one answers twenty times at once, and lies where asked to.
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from steelyard.identity.passkeys import Options

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(slots=True)
class Device:
    """One passkey of one site; `counts` says whether it counts its signatures, `verifies` whether it is unlocked."""

    origin: str
    counts: bool = True
    verifies: bool = True
    count: int = 0
    handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: Any = field(default_factory=lambda: generate_private_key(SECP256R1()), repr=False)

    def make(self, options: Options) -> str:
        """Answer a question for a new passkey."""
        self.handle = decode(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        named = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id
        data = self._data(options["rp"]["id"], ATTESTED) + named + cbor2.dumps(cose)
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        stated = self._stated("webauthn.create", options["challenge"])
        return self._answer({"clientDataJSON": encode(stated), "attestationObject": encode(attested)})

    def prove(self, options: Options) -> str:
        """Answer a question for a proof."""
        self.count += self.counts
        data = self._data(options["rpId"], 0)
        stated = self._stated("webauthn.get", options["challenge"])
        signature = self.key.sign(data + sha256(stated).digest(), ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": encode(stated),
                "authenticatorData": encode(data),
                "signature": encode(signature),
                "userHandle": encode(self.handle),
            }
        )

    def _data(self, rp_id: str, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _stated(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, response: dict[str, str]) -> str:
        name = encode(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
