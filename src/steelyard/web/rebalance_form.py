"""The form of the page of targets: what is typed becomes what a review is asked, and what was asked becomes a form."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, Final

from steelyard.domain.lot import LotMethod
from steelyard.domain.money import EXACT
from steelyard.errors import SteelyardError
from steelyard.rebalancing.options import Band, BandRule, Mode, Untargeted
from steelyard.rebalancing.policy import Policy
from steelyard.server.form import Form
from steelyard.server.input import read_asset_id
from steelyard.services.allocation_inputs import MARKET, STORED, Asked
from steelyard.statements.policy import read_policy
from steelyard.storage.account_information import AccountRow
from steelyard.web.reading import Reading
from steelyard.web.region import Region

HUNDRED: Final = Decimal(100)
TARGET: Final = "t."
"""Begins the name of the field of a target; the asset, or the currency of cash, follows."""

DEFAULT_BAND: Final = Decimal(1)
"""Percentage points around a target that a page begins with."""

LONGEST_LIST: Final = 4_000
MODES: Final = {
    Mode.REBALANCE.value: "Rebalance",
    Mode.BUY_ONLY.value: "Invest cash, sell nothing",
    Mode.RAISE_CASH.value: "Raise cash, buy nothing",
    Mode.TAX_AWARE.value: "Rebalance, tax counts",
    Mode.HARVEST_LOSSES.value: "Harvest losses",
}
UNITS: Final = {"0": "Whole units", "3": "Thousandths of a unit", "6": "Millionths of a unit"}
RULES: Final = {
    "": "Everything, to its target",
    BandRule.TARGET.value: "What is outside its band, to its target",
    BandRule.EDGE.value: "What is outside its band, to the edge of it",
}
REST: Final = {Untargeted.KEEP.value: "Leave it alone", Untargeted.SELL.value: "Sell it"}
METHODS: Final = {
    LotMethod.FIFO.value: "First bought, first sold",
    LotMethod.LIFO.value: "Last bought, first sold",
    LotMethod.HIFO.value: "Highest cost first",
    LotMethod.MINIMUM_TAX.value: "Lowest tax first",
}
TAXED: Final = {"no": "Not asked about", "yes": "By lots, at these rates"}
PRICES: Final = {STORED: "As stored", MARKET: "From the market, now"}
LOCKS: Final = {"hold": "Neither buy nor sell", "no_buy": "Never buy", "no_sell": "Never sell"}

LABELS: Final = {
    "investment": "Money in or out",
    "band": "Band",
    "minimum": "Smallest trade",
    "floor": "Cash to keep",
    "fee": "Fee of a trade",
    "spread": "Spread",
    "stale_reason": "Why old prices will do",
    "short_rate": "Short-term rate",
    "long_rate": "Long-term rate",
    "years": "Long-term after",
    "wash_days": "Wash-sale days",
    "gains_budget": "Gains at most",
    **LOCKS,
}
"""What fields are called in the summary of what is wrong; a target goes by its asset."""

Targets = Mapping[str, Decimal]
"""Asset → fraction of the whole, cash under its currency."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a form asks for.

    Attributes:
        form: as it was typed; what is not there has its default.
        faults: field → what is wrong with it.
        targets: as far as they can be read; a position without one is left alone.
        band: how much drift is tolerated, a fraction; 0 = none is.
        asked: the same for a service; None = something cannot be read.
        lost: what the proposal that it begins with was asked, and no field is for.
    """

    form: Form
    faults: Mapping[str, str]
    targets: Targets
    band: Decimal
    asked: Asked | None
    lost: Sequence[str] = ()

    @property
    def total(self) -> Decimal:
        """What the targets sum to, a fraction."""
        return sum(self.targets.values(), Decimal(0))

    def typed(self, name: str, default: str = "") -> str:
        """Return what stands in a field."""
        return self.form.text(name) if name in self.form.fields else default

    def label(self, name: str) -> str:
        """Return what a field is called."""
        if name.startswith(TARGET):
            return f"Target of {name.removeprefix(TARGET)}"
        return LABELS.get(name, name)


@dataclass(slots=True)
class _Read:
    """Reads the options of a form into the table of a policy file."""

    reading: Reading
    table: dict[str, Any] = field(default_factory=dict)

    def choice(self, name: str, choices: Mapping[str, str]) -> str | None:
        return self.reading.one_of(name, choices, is_needed=False)

    def amount(self, name: str) -> Decimal | None:
        """Read a number of 0 or above."""
        found = self.reading.number(name, is_needed=False)
        if found is not None and found < 0:
            self.reading.faults[name] = "not below 0"
            return None
        return found

    def fraction(self, name: str) -> Decimal | None:
        """Read a number of percent as a fraction."""
        found = self.amount(name)
        if found is not None and found > HUNDRED:
            self.reading.faults[name] = "at most 100"
            return None
        return None if found is None else _hundredth(found)

    def count(self, name: str) -> int | None:
        found = self.amount(name)
        if found is not None and found % 1:
            self.reading.faults[name] = "a whole number"
            return None
        return None if found is None else int(found)

    def assets(self, name: str) -> list[str]:
        def reader(typed: str) -> list[str]:
            if len(typed) > LONGEST_LIST:
                raise ValueError(f"at most {LONGEST_LIST} characters")
            return [read_asset_id(one) for one in typed.replace(",", " ").replace(";", " ").split()]

        return self.reading.read(name, reader, is_needed=False) or []

    def put(self, section: str, **values: Any) -> None:
        stated = {key: value for key, value in values.items() if value is not None}
        if stated:
            self.table.setdefault(section, {}).update(stated)


def read_wanted(
    form: Form, region: Region, account: AccountRow, model: Targets, *, has_market: bool
) -> Wanted:
    """Read a form.

    Args:
        form: what was typed.
        region: how numbers are typed.
        account: the account.
        model: the targets of its model; a review that asks for just these asks for the model's.
        has_market: whether the server has price sources.
    """
    reading, currency = Reading(form, region), account.base_currency
    targets = _read_targets(reading)
    policy = read_options(reading)
    amount = reading.number("investment", is_needed=False) or Decimal(0)
    reason = reading.text("stale_reason", is_needed=False) or ""
    source = reading.one_of("prices", PRICES, is_needed=False) or (MARKET if has_market else STORED)
    asked = None
    if not reading.faults and policy is not None:
        asked = Asked(
            account_id=account.account_id,
            policy=policy,
            investment_amount=amount,
            price_source=source if has_market else STORED,
            stale_reason=reason,
            targets=None if _meant(targets, currency) == _meant(model, currency) else targets,
        )
    band = Decimal(0) if "band" in reading.faults else reading.number("band", is_needed=False) or Decimal(0)
    return Wanted(form, reading.faults, targets, _hundredth(band), asked)


def _meant(targets: Targets, currency: str) -> dict[str, Decimal]:
    """Return targets without that of cash where it is 0, which says no more than none."""
    return {name: weight for name, weight in targets.items() if weight or name != currency}


def _read_targets(reading: Reading) -> dict[str, Decimal]:
    """Read the targets; an empty field is none."""
    targets: dict[str, Decimal] = {}
    for name in reading.form.fields:
        if not name.startswith(TARGET):
            continue
        found = reading.number(name, is_needed=False)
        if found is not None and not 0 <= found <= HUNDRED:
            reading.faults[name] = "from 0 to 100"
        elif found is not None:
            targets[name.removeprefix(TARGET)] = _hundredth(found)
    return targets


def read_options(reading: Reading) -> Policy | None:
    """Read how something is to be rebalanced; None = that cannot be said, and `faults` says why."""
    read = _Read(reading)
    table = read.table
    table["mode"] = read.choice("mode", MODES) or Mode.REBALANCE.value
    table["untargeted"] = read.choice("untargeted", REST) or Untargeted.KEEP.value
    band, rule = read.fraction("band"), read.choice("band_rule", RULES)
    if band is not None and rule:
        read.put("band", absolute=band, rule=rule)
    read.put("cash", floor=read.amount("floor"))
    places = read.choice("units", UNITS)
    read.put("trading", places=int(places or "0"), minimum_value=read.amount("minimum"))
    read.put("costs", fee=read.amount("fee"), spread=read.fraction("spread"))
    read.put("locks", **{name: read.assets(name) or None for name in LOCKS})
    if read.choice("tax", TAXED) == "yes":
        _read_tax(read)
    if reading.faults:
        return None
    try:
        return read_policy(table, "The form")
    except SteelyardError as error:
        reading.faults["mode"] = f"{error}"
        return None


def _read_tax(read: _Read) -> None:
    needed = {"short_rate": read.fraction("short_rate"), "long_rate": read.fraction("long_rate")}
    years = read.count("years")
    for name, value in {**needed, "years": years}.items():
        if value is None and name not in read.reading.faults:
            read.reading.faults[name] = "this is needed where tax is asked about"
    read.put(
        "tax",
        **needed,
        holding_years=years,
        method=read.choice("method", METHODS) or LotMethod.FIFO.value,
        gains_budget=read.amount("gains_budget"),
        wash_days=read.count("wash_days"),
    )


def _hundredth(percent: Decimal) -> Decimal:
    with localcontext(EXACT):
        return percent.scaleb(-2)


# ── What was asked, as a form ───────────────────────────────────────────────────────────────────────────


def first_form(targets: Targets, region: Region) -> Form:
    """Return the form that a page begins with: the targets of the model, and a band."""
    return _form({**_target_fields(targets, region), "band": written(DEFAULT_BAND, region)})


def form_of(asked: Asked, model: Targets, region: Region) -> Form:
    """Return the form that asks for what was asked before; what a form has no field for is left out."""
    policy = asked.policy
    fields: dict[str, Decimal | int | str | None] = {
        "investment": asked.investment_amount or None,
        "prices": asked.price_source,
        "stale_reason": asked.stale_reason,
        "mode": policy.mode.value,
        "untargeted": policy.untargeted.value,
        **_band_fields(policy.band),
        "floor": _single(policy.cash.floor),
        "units": _units(policy),
        "minimum": _single(policy.trading.minimum_value),
        "fee": _single(policy.costs.fee),
        "spread": _in_percent(_single(policy.costs.spread)),
        **{name: " ".join(sorted(getattr(policy.locks, name))) for name in LOCKS},
        **_tax_fields(policy),
    }
    typed = {name: written(value, region) for name, value in fields.items() if value is not None}
    targets = model if asked.targets is None else asked.targets
    return _form({**_target_fields(targets, region), **typed})


def lost_options(asked: Asked, region: Region) -> list[str]:
    """Return the options that were asked for and that a form has no field for, in the words of a policy file."""
    again = read_options(Reading(form_of(asked, {}, region), region)) or Policy()
    said, kept = _flat(asked.policy), _flat(again)
    return sorted(name for name in said.keys() | kept.keys() if said.get(name) != kept.get(name))


def _flat(options: Any, section: str = "") -> dict[str, object]:
    """Return options by their names, sections resolved; those that say nothing are left out."""
    found: dict[str, object] = {}
    for one in fields(options):
        value, name = getattr(options, one.name), f"{section} {one.name}".strip().replace("_", " ")
        if is_dataclass(value):
            found |= _flat(value, name)
        elif value is not None and value not in ([], (), {}, frozenset()):
            found[name] = _comparable(value)
    return found


def _comparable(value: object) -> object:
    """Return an option so that it equals itself, however it is written: 0.05 and "0.050", lists in any order."""
    if isinstance(value, Mapping):
        return {name: _comparable(one) for name, one in value.items()}
    if isinstance(value, Collection) and not isinstance(value, str):
        return sorted(f"{_comparable(one)}" for one in value)
    try:
        return Decimal(f"{value}")
    except InvalidOperation:
        return value


def _units(policy: Policy) -> str:
    """Return how units are rounded; one of each asset, or what is none of the choices, as whole ones."""
    places = f"{policy.trading.places}"
    return places if places in UNITS else "0"


def _target_fields(targets: Targets, region: Region) -> dict[str, str]:
    return {TARGET + name: written(weight * HUNDRED, region) for name, weight in targets.items()}


def _band_fields(band: Band | None) -> dict[str, Decimal | int | str | None]:
    if band is None or band.absolute is None:
        return {"band": DEFAULT_BAND}
    return {"band": _in_percent(_single(band.absolute)), "band_rule": band.rule.value}


def _tax_fields(policy: Policy) -> dict[str, Decimal | int | str | None]:
    tax = policy.tax
    if tax is None:
        return {"tax": "no"}
    return {
        "tax": "yes",
        "short_rate": _in_percent(_single(tax.short_rate)),
        "long_rate": _in_percent(_single(tax.long_rate)),
        "years": tax.holding_years,
        "method": tax.method.value,
        "gains_budget": None if tax.gains_budget is None else _single(tax.gains_budget),
        "wash_days": tax.wash_days,
    }


def _single(amount: Any) -> Decimal | None:
    """Return an amount that holds for every asset; None = it is 0, or one for each."""
    return None if isinstance(amount, Mapping) or not Decimal(amount) else Decimal(amount)


def _in_percent(fraction: Decimal | None) -> Decimal | None:
    return None if fraction is None else fraction * HUNDRED


def _form(fields: Mapping[str, str]) -> Form:
    return Form({name: (value,) for name, value in fields.items()})


def written(value: Decimal | int | str, region: Region) -> str:
    """Write a number as it is typed: every digit, no groups, the mark of the region.

    >>> from steelyard.web.region import find_region
    >>> written(Decimal("22.500"), find_region("de-DE")), written(Decimal("1E+2"), find_region("en-US"))
    ('22,5', '100')
    """
    if not isinstance(value, Decimal):
        return f"{value}"
    plain = f"{value:f}"
    short = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return short.replace(".", region.style.decimal)


def with_rest_in_cash(wanted: Wanted, currency: str, region: Region) -> Form:
    """Return the same form with what the other targets leave as the target of cash; no less than 0."""
    others = sum((weight for name, weight in wanted.targets.items() if name != currency), Decimal(0))
    rest = max(Decimal(0), 1 - others)
    return with_fields(wanted.form, {TARGET + currency: written(rest * HUNDRED, region)})


def with_fields(form: Form, fields: Mapping[str, str]) -> Form:
    """Return a form with some fields otherwise."""
    more: dict[str, Sequence[str]] = {name: (value,) for name, value in fields.items()}
    return replace(form, fields={**form.fields, **more})
