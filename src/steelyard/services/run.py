"""Runs: proposals over many accounts, begun, looked at, thinned out and withdrawn; `run_making` makes them.

Accounts that cannot be proposed for are exceptions: each says why, and holds the others up in nothing. What is approved
is one hash over the hashes of all proposals, in the order of the accounts.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from steelyard.domain.canonical import write_canonical
from steelyard.domain.order import OrderState
from steelyard.domain.scope import Scope
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.identity.permissions import (
    SEES_EVERY_ACCOUNT,
    Actor,
    ObjectType,
    Right,
    Verb,
    authorize,
)
from steelyard.rebalancing.policy import Policy
from steelyard.services.allocation_inputs import STORED
from steelyard.services.scope import require_scope
from steelyard.statements.policy import read_policy, write_policy
from steelyard.storage import run as store
from steelyard.storage.audit import record_event
from steelyard.storage.connection import AnySession, WriteSession, get_db_session, reading
from steelyard.storage.proposal import ProposalState
from steelyard.storage.run import (
    OPEN,
    ListedRun,
    Made,
    Problem,
    Run,
    RunAccount,
    RunAccountState,
    RunProgress,
    RunScope,
    RunState,
    ScopeKind,
)

FORMAT: Final = "steelyard.run/1"
MOST_ACCOUNTS: Final = 100_000
MOST_NAMED: Final = 5
LONGEST_NAME: Final = 100

BEFORE_SENDING: Final = frozenset({OrderState.DRAFT, OrderState.REVIEWED, OrderState.APPROVED})


class UnknownRunError(NotFoundError):
    """There is no such run, or somebody else began it and not all accounts are seen."""

    def __init__(self, run_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is no run {run_id} that you may see. List them: `steelyard run list`.")


class NoAccountsError(NotFoundError):
    """A run would be over no account."""

    def __init__(self, scope: RunScope) -> None:
        """Name the scope."""
        super().__init__(
            f"No account that you may propose for is in {_words(scope)}; `steelyard accounts` lists those that you see."
        )


class RunNameError(InvalidInputError):
    """The name of a run is empty, too long, or does not print."""

    def __init__(self) -> None:
        """Name the rule."""
        super().__init__(f"A run has a name of 1 to {LONGEST_NAME} characters that print.")


class TwoScopesError(InvalidInputError):
    """A run is asked over accounts named in two ways."""

    def __init__(self) -> None:
        """Say what there is."""
        super().__init__(
            "Name accounts, or households, or models, and only one of these; none of them = all accounts that you may "
            "propose for."
        )


class RunSizeError(InvalidInputError):
    """A run would be over too many accounts."""

    def __init__(self, accounts: int) -> None:
        """Name both numbers."""
        super().__init__(
            f"A run is over at most {MOST_ACCOUNTS:,} accounts, and these are {accounts:,}; begin one for each model."
        )


class RunStateError(ConflictError):
    """A step is out of order."""

    def __init__(self, run: Run, needed: Collection[RunState]) -> None:
        """Name where the run is and where it would have to be."""
        wanted = " or ".join(state.value for state in RunState if state in needed)
        super().__init__(
            f"Run {run.run_id} is {run.state}{f' ({run.fault})' if run.fault else ''}, and this takes one that is "
            f"{wanted}. A run is made, then approved, then executed, each once."
        )
        self.state = run.state


class RunExpiredError(ConflictError):
    """A run ran out."""

    def __init__(self, run: Run) -> None:
        """Name it, and say what to do."""
        super().__init__(
            f"Run {run.run_id} ran out at {run.expires_at:%Y-%m-%d %H:%M} UTC. Begin another: prices and positions are "
            "read anew."
        )


class RunChangedError(ConflictError):
    """Something is no longer as the run was made from."""

    def __init__(self, run_id: UUID, changes: Sequence[str], account_ids: Sequence[str] = ()) -> None:
        """Name what changed, and the way out where only some accounts did."""
        way = ""
        if account_ids:
            named = " ".join(f"--account {name}" for name in account_ids[:MOST_NAMED])
            way = f" Leave these accounts out (`steelyard run drop {run_id} {named}`), or begin another run."
        super().__init__(f"Run {run_id} is no longer what it was made from: {_some(changes)}.{way}")
        self.changes, self.account_ids = tuple(changes), tuple(account_ids)


class NotInRunError(NotFoundError):
    """Accounts have no proposal in a run."""

    def __init__(self, run_id: UUID, account_ids: Sequence[str]) -> None:
        """Name them."""
        super().__init__(
            f"{_some(account_ids)} {'has' if len(account_ids) == 1 else 'have'} no proposal in run {run_id}. "
            "Nothing was left out."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAsked:
    """What is asked of a run.

    Attributes:
        run_name: what people call it.
        scope: over which accounts.
        policy: how each is to be rebalanced.
        price_source: where prices come from.
        stale_reason: why prices that are older than allowed will do; "" = they will not.
    """

    run_name: str
    scope: RunScope
    policy: Policy = field(default_factory=Policy)
    price_source: str = STORED
    stale_reason: str = ""


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run and how far it is.

    Attributes:
        accounts: a page of them, exceptions first.
    """

    run: Run
    progress: RunProgress
    accounts: Sequence[RunAccount]


