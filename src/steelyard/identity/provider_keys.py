"""The public keys of a provider, of which only those that may verify an identity token are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

from steelyard.errors import UpstreamError

VerifyingKey = RSAKey | ECKey | OKPKey
TYPES: Final[Mapping[str, type[VerifyingKey]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
USED_WITH: Final[Mapping[str, tuple[str, str | None]]] = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
"""Type and curve of the key that an algorithm takes."""

RSA_BITS: Final = range(2048, 8193)
MAX_KEYS: Final = 100


class KeysError(UpstreamError):
    """A provider shows no key that could verify anything."""

    def __init__(self, provider: str) -> None:
        """Name the provider."""
        super().__init__(
            f"{provider} shows no key that could verify who signs in: nobody was signed in. Tell whoever runs it; "
            "RSA keys of 2048 to 8192 bits, P-256 and Ed25519 are used."
        )


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A key that verifies.

    Attributes:
        kid: its name at the provider; None where it has none.
        algorithms: what it verifies.
        key: the key itself.
    """

    kid: str | None
    algorithms: frozenset[str]
    key: VerifyingKey


def read_keys(provider: str, stated: Mapping[str, Any]) -> Sequence[ProviderKey]:
    """Keep the keys of a key set (RFC 7517) that may verify; others are no concern of ours.

    Left out: symmetric keys, those for encryption, private ones, small or huge RSA, other curves, broken ones.

    Raises:
        KeysError: none is left, or there are more than a hundred.
    """
    members = stated.get("keys")
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise KeysError(provider)
    keys = [key for member in members if (key := _read_key(member))]
    if not keys:
        raise KeysError(provider)
    return keys


def find_key(keys: Sequence[ProviderKey], algorithm: str, kid: str | None) -> VerifyingKey | None:
    """Find the one key for a token; None where there is none, or where more than one could be meant."""
    fitting = [key.key for key in keys if algorithm in key.algorithms and kid in (None, key.kid)]
    return fitting[0] if len(fitting) == 1 else None


def _read_key(member: object) -> ProviderKey | None:
    if not isinstance(member, dict) or member.get("use", "sig") != "sig" or "d" in member:
        return None
    kind, curve, kid = str(member.get("kty")), member.get("crv"), member.get("kid")
    stated = member.get("alg")
    algorithms = frozenset(
        name for name, (its_kind, its_curve) in USED_WITH.items() if (kind, curve) == (its_kind, its_curve)
    )
    algorithms = algorithms if stated is None else algorithms & {str(stated)}
    if not algorithms or not isinstance(kid, str | None):
        return None
    try:
        if (
            kind == "RSA"
            and int.from_bytes(urlsafe_b64decode(member["n"].encode())).bit_length() not in RSA_BITS
        ):
            return None
        return ProviderKey(kid, algorithms, TYPES[kind].import_key(member))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None  # a broken key verifies nothing
