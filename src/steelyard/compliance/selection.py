"""Which assets a rule is about: named one by one, or by what they are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from steelyard.compliance.holdings import Described
from steelyard.compliance.rule import RuleKind

LISTS: Final[Mapping[str, str]] = {
    "assets": "asset_id",
    "issuers": "issuer",
    "sectors": "sector",
    "countries": "country",
    "asset_classes": "asset_class",
}
"""The lists a rule can name assets by → the part of an asset they speak of."""

GROUPED_BY: Final[Mapping[RuleKind, str]] = {
    RuleKind.ASSET: "asset_id",
    RuleKind.ISSUER: "issuer",
    RuleKind.SECTOR: "sector",
    RuleKind.COUNTRY: "country",
    RuleKind.ASSET_CLASS: "asset_class",
}
"""What concentration is measured by."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Assets that any of some lists names; case does not matter.

    >>> tobacco = Selection.read({"sectors": ["Tobacco"], "assets": ["BTI"]})
    >>> [tobacco.takes(Described("X", sector=sector)) for sector in ("TOBACCO", "Energy", "")]
    [True, False, None]
    """

    lists: Mapping[str, frozenset[str]]

    @classmethod
    def read(cls, lists: Mapping[str, Collection[str]]) -> Self:
        """Take lists as a rule's settings have them."""
        return cls({LISTS[name]: frozenset(map(folded, words)) for name, words in lists.items()})

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Take the lists that stand among other settings."""
        return cls.read({name: settings[name] for name in LISTS if name in settings})

    def takes(self, asset: Described) -> bool | None:
        """Return whether an asset is among them; None where that is not known of it."""
        values = {part: folded(getattr(asset, part)) for part in self.lists}
        if any(values[part] in words for part, words in self.lists.items() if values[part]):
            return True
        return None if any(not value for value in values.values()) else False

    def why(self, asset: Described) -> str:
        """Return what puts an asset among them; "" where it is named itself."""
        for part, words in self.lists.items():
            value = getattr(asset, part)
            if part != "asset_id" and value and folded(value) in words:
                return f"{said(part)} {value}"
        return ""

    def missing(self, asset: Described) -> str:
        """Return what of an asset would have to be known."""
        return " or ".join(said(part) for part in self.lists if not getattr(asset, part))


def folded(text: str) -> str:
    """Return a word as it is compared."""
    return text.strip().casefold()


def said(part: str) -> str:
    """Return what a part of an asset is called in sentences.

    >>> said("asset_class"), said("asset_id")
    ('asset class', 'asset')
    """
    return part.removesuffix("_id").replace("_", " ")