async def begin_run(db: WriteSession, actor: Actor, asked: RunAsked, *, now: datetime) -> Run:
    """Write down what a run is to be over; workers make it.

    Of all accounts, a household or a model those are taken that the actor may propose for; accounts that are named one
    by one must all be such.

    Args:
        db: the transaction.
        actor: who proposes.
        asked: what for.
        now: the time, with its zone.

    Raises:
        ForbiddenError, AccountHiddenError: they may not propose, or not for an account that is named.
        UnknownScopeError: there is no such household.
        NoAccountsError: there is none to propose for.
        RunSizeError: there are too many.
        RunNameError: it has no name that prints.
    """
    authorize(actor, Verb.PROPOSE, ObjectType.ORDER)
    if not 1 <= len(asked.run_name.strip()) <= LONGEST_NAME or not asked.run_name.isprintable():
        raise RunNameError
    accounts = await find_proposable(db, actor, asked.scope)
    run_id = await store.add_run(
        db,
        run_name=asked.run_name.strip(),
        author=actor.name,
        document=write_canonical(_content(asked, accounts, now)),
        account_ids=accounts,
        made_at=now,
    )
    facts = {"accounts": len(accounts), "scope": asked.scope.kind.value}
    await record_event(db, "run.begin", "run", str(run_id), facts)
    return await require_run(db, run_id)


async def get_run(
    run_id: UUID, db: AnySession | None = None, *, after: int = 0, limit: int = 100
) -> ShownRun:
    """Return a run, how far it is, and a page of its accounts: exceptions first; raises UnknownRunError.

    Args:
        run_id: the run.
        db: where to read; None opens a session.
        after: accounts to leave out, as they were shown.
        limit: accounts to show.
    """
    async with reading(db) as session:
        run = await require_run(session, run_id)
        return ShownRun(
            run,
            await store.get_progress(session, run_id),
            await store.list_run_accounts(session, run_id, after=after, limit=limit),
        )


def listed(run: ListedRun) -> ListedRun:
    """Return a run without its document."""
    return ListedRun(**{one.name: getattr(run, one.name) for one in fields(ListedRun)})


async def get_runs(
    db: AnySession | None = None, *, before: tuple[datetime, UUID] | None = None, limit: int = 100
) -> list[Run]:
    """Return runs that are seen, the newest first; `before` = moment and key of the last one of the page before."""
    async with reading(db) as session:
        return await store.list_runs(session, before=before, limit=limit)


