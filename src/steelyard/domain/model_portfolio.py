"""Model portfolios: named sets of weights over assets and over other models.

An asset class is a model; "60 % equities, half of them in Europe" is a model of models. An asset may stand in several.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.amount import Amount, read_amount
from steelyard.domain.asset import normalize_asset_id
from steelyard.domain.money import EXACT, share_out
from steelyard.errors import InvalidInputError

WEIGHT_PLACES: Final = 12
"""Decimals of a flattened weight."""


class UnknownModelError(InvalidInputError):
    """A model is named that nobody defined."""

    def __init__(self, name: str, inside: str | None) -> None:
        """Name the model, and the one that names it."""
        where = f"Model {inside} holds {name}, which is no model" if inside else f"There is no model {name}"
        super().__init__(f"{where}: define it, or correct the name.")


class ModelCycleError(InvalidInputError):
    """A model contains itself."""

    def __init__(self, path: tuple[str, ...]) -> None:
        """Name the way back to it."""
        super().__init__(
            f"Model {path[-1]} contains itself ({' → '.join(path)}): take it out of one of them."
        )


class ModelWeightError(InvalidInputError):
    """The weights of a model are not what a whole is made of."""

    def __init__(self, name: str, why: str) -> None:
        """Name the model and the difference, or the weight."""
        super().__init__(f"The weights of model {name} {why}: correct them.")


@dataclass(frozen=True, slots=True)
class ModelPortfolio:
    """A named set of target weights that sum to 1.

    Attributes:
        name: what other models call it.
        assets: asset → weight, 0 or above; 0 = to be sold.
        models: name of a model → weight, 0 or above.
        cash: weight of cash.
    """

    name: str
    assets: Mapping[str, Amount] = field(default_factory=dict)
    models: Mapping[str, Amount] = field(default_factory=dict)
    cash: Amount = 0


@dataclass(frozen=True, slots=True)
class Branch:
    """A model, an asset or cash where it stands in another.

    Attributes:
        path: names of the models from the outermost in; an asset's id comes last.
        weight: of the whole, exact.
        asset_id: the asset; None where it is a model, "" where it is cash.
    """

    path: tuple[str, ...]
    weight: Decimal
    asset_id: str | None


def walk_model(models: Mapping[str, ModelPortfolio], name: str) -> Iterator[Branch]:
    """Give every model, asset and cash in a model, each before what is in it, with its weight in the whole.

    Raises:
        UnknownModelError, ModelCycleError, ModelWeightError: as they say; the model is named.
        AmountError, AssetIdError: a weight or an asset id is none.
    """
    if name not in models:
        raise UnknownModelError(name, None)
    return _walk(models, (name,), Decimal(1))


def flatten_model(models: Mapping[str, ModelPortfolio], name: str) -> tuple[dict[str, Decimal], Decimal]:
    """Return the weight of each asset of a model and of cash, all models in it resolved; they sum to 1.

    Weights are exact up to 12 decimals; finer ones are rounded to 12 by largest remainder.

    Raises:
        UnknownModelError, ModelCycleError, ModelWeightError, AmountError, AssetIdError: as `walk_model`.

    >>> equity = ModelPortfolio("equity", {"VTI": "0.7", "VXUS": "0.3"})
    >>> balanced = ModelPortfolio("balanced", {"BND": "0.4"}, {"equity": "0.6"})
    >>> weights, cash = flatten_model({"equity": equity, "balanced": balanced}, "balanced")
    >>> {asset_id: str(weight) for asset_id, weight in weights.items()}, str(cash)
    ({'BND': '0.4', 'VTI': '0.42', 'VXUS': '0.18'}, '0')
    """
    found: dict[str, Decimal] = {"": Decimal(0)}
    with localcontext(EXACT):
        for branch in walk_model(models, name):
            if branch.asset_id is not None:
                found[branch.asset_id] = found.get(branch.asset_id, Decimal(0)) + branch.weight
        found = _rounded(found)
        found = {asset_id: weight.normalize() + 0 for asset_id, weight in sorted(found.items())}
    return found, found.pop("")


def _rounded(weights: dict[str, Decimal]) -> dict[str, Decimal]:
    places = max(-int(weight.as_tuple().exponent) for weight in weights.values())
    if places <= WEIGHT_PLACES:
        return weights
    parts = [int(weight.scaleb(places)) for weight in weights.values()]
    shares = share_out(10**WEIGHT_PLACES, parts, 10**places)
    return {name: Decimal(share).scaleb(-WEIGHT_PLACES) for name, share in zip(weights, shares, strict=True)}


def _walk(models: Mapping[str, ModelPortfolio], path: tuple[str, ...], weight: Decimal) -> Iterator[Branch]:
    model = models[path[-1]]
    assets, inner, cash = _read(model)
    with localcontext(EXACT):
        yield Branch(path, weight, None)
        for asset_id, inside in assets.items():
            yield Branch((*path, asset_id), weight * inside, asset_id)
        if cash:
            yield Branch((*path, ""), weight * cash, "")
        parts = [(name, weight * inside) for name, inside in inner.items()]
    for name, part in parts:
        if name not in models:
            raise UnknownModelError(name, model.name)
        if name in path:
            raise ModelCycleError((*path[path.index(name) :], name))
        yield from _walk(models, (*path, name), part)


def _read(model: ModelPortfolio) -> tuple[dict[str, Decimal], dict[str, Decimal], Decimal]:
    """Return the weights of a model as exact numbers that sum to 1."""
    where = f"weight in model {model.name} of"
    assets: dict[str, Decimal] = {}
    for key, weight in model.assets.items():
        asset_id = normalize_asset_id(key)
        if asset_id in assets:
            raise ModelWeightError(model.name, f"name {asset_id} twice")
        assets[asset_id] = read_amount(f"{where} {asset_id}", weight)
    inner = {name: read_amount(f"{where} {name}", weight) for name, weight in model.models.items()}
    if twice := assets.keys() & inner.keys():
        raise ModelWeightError(model.name, f"name {min(twice)} twice, as an asset and as a model")
    cash = read_amount(f"{where} cash", model.cash)
    negative = next((name for name, weight in {**assets, **inner, "cash": cash}.items() if weight < 0), None)
    if negative is not None:
        raise ModelWeightError(model.name, f"are below 0 for {negative}")
    total = sum((*assets.values(), *inner.values()), cash)
    if total != 1:
        word = "more" if total > 1 else "less"
        raise ModelWeightError(model.name, f"sum to {total:f}, {abs(total - 1):f} {word} than 1")
    return assets, inner, cash
