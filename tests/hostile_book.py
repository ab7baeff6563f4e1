"""A book whose names want to be more than names, in a tenant of its own: with enough assets for pages, and with lots.

N000 to N119 are worth 1, 2, 3 … in one account, so that their order is known. SAW was bought twice and sold at a loss
between, which the second purchase washes.
"""

from datetime import date
from pathlib import Path

import small_book
from books import Row, write_table
from house import House, Person, transaction
from report_books import HOSTILE
from steelyard.identity.permissions import Role
from steelyard.services.asset_360 import refresh
from steelyard.services.loading import load_tables
from steelyard.services.tenant import create_tenant
from steelyard.storage.acting import OPERATOR, Acting, acting_as

COUNT = 120
NAMES = [name for name in HOSTILE if "\u202e" not in name]
IDS = ["=1-1", "A/B:C^D", "X&Y=Z_1", "W" * 64, *(f"EVIL-{place}" for place in range(len(NAMES)))]
ACCOUNT = "ACCT & <b>=1</b>"
LAST, SAW = small_book.AS_OF, "SAW"
HEADERS = {
    "asset_master": "asset_id,asset_name,asset_type,currency,sector,issuing_country",
    "market_data": "asset_id,price_date,closing_price",
    "accounts": "account_id,account_name,base_currency",
    "portfolio_allocation": "portfolio,asset_id,as_of,quantity",
    "transactions": "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,price,currency,"
    "total_amount,transaction_costs",
    "compliance_records": "record_id,account,asset_id,check_date,status,rule",
}


def name_of(place: int) -> str:
    return NAMES[place % len(NAMES)]


def numbered() -> list[str]:
    return [f"N{number:03}" for number in range(COUNT)]


def tables() -> dict[str, list[Row]]:
    assets: list[Row] = [(one, f"Number {one}", "Fund", "USD", "Tools", "US") for one in numbered()]
    assets += [
        (SAW, "Saw", "Equity", "USD", "Tools", "US"),
        ("BARE", "Without a price", "Bond", "USD", "", ""),
    ]
    assets += [
        (one, name_of(place), "Equity", "USD", name_of(place + 1), "US") for place, one in enumerate(IDS)
    ]
    trades = [("P1", 0, "BUY", 10, 100), ("P2", 20, "SELL", 10, 80), ("P3", 30, "BUY", 10, 90)]
    traded: list[Row] = [
        (
            f"{text} {number}",
            ACCOUNT,
            one,
            small_book.DAYS[200 + day],
            kind,
            units,
            price,
            "USD",
            units * price,
            1,
        )
        for number, one in enumerate([SAW, *IDS])
        for text, day, kind, units, price in trades
    ]
    return {
        "asset_master": assets,
        "market_data": small_book.prices(SAW) + [(one, LAST, 1) for one in [*numbered(), *IDS]],
        "accounts": [(ACCOUNT, NAMES[0], "USD"), ("WIDE", "Wide", "USD")],
        "portfolio_allocation": [
            *((ACCOUNT, one, small_book.DAYS[0], 10_000) for one in IDS),
            *(("WIDE", one, small_book.DAYS[0], number + 1) for number, one in enumerate(numbered())),
            (ACCOUNT, SAW, small_book.DAYS[0], 10),
            ("WIDE", "BARE", small_book.DAYS[0], 1),
        ],
        "transactions": [
            ("MONEY", ACCOUNT, "", small_book.DAYS[1], "DEPOSIT", "", "", "USD", 1_000_000, 0),
            *traded,
            ("=NEVER", ACCOUNT, IDS[0], date(2023, 3, 1), "<i>ODD</i>", 1, 1, "USD", 1, 0),
        ],
        "compliance_records": [
            (f"C{place}", ACCOUNT, one, LAST, "VIOLATION", f"=cmd {name_of(place)}")
            for place, one in enumerate(IDS)
        ],
    }


def move_in(house: House, folder: Path) -> Person:
    """Load and publish the book in a new tenant of the house; gives its owner."""

    async def load() -> Person:
        async with transaction(OPERATOR) as db:
            tenant_id = await create_tenant(db, "Names that want more")
        with acting_as(Acting(tenant_id, "operator")):
            for name, rows in tables().items():
                write_table(folder, name, HEADERS[name], rows)
            await load_tables(folder, today=small_book.TODAY, only=list(HEADERS))
            await refresh(today=small_book.TODAY)
        return await house.person(Role.OWNER, tenant_id)

    return house.do(load())
