"""The books of a house: what its two tenants have; see tests/house.py."""

import small_book
from books import Row

HEADERS = {
    "asset_master": "asset_id,asset_name,asset_type,currency,sector,issuing_country",
    "market_data": "asset_id,price_date,closing_price",
    "households": "household_id,household_name,base_currency",
    "accounts": "account_id,account_name,household_id,base_currency",
    "portfolio_allocation": "portfolio,asset_id,as_of,quantity",
    "transactions": "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,price,currency,"
    "total_amount,transaction_costs",
    "compliance_records": "record_id,account,asset_id,check_date,status",
}


def shared_tables() -> dict[str, list[Row]]:
    names = ("A", "MINECO", "HIDDENCO", "FOREIGNCO")
    return {
        "asset_master": [(name, f"{name} Corp", "Equity", "USD", "Tools", "US") for name in names],
        "market_data": small_book.prices(*names),
    }


def own_tables(*accounts: tuple[str, str, str]) -> dict[str, list[Row]]:
    """The tables of a tenant, from its accounts: id, household and what it holds besides A."""
    first, bought = small_book.DAYS[0], small_book.DAYS[10]
    tables: dict[str, list[Row]] = {name: [] for name in HEADERS if name not in shared_tables()}
    tables["households"] = [(h, f"{h} family", "USD") for h in sorted({h for _, h, _ in accounts})]
    for account, household, asset in accounts:
        tables["accounts"].append((account, f"{account} of {household}", household, "USD"))
        tables["portfolio_allocation"] += [(account, "A", first, 7), (account, asset, first, 3)]
        tables["transactions"] += [
            (f"{account}-T1", account, "", first, "DEPOSIT", "", "", "USD", 5000, 0),
            (f"{account}-T2", account, asset, bought, "BUY", 3, 100, "USD", 300, 1),
        ]
        tables["compliance_records"].append((f"{account}-C1", account, asset, bought, "VIOLATION"))
    return tables


OURS = own_tables(
    ("MINE-1", "MINE-HOUSE", "MINECO"),
    ("MINE-2", "MINE-HOUSE", "MINECO"),
    ("MINE-3", "MIXED-HOUSE", "MINECO"),
    ("HIDDEN-1", "HIDDEN-HOUSE", "HIDDENCO"),
    ("HIDDEN-2", "MIXED-HOUSE", "HIDDENCO"),
)
THEIRS = own_tables(("FOREIGN-1", "FOREIGN-HOUSE", "FOREIGNCO"))
