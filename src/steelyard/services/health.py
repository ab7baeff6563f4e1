"""Health: what runs, how old figures and prices are, what waits for workers, and what is in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Final

from steelyard.domain.scope import Scope
from steelyard.services.quality import meaning
from steelyard.storage import health as stored
from steelyard.storage.connection import ReadSession
from steelyard.storage.health import (
    AuditEnd,
    FindingCount,
    FlaggedAsset,
    LastLoad,
    PriceAges,
    Publication,
    Queue,
    Server,
)
from steelyard.storage.migration import get_revision

LATE: Final = timedelta(minutes=5)
"""How long something may wait for a worker before it looks as if none were at work."""

MOST: Final = 5
"""Assets that are named beside a flag."""


@dataclass(frozen=True, slots=True)
class Flag:
    """What limits figures.

    Attributes:
        name: of the flag.
        means: in a few words.
        assets: how many carry it.
        some: the most valuable of them.
    """

    name: str
    means: str
    assets: int
    some: Sequence[FlaggedAsset]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How everything is; None = it is not known, or not for who asks.

    Attributes:
        version: of the program.
        revision: of the tables.
        server: the database.
        publication: what readers see.
        load: the newest that was not refused.
        prices: that the figures of the scope stand on.
        queue: what waits for workers.
        is_late: whether something has waited so long that no worker seems to be at work.
        audit: the end of the chain of events.
        flags: what limits the figures of the scope, what most assets carry first.
        findings: what loads found.
    """

    version: str
    revision: str | None
    server: Server | None = None
    publication: Publication | None = None
    load: LastLoad | None = None
    prices: PriceAges | None = None
    queue: Queue | None = None
    is_late: bool = False
    audit: AuditEnd | None = None
    flags: Sequence[Flag] = ()
    findings: Sequence[FindingCount] = ()


@dataclass(frozen=True, slots=True)
class Sees:
    """What whoever asks may see: the machine, portfolios and orders, every account, the audit."""

    machine: bool
    accounts: bool
    every_account: bool
    audit: bool


async def get_health(db: ReadSession, scope: Scope | None, sees: Sees, *, now: datetime) -> Health:
    """Return how everything is that somebody may see.

    Args:
        db: a session of who asks.
        scope: whose figures; None = no figures are asked for.
        sees: what they may see.
        now: the time.
    """
    publication = await stored.get_publication(db) if sees.accounts else None
    queue = await stored.get_queue(db, now) if sees.accounts else None
    flagged: Sequence[FlaggedAsset] = ()
    prices = None
    if publication is not None and scope is not None:
        flagged = await stored.get_flagged_assets(db, scope, publication.version, most=MOST)
        prices = await stored.get_price_ages(db, scope, publication.version, publication.as_of)
    return Health(
        version=version("steelyard"),
        revision=await get_revision(db),
        server=await stored.get_server(db) if sees.machine else None,
        publication=publication,
        load=await stored.get_last_load(db) if sees.every_account else None,
        prices=prices,
        queue=queue,
        is_late=queue is not None and queue.first_due is not None and queue.first_due < now - LATE,
        audit=await stored.get_audit_end(db) if sees.audit else None,
        flags=flags_of(flagged),
        findings=await stored.count_findings(db) if sees.every_account else (),
    )


def flags_of(flagged: Sequence[FlaggedAsset]) -> list[Flag]:
    """Put the assets of each flag together, in the order in which they come.

    >>> found = flags_of([FlaggedAsset("no_price", 2, "A", "Ant"), FlaggedAsset("no_price", 2, "B", "Bee")])
    >>> [(flag.name, flag.assets, len(flag.some)) for flag in found]
    [('no_price', 2, 2)]
    """
    by_flag: dict[str, list[FlaggedAsset]] = {}
    for one in flagged:
        by_flag.setdefault(one.flag, []).append(one)
    return [Flag(name, meaning(name), some[0].assets, some) for name, some in by_flag.items()]