async def watch_run(
    run_id: UUID, *, pause: Callable[[], Awaitable[object]]
) -> AsyncIterator[tuple[Run, RunProgress]]:
    """Tell how far a run is whenever that changes, until nothing is on its way any more.

    Args:
        run_id: the run.
        pause: waits before the next look.

    Raises:
        UnknownRunError: there is no such run.
    """
    told = None
    while True:
        async with get_db_session() as db:
            run, progress = await require_run(db, run_id), await store.get_progress(db, run_id)
        if (run.version, progress) != told:
            told = run.version, progress
            yield run, progress
        if not is_moving(run, progress):
            return
        await pause()


def is_moving(run: Run, progress: RunProgress) -> bool:
    """Whether a run goes on by itself: it is being made, or its orders are on their way."""
    ended = {OrderState.FILLED, OrderState.REJECTED, OrderState.CANCELLED}
    if run.state is RunState.EXECUTED:
        return any(state not in ended for state in progress.orders)
    return run.state is RunState.MAKING


async def withdraw_run(db: WriteSession, actor: Actor, run_id: UUID, *, now: datetime) -> None:
    """Give a run up that is not executed, and its orders with it.

    Raises:
        ForbiddenError: they may not propose.
        UnknownRunError: there is no such run.
        RunStateError: it is executed or withdrawn.
    """
    authorize(actor, Verb.PROPOSE, ObjectType.ORDER)
    run = await hold_run(db, run_id, OPEN)
    await end_run(db, run, fault="it was withdrawn", now=now)
    await record_event(db, "run.withdraw", "run", str(run_id))


async def drop_accounts(
    db: WriteSession, actor: Actor, run_id: UUID, account_ids: Sequence[str], *, now: datetime
) -> Run:
    """Leave accounts out of a run that is made: their proposals are withdrawn, and what is approved is another hash.

    Raises:
        ForbiddenError: they may not propose.
        UnknownRunError, RunStateError: it is not there, or not made; what is approved stays whole.
        NotInRunError: one of the accounts has no proposal in it.
    """
    authorize(actor, Verb.PROPOSE, ObjectType.ORDER)
    run = await hold_run(db, run_id, {RunState.MADE})
    names = set(account_ids)
    states = {ProposalState.REVIEWED}
    dropped = await store.move_proposals(db, run_id, states, ProposalState.WITHDRAWN, account_ids=names)
    if dropped < len(names):
        raise NotInRunError(run_id, sorted(names - set(await store.list_made_accounts(db, run_id))))
    await store.move_orders(
        db, run_id, BEFORE_SENDING, OrderState.CANCELLED,
        account_ids=names, reason="its account was left out of the run", now=now,
    )  # fmt: skip
    why = f"It was left out of the run by {actor.name}."
    await store.save_accounts(
        db,
        run_id,
        [
            Made(account_id=name, state=RunAccountState.EXCEPTION, problem=Problem.DROPPED, fault=why)
            for name in sorted(names)
        ],
    )
    finished = await finish_run(db, run)
    await record_event(db, "run.drop", "run", str(run_id), {"accounts": len(names)})
    return finished


async def find_proposable(db: AnySession, actor: Actor, scope: RunScope) -> list[str]:
    """Return the accounts of a scope that the actor may propose for; raises as `begin_run`."""
    if scope.kind is ScopeKind.ACCOUNTS:
        for name in scope.names:
            authorize(actor, Verb.PROPOSE, ObjectType.ORDER, name)
            await require_scope(db, Scope.account(name))
    if scope.kind is ScopeKind.HOUSEHOLD:
        for name in scope.names:
            await require_scope(db, Scope.household(name))
    found = await store.find_accounts(db, scope)
    if not (actor.is_operator or actor.role in SEES_EVERY_ACCOUNT):
        found = [name for name in found if Right.PROPOSE in actor.grants.get(name, frozenset())]
    if not found:
        raise NoAccountsError(scope)
    if len(found) > MOST_ACCOUNTS:
        raise RunSizeError(len(found))
    return found


# ── What the steps have in common ───────────────────────────────────────────────────────────────────────


