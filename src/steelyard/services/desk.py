"""What the desk looks after: orders and runs with the names of what they are of, and what a run does as a whole."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final, Self
from uuid import UUID

import msgspec

from steelyard.domain.money import EXACT
from steelyard.domain.order import Side
from steelyard.domain.scope import Scope
from steelyard.identity.permissions import Actor
from steelyard.services.order import ShownOrder, UnknownOrderError, get_order
from steelyard.services.run import find_proposable, require_run
from steelyard.storage import desk as store
from steelyard.storage.approval import Approval, ApprovalTerms, get_approval_terms, get_approvals
from steelyard.storage.connection import ReadSession, reading
from steelyard.storage.desk import (
    AssetName,
    BlockMember,
    Covered,
    DeskCounts,
    DeskFilter,
    DeskOrder,
    DeskRun,
    DeskRunAccount,
    Follower,
    OrderAround,
    RunBlock,
)
from steelyard.storage.hold import Hold
from steelyard.storage.run import Run, RunProgress, RunScope, get_progress

__all__ = ["DeskFilter", "DeskOrder", "DeskRun", "DeskRunAccount", "Follower"]

MOST_MEMBERS: Final = 200
MOST_CHOICES: Final = 300
MOST_BLOCKS: Final = 100
AT_ONCE: Final = 200
KEPT_TOTALS: Final = 256


@dataclass(frozen=True, slots=True)
class OrderPage:
    """An order with all that a person decides by.

    Attributes:
        shown: the order, its states and its fills.
        members: the first orders that it stands for, as a block.
        holds: what holds it back now.
    """

    shown: ShownOrder
    around: OrderAround
    members: Sequence[BlockMember]
    holds: Sequence[Hold]


@dataclass(frozen=True, slots=True)
class RunTotals:
    """What a run does as a whole, in the tenant's base currency.

    Attributes:
        buys, sells: how many orders.
        bought, sold: their values, 0 or above.
        value: of all accounts that it trades; None = some have no rate.
        costs: fees, spreads and conversions; None as above.
        taxes: on the gains realised, negative = what losses save; None as above.
        drift_before, drift_after: total drift of the accounts, weighted by their values, fractions; None as above.
    """

    buys: int
    sells: int
    bought: Decimal
    sold: Decimal
    value: Decimal | None
    costs: Decimal | None
    taxes: Decimal | None
    drift_before: Decimal | None
    drift_after: Decimal | None

    @property
    def turnover(self) -> Decimal | None:
        """The smaller of what is bought and sold, as a fraction of the value; None = that is not known, or 0."""
        return min(self.bought, self.sold) / self.value if self.value else None


@dataclass(frozen=True, slots=True)
class RunPage:
    """A run with all that a person decides by.

    Attributes:
        totals: None = it is still being made, or was never.
        approvals: who approved it, the first first.
        terms: what who looks may approve.
        blocks: the largest of its blocks.
    """

    run: Run
    progress: RunProgress
    totals: RunTotals | None
    approvals: Sequence[Approval]
    terms: ApprovalTerms
    blocks: Sequence[RunBlock]


async def get_orders(
    wanted: DeskFilter, *, before: tuple[datetime, UUID] | None = None, limit: int
) -> list[DeskOrder]:
    """Return orders with their names, the newest first; `before` = moment and key of the last of the page before."""
    async with reading(None) as db:
        return await store.list_orders(db, wanted, before=before, limit=limit)


async def get_counts(scope: Scope) -> DeskCounts:
    """Return how much there is to look after in a scope."""
    async with reading(None) as db:
        return await store.count_desk(db, scope)


async def get_order_page(order_id: UUID) -> OrderPage:
    """Return an order with what stands around it.

    Raises:
        UnknownOrderError: there is none that is seen.
    """
    async with reading(None) as db:
        shown = await get_order(db, order_id)
        around = await store.get_order_around(db, order_id)
        if around is None:
            raise UnknownOrderError(order_id)
        members = await store.list_block_members(db, order_id, limit=MOST_MEMBERS) if around.members else []
        holds = await store.list_holds_of_order(db, order_id)
    return OrderPage(shown, around, members, holds)


# ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────


async def get_runs(*, before: tuple[datetime, UUID] | None = None, limit: int) -> list[DeskRun]:
    """Return runs with how far they are, the newest first; `before` = moment and key of the last one shown."""
    async with reading(None) as db:
        return await store.list_runs(db, before=before, limit=limit)


async def get_run_page(actor: Actor, run_id: UUID) -> RunPage:
    """Return a run with all that a person decides by.

    Raises:
        UnknownRunError: there is none that is seen.
    """
    async with reading(None) as db:
        run = await require_run(db, run_id)
        return RunPage(
            run,
            await get_progress(db, run_id),
            await _totals(db, actor, run),
            await get_approvals(db, run_id=run_id),
            await get_approval_terms(db),
            await store.list_run_blocks(db, run_id, limit=MOST_BLOCKS),
        )


async def get_run_accounts(
    run_id: UUID, *, kind: str = "", words: str = "", after: int = 0, limit: int
) -> list[DeskRunAccount]:
    """Return accounts of a run with their names and trades; see `storage.desk.list_run_accounts`."""
    async with reading(None) as db:
        return await store.list_run_accounts(db, run_id, kind=kind, words=words, after=after, limit=limit)


async def count_covered(actor: Actor, scope: RunScope) -> Covered:
    """Return how many accounts a run of a scope would be over, and what stands in their way; raises as `begin_run`."""
    async with reading(None) as db:
        return await store.count_covered(db, await find_proposable(db, actor, scope))


# ── Models, and what there is to choose from ────────────────────────────────────────────────────────────


async def count_followers() -> Mapping[str, int]:
    """Return how many of the accounts that are seen follow each model that any follows."""
    async with reading(None) as db:
        return await store.count_followers(db)


async def get_followers(model_id: str, *, after: str | None = None, limit: int) -> list[Follower]:
    """Return accounts that follow a model, by id; `after` = the last of the page before."""
    async with reading(None) as db:
        return await store.list_followers(db, model_id, after=after, limit=limit)


async def get_names(asset_ids: Sequence[str]) -> Mapping[str, AssetName]:
    """Return what some assets are called; those that are none are left out."""
    async with reading(None) as db:
        return await store.get_names_of_assets(db, asset_ids)


async def suggest_assets() -> Mapping[str, str]:
    """Return the first assets with their names."""
    async with reading(None) as db:
        return await store.suggest_assets(db, limit=MOST_CHOICES)


async def suggest_accounts() -> Mapping[str, str]:
    """Return the first accounts that are seen with their names."""
    async with reading(None) as db:
        return await store.list_accounts(db, limit=MOST_CHOICES)


async def suggest_households() -> Mapping[str, str]:
    """Return the first households that are seen with their names."""
    async with reading(None) as db:
        return await store.list_households(db, limit=MOST_CHOICES)


# ── What a run does as a whole ──────────────────────────────────────────────────────────────────────────


class _Price(msgspec.Struct):
    price: Decimal | None
    currency: str


class _Portfolio(msgspec.Struct):
    base_currency: str
    positions: dict[str, Decimal]
    cash: dict[str, Decimal]
    rates: dict[str, Decimal]

    def value(self, prices: Mapping[str, _Price]) -> Decimal | None:
        """Return what is held, in its base currency; None = a price or a rate is not known."""
        whole = Decimal(0)
        held = [(units, prices.get(asset)) for asset, units in self.positions.items()]
        money = [(amount, currency) for currency, amount in self.cash.items()]
        for units, price in held:
            if price is None or price.price is None:
                return None
            money.append((units * price.price, price.currency))
        for amount, currency in money:
            rate = Decimal(1) if currency == self.base_currency else self.rates.get(currency)
            if rate is None:
                return None
            whole += amount * rate
        return whole


class _Inputs(msgspec.Struct):
    portfolio: _Portfolio
    prices: dict[str, _Price]
    tenant_rate: Decimal | None


class _Allocation(msgspec.Struct):
    fees: Decimal
    taxes: Decimal
    total_drift_before: Decimal
    total_drift_after: Decimal


class _Document(msgspec.Struct):
    """Of a proposal's document, what is added up."""

    inputs: _Inputs
    allocation: _Allocation


