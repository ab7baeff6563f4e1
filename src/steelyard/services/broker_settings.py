"""What each broker is told when it is linked, read strictly: settings, credentials, an address."""

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from steelyard.brokers.paper_market import PaperSettings
from steelyard.errors import InvalidInputError

BROKERS: Final = ("paper", "alpaca", "file")
ENVIRONMENTS: Final = ("paper", "live")
CREDENTIALS: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "paper": (frozenset(),),
    "alpaca": (frozenset({"key_id", "secret_key"}), frozenset({"access_token"})),
    "file": (frozenset(),),
}
"""Broker → the sets of credentials, any of which it takes."""

SETTINGS: Final[Mapping[str, frozenset[str]]] = {
    "paper": frozenset({"slippage_bps", "most_parts", "delay_seconds", "keeps_client_ids", "has_fractions"}),
    "alpaca": frozenset(),
    "file": frozenset(),
}
LONGEST_SECRET: Final = 4096
MOST_SLIPPAGE_BPS: Final = 1000
MOST_PARTS: Final = 100
MOST_DELAY_SECONDS: Final = 86_400


class BrokerSettingError(InvalidInputError):
    """What a broker is told breaks a rule."""

    def __init__(self, broker: str, name: str, rule: str) -> None:
        """Name the broker, the setting and the rule; never what a credential says."""
        super().__init__(f"{name} of a link to {broker} {rule}.")


def check_broker(
    broker: str,
    environment: str,
    address: str | None,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str],
) -> None:
    """Refuse what a link to a broker cannot be made of.

    Args:
        broker: one of BROKERS.
        environment: one of ENVIRONMENTS.
        address: where it is asked; of paper its file, of file its folder; None = its own.
        settings: what else it needs, as JSON has it.
        credentials: by name.

    Raises:
        BrokerSettingError: with the setting and the rule.
    """
    if broker not in BROKERS:
        raise BrokerSettingError(broker, "broker", f"is none of {', '.join(BROKERS)}")
    if environment not in ENVIRONMENTS or (broker, environment) == ("paper", "live"):
        raise BrokerSettingError(broker, "environment", "is paper, or live where real money moves")
    for name in settings.keys() - SETTINGS[broker]:
        known = ", ".join(sorted(SETTINGS[broker])) or "none"
        raise BrokerSettingError(broker, repr(name), f"is not known; settings are: {known}")
    if broker == "paper":
        read_paper_settings(settings)
    _check_address(broker, address)
    _check_credentials(broker, credentials)


def read_paper_settings(settings: Mapping[str, Any]) -> PaperSettings:
    """Read the settings of a paper link.

    Raises:
        BrokerSettingError: one is out of its bounds.

    >>> read_paper_settings({"slippage_bps": "5", "delay_seconds": 2}).slippage_bps
    Decimal('5')
    """
    return PaperSettings(
        keeps_client_ids=_flag(settings, "keeps_client_ids"),
        has_fractions=_flag(settings, "has_fractions"),
        slippage_bps=_number(settings, "slippage_bps", 0, MOST_SLIPPAGE_BPS),
        most_parts=int(_number(settings, "most_parts", 1, MOST_PARTS)),
        delay=timedelta(seconds=int(_number(settings, "delay_seconds", 0, MOST_DELAY_SECONDS))),
    )


def write_credentials(credentials: Mapping[str, str]) -> str:
    """Write credentials as the text that is sealed."""
    return json.dumps(dict(credentials), sort_keys=True)


def read_credentials(text: str) -> Mapping[str, str]:
    """Read what `write_credentials` wrote."""
    found: Mapping[str, str] = json.loads(text)
    return found


def _flag(settings: Mapping[str, Any], name: str) -> bool:
    value = settings.get(name, True)
    if not isinstance(value, bool):
        raise BrokerSettingError("paper", name, "is neither true nor false")
    return value


def _number(settings: Mapping[str, Any], name: str, least: int, most: int) -> Decimal:
    value = settings.get(name, least)
    try:
        number = Decimal(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    is_whole = name != "slippage_bps"
    if number is None or not least <= number <= most or (is_whole and number % 1):
        raise BrokerSettingError("paper", name, f"is no {'whole ' * is_whole}number from {least} to {most}")
    return number


def _check_address(broker: str, address: str | None) -> None:
    if broker == "alpaca":
        parts = urlsplit(address or "https://api.alpaca.markets")
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise BrokerSettingError(broker, "address", "is no https address without query")
        if parts.username or parts.password:
            raise BrokerSettingError(broker, "address", "holds a login; keys are given apart")
    elif address is None and broker == "file":
        raise BrokerSettingError(broker, "address", "is missing: name the folder of its files")
    elif address is not None and not Path(address).is_absolute():
        raise BrokerSettingError(broker, "address", f"is {address!r}, no absolute path")


def _check_credentials(broker: str, credentials: Mapping[str, str]) -> None:
    if credentials.keys() not in CREDENTIALS[broker]:
        wanted = " or ".join(" and ".join(sorted(names)) or "none" for names in CREDENTIALS[broker])
        raise BrokerSettingError(broker, "credentials", f"are not those it takes: {wanted}")
    for name, value in credentials.items():
        # A header of HTTP cannot hold anything else.
        if not (value.isascii() and value.isprintable() and 0 < len(value) <= LONGEST_SECRET) or " " in value:
            raise BrokerSettingError(broker, name, "is empty, too long, or has characters that no key has")
