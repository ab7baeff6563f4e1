"""One account of a book in plain Python: what compiled code leaves, and the sentence for what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from steelyard.domain.asset import AssetIdError, normalize_asset_id
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.account import ChoiceError, DuplicateAssetError
from steelyard.rebalancing.allocation import Allocation, calculate_investment_allocation
from steelyard.rebalancing.book_columns import Codes
from steelyard.rebalancing.book_market import LOCKS, Models, Prices, UnknownModelError
from steelyard.rebalancing.options import Locks
from steelyard.rebalancing.policy import Policy
from steelyard.rebalancing.problem import Status

REFUSED: Final = "refused"


class UnevenListsError(InvalidInputError):
    """The lists of an account do not belong together."""

    def __init__(self, column: str, count: int, assets: int) -> None:
        """Name the column and both lengths."""
        super().__init__(f"{column} lists {count} entries for {assets} assets: give one an asset.")


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to one account, or why there is none.

    Attributes:
        status: one of `Status`, or refused.
        reason: where there is no answer, why.
        trades: asset → quantity, positive = bought.
        cash: after the trades.
        objective, bound, gap: as the columns of a book have them.
    """

    status: str
    reason: str | None = None
    trades: Mapping[str, Decimal] | None = None
    cash: Decimal | None = None
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None


@dataclass(frozen=True, slots=True)
class Single:
    """Answers accounts by `calculate_investment_allocation`."""

    policy: Policy
    prices: Prices
    models: Models

    def answer(self, rows: pa.RecordBatch, row: int) -> Found:
        """Answer one account; what is wrong with it is its answer."""
        try:
            found = self._allocate({name: rows[name][row].as_py() for name in rows.schema.names})
        except InvalidInputError as error:
            return Found(REFUSED, str(error))
        if found.status is Status.INFEASIBLE:
            return Found(found.status.value, " ".join(conflict.reason for conflict in found.conflicts))
        return Found(
            status=found.status.value,
            trades={trade.asset_id: trade.quantity for trade in found.trades},
            cash=found.cash_after,
            objective=float(found.objective),
            bound=float(found.lower_bound),
            gap=float(found.gap),
        )

    def _allocate(self, account: Mapping[str, Any]) -> Allocation:
        policy, floor = self.policy, account.get("cash_floor")
        assets = _asset_ids(account["asset_id"], self.prices.codes)
        targets = self._targets(account, assets)
        known = self.prices.by_id
        return calculate_investment_allocation(
            targets,
            {asset: known[asset] for asset in {*assets, *targets} if known.get(asset) is not None},
            dict(zip(assets, _listed(account, "quantity", assets), strict=True)),
            cash=account["cash"],
            investment_amount=account.get("investment_amount") or 0,
            mode=policy.mode,
            objective=policy.objective,
            untargeted=policy.untargeted,
            band=policy.band,
            cash_rules=policy.cash if floor is None else replace(policy.cash, floor=floor),
            trading=policy.trading,
            locks=_locks(policy.locks, account, assets),
            costs=policy.costs,
        )

    def _targets(self, account: Mapping[str, Any], assets: Sequence[str]) -> dict[str, Decimal]:
        if "model" in account:
            if account["model"] not in self.models.targets:
                raise UnknownModelError(account["model"])
            return self.models.targets[account["model"]]
        weights = zip(assets, _listed(account, "target_weight", assets), strict=True)
        return {asset_id: weight for asset_id, weight in weights if weight is not None}


def _asset_ids(named: Sequence[object] | None, codes: Codes) -> list[str]:
    found: dict[str, object] = {}
    for name in named or ():
        meant = codes.id_of(name)
        if not isinstance(meant, str):
            raise AssetIdError(str(name), "is no row of the prices")
        asset_id = normalize_asset_id(meant)
        if asset_id in found:
            raise DuplicateAssetError("The account", str(found[asset_id]), str(name), asset_id)
        found[asset_id] = name
    return list(found)


def _listed(account: Mapping[str, Any], column: str, assets: Sequence[str]) -> list[Any]:
    entries = account[column] or []
    if len(entries) != len(assets):
        raise UnevenListsError(column, len(entries), len(assets))
    return list(entries)


def _locks(shared: Locks, account: Mapping[str, Any], assets: Sequence[str]) -> Locks:
    """Add the locks of the account to those of all."""
    if "lock" not in account:
        return shared
    named: dict[str, Any] = {word: set(getattr(shared, word)) for word in LOCKS}  # by field of `Locks`
    for asset_id, word in zip(assets, _listed(account, "lock", assets), strict=True):
        if word is not None and word not in named:
            raise ChoiceError(f"lock of {asset_id}", word, LOCKS)
        if word is not None:
            named[word].add(asset_id)
    return Locks(**named)
