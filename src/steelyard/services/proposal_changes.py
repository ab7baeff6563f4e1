"""What is no longer as a proposal was worked out from: named, so that somebody can look at it and propose again."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext
from typing import Any, Final

from steelyard.domain.money import EXACT

Plain = Mapping[str, Any]

FIXED_SOURCES: Final = frozenset({"stored", "files"})
"""Sources whose prices stand still: between review and execution they may not move at all."""

_BY_KEY: Final = {
    ("portfolio", "positions"): "the position of {}",
    ("portfolio", "cash"): "cash in {}",
    ("portfolio", "targets"): "the target of {}",
    ("portfolio", "cash_targets"): "the target of cash in {}",
    ("portfolio", "rates"): "the rate of {}",
    ("no_buy",): "what bars buying {}",
    ("no_sell",): "what bars selling {}",
}
_ALONE: Final = {
    ("portfolio", "base_currency"): "the currency of the account",
    ("kept_by",): "what keeps the account",
    ("model_id",): "the model of the account",
    ("model_version",): "the version of its model",
    ("profile_version",): "the version of the investor's profile",
    ("tenant_currency",): "the currency of the tenant",
    ("tenant_rate",): "the rate to the currency of the tenant",
}
_MISSING: Final = "none"


def find_changes(before: Plain, now: Plain, *, price_source: str, tolerance: Decimal) -> list[str]:
    """Return what differs between the inputs of a document and those of this moment, a part of a sentence each.

    Args:
        before: as the document has them.
        now: the same, gathered anew.
        price_source: where prices are asked for; those of the store and of files must be equal.
        tolerance: how far a price of another source may have moved, a fraction of what it was.

    >>> before, now = {"portfolio": {"positions": {"VTI": "10"}}, "prices": {}}, {"portfolio": {}, "prices": {}}
    >>> find_changes(before, now, price_source="stored", tolerance=Decimal(0))
    ['the position of VTI is none and was 10']
    """
    allowed = Decimal(0) if price_source in FIXED_SOURCES else tolerance
    return [*_of_parts(before, now), *_of_prices(before["prices"], now["prices"], allowed)]


def _of_parts(before: Plain, now: Plain) -> Iterator[str]:
    for path, label in _ALONE.items():
        yield from _compared(label, _at(before, path), _at(now, path))
    for path, label in _BY_KEY.items():
        yield from _of_keys(label, _at(before, path) or {}, _at(now, path) or {})
    yield from _of_keys("rule {}", _by_rule(before), _by_rule(now))
    for name in ("lots", "sales"):
        yield from _of_keys("lot {}", _by_lot(before, name), _by_lot(now, name))


def find_other_findings(before: Plain, now: Plain) -> list[str]:
    """Return the rules that say something else of the same trades than they did, a part of a sentence each."""
    return [*_of_keys("what rule {} says", _by_finding(before), _by_finding(now))]


def _by_finding(compliance: Plain) -> dict[str, str]:
    outcomes: dict[str, set[str]] = {}
    for finding in compliance["findings"]:
        outcomes.setdefault(finding["rule_id"], set()).add(finding["outcome"])
    return {rule: " and ".join(sorted(said)) for rule, said in outcomes.items()}


def _at(content: Plain, path: tuple[str, ...]) -> Any:
    found: Any = content
    for name in path:
        found = found.get(name) if found is not None else None
    return found


def _by_rule(content: Plain) -> dict[str, str]:
    """Return the versions of the rules in force."""
    rules = _at(content, ("ruling", "rules")) or ()
    return {rule["rule_id"]: f"in force at version {rule['version']}" for rule in rules}


def _by_lot(content: Plain, name: str) -> dict[str, str]:
    """Return lots, or sales of them, by their names."""
    found: dict[str, str] = {}
    for one in content["portfolio"].get(name, ()):
        lot = one.get("lot", one)
        key = f"{lot['lot_id']} of {lot['asset_id']}" + (f", sold {one['sold']}" if "sold" in one else "")
        found[key] = (
            f"{lot['quantity']} at {lot['cost']}, {lot['carried_loss']} and {lot['carried_days']} days carried"
        )
    return found


def _of_keys(label: str, before: Plain, now: Plain) -> Iterator[str]:
    for key in sorted({*before, *now}):
        yield from _compared(label.format(key), before.get(key), now.get(key))


def _compared(label: str, before: Any, now: Any) -> Iterator[str]:
    if before != now:
        yield f"{label} is {_MISSING if now is None else now} and was {_MISSING if before is None else before}"


def _of_prices(before: Plain, now: Plain, allowed: Decimal) -> Iterator[str]:
    for asset in sorted({*before, *now}):
        old, new = before.get(asset), now.get(asset)
        if old is None or new is None or old["currency"] != new["currency"] or _is_beyond(old, new, allowed):
            yield from _compared(f"the price of {asset}", _shown(old), _shown(new))


def _is_beyond(old: Plain, new: Plain, allowed: Decimal) -> bool:
    if {old["source"], new["source"]} <= FIXED_SOURCES:
        allowed = Decimal(0)
    with localcontext(EXACT):
        was, now = Decimal(old["price"]), Decimal(new["price"])
        return abs(now - was) > allowed * was


def _shown(price: Plain | None) -> str | None:
    return None if price is None else f"{price['price']} {price['currency']}"
