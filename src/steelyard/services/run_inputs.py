"""What the accounts of a run are worked out from, read for all of them at once.

Each account is still gathered and judged by the code that a single proposal is: it asks its questions, and the answers
are there already.
"""

from collections.abc import Collection
from datetime import datetime

from steelyard.market.port import Market
from steelyard.services.allocation_inputs import Quoted
from steelyard.services.market import read_prices
from steelyard.storage import portfolio as held
from steelyard.storage import proposal as stored
from steelyard.storage.connection import AnySession, get_db_session
from steelyard.storage.memory import remember


async def read_ahead(db: AnySession, account_ids: Collection[str], *, now: datetime) -> None:
    """Read accounts, their positions and their terms, for whoever asks for one of them within `remembering`.

    Args:
        db: a session.
        account_ids: which.
        now: the time, with its zone; its day is that of positions and rates.
    """
    day = now.date()
    accounts = {account.account_id: account for account in await held.get_accounts(db, account_ids)}
    positions = await held.get_positions_of(db, account_ids, day)
    terms = await stored.get_trading_terms_of(db, account_ids, day)
    for account_id in account_ids:
        account = accounts.get(account_id)
        remember(held.find_account, account_id, answer=account)
        if account is not None:
            remember(held.get_account, account_id, answer=account)
        remember(held.get_positions, account_id, day, answer=positions[account_id])
        if account_id in terms:
            remember(stored.get_trading_terms, account_id, day, answer=terms[account_id])


async def read_market(
    db: AnySession, account_ids: Collection[str], *, now: datetime, market: Market | None = None
) -> Quoted:
    """Return one price of each asset that some accounts hold or want, for all of them.

    Args:
        db: a session, for what they hold; for stored prices too.
        account_ids: which.
        now: the time, with its zone.
        market: the sources that are asked; None = the stored prices.

    Raises:
        SteelyardError: the store cannot be read; what a source does wrong is said in the doubt of its price.
    """
    asset_ids = await held.get_asset_ids_of(db, account_ids, now.date())
    if market is None:
        return await read_prices(asset_ids, db, now=now)
    return await read_prices(asset_ids, None, now=now, market=market)


async def quote_run(account_ids: Collection[str], *, now: datetime, market: Market) -> Quoted:
    """Ask a market for what some accounts hold or want; no transaction waits for it meanwhile; see `read_market`."""
    async with get_db_session() as db:
        return await read_market(db, account_ids, now=now, market=market)
