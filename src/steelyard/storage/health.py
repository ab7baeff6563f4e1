"""How the store is: who answers, which roles it has, what was loaded last and what is in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from steelyard.domain.scope import Scope
from steelyard.storage.connection import ReadSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class Server:
    """The server that answers.

    Attributes:
        version: as the server says it, such as "18.4".
        login: the role that connected.
        role: the role the session works as.
        size_bytes: of the database, indexes included.
    """

    version: str
    database_name: str
    login: str
    role: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LastLoad:
    """The newest run of a load that was not refused."""

    run_id: int
    source: str
    status: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class FindingCount:
    """How many findings of one kind stand, about how many assets."""

    kind: str
    severity: str
    findings: int
    assets: int


async def get_server(db: ReadSession) -> Server:
    """Return who answers; needs no schema."""
    return Server(**(await db.execute(query("get_server"))).mappings().one())


async def get_missing_roles(db: ReadSession) -> list[str]:
    """Return the roles of the house that the server does not have; needs no schema."""
    return list((await db.execute(query("get_missing_roles"))).scalars())


async def get_last_load(db: ReadSession) -> LastLoad | None:
    """Return the newest run of a load that was not refused; None before the first."""
    row = (await db.execute(query("get_last_load"))).mappings().one_or_none()
    return LastLoad(**row) if row else None


async def count_findings(db: ReadSession) -> list[FindingCount]:
    """Return how many findings of each kind stand, most first."""
    return [FindingCount(**row) for row in (await db.execute(query("count_findings"))).mappings()]


async def get_other_ids(db: ReadSession, *, assets: Sequence[str], accounts: Sequence[str]) -> list[str]:
    """Return a few of the stored assets and accounts that are not among those given; empty = there are none."""
    values = {"assets": list(assets), "accounts": list(accounts)}
    return list((await db.execute(query("get_other_ids"), values)).scalars())


async def tell_time(db: ReadSession) -> datetime:
    """Return the time by the server's clock."""
    now: datetime = (await db.execute(query("tell_time"))).scalar_one()
    return now


@dataclass(frozen=True, slots=True)
class Publication:
    """What readers see.

    Attributes:
        version, as_of, row_count: of asset 360.
        recorded_at: when it was published, UTC.
        last_price: the newest day of which there is any price; None = there is none.
    """

    version: int
    as_of: date
    recorded_at: datetime
    row_count: int
    last_price: date | None


@dataclass(frozen=True, slots=True)
class PriceAges:
    """Prices that the figures of a scope stand on.

    Attributes:
        held: assets, money aside.
        priced: of these, those with a price.
        old: of these, those whose price is more than seven days older than the figures.
        oldest, newest: days of prices; None = there is none.
    """

    held: int
    priced: int
    old: int
    oldest: date | None
    newest: date | None


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for workers.

    Attributes:
        orders, runs: that are due.
        first_due: the earliest moment at which something is, or was, to be looked at; None = nothing is.
        in_hand: orders that a worker has.
    """

    orders: int
    runs: int
    first_due: datetime | None
    in_hand: int


@dataclass(frozen=True, slots=True)
class AuditEnd:
    """The end of the chain of events: its number, its hash in hex, and how many events wait for their place."""

    sequence: int
    hash: str
    pending: int


@dataclass(frozen=True, slots=True)
class FlaggedAsset:
    """An asset that carries a quality flag, and how many do."""

    flag: str
    assets: int
    asset_id: str
    asset_name: str


async def get_publication(db: ReadSession) -> Publication | None:
    """Return what readers see; None = nothing was published."""
    row = (await db.execute(query("get_publication"))).mappings().one_or_none()
    return None if row is None else Publication(**row)


async def get_price_ages(db: ReadSession, scope: Scope, version: int, as_of: date) -> PriceAges:
    """Return how old prices of what a scope holds are in a version."""
    values = {"version": version, "as_of": as_of, "scope_kind": scope.kind, "scope_id": scope.id}
    return PriceAges(**(await db.execute(query("get_price_ages"), values)).mappings().one())


async def get_queue(db: ReadSession, now: datetime) -> Queue:
    """Return what waits for workers, of what is seen."""
    return Queue(**(await db.execute(query("get_queue"), {"now": now})).mappings().one())


async def get_audit_end(db: ReadSession) -> AuditEnd | None:
    """Return the end of the tenant's chain; None before the first event."""
    row = (await db.execute(query("get_audit_end"))).mappings().one_or_none()
    return None if row is None else AuditEnd(**row)


async def get_flagged_assets(db: ReadSession, scope: Scope, version: int, *, most: int) -> list[FlaggedAsset]:
    """Return assets of a scope that carry flags, by flag, most carried first; of each so many, most valuable first."""
    values = {"version": version, "scope_kind": scope.kind, "scope_id": scope.id, "most": most}
    return [FlaggedAsset(**row) for row in (await db.execute(query("get_flagged_assets"), values)).mappings()]
