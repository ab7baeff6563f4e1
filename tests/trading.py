"""An account that can be traded: kept by the ledger, following a model, linked to a paper broker; and its proposals.

T-1 has 5,000 in cash and 100 of AAA at 50. Its model wants a quarter in AAA, half in BBB (at 20) and a quarter in CCC
(at 10): 50 of AAA are to be sold, 250 of BBB and 250 of CCC to be bought, and the cash there is pays for BBB alone.
"""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from books import Row, write_table
from people import NOON, run
from steelyard.domain.canonical import plain_text
from steelyard.identity.permissions import Actor
from steelyard.rebalancing.policy import Policy
from steelyard.services import approval, proposal
from steelyard.services.allocation_inputs import Asked
from steelyard.services.loading import load_tables
from steelyard.storage.connection import get_write_session
from steelyard.storage.proposal import StoredProposal

ACCOUNT = "T-1"
TODAY = NOON.date()
PRICES = {"AAA": "50", "BBB": "20", "CCC": "10"}
TARGETS = {"AAA": "0.25", "BBB": "0.5", "CCC": "0.25"}
OPERATOR = Actor(1)
ENOUGH = Decimal(1_000_000)
HEADERS = {
    "asset_master": "asset_id,asset_name,asset_type,currency,exchange,issuer,sector,issuing_country",
    "market_data": "asset_id,price_date,closing_price",
    "model_portfolios": "model_id,model_name",
    "target_weights": "model_id,asset_id,target_weight",
    "accounts": "account_id,account_name,base_currency,model_id",
    "transactions": "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,price,currency,"
    "total_amount,transaction_costs",
}


def trading_day(now: datetime) -> date:
    """The day where the assets are traded: at night in UTC, the day that began there lies in its future."""
    return now.astimezone(ZoneInfo("America/New_York")).date()


def book_of(*accounts: str, day: date = TODAY) -> dict[str, list[Row]]:
    """The tables of accounts that all hold the same; `day` is that of the prices."""
    assets: list[Row] = [
        (asset, f"{asset} Inc.", "Equity", "USD", "XNAS", f"{asset} Inc.", "Tools", "US") for asset in PRICES
    ]
    tables: dict[str, list[Row]] = {
        "asset_master": [*assets, ("USD", "US dollar", "Cash", "USD", "", "", "", "")],
        "market_data": [(asset, day, price) for asset, price in PRICES.items()],
        "model_portfolios": [("M", "A model")],
        "target_weights": [("M", asset, weight) for asset, weight in TARGETS.items()],
        "accounts": [(account, f"Account {account}", "USD", "M") for account in accounts],
        "transactions": [],
    }
    for account in accounts:
        tables["transactions"] += [
            (f"{account}-D", account, "", "2025-12-01", "DEPOSIT", "", "", "USD", "10000", "0"),
            (f"{account}-B", account, "AAA", "2025-12-02", "BUY", "100", "50", "USD", "5000", "0"),
        ]
    return tables


async def load_book(folder: Path, tables: dict[str, list[Row]], *, now: datetime = NOON) -> None:
    """Load tables."""
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        write_table(folder, name, HEADERS[name], rows)
    await load_tables(folder, today=now.date(), only=list(tables), now=now)


async def link_to_paper(*accounts: str, name: str = "paper") -> UUID:
    """Let the orders of accounts go to a paper broker."""
    rows = await run(
        "insert into steelyard.broker_links (tenant_id, broker, link_name, made_by) "
        "values (1, 'paper', :name, 'operator') returning link_id",
        name=name,
    )
    link_id = rows[0][0]
    assert isinstance(link_id, UUID)
    for account in accounts:
        await run(
            "insert into steelyard.broker_accounts values (1, :account, :link)", account=account, link=link_id
        )
    return link_id


async def open_trading(folder: Path, *accounts: str) -> UUID:
    """Load accounts that can be traded, T-1 where none is named, let one person approve, and return their link."""
    accounts = accounts or (ACCOUNT,)
    await load_book(folder, book_of(*accounts))
    await run("update steelyard.tenants set approval_limit = :limit where tenant_id = 1", limit=ENOUGH)
    return await link_to_paper(*accounts)


async def propose(
    account_id: str = ACCOUNT,
    *,
    actor: Actor = OPERATOR,
    now: datetime = NOON,
    policy: Policy | None = None,
    **asked: Any,
) -> StoredProposal:
    """Review the trades of an account."""
    async with get_write_session() as db:
        wanted = Asked(account_id=account_id, policy=policy or Policy(), **asked)
        return await proposal.review(db, actor, wanted, now=now)


async def approve(reviewed: StoredProposal, *, now: datetime = NOON) -> approval.Approved:
    """Approve a proposal as the operator, who types its hash."""
    prover = approval.TypedHash(OPERATOR, reviewed.content_hash.hex()[:8])
    async with get_write_session() as db:
        return await approval.approve(
            db, OPERATOR, reviewed.proposal_id, prover, content_hash=reviewed.content_hash, now=now
        )


async def execute(reviewed: StoredProposal, *, now: datetime = NOON) -> None:
    """Execute an approved proposal as the operator."""
    async with get_write_session() as db:
        await proposal.execute(
            db, OPERATOR, reviewed.proposal_id, content_hash=reviewed.content_hash, now=now
        )


async def execute_trades(account_id: str = ACCOUNT, *, now: datetime = NOON, **asked: Any) -> StoredProposal:
    """Propose, approve and execute the trades of an account: its orders are due."""
    reviewed = await propose(account_id, now=now, **asked)
    await approve(reviewed, now=now)
    await execute(reviewed, now=now)
    return reviewed


def shown(amounts: dict[str, Decimal]) -> dict[str, str]:
    """Amounts as text."""
    return {name: plain_text(amount) for name, amount in amounts.items()}
