"""Making a run: some accounts at a time, each once, by as many workers as there are.

A worker holds the rows of the accounts it works on until their proposals are stored with them. Who dies lets go of
them, and another goes on where the last transaction ended: nothing is made twice, and nothing is left out.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import msgspec

from steelyard.compliance.rule import Outcome
from steelyard.domain.canonical import write_canonical
from steelyard.errors import SteelyardError
from steelyard.market.port import CheckedPrice, Market, Quality
from steelyard.services.allocation_inputs import (
    STORED,
    Asked,
    InputsMissingError,
    Quoted,
    StalePriceError,
)
from steelyard.services.portfolio import (
    NoModelError,
    NoPositionsError,
    NoRateError,
    UnpricedError,
    WeightsOnlyError,
)
from steelyard.services.proposal import (
    NotExecutableError,
    OrdersUnderWayError,
    WorkedOut,
    require_executable,
    work_out,
)
from steelyard.services.proposal_document import (
    InfeasibleError,
    NoTenantRateError,
    NothingToTradeError,
)
from steelyard.services.run import RunAsked, account_ids_of, finish_run, read_asked, require_run
from steelyard.services.run_inputs import quote_run, read_ahead, read_market
from steelyard.storage import run as store
from steelyard.storage.acting import acting_of
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.memory import remembering
from steelyard.storage.proposal import StoredProposal, add_proposals
from steelyard.storage.run import Made, Problem, Run, RunAccountState, RunState

AT_ONCE: Final = 200
"""Accounts that are made in one transaction: a second or two of work, which is what a crash costs."""

Fault = Callable[[str], None]

_PROBLEMS: Final[Mapping[type[SteelyardError], Problem]] = {
    StalePriceError: Problem.STALE_PRICE,
    UnpricedError: Problem.NO_PRICE,
    NoRateError: Problem.NO_RATE,
    NoTenantRateError: Problem.NO_RATE,
    NoPositionsError: Problem.NO_POSITIONS,
    WeightsOnlyError: Problem.NO_POSITIONS,
    NoModelError: Problem.NO_MODEL,
    NotExecutableError: Problem.NO_LINK,
    OrdersUnderWayError: Problem.UNDER_WAY,
    InfeasibleError: Problem.INFEASIBLE,
}


async def make_run(
    run_id: UUID,
    *,
    clock: Callable[[], datetime],
    market: Market | None = None,
    stop: asyncio.Event | None = None,
    new_id: Callable[[], UUID] = uuid4,
    fault: Fault = lambda _: None,
) -> None:
    """Make what is left of a run, until none of its accounts waits, it is withdrawn, or somebody says stop.

    Args:
        run_id: the run.
        clock: tells the time, with its zone.
        market: where prices come from that are not the stored ones; None = there is none.
        stop: set by whoever wants it to end soon; what is in hand is finished.
        new_id: makes the keys of proposals.
        fault: called at each point at which a test may end it.

    Raises:
        UnknownRunError: there is no such run.
        SteelyardError: the store, or every price source, is away; it goes on next time.
    """
    prices = await market_of_run(run_id, now=clock(), market=market)
    while not (stop is not None and stop.is_set()):
        if not await make_some(run_id, prices, now=clock(), new_id=new_id, fault=fault):
            return


async def make_some(
    run_id: UUID,
    prices: Quoted,
    *,
    now: datetime,
    new_id: Callable[[], UUID] = uuid4,
    fault: Fault = lambda _: None,
    most: int = AT_ONCE,
) -> bool:
    """Make some accounts of a run in one transaction; returns whether there may be more to do."""
    async with get_write_session() as db:
        run = await store.share_run(db, run_id)
        if run is None or run.state is not RunState.MAKING:
            return False
        accounts = await store.take_waiting(db, run_id, most)
        fault("run.taken")
        if accounts:
            await _make(db, run, accounts, prices, now=now, new_id=new_id)
            fault("run.stored")
            return True
    return await _finish(run_id)


async def _finish(run_id: UUID) -> bool:
    """Give a run its hash, once nobody works on any of its accounts any more; returns False: nothing is left to do."""
    async with get_write_session() as db:
        run = await store.hold_run(db, run_id)
        if run is None or run.state is not RunState.MAKING or await store.count_waiting(db, run_id):
            return False
        made = await finish_run(db, run)
        progress = await store.get_progress(db, run_id)
        facts: dict[str, str | int | bool | None] = {
            "hash": "" if made.content_hash is None else made.content_hash.hex(),
            "made": progress.states.get(RunAccountState.MADE, 0),
            "exceptions": progress.states.get(RunAccountState.EXCEPTION, 0),
        }
        await record_event(db, "run.make", "run", str(run_id), facts)
        await _record_overrides(db, made)
    return False


async def _record_overrides(db: WriteSession, run: Run) -> None:
    """Write down that old prices were let pass, where they were; the reason stands in the document of each proposal."""
    prices = read_market_text(await store.get_market(db, run.run_id)).values()
    stale = sum(price.quality is Quality.STALE for price in prices)
    if stale and read_asked(run).stale_reason:
        await record_event(db, "price.override", "run", str(run.run_id), {"assets": stale})


async def _make(
    db: WriteSession,
    run: Run,
    account_ids: Sequence[str],
    prices: Quoted,
    *,
    now: datetime,
    new_id: Callable[[], UUID],
) -> None:
    """Work some accounts out and store what became of each."""
    worker = _Worker(db, run, read_asked(run), prices, now, new_id)
    with remembering():
        await read_ahead(db, account_ids, now=now)
        made = []
        for account_id in account_ids:
            made.append(await worker.make(account_id))
            await asyncio.sleep(
                0
            )  # an account takes milliseconds, and others in this process have their turn
    await add_proposals(db, [(one.proposal, one.orders) for one in worker.worked])
    await store.save_accounts(db, run.run_id, made)


@dataclass(frozen=True, slots=True)
class _Worker:
    """Works accounts of a run out.

    Attributes:
        worked: proposals to be stored.
    """

    db: WriteSession
    run: Run
    asked: RunAsked
    prices: Quoted
    now: datetime
    new_id: Callable[[], UUID]
    worked: list[WorkedOut] = field(default_factory=list)

    async def make(self, account_id: str) -> Made:
        """Work one account out; what is not known or not right is about it alone, in its own sentence."""
        try:
            found = await self._work_out(account_id, self.run.run_id)
            require_executable(found.terms)
        except NothingToTradeError as error:
            return Made(account_id=account_id, state=RunAccountState.NOTHING, fault=f"{error}")
        except SteelyardError as error:
            if error.is_temporary:
                raise
            return _exception(account_id, self._problem(error), f"{error}")
        return await self._judged(account_id, found)

    async def _judged(self, account_id: str, found: WorkedOut) -> Made:
        """Keep what rules block out of the run; what they hold waits on its own for who lets it pass."""
        outcome, said = found.proposal.outcome, findings_of(found.proposal)
        if outcome == Outcome.BLOCK:
            return _exception(account_id, Problem.BLOCK, said)
        if outcome == Outcome.HOLD:
            alone = await self._work_out(account_id, None)
            self.worked.append(alone)
            return _exception(account_id, Problem.HOLD, said, alone.proposal.proposal_id)
        self.worked.append(found)
        return Made(
            account_id=account_id,
            state=RunAccountState.MADE,
            proposal_id=found.proposal.proposal_id,
            fault=said,
        )

    async def _work_out(self, account_id: str, run_id: UUID | None) -> WorkedOut:
        asked = self.asked
        wanted = Asked(
            account_id=account_id,
            policy=asked.policy,
            price_source=asked.price_source,
            stale_reason=asked.stale_reason,
        )
        return await work_out(
            self.db,
            wanted,
            tenant_id=acting_of(self.db).tenant_id or 0,
            author=self.run.author,
            now=self.now,
            prices=self.prices,
            new_id=self.new_id,
            run_id=run_id,
            expires_at=self.run.expires_at,
        )

    def _problem(self, error: SteelyardError) -> Problem:
        """Say of which kind an exception is; what is missing of many things, by the first that is."""
        if not isinstance(error, InputsMissingError):
            return next(
                (kind for known, kind in _PROBLEMS.items() if isinstance(error, known)), Problem.OTHER
            )
        doubts = {price.doubt: price.quality for price in self.prices.values() if price.doubt}
        found = {doubts[fault] for fault in error.faults if fault in doubts}
        if Quality.MISSING in found:
            return Problem.NO_PRICE
        return Problem.DOUBTFUL_PRICE if found else Problem.NO_RATE


def findings_of(proposal: StoredProposal) -> str:
    """Return what rules say of a proposal, those that say something, in one line."""
    findings = json.loads(proposal.document)["compliance"]["findings"]
    return " ".join(one["reason"] for one in findings if one["outcome"] != Outcome.PASS)


def _exception(account_id: str, problem: Problem, fault: str, proposal_id: UUID | None = None) -> Made:
    return Made(
        account_id=account_id,
        state=RunAccountState.EXCEPTION,
        problem=problem,
        fault=fault,
        proposal_id=proposal_id,
    )


async def market_of_run(run_id: UUID, *, now: datetime, market: Market | None = None) -> Quoted:
    """Return the prices of a run; whoever works on it first reads them, once for all accounts and workers.

    Args:
        run_id: the run.
        now: the time, with its zone.
        market: as for `make_run`.

    Raises:
        UnknownRunError: there is no such run.
    """
    async with get_write_session() as db:
        run = await require_run(db, run_id)
        kept = await store.get_market(db, run_id)
        if not kept and read_asked(run).price_source == STORED:
            quoted = await read_market(db, account_ids_of(run), now=now)
            await store.set_market(db, run_id, _written(quoted))
            kept = await store.get_market(db, run_id)
    if not kept and market is not None:
        quoted = await quote_run(account_ids_of(run), now=now, market=market)
        async with get_write_session() as db:
            await store.set_market(db, run_id, _written(quoted))
            kept = await store.get_market(db, run_id)
    return read_market_text(kept)


def read_market_text(kept: str) -> dict[str, CheckedPrice]:
    """Read the prices of a run; "" = they are not read yet."""
    return msgspec.convert(json.loads(kept or "{}"), dict[str, CheckedPrice])


def _written(quoted: Mapping[str, CheckedPrice]) -> str:
    return write_canonical(quoted)
