"""What each account holds by the ledger, as `steelyard.ledger_positions` answers everybody who may read."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from steelyard.storage.connection import ReadSession, WriteSession, raw_connection

QUESTION = """
select * from steelyard.ledger_positions(steelyard.current_tenant(), $1)
order by account_id, is_cash, commodity
"""


class LedgerPosition(NamedTuple):
    """What an account holds of an asset, or of a currency."""

    account_id: str
    commodity: str
    is_cash: bool
    asset_id: str | None
    quantity: Decimal


async def read_ledger_positions(
    db: ReadSession | WriteSession, as_of: date = date.max
) -> list[LedgerPosition]:
    connection = await raw_connection(db)
    return [LedgerPosition(*row) for row in await connection.fetch(QUESTION, as_of)]
