"""The investor of an account: what they want and bear, and which models suit them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from steelyard.errors import InvalidInputError

RISK: Final = range(1, 6)
"""1 = least to 5 = most."""

HORIZON_YEARS: Final = range(101)
PREFERENCES: Final = ("sectors", "countries")
EXCLUSIONS: Final = ("assets", "issuers", "sectors", "countries", "asset_types")
MOST_GOALS: Final = 20
MOST_NAMED: Final = 500
LONGEST_GOAL: Final = 200

Named = Mapping[str, Sequence[str]]
"""Kind → names, such as {"sectors": ["Energy"]}."""


class ProfileError(InvalidInputError):
    """A part of a profile breaks a rule."""

    def __init__(self, part: str, rule: str) -> None:
        """Name the part and the rule."""
        super().__init__(f"The profile's {part} {rule}.")


@dataclass(frozen=True, slots=True)
class Investor:
    """What an investor wants and bears.

    Attributes:
        risk_tolerance: 1 = least to 5 = most; a riskier model is not offered.
        horizon_years: until the money is needed; a model that needs more is not offered.
        goals: what it is for, in their words.
        preferences: kind → names; models with more of them come first.
        exclusions: kind → names; never bought, and models that hold them are not offered.
    """

    risk_tolerance: int
    horizon_years: int
    goals: tuple[str, ...] = ()
    preferences: Named = field(default_factory=dict)
    exclusions: Named = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InvestorProfile:
    """The profile of an account as it is kept.

    Attributes:
        version: counts up with each change.
        changed_by: as in audit_events.actor.
        changed_at: UTC.
    """

    account_id: str
    version: int
    investor: Investor
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Model:
    """A model portfolio as it is kept.

    Attributes:
        version: counts up with each change.
        risk_level: 1 = least to 5 = most; None = nobody said.
        min_horizon_years: that an investor should have; None = none.
        weights: asset → share of value, exact; they sum to 1.
    """

    model_id: str
    model_name: str
    version: int
    risk_level: int | None
    min_horizon_years: int | None
    weights: Mapping[str, Decimal]


def check_investor(investor: Investor) -> None:
    """Return where a profile keeps the rules.

    Raises:
        ProfileError: the first part that does not, and why.

    >>> check_investor(Investor(3, 10, ("a house",), {}, {"sectors": ["Energy"]}))
    >>> check_investor(Investor(6, 10))
    Traceback (most recent call last):
    ...
    steelyard.domain.profile.ProfileError: The profile's risk_tolerance is 6; it goes from 1 to 5.
    """
    for part, value, bounds in (
        ("risk_tolerance", investor.risk_tolerance, RISK),
        ("horizon_years", investor.horizon_years, HORIZON_YEARS),
    ):
        if value not in bounds:
            raise ProfileError(part, f"is {value}; it goes from {bounds[0]} to {bounds[-1]}")
    _check_names("goals", investor.goals, most=MOST_GOALS)
    _check_kinds("preferences", investor.preferences, PREFERENCES)
    _check_kinds("exclusions", investor.exclusions, EXCLUSIONS)


def why_not(investor: Investor | None, model: Model, excluded: Mapping[str, str]) -> tuple[str, ...]:
    """Say why a model is not offered to an investor; empty = it is.

    Args:
        investor: None = nothing is known of them.
        model: the model.
        excluded: assets of it that the investor never buys → what excludes them.

    >>> model = Model("growth", "Growth", 1, 4, 10, {"VTI": Decimal(1)})
    >>> why_not(Investor(3, 5), model, {"VTI": "sector Energy"})[:2]
    ('its risk is 4, above the tolerance of 3', 'it needs 10 years, and the horizon is 5')
    >>> why_not(Investor(4, 10), model, {"VTI": "sector Energy"})
    ('it holds VTI, excluded by sector Energy',)
    """
    reasons = [] if model.weights else ["it holds nothing"]
    if investor is None:
        return (*reasons, "nothing is known of the investor: write a profile first")
    if model.risk_level is None:
        reasons.append("nobody said how risky it is")
    elif model.risk_level > investor.risk_tolerance:
        reasons.append(f"its risk is {model.risk_level}, above the tolerance of {investor.risk_tolerance}")
    if model.min_horizon_years is not None and model.min_horizon_years > investor.horizon_years:
        reasons.append(
            f"it needs {model.min_horizon_years} years, and the horizon is {investor.horizon_years}"
        )
    held = {asset: by for asset, by in excluded.items() if model.weights.get(asset)}
    return (*reasons, *(f"it holds {asset}, excluded by {by}" for asset, by in sorted(held.items())))


def _check_kinds(part: str, named: Named, kinds: Sequence[str]) -> None:
    for kind, names in named.items():
        if kind not in kinds:
            raise ProfileError(part, f"have no kind {kind!r}; there are {', '.join(kinds)}")
        _check_names(f"{part} of {kind}", names, most=MOST_NAMED)


def _check_names(part: str, names: Sequence[str], *, most: int) -> None:
    if len(names) > most:
        raise ProfileError(part, f"are {len(names)}; there may be {most}")
    for name in names:
        if not 0 < len(name.strip()) <= LONGEST_GOAL or not name.isprintable():
            raise ProfileError(
                part, f"hold a text that is blank, not printable or longer than {LONGEST_GOAL}"
            )
    if len(set(names)) != len(names):
        raise ProfileError(part, "hold a name twice")
