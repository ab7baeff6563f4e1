"""How the store is: who answers, which roles it has, what was loaded last and what is in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
