"""After fills, positions and asset 360 say what the ledger says, and the account stays with the ledger."""

from decimal import Decimal
from pathlib import Path

from executions import TODAY, add_link, add_order, balances_of, fill_of, record
from people import run
from steelyard.domain.order import Side
from steelyard.domain.scope import Scope
from steelyard.services.asset_360 import refresh
from steelyard.services.loading import load_tables
from steelyard.services.position import get_positions
from steelyard.storage.connection import Pool, get_db_session

BOOK = {
    "asset_master": "asset_id,asset_name,asset_type,currency,exchange\nVTI,Total,ETF,USD,ARCX\nUSD,Dollar,Cash,USD,\n",
    "market_data": "asset_id,price_date,closing_price\nVTI,2026-11-19,99\nVTI,2026-11-20,100\n",
    "accounts": "account_id,account_name,base_currency\nA,An account,USD\n",
    "transactions": "transaction_id,account,asset_id,transaction_date,transaction_type,total_amount,currency\n"
    "D,A,,2026-11-02,DEPOSIT,5000,USD\n",
}


async def test_positions_and_asset_360_agree_with_the_fills(own_store: Pool, tmp_path: Path) -> None:
    del own_store  # opening it is what matters
    for name, text in BOOK.items():
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    await load_tables(tmp_path, today=TODAY, only=list(BOOK))
    link = await add_link()
    buy, sell = await add_order(link, "A"), await add_order(link, "A", side=Side.SELL)
    await record(link, fill_of(buy, "10", "98"), fill_of(sell, "4", "101", fees=Decimal("0.5")))
    assert await balances_of("A") == {"VTI": Decimal(6), "USD": Decimal("4423.5")}
    async with get_db_session() as db:
        held = await get_positions(db, scope=Scope.account("A"), as_of=TODAY)
    assert {one.asset_id: one.quantity for one in held.positions} == {"VTI": 6, "USD": Decimal("4423.5")}
    await refresh(today=TODAY)
    rows = await run(
        "select asset_id, quantity, market_value, total_transactions from steelyard.asset_360_scoped "
        "where scope_kind = 'account' and scope_id = 'A' and asset_id = 'VTI'"
    )
    assert rows == [("VTI", 6, 600, 2)]
    assert await run("select kept_by from steelyard.accounts where account_id = 'A'") == [("ledger",)]