@dataclass(frozen=True, slots=True)
class _Sums:
    """Money in the tenant's base currency; drifts are multiplied by values. NaN = something is not known."""

    value: Decimal = Decimal(0)
    costs: Decimal = Decimal(0)
    taxes: Decimal = Decimal(0)
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)

    def __add__(self, other: "_Sums") -> "_Sums":
        """Add what another account has."""
        return _Sums(
            self.value + other.value,
            self.costs + other.costs,
            self.taxes + other.taxes,
            self.before + other.before,
            self.after + other.after,
        )

    @classmethod
    def of(cls, document: _Document) -> Self:
        """Read a document."""
        inputs, allocation = document.inputs, document.allocation
        rate, value = inputs.tenant_rate, inputs.portfolio.value(inputs.prices)
        if rate is None or value is None:
            return cls(*[Decimal("NaN")] * 5)
        worth = value * rate
        return cls(
            worth,
            allocation.fees * rate,
            allocation.taxes * rate,
            allocation.total_drift_before * worth,
            allocation.total_drift_after * worth,
        )


_decoder: Final = msgspec.json.Decoder(_Document)
_kept: Final[OrderedDict[Hashable, _Sums]] = OrderedDict()
"""By tenant, who looks and what they may see, run and hash: what documents say never changes, and a thousand take a
second to read."""


async def _totals(db: ReadSession, actor: Actor, run: Run) -> RunTotals | None:
    if run.content_hash is None:
        return None
    sees = actor.role, frozenset(actor.grants)
    key = actor.tenant_id, actor.name, sees, run.run_id, run.content_hash
    if (sums := _kept.get(key)) is None:
        sums = _kept[key] = await _added_up(db, run.run_id)
        while len(_kept) > KEPT_TOTALS:
            _kept.popitem(last=False)
    sides = {side.side: side for side in await store.get_run_sides(db, run.run_id)}
    buys, sells = sides.get(Side.BUY), sides.get(Side.SELL)
    is_known = sums.value.is_finite()
    return RunTotals(
        buys=buys.number if buys else 0,
        sells=sells.number if sells else 0,
        bought=buys.order_value if buys else Decimal(0),
        sold=sells.order_value if sells else Decimal(0),
        value=sums.value if is_known else None,
        costs=sums.costs if is_known else None,
        taxes=sums.taxes if is_known else None,
        drift_before=sums.before / sums.value if is_known and sums.value > 0 else None,
        drift_after=sums.after / sums.value if is_known and sums.value > 0 else None,
    )


async def _added_up(db: ReadSession, run_id: UUID) -> _Sums:
    sums = _Sums()
    async for texts in store.stream_run_documents(db, run_id, at_once=AT_ONCE):
        with localcontext(EXACT):
            for text in texts:
                sums += _Sums.of(_decoder.decode(text))
    return sums
