"""The providers that people sign in with, as the operator states them in a TOML file.

Several at once, each under a name of its own:

    private_networks = ["10.1.0.0/16"]      # where providers may be besides the public internet

    [providers.office]                      # the name in our addresses
    label = "Example Corp"
    issuer = "https://login.example.com"
    client_id = "steelyard"
    client_secret_file = "office.secret"    # beside this file, or absolute; without it we are a public client
    two_factor_methods = ["mfa"]            # amr: any of these says that they showed two factors there
    two_factor_contexts = ["phr"]           # acr: so does any of these
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from steelyard.errors import InvalidInputError
from steelyard.identity.id_token import Identity
from steelyard.identity.provider import Provider, ProviderSettingError
from steelyard.identity.session import Factor
from steelyard.network.outbound import Network

LONGEST_FILE: Final = 262_144
TEXTS: Final = frozenset({"label", "issuer", "client_id", "client_secret_file"})
LISTS: Final = frozenset({"two_factor_methods", "two_factor_contexts", "scopes", "algorithms"})
NEEDED: Final = ("label", "issuer", "client_id")
LONGEST_LABEL: Final = 60


class ProviderFileError(InvalidInputError):
    """The file of providers breaks a rule."""

    def __init__(self, path: Path, place: str, problem: str) -> None:
        """Name the file, the table and key, and the rule."""
        super().__init__(f"{path}: {place}{' ' if place else ''}{problem}.")


@dataclass(frozen=True, slots=True)
class SignInProvider:
    """A provider, and what its word is worth here.

    Attributes:
        provider: who it is.
        label: what people read on its button.
        two_factor_methods: any of them in `amr` says that they showed two factors.
        two_factor_contexts: so does any of them as `acr`.
    """

    provider: Provider
    label: str
    two_factor_methods: frozenset[str] = frozenset()
    two_factor_contexts: frozenset[str] = frozenset()

    def factor_of(self, identity: Identity) -> Factor:
        """Say what a sign-in there counts as here."""
        is_two = (
            not self.two_factor_methods.isdisjoint(identity.methods)
            or identity.context in self.two_factor_contexts
        )
        return Factor.OIDC_MFA if is_two else Factor.OIDC


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What the file states.

    Attributes:
        providers: by name.
        private_networks: where they may be besides the public internet.
    """

    providers: Mapping[str, SignInProvider]
    private_networks: tuple[Network, ...] = ()


def read_provider_file(path: Path, redirect_uri: Callable[[str], str]) -> ProviderSettings:
    """Read the file of providers.

    Args:
        path: the file, TOML.
        redirect_uri: name of a provider → the address of ours that it sends people back to; each another one.

    Raises:
        ProviderFileError: it or a file of a secret cannot be read, or a table or key breaks a rule; what a secret
            says is never repeated.
    """
    table = _read_toml(path)
    for key in table.keys() - {"private_networks", "providers"}:
        raise ProviderFileError(path, key, f"is not known{_hint(key, {'private_networks', 'providers'})}")
    stated = table.get("providers", {})
    if not isinstance(stated, Mapping) or not all(isinstance(value, Mapping) for value in stated.values()):
        raise ProviderFileError(path, "providers", "is not a table of tables, such as [providers.work]")
    providers = {name: _provider(path, name, value, redirect_uri(name)) for name, value in stated.items()}
    _refuse_twins(path, providers)
    return ProviderSettings(providers, _networks(path, table.get("private_networks", [])))


def _read_toml(path: Path) -> Mapping[str, Any]:
    try:
        data = path.read_bytes()
        return tomllib.loads(data[:LONGEST_FILE].decode())
    except OSError as error:
        raise ProviderFileError(path, "", f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProviderFileError(path, "", f"is no TOML: {error}") from error


def _provider(path: Path, name: str, stated: Mapping[str, Any], redirect_uri: str) -> SignInProvider:
    place = f"[providers.{name}]"
    for key, value in stated.items():
        _check(path, place, key, value)
    for key in NEEDED:
        if key not in stated:
            raise ProviderFileError(path, place, f"does not state {key}")
    if not stated["label"].isprintable() or not 0 < len(stated["label"]) <= LONGEST_LABEL:
        raise ProviderFileError(path, place, f"label is not 1 to {LONGEST_LABEL} characters on one line")
    chosen: dict[str, Any] = {}
    if "scopes" in stated:
        chosen["scopes"] = tuple(stated["scopes"])
    if "algorithms" in stated:
        chosen["algorithms"] = frozenset(stated["algorithms"])
    secret = _secret(path, place, stated.get("client_secret_file"))
    try:
        provider = Provider(name, stated["issuer"], stated["client_id"], secret, redirect_uri, **chosen)
    except ProviderSettingError as error:
        raise ProviderFileError(path, place, f"{error.setting} {error.rule}") from error
    return SignInProvider(
        provider,
        stated["label"],
        frozenset(stated.get("two_factor_methods", ())),
        frozenset(stated.get("two_factor_contexts", ())),
    )


def _check(path: Path, place: str, key: str, value: Any) -> None:
    if key not in TEXTS | LISTS:
        raise ProviderFileError(path, place, f"{key} is not known{_hint(key, TEXTS | LISTS)}")
    if key in TEXTS and not isinstance(value, str):
        raise ProviderFileError(path, place, f"{key} is not a text")
    if key in LISTS and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        raise ProviderFileError(path, place, f'{key} is not a list of texts, such as ["mfa"]')


def _secret(path: Path, place: str, file: str | None) -> str | None:
    if file is None:
        return None
    where = path.parent / file
    try:
        secret = where.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderFileError(path, place, f"client_secret_file {where} cannot be read") from error
    if not secret:
        raise ProviderFileError(path, place, f"client_secret_file {where} is empty")
    return secret


def _refuse_twins(path: Path, providers: Mapping[str, SignInProvider]) -> None:
    issuers: dict[str, str] = {}
    for name, one in providers.items():
        other = issuers.setdefault(one.provider.issuer, name)
        if other != name:
            raise ProviderFileError(path, f"[providers.{name}]", f"issuer is that of [providers.{other}]")


def _networks(path: Path, stated: Any) -> tuple[Network, ...]:
    texts = stated if isinstance(stated, list) else [None]
    try:
        return tuple(ip_network(text if isinstance(text, str) else "") for text in texts)
    except ValueError:
        rule = 'is not a list of networks, such as ["10.1.0.0/16"]'
        raise ProviderFileError(path, "private_networks", rule) from None


def _hint(key: str, known: frozenset[str] | set[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(sorted(known))}"
