"""The audit: its chain verified and exported, and its signed heads kept where the database cannot reach them."""

import logging
import os
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from steelyard.domain.audit import AuditEvent, AuditHead, ChainCheck, ChainFlaw, Fact, FlawKind
from steelyard.errors import InvalidInputError
from steelyard.identity import Random
from steelyard.identity.audit import (
    SignedHead,
    describe_head,
    is_signed_by,
    make_audit_key,
    public_bytes,
    read_audit_key,
    read_head,
    sign_head,
)
from steelyard.storage import audit as store
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.audit import EVERY, EventFilter
from steelyard.storage.cluster import open_cluster
from steelyard.storage.connection import ReadSession, get_db_session, get_write_session
from steelyard.storage.migration import SchemaMissingError, SchemaOlderError, check_schema

if TYPE_CHECKING:
    from steelyard.storage.connection import Pool

AUDIT_KEY: Final = "audit.key"  # beside the master key
HEADS: Final = "heads.jsonl"
MOST_FLAWS: Final = 1_000
"""Flaws listed of a chain; the others are counted."""

log = logging.getLogger(__name__)


class HeadsFileError(InvalidInputError):
    """The file of the kept heads cannot be used."""

    def __init__(self, path: Path, fault: str) -> None:
        """Name the file and the fault."""
        super().__init__(
            f"The kept heads of the audit in {path} {fault}. Make it this user's own, or name another folder in "
            "STEELYARD_AUDIT_HEADS."
        )


