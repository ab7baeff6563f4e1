"""Ways to brokers, and the accounts whose orders go there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query

CREDENTIALS: Final = "broker_links", "credentials_sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLink:
    """A way to a broker; nothing in it opens anything.

    Attributes:
        broker: paper, alpaca or file.
        link_name: what people call it.
        environment: paper = nothing real is traded; live = it is.
        address: where the broker is asked, or the folder or file of one that is not asked; None = its own.
        settings: what else it needs.
        made_by: who linked it, as in the audit.
        ended_at: None = it is open.
        synced_at: when positions, cash and activities were last read; None = never.
        has_credentials: whether keys or tokens are kept for it.
        accounts: whose orders go there, of those that are seen.
    """

    link_id: UUID
    broker: str
    link_name: str
    environment: str
    address: str | None
    settings: Mapping[str, Any]
    made_by: str
    made_at: datetime
    ended_at: datetime | None
    synced_at: datetime | None
    has_credentials: bool
    accounts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBrokerLink:
    """A way to a broker that is to be kept; see `BrokerLink`."""

    link_id: UUID
    broker: str
    link_name: str
    environment: str
    address: str | None
    settings: Mapping[str, Any]
    credentials_sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LedgerBalance:
    """What an account holds of an asset, or of a currency where `is_cash`, by the ledger."""

    commodity: str
    is_cash: bool
    quantity: Decimal


async def add_link(db: WriteSession, link: NewBrokerLink, *, now: datetime) -> bool:
    """Keep a way to a broker; False = its name is taken."""
    values = {
        "link_id": link.link_id,
        "broker": link.broker,
        "link_name": link.link_name,
        "environment": link.environment,
        "address": link.address,
        "settings": json.dumps(dict(link.settings)),
        "credentials_sealed": link.credentials_sealed,
        "now": now,
    }
    return (await db.execute(query("add_broker_link"), values)).one_or_none() is not None


async def get_links(
    db: AsyncSession, *, link_id: UUID | None = None, link_name: str | None = None, with_ended: bool = True
) -> list[BrokerLink]:
    """Return the ways to brokers, by name; those of a key or a name, or all."""
    values = {"link_id": link_id, "link_name": link_name, "with_ended": with_ended}
    rows = (await db.execute(query("get_broker_links"), values)).mappings()
    return [BrokerLink(**{**row, "settings": json.loads(row["settings"])}) for row in rows]


async def get_sealed_credentials(db: AsyncSession, link_id: UUID) -> bytes | None:
    """Return what a broker is asked with, encrypted; None = nothing."""
    sealed: bytes | None = (
        await db.execute(query("get_sealed_credentials"), {"link_id": link_id})
    ).scalar_one()
    return sealed


async def hold_link(db: WriteSession, link_id: UUID) -> bool:
    """Let nobody end a way to a broker until the transaction ends; False = there is none that is open."""
    return (await db.execute(query("hold_broker_link"), {"link_id": link_id})).one_or_none() is not None


async def end_link(db: WriteSession, link_id: UUID, *, now: datetime) -> bool:
    """End a way to a broker; False = there is none that is open."""
    values = {"link_id": link_id, "now": now}
    return (await db.execute(query("end_broker_link"), values)).one_or_none() is not None


async def count_open_orders(
    db: AsyncSession, *, link_id: UUID | None = None, account_id: str | None = None
) -> int:
    """Count the orders that are released and not ended, of a way to a broker or of an account."""
    values = {"link_id": link_id, "account_id": account_id}
    count: int = (await db.execute(query("count_open_orders"), values)).scalar_one()
    return count


async def attach_account(db: WriteSession, account_id: str, link_id: UUID) -> None:
    """Say where the orders of an account go."""
    await db.execute(query("attach_to_broker"), {"account_id": account_id, "link_id": link_id})


async def get_link_of_account(db: AsyncSession, account_id: str) -> UUID | None:
    """Return where the orders of an account go; None = nowhere, or the way is ended."""
    found: UUID | None = (
        await db.execute(query("get_link_of_account"), {"account_id": account_id})
    ).scalar_one_or_none()
    return found


async def get_keeper(db: WriteSession, account_id: str) -> str | None:
    """Return what keeps the positions of an account, `snapshots` or `ledger`; None = there is no such account."""
    keeper: str | None = (
        await db.execute(query("get_keeper"), {"account_id": account_id})
    ).scalar_one_or_none()
    return keeper


async def get_account_balances(db: AsyncSession, account_id: str) -> Sequence[LedgerBalance]:
    """Return what an account holds by the ledger, units first."""
    rows = (await db.execute(query("get_account_balances"), {"account_id": account_id})).mappings()
    return [LedgerBalance(**row) for row in rows]


async def hold_unread_link(db: WriteSession, link_id: UUID) -> bool:
    """Tell whether nothing was read from a link and nothing ordered by it yet; if so, nobody else changes it now."""
    return (await db.execute(query("hold_unread_link"), {"link_id": link_id})).one_or_none() is not None


async def set_pages(db: WriteSession, link_id: UUID, *, fills_page: str, activities_page: str) -> None:
    """Note how far fills and activities of a link were read."""
    values = {"link_id": link_id, "fills_page": fills_page, "activities_page": activities_page}
    await db.execute(query("set_link_pages"), values)


async def hold_activities_page(db: WriteSession, link_id: UUID) -> str:
    """Return how far the activities of a link were read; nobody else reads on until the transaction ends."""
    page: str = (await db.execute(query("hold_activities_page"), {"link_id": link_id})).scalar_one()
    return page


async def turn_activities_page(db: WriteSession, link_id: UUID, page: str) -> None:
    """Note how far the activities of a link were read."""
    await db.execute(query("turn_activities_page"), {"link_id": link_id, "page": page})


async def list_begun_accounts(db: WriteSession, account_ids: Sequence[str]) -> list[str]:
    """Return those of some accounts of which the ledger has an entry."""
    rows = await db.execute(query("list_begun_accounts"), {"account_ids": list(account_ids)})
    return list(rows.scalars())
