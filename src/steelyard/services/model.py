"""Model portfolios: written in versions, offered to investors whom they suit, and followed by accounts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from steelyard.domain.amount import Amount
from steelyard.domain.model_portfolio import ModelPortfolio, ModelWeightError, flatten_model
from steelyard.domain.profile import HORIZON_YEARS, RISK, Investor, Model, why_not
from steelyard.domain.scope import Scope
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.services.scope import nearest, require_scope
from steelyard.services.version import ChangedMeanwhileError
from steelyard.storage import model as store
from steelyard.storage.audit import record_event
from steelyard.storage.connection import AnySession, ReadSession, WriteSession, reading
from steelyard.storage.portfolio import get_account
from steelyard.storage.profile import get_profile
from steelyard.storage.proposal import get_excluded_assets
from steelyard.storage.valuation import get_asset_ids

MOST_WEIGHTS: Final = 5_000
LONGEST_REASON: Final = 2_000


class NoSuchModelError(NotFoundError):
    """There is no such model."""

    def __init__(self, model_id: str, like: list[str]) -> None:
        """Name those most like it."""
        hint = f"did you mean {' or '.join(like)}?" if like else "`steelyard models` lists them."
        super().__init__(f"There is no model {model_id!r}; {hint}")


class ModelBoundError(InvalidInputError):
    """The risk or the horizon of a model is none."""

    def __init__(self, part: str, value: int, bounds: range) -> None:
        """Name the bounds."""
        super().__init__(f"The model's {part} is {value}; it goes from {bounds[0]} to {bounds[-1]}.")


class ModelAssetError(InvalidInputError):
    """A model holds what is no asset."""

    def __init__(self, model_id: str, asset_id: str, like: list[str]) -> None:
        """Name it, and those most like it."""
        hint = f"did you mean {' or '.join(like)}?" if like else "load it with `steelyard load DIR`."
        super().__init__(f"Model {model_id} holds {asset_id}, which is no asset; {hint}")


class NotOfferedError(ConflictError):
    """A model does not suit the investor of an account."""

    def __init__(self, account_id: str, model_id: str, reasons: tuple[str, ...]) -> None:
        """Give every reason, and the way to follow it all the same."""
        super().__init__(
            f"Model {model_id} is not offered to {account_id}: {'; '.join(reasons)}. Choose one that is, or give the "
            "reason why the account follows it all the same; it is recorded."
        )


class OverrideReasonError(InvalidInputError):
    """The reason for following a model that is not offered is too long, or not needed."""

    def __init__(self, why: str) -> None:
        """Say what is wrong with it."""
        super().__init__(f"The reason of the override {why}.")


@dataclass(frozen=True, slots=True)
class Offer:
    """A model, and whether it is offered to the investor of an account.

    Attributes:
        is_followed: whether the account follows it now.
        is_offered: whether it may follow it without a reason.
        reasons: why it is not offered; empty where it is.
        preferred_weight: how much of it is in preferred sectors and countries, a fraction.
    """

    model_id: str
    model_name: str
    version: int
    risk_level: int | None
    min_horizon_years: int | None
    is_followed: bool
    is_offered: bool
    reasons: tuple[str, ...]
    preferred_weight: Decimal


async def get_models(db: ReadSession | None = None) -> list[Model]:
    """Return the models of the tenant with their weights, by id."""
    async with reading(db) as session:
        return await store.get_models(session)


async def get_model(model_id: str, db: ReadSession | None = None) -> Model:
    """Return a model with its weights.

    Raises:
        NoSuchModelError: there is none.
    """
    async with reading(db) as session:
        return await _require_model(session, model_id)


def look_through(
    model_id: str, members: Mapping[str, Decimal], models: Mapping[str, Model], known: Collection[str]
) -> dict[str, Decimal]:
    """Return the weight of each asset of a model whose members are assets and other models, those resolved.

    What is resolved stays as it is when one of those models changes later.

    Args:
        model_id: the model; it must not be a member of itself.
        members: asset or model → share of value, 0 or above, at most 1 together; what is missing to 1 is left out.
        models: those there are, by id.
        known: assets among the members; what is both an asset and a model is the asset.

    Raises:
        ModelCycleError: the model contains itself.
        ModelWeightError: the weights are below 0, or more than 1.

    >>> core = Model("core", "Core", 1, None, None, {"VTI": Decimal("0.7"), "VXUS": Decimal("0.3")})
    >>> weights = look_through("mine", {"BND": Decimal("0.4"), "core": Decimal("0.5")}, {"core": core}, ["BND"])
    >>> {asset: str(weight) for asset, weight in weights.items()}
    {'BND': '0.4', 'VTI': '0.35', 'VXUS': '0.15'}
    """
    inner = {name: weight for name, weight in members.items() if name not in known and name in models}
    assets = {name: weight for name, weight in members.items() if name not in inner and name != model_id}
    if model_id in members and model_id not in known:
        inner[model_id] = members[model_id]
    missing = max(1 - sum(members.values(), Decimal(0)), Decimal(0))
    there = {name: ModelPortfolio(name, model.weights) for name, model in models.items()}
    whole = ModelPortfolio(model_id, assets, inner, missing)
    weights, _ = flatten_model(there | {model_id: whole}, model_id)
    return weights


async def write_model(
    db: WriteSession,
    model_id: str,
    *,
    name: str,
    weights: Mapping[str, Amount],
    risk_level: int | None = None,
    min_horizon_years: int | None = None,
    expected: int,
) -> Model:
    """Make a model, or write another version of it; accounts that follow it want the new weights from then on.

    Args:
        db: the transaction; it must not do more than this after it.
        model_id: the firm's key of it.
        name: what people call it.
        weights: asset → share of value; money under its asset, such as USD. Exact, 0 or above, together 1.
        risk_level: 1 = least to 5 = most; None = nobody says, and it is offered to nobody.
        min_horizon_years: that an investor should have; None = none.
        expected: the version that was read; 0 = there is none yet.

    Raises:
        ModelWeightError, AmountError, AssetIdError: the weights are not what a whole is made of.
        ModelAssetError: a weight is of no asset.
        ModelBoundError: risk or horizon is out of range.
        ChangedMeanwhileError: somebody wrote another version meanwhile.
    """
    _check_bounds(risk_level, min_horizon_years)
    if not weights or len(weights) > MOST_WEIGHTS:
        raise ModelWeightError(model_id, f"are {len(weights)}; there are 1 to {MOST_WEIGHTS:,}")
    exact, _ = flatten_model({model_id: ModelPortfolio(model_id, weights)}, model_id)
    for asset_id in await store.get_unknown_assets(db, exact):
        raise ModelAssetError(model_id, asset_id, nearest(asset_id, await get_asset_ids(db)))
    model = Model(model_id, name, expected, risk_level, min_horizon_years, exact)
    version = await store.write_model(db, model, expected=expected)
    if version is None:
        there = await store.get_models(db, model_id)
        raise ChangedMeanwhileError(f"Model {model_id}", expected, there[0].version if there else 0)
    await record_event(db, "model.write", "model", model_id, {"version": version, "weights": len(exact)})
    return replace(model, version=version)


async def get_offers(account_id: str, db: ReadSession | None = None) -> list[Offer]:
    """Return every model with the reasons for which it is not offered to the investor of an account.

    Those that are offered come first, and of these the most preferred.

    Raises:
        UnknownScopeError: there is no such account.
    """
    async with reading(db) as session:
        await require_scope(session, Scope.account(account_id))
        offers = await _offers(session, account_id, await store.get_models(session))
    return sorted(offers, key=lambda one: (not one.is_offered, -one.preferred_weight, one.model_id))


async def assign_model(db: WriteSession, account_id: str, model_id: str, *, reason: str = "") -> Offer:
    """Let an account follow a model that is offered to its investor; or any, for a reason that is recorded.

    Args:
        db: the transaction; it must not do more than this after it.
        account_id: the account.
        model_id: the model.
        reason: why it follows a model that is not offered, 1 to 2,000 characters; "" = it is offered.

    Raises:
        UnknownScopeError, NoSuchModelError: there is no such account, or model.
        NotOfferedError: it is not offered, and no reason is given.
        OverrideReasonError: the reason is too long, or given where none is needed.
    """
    await require_scope(db, Scope.account(account_id))
    [offer] = await _offers(db, account_id, [await _require_model(db, model_id)])
    reason = reason.strip()
    if not offer.is_offered and not reason:
        raise NotOfferedError(account_id, model_id, offer.reasons)
    if offer.is_offered and reason:
        raise OverrideReasonError("is not needed: the model is offered; leave it out")
    if len(reason) > LONGEST_REASON:
        raise OverrideReasonError(f"is longer than {LONGEST_REASON:,} characters")
    await store.assign_model(db, account_id, model_id)
    facts: dict[str, str | int] = {"model": model_id, "version": offer.version, "reason": reason}
    await record_event(db, "model.assign", "account", account_id, facts)
    return replace(offer, is_followed=True)


async def _require_model(db: AnySession, model_id: str) -> Model:
    found = await store.get_models(db, model_id)
    if not found:
        known = [model.model_id for model in await store.get_models(db)]
        raise NoSuchModelError(model_id, nearest(model_id, known))
    return found[0]


async def _offers(db: AnySession, account_id: str, models: list[Model]) -> list[Offer]:
    profile = await get_profile(db, account_id)
    investor = None if profile is None else profile.investor
    held = {asset_id for model in models for asset_id in model.weights}
    excluded = {} if investor is None else await get_excluded_assets(db, held, investor.exclusions)
    preferred = await store.get_preferred_weights(db, {} if investor is None else investor.preferences)
    followed = (await get_account(db, account_id)).model_id
    return [
        _offer(model, investor, excluded, preferred.get(model.model_id, Decimal(0)), followed)
        for model in models
    ]


def _offer(
    model: Model,
    investor: Investor | None,
    excluded: Mapping[str, str],
    preferred: Decimal,
    followed: str | None,
) -> Offer:
    reasons = why_not(investor, model, excluded)
    return Offer(
        model.model_id,
        model.model_name,
        model.version,
        model.risk_level,
        model.min_horizon_years,
        is_followed=model.model_id == followed,
        is_offered=not reasons,
        reasons=reasons,
        preferred_weight=preferred,
    )


def _check_bounds(risk_level: int | None, min_horizon_years: int | None) -> None:
    for part, value, bounds in (
        ("risk level", risk_level, RISK),
        ("shortest horizon", min_horizon_years, HORIZON_YEARS),
    ):
        if value is not None and value not in bounds:
            raise ModelBoundError(part, value, bounds)
