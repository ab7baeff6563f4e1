"""How much of an account is in one asset, issuer, sector, country or asset class.

Long and short positions of a group are added up without their signs, and divided by the value of the account, cash
included. What is not known to belong to a group may belong to any: a rule is kept only where it would be kept even so.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

from steelyard.compliance.holdings import ZERO, Facts, HeldAsset, Holdings, Trade
from steelyard.compliance.measure import Measure, Reading, Unmeasured, named, told_apart
from steelyard.compliance.rule import Rule
from steelyard.compliance.selection import GROUPED_BY, Selection, folded, said
from steelyard.domain.money import EXACT

OF_THE_ACCOUNT = " of the account's value"


def measure_concentration(
    rule: Rule, holdings: Holdings, trades: Sequence[Trade], facts: Facts
) -> Iterator[Reading]:
    """Measure each group of an account: a fraction of its value."""
    del trades, facts
    part = GROUPED_BY[rule.kind]
    groups, loose = _grouped(rule, holdings.positions, part)
    if not groups and not loose:
        return
    if (whole := _whole(holdings)) is None:
        yield _no_whole(holdings)
        return
    measures = [_measured(part, members, whole) for members in groups.values()]
    yield from measures
    if loose:
        yield _with_loose(rule, measures, loose, whole)


def _with_loose(
    rule: Rule, measures: Sequence[Measure], loose: Sequence[HeldAsset], whole: Decimal
) -> Reading:
    """Measure the largest group within the limit as if all that may be of any group were of it."""
    bound, parts, names = Fraction(rule.bound or ZERO), _unknown_parts(rule), _ids(loose)
    within = [measure for measure in measures if measure.amount <= bound]
    largest = max(within, key=lambda measure: measure.amount, default=None)
    amount = (largest.amount if largest else 0) + Fraction(_gross(loose)) / Fraction(whole)
    together = Measure(
        key="",
        subject=f"{largest.subject} together with {named(names)}" if largest else named(names),
        amount=amount,
        of=OF_THE_ACCOUNT,
        asset_ids=names,
    )
    if amount <= bound:
        return replace(together, subject=f"{together.subject} ({parts} not known)")
    share, _ = told_apart(amount, bound, together)
    why = (
        f"the {parts} of {named(names)} is not known, and {together.subject} would be {share}{OF_THE_ACCOUNT}"
    )
    return Unmeasured(why=why, asset_ids=names)


def _grouped(
    rule: Rule, positions: Iterable[HeldAsset], part: str
) -> tuple[dict[str, list[HeldAsset]], list[HeldAsset]]:
    """Return the positions of each group, and those that may be of any."""
    groups: dict[str, list[HeldAsset]] = defaultdict(list)
    loose = []
    for held in positions:
        counts = _counts(rule, held)
        if counts is None or (counts and not getattr(held.asset, part)):
            loose.append(held)
        elif counts:
            groups[folded(getattr(held.asset, part))].append(held)
    return groups, loose


def _counts(rule: Rule, held: HeldAsset) -> bool | None:
    """Whether a rule is about a position; None where that is not known."""
    only = Selection.read(rule.settings["only"]).takes(held.asset) if "only" in rule.settings else True
    left_out = (
        Selection.read(rule.settings["except"]).takes(held.asset) if "except" in rule.settings else False
    )
    if only is False or left_out is True:
        return False
    return None if only is None or left_out is None else True


def _whole(holdings: Holdings) -> Decimal | None:
    value = holdings.value
    return value if value is not None and value > 0 else None


def _no_whole(holdings: Holdings) -> Unmeasured:
    if holdings.unvalued:
        return Unmeasured(
            why=f"no price or rate of {named(holdings.unvalued)} is known", asset_ids=_unpriced(holdings)
        )
    return Unmeasured(
        why=f"the account is worth {holdings.value:f} {holdings.base_currency}, of which nothing is a share",
        asset_ids=_ids(holdings.positions),
    )


def _measured(part: str, members: Sequence[HeldAsset], whole: Decimal) -> Measure:
    name = getattr(members[0].asset, part)
    return Measure(
        key=folded(name),
        subject=name if part == "asset_id" else f"{said(part).capitalize()} {name}",
        amount=Fraction(_gross(members)) / Fraction(whole),
        of=OF_THE_ACCOUNT,
        asset_ids=_ids(members),
    )


def _unknown_parts(rule: Rule) -> str:
    """Return what may not be known of an asset that a rule asks about."""
    asked = (Selection.read(rule.settings.get(name, {})).lists for name in ("only", "except"))
    parts = {GROUPED_BY[rule.kind], *(part for lists in asked for part in lists)}
    return " or ".join(said(one) for one in sorted(parts - {"asset_id"}))


def _gross(members: Iterable[HeldAsset]) -> Decimal:
    with localcontext(EXACT):
        return sum((abs(held.value or ZERO) for held in members), ZERO)


def _ids(members: Iterable[HeldAsset]) -> tuple[str, ...]:
    ordered = sorted(members, key=lambda held: (-abs(held.value or ZERO), held.asset.asset_id))
    return tuple(held.asset.asset_id for held in ordered)


def _unpriced(holdings: Holdings) -> tuple[str, ...]:
    return tuple(held.asset.asset_id for held in holdings.positions if held.value is None)