async def require_run(db: AnySession, run_id: UUID) -> Run:
    """Return a run that is seen; raises UnknownRunError."""
    run = await store.get_run(db, run_id)
    if run is None:
        raise UnknownRunError(run_id)
    return run


async def hold_run(db: WriteSession, run_id: UUID, states: Collection[RunState]) -> Run:
    """Return a run whose turn it is, and that nobody else moves; raises UnknownRunError, RunStateError."""
    run = await store.hold_run(db, run_id)
    if run is None:
        raise UnknownRunError(run_id)
    if run.state not in states:
        raise RunStateError(run, states)
    return run


async def finish_run(db: WriteSession, run: Run) -> Run:
    """Give a run of which no account waits its hash and its value; one without an order has failed."""
    made = await store.get_hashes(db, run.run_id)
    state = RunState.MADE if made else RunState.FAILED
    await store.move_run(
        db,
        run,
        state,
        content_hash=run_hash([one for one, _ in made]),
        order_value=sum((value for _, value in made), start=store.ZERO),
        fault="" if made else "no account of it has anything to trade",
    )
    return await require_run(db, run.run_id)


def run_hash(hashes: Sequence[bytes]) -> bytes:
    """Return what of a run is approved: SHA-256 over the hashes of its proposals, in the order of its accounts.

    >>> run_hash([bytes(32), bytes(32)]).hex()[:16]
    'f5a5fd42d16a2030'
    """
    return sha256(b"".join(hashes)).digest()


async def end_run(db: WriteSession, run: Run, *, fault: str, now: datetime) -> None:
    """Withdraw a run with its proposals and orders."""
    open_states = {ProposalState.REVIEWED, ProposalState.APPROVED}
    await store.move_proposals(db, run.run_id, open_states, ProposalState.WITHDRAWN)
    await store.move_orders(
        db, run.run_id, BEFORE_SENDING, OrderState.CANCELLED, reason=f"its run: {fault}", now=now
    )
    await store.move_run(db, run, RunState.WITHDRAWN, fault=fault)


def one_scope(named: Mapping[ScopeKind, Sequence[str]]) -> RunScope:
    """Return the scope that is named; all accounts where none is; raises TwoScopesError.

    >>> one_scope({ScopeKind.ACCOUNTS: [], ScopeKind.MODEL: ["60-40"]}).names
    ('60-40',)
    """
    found = [RunScope(kind, tuple(names)) for kind, names in named.items() if names]
    if len(found) > 1:
        raise TwoScopesError
    return found[0] if found else RunScope(ScopeKind.ALL)


def read_asked(run: Run) -> RunAsked:
    """Read what was asked of a run."""
    content: dict[str, Any] = json.loads(run.document)
    scope = content["scope"]
    return RunAsked(
        run_name=run.run_name,
        scope=RunScope(ScopeKind(scope["kind"]), tuple(scope["names"])),
        policy=read_policy(content["policy"], "the run"),
        price_source=content["price_source"],
        stale_reason=content["stale_reason"],
    )


def account_ids_of(run: Run) -> list[str]:
    """Return the accounts of a run, in their order."""
    accounts: list[str] = json.loads(run.document)["accounts"]
    return accounts


def _content(asked: RunAsked, account_ids: Sequence[str], now: datetime) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "scope": {"kind": asked.scope.kind.value, "names": list(asked.scope.names)},
        "accounts": list(account_ids),
        "policy": write_policy(asked.policy),
        "price_source": asked.price_source,
        "stale_reason": asked.stale_reason,
        "begun_at": now,
    }


def _words(scope: RunScope) -> str:
    if scope.kind is ScopeKind.ALL:
        return "the tenant"
    return f"{scope.kind.value} {', '.join(scope.names[:MOST_NAMED])}"


def _some(items: Sequence[str]) -> str:
    rest = f"; and {len(items) - MOST_NAMED} more" if len(items) > MOST_NAMED else ""
    return "; ".join(items[:MOST_NAMED]) + rest
