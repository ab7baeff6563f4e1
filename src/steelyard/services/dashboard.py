"""Dashboards: everything published of a scope and how its value went, made once a version and kept for who sees it.

Who sees which version is asked at every request (`document`). What is made of one is found by that answer alone, so
that nobody finds what the database would not show them. Making the history of a scope with many postings takes its
time: it is made beside the request, which waits for a moment and then answers without it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from steelyard.domain.scope import Scope
from steelyard.services import asset_360
from steelyard.services.drift import BAND_ABSOLUTE, BAND_RELATIVE, Drifts, sum_drifts
from steelyard.services.valuation import NoLedgerError, read_ledger
from steelyard.services.value_history import ValueHistory, make_value_history
from steelyard.storage import dashboard as store
from steelyard.storage.asset_360 import Document, NoVersionError, get_current_version
from steelyard.storage.connection import ReadSession, get_db_session
from steelyard.storage.dashboard import CheckLine, DashboardState
from steelyard.storage.document import DocumentSeen

MOST_KEPT: Final = 500
MOST_CHECKS: Final = 6
PATIENCE: Final = 1.0
"""Seconds that a request waits for the history of its scope."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The eight answers of a document, as `asset_360` makes them."""

    overview: dict[str, Any]
    allocation: dict[str, Any]
    transactions: dict[str, Any]
    sectors: dict[str, Any]
    countries: dict[str, Any]
    risk: Sequence[dict[str, Any]]
    performers: Sequence[dict[str, Any]]
    compliance: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Made:
    """What is made of a version, without its history.

    Attributes:
        key: by which it is found.
        document: as it was published.
        answers: of it.
        state: when it was published, and what else it was made from.
        drifts: of its accounts from the models they follow.
        checks: what checks said, violations first.
        violations: how many assets have any.
    """

    key: Hashable
    document: Document
    answers: Answers
    state: DashboardState
    drifts: Drifts
    checks: Sequence[CheckLine]
    violations: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What a dashboard shows.

    Attributes:
        made: of the version.
        history: how value went; None = nothing is booked, or it is not made yet.
        is_ready: whether it was made.
    """

    made: Made
    history: ValueHistory | None
    is_ready: bool


class Dashboards:
    """Dashboards that were made, the longest unused forgotten first."""

    def __init__(self) -> None:
        """Begin with none."""
        self._made: OrderedDict[Hashable, Made] = OrderedDict()
        self._histories: OrderedDict[Hashable, asyncio.Task[ValueHistory | None]] = OrderedDict()

    async def get(self, seen: DocumentSeen, *, patience: float = PATIENCE) -> Dashboard:
        """Return the dashboard of a document that was just found for who asks.

        Args:
            seen: the document.
            patience: seconds to wait for its history.

        Raises:
            NoVersionError: it is gone by now.
        """
        async with get_db_session() as db:
            state = await store.get_dashboard_state(db, seen.version)
            if state is None:
                raise NoVersionError(seen.scope, version=seen.version, as_of=None)
            key = seen, state.models
            made = self._made.get(key) or await _make(db, seen, state, key)
        _keep(self._made, key, made)
        history = self._history(seen, state)
        if not history.done():
            await asyncio.wait([history], timeout=patience)
        return Dashboard(made, history.result() if history.done() else None, history.done())

    def _history(self, seen: DocumentSeen, state: DashboardState) -> "asyncio.Task[ValueHistory | None]":
        """Return the making of a history, which goes on when nobody waits for it any more."""
        task = self._histories.get(seen)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.create_task(_read_history(seen.scope, state))
        _keep(self._histories, seen, task)
        return task


def _keep(kept: "OrderedDict[Hashable, Any]", key: Hashable, value: Any) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > MOST_KEPT:
        kept.popitem(last=False)


async def _make(db: ReadSession, seen: DocumentSeen, state: DashboardState, key: Hashable) -> Made:
    document = await asset_360.get_document(db, scope=seen.scope, version=seen.version)
    compliance = asset_360.answer_compliance(document)
    answers = Answers(
        overview=asset_360.answer_overview(document),
        allocation=asset_360.answer_allocation(document),
        transactions=asset_360.answer_transactions(document),
        sectors=asset_360.answer_sectors(document),
        countries=asset_360.answer_countries(document),
        risk=asset_360.answer_risk(document),
        performers=asset_360.answer_performance(document)["top_performers"],
        compliance=compliance,
    )
    checks = await store.get_check_lines(db, seen.scope, document.as_of, most=MOST_CHECKS)
    drifts = sum_drifts(await _drifts(db, seen))
    return Made(key, document, answers, state, drifts, checks, len(compliance))


async def _drifts(db: ReadSession, seen: DocumentSeen) -> list[store.AccountDrift]:
    scope = seen.scope
    return await store.get_drifts(
        db,
        seen.version,
        absolute=Decimal(BAND_ABSOLUTE),
        relative=Decimal(BAND_RELATIVE),
        account_ids=[scope.id] if scope.kind == "account" else None,
        household_id=scope.id if scope.kind == "household" else None,
    )


async def _read_history(scope: Scope, state: DashboardState) -> ValueHistory | None:
    """Return how value went by what was booked when a version was published; None = nothing was."""
    try:
        async with get_db_session() as db:
            ledger = await read_ledger(db, scope, known_at=state.recorded_at)
    except NoLedgerError:
        return None
    if state.as_of < ledger.first_day:
        return None
    return await asyncio.to_thread(make_value_history, ledger, state.as_of)


async def is_anything_published() -> bool:
    """Whether there is a version at all."""
    async with get_db_session() as db:
        return await get_current_version(db) is not None
