"""An authenticator app on somebody's phone: it is given the key that a page shows, and shows codes."""

import time
from base64 import b32decode
from dataclasses import dataclass

from steelyard.identity.mfa import STEP_SECONDS, calculate_code


@dataclass(slots=True)
class AuthenticatorApp:
    """An app that was given a key; no code of it is shown twice.

    A code counts once, and the server takes that of the next half minute too: whoever needs two in a row is given the
    second one early, and nobody waits.
    """

    seed: bytes
    last_step: int = 0

    @classmethod
    def given(cls, key: str) -> "AuthenticatorApp":
        """Type a key into it, as a page shows it: base32 in groups of four."""
        typed = key.replace(" ", "")
        return cls(b32decode(typed + "=" * (-len(typed) % 8)))

    def code(self) -> str:
        """Read the code that it shows."""
        self.last_step = max(int(time.time()) // STEP_SECONDS, self.last_step + 1)
        return calculate_code(self.seed, self.last_step)