@dataclass(frozen=True, slots=True)
class AuditPlaces:
    """What of the audit stands outside the database.

    Attributes:
        key: the file of the key that signs.
        heads: the file that heads are kept in; None = they go to the log only.
    """

    key: Path
    heads: Path | None


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What verifying a chain found.

    Attributes:
        tenant_id: whose chain.
        head: its end, as the store says.
        events: how many were checked.
        pending: how many wait to be added; they are in no chain yet.
        kept_heads: how many kept heads of it are genuine and agree.
        last_kept: the last of those: up to here, nobody can have rewritten the chain unseen; 0 = none.
        flaws: what is wrong, at most a thousand; empty = the chain is whole.
        more_flaws: how many others there are.
    """

    tenant_id: int
    head: AuditHead
    events: int
    pending: int
    kept_heads: int
    last_kept: int
    flaws: tuple[ChainFlaw, ...]
    more_flaws: int


def find_places(
    key_file: Path | None, heads: Path | Literal["log"] | None, data_dir: Path | None, pool: "Pool"
) -> AuditPlaces:
    """Return where the key and the kept heads of the open store are.

    Args:
        key_file: the file of the master keys as the settings name it; the audit's key stands beside it.
        heads: a folder, or "log", as the settings name it; None = the folder `audit` of the data folder.
        data_dir: the data folder as the settings name it.
        pool: on the store.
    """
    home = pool.server.home if pool.server is not None else open_cluster(data_dir).home
    key = key_file.absolute().parent if key_file is not None else home / "keys"
    if heads == "log":
        return AuditPlaces(key / AUDIT_KEY, None)
    if heads is not None:
        return AuditPlaces(key / AUDIT_KEY, heads.absolute() / HEADS)
    own = Path() if pool.server is not None else Path(re.sub(r"[^\w.-]+", "-", pool.place).strip("-"))
    return AuditPlaces(key / AUDIT_KEY, home / "audit" / own / HEADS)


# ── Verifying and reading ───────────────────────────────────────────────────────────────────────────────────


async def verify_chains(places: AuditPlaces, *, trusted: Collection[bytes] = ()) -> tuple[ChainReport, ...]:
    """Verify the chain of every tenant, each event anew, and compare it with the heads that were kept.

    Args:
        places: where the key and the kept heads are.
        trusted: public keys that may have signed kept heads, beside the one at hand.

    Raises:
        AuditKeyError, HeadsFileError: the key or the heads cannot be read.
    """
    kept = read_kept_heads(places)  # before the chain, which may go on meanwhile
    key = read_audit_key(places.key)
    believed = {*trusted, *([public_bytes(key)] if key is not None else [])}
    async with get_db_session() as db:
        heads = await store.get_heads(db)
    return tuple([await _verify(head.tenant_id, kept, believed) for head, _ in heads])


async def _verify(tenant_id: int, kept: Sequence[SignedHead | ChainFlaw], trusted: set[bytes]) -> ChainReport:
    own = [one for one in kept if isinstance(one, ChainFlaw) or one.head.tenant_id == tenant_id]
    genuine = [one.head for one in own if isinstance(one, SignedHead) and is_signed_by(one, trusted)]
    flaws = _Flaws(chain.from_iterable(_doubts(one, trusted) for one in own))
    with acting_as(Acting(tenant_id, "operator")):
        async with get_db_session() as db:
            check = ChainCheck(tenant_id, genuine)
            async for event in store.read_events(db):
                flaws.add(check.see(event))
            head = await store.get_head(db, tenant_id)
            flaws.add(check.end(head))
            pending = next(count for one, count in await store.get_heads(db) if one.tenant_id == tenant_id)
    return ChainReport(
        tenant_id, head, check.events, pending, check.agreeing, check.held_at, tuple(flaws.listed), flaws.more
    )


class _Flaws:
    """The first flaws, and the number of the others: a chain of a million may be wrong in every event."""

    def __init__(self, first: Iterator[ChainFlaw]) -> None:
        self.listed: list[ChainFlaw] = []
        self.more = 0
        self.add(first)

    def add(self, flaws: Iterator[ChainFlaw]) -> None:
        for flaw in flaws:
            if len(self.listed) < MOST_FLAWS:
                self.listed.append(flaw)
            else:
                self.more += 1


def _doubts(one: SignedHead | ChainFlaw, trusted: set[bytes]) -> Iterator[ChainFlaw]:
    if isinstance(one, ChainFlaw):
        yield one
    elif one.public_key not in trusted:
        yield _unsigned(one, f"signed with {one.public_key.hex()}, a key that is not trusted here")
    elif not is_signed_by(one, trusted):
        yield _unsigned(one, "not what was signed: somebody changed it")


def _unsigned(one: SignedHead, fault: str) -> ChainFlaw:
    reason = f"The kept head of event {one.head.sequence}, dated {one.signed_at}, is {fault}."
    return ChainFlaw(FlawKind.HEAD_UNSIGNED, one.head.sequence, reason)


async def export_events(wanted: EventFilter = EVERY) -> AsyncIterator[AuditEvent]:
    """Give the events of the tenant at work one after the other; that somebody exports them is recorded before.

    Args:
        wanted: which.
    """
    named = {name: value for name, value in asdict(wanted).items() if value is not None}
    async with get_write_session() as writing:
        facts = {name: str(value) for name, value in named.items()}
        await store.record_event(writing, "audit.export", "audit", "", facts)
    async with get_db_session() as db:
        async for event in store.read_events(db, wanted):
            yield event


async def get_events(
    wanted: EventFilter = EVERY, *, before: int | None = None, limit: int = 50
) -> list[AuditEvent]:
    """Return events of the tenant at work, the newest first.

    Args:
        wanted: which.
        before: only those of a lower number: the last one of the page before.
        limit: how many at most.
    """
    async with get_db_session() as db:
        return await store.get_last_events(db, wanted, before=before, limit=limit)


async def get_own_head(db: ReadSession, tenant_id: int) -> AuditHead:
    """Return the end of the chain of the tenant at work; number 0 where it has no event."""
    return await store.get_head(db, tenant_id)


async def record_upkeep(action: str, facts: Mapping[str, Fact]) -> bool:
    """Record what was done to the store as a whole: a backup, a restore, a move to another PostgreSQL.

    Args:
        action: what was done.
        facts: what else matters.

    Returns:
        Whether it was recorded; a store that was restored from an older Steelyard has to be migrated first.
    """
    async with get_db_session() as db:
        try:
            await check_schema(db)
        except (SchemaMissingError, SchemaOlderError):
            return False
    async with get_write_session() as writing:
        await store.record_event(writing, action, "store", "", facts)
    return True


# ── Heads that leave the database ───────────────────────────────────────────────────────────────────────────


async def ship_heads(
    places: AuditPlaces, now: datetime, *, random: Random = token_bytes
) -> tuple[SignedHead, ...]:
    """Sign the head of every chain that went on since its last one, and keep it: in the file, and in the log.

    Args:
        places: where to; the key is made where there is none.
        now: the caller's clock, with its offset.
        random: gives a new key.

    Returns:
        The heads that were kept; none where nothing went on.

    Raises:
        AuditKeyError, HeadsFileError: the key or the file cannot be used; nothing was kept.
    """
    ends = [end for end in await _ends() if end.sequence]
    kept = {one.head for one in read_kept_heads(places) if isinstance(one, SignedHead)}
    new = [end for end in ends if end not in kept]
    if not new:
        return ()
    key = make_audit_key(places.key, random)
    signed_at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = tuple(sign_head(end, signed_at, key) for end in new)
    if places.heads is not None:
        _append(places.heads, signed)
    for one in signed:
        log.info("audit head", extra=describe_head(one))
    return signed


async def _ends() -> list[AuditHead]:
    """Return the end of every chain, after what waited for it was added."""
    async with get_db_session() as db:
        heads = await store.get_heads(db)
    for head, pending in heads:
        if pending:
            with acting_as(Acting(head.tenant_id, "system:audit")):
                async with get_write_session() as writing:
                    await store.chain_pending_events(writing)
    async with get_db_session() as db:
        return [head for head, _ in await store.get_heads(db)]


def read_kept_heads(places: AuditPlaces) -> list[SignedHead | ChainFlaw]:
    """Read the kept heads; a line that is none is a flaw.

    Raises:
        HeadsFileError: the file is there and cannot be read.
    """
    if places.heads is None:
        return []
    try:
        lines = places.heads.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HeadsFileError(places.heads, f"cannot be read ({error.strerror})") from error
    return [_read(line, f"{places.heads} line {number}") for number, line in enumerate(lines, 1)]


def _read(line: bytes, place: str) -> SignedHead | ChainFlaw:
    try:
        return read_head(line)
    except ValueError as error:
        return ChainFlaw(FlawKind.HEAD_UNSIGNED, 0, f"{place} is no kept head: {error}.")


def _append(path: Path, heads: Sequence[SignedHead]) -> None:
    """Add lines to a file, in one write, so that others who add at the same time do not mix theirs in."""
    content = b"".join(msgspec.json.encode(describe_head(one)) + b"\n" for one in heads)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise HeadsFileError(path, f"cannot be written ({error.strerror})") from error
