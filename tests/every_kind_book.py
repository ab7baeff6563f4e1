"""A book with a transaction of every kind, names that want to be more than names, and a cell of every column."""

from datetime import date
from pathlib import Path

from books import Row, write_table
from report_books import HOSTILE
from steelyard.domain.spreadsheet import cell
from steelyard.statements.columns import FORMATS

TODAY = date(2024, 6, 28)
PLAIN, OTHER, HOSTILE_ID, PENCE, BOND = "VTI", "NEW.CO", "=1-1", "VOD", "-BOND/5 25"
FIRST, SECOND = '\'=ACCT & "1", <b>', "ANNA'S"
NAMES = [name for name in HOSTILE if "\u202e" not in name]

HEADERS = {
    "asset_master": "asset_id,asset_name,asset_type,isin,currency,exchange,issuer,issue_date,maturity_date,par_value,"
    "rating,sector,issuing_country,status,benchmark_asset_id,price_basis",
    "benchmarks": "currency,asset_id",
    "fx_rates": "currency,rate_date,units_per_eur,source",
    "risk_free_rates": "currency,rate_date,annual_rate,series",
    "households": "household_id,household_name,base_currency",
    "model_portfolios": "model_id,model_name",
    "target_weights": "model_id,asset_id,target_weight",
    "accounts": "account_id,account_name,household_id,base_currency,model_id,stated_value,stated_value_date,"
    "lot_method,may_overdraw,may_short",
    "market_data": "asset_id,price_date,closing_price,source,price_time",
    "performance_history": "asset_id,date,daily_return,total_return",
    "risk_metrics": "asset_id,calculation_date,volatility,var_95,beta,sharpe_ratio,expected_shortfall_95,max_drawdown",
    "portfolio_allocation": "portfolio,asset_id,as_of,quantity,target_weight,actual_weight",
    "transactions": "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,price,currency,"
    "total_amount,transaction_costs,tax_amount,settlement_date,counter_account,counter_asset_id,counter_quantity,"
    "counter_currency,counter_amount,acquired_date,basis_fraction,lot_id",
    "compliance_records": "record_id,account,asset_id,check_date,status,rule",
}


def _moved(  # noqa: PLR0917 - a line of a table, read as one
    number: str,
    kind: str,
    day: str,
    asset: str = "",
    quantity: object = "",
    amount: object = 0,
    costs: object = "",
    account: str = FIRST,
    currency: str = "USD",
    **more: object,
) -> Row:
    """Write a transaction; `more` by column."""
    names = HEADERS["transactions"].split(",")
    said: dict[str, object] = {
        "transaction_id": number,
        "account": account,
        "asset_id": asset,
        "transaction_date": f"2024-{day}",
        "transaction_type": kind,
        "quantity": quantity,
        "currency": currency,
        "total_amount": amount,
        "transaction_costs": costs,
    }
    return tuple((said | more).get(name, "") for name in names)


def transactions() -> list[Row]:
    return [
        _moved("'OPEN", "OPENING", "01-02", PLAIN, 100, 20_000, acquired_date="2019-05-06"),
        _moved("OPEN-CASH", "OPENING", "01-02", amount="50000.12345678"),
        _moved("=1+DEP", "DEPOSIT", "01-03", amount=100_000),
        _moved("WD", "WITHDRAWAL", "01-04", amount="0.00000001"),
        _moved("BUY", "BUY", "01-05", HOSTILE_ID, "10.123456789012", "1000.5", "1.25", tax_amount="0.25",
               price="98.83", settlement_date="2024-01-09"),
        _moved("BUY2", "BUY", "01-05", PLAIN, 50, 11_000, 5),
        _moved("PENCE", "BUY", "01-08", PENCE, 200, "14562.5", 100, currency="GBX"),
        _moved("SELL", "SELL", "01-10", PLAIN, 30, 7_000, 2, lot_id="BUY2"),
        _moved("SHORT", "SHORT", "01-11", OTHER, 5, 500, 1),
        _moved("COVER", "COVER", "01-12", OTHER, 5, 480, 1),
        _moved("DIV", "DIVIDEND", "01-15", PLAIN, amount="120.55", costs="18.08", tax_amount="18.08"),
        _moved("DIV-ALL", "DIVIDEND", "01-16", PLAIN, account="", price="0.42"),
        _moved("DRIP", "DIVIDEND_REINVESTED", "01-17", PLAIN, "0.5", 110, 0),
        _moved("INT", "INTEREST", "01-18", amount=3),
        _moved("INT-PAID", "INTEREST_PAID", "01-18", amount=2),
        _moved("FEE", "FEE", "01-19", amount=9),
        _moved("FEE-BACK", "FEE_REFUND", "01-20", amount=4),
        _moved("TAX", "TAX", "01-22", amount=7),
        _moved("TAX-BACK", "TAX_REFUND", "01-23", amount=1),
        _moved("RECEIVE", "RECEIVE", "01-24", BOND, 10, 980),
        _moved("REDEEM", "REDEMPTION", "01-25", BOND, 4, 400),
        _moved("DELIVER", "DELIVER", "01-26", BOND, 1, 100),
        _moved("MOVE", "TRANSFER", "01-29", PLAIN, 40, counter_account=SECOND),
        _moved("MOVE-CASH", "TRANSFER", "01-29", amount=1_000, counter_account=SECOND),
        _moved("FX", "FX", "01-30", amount=1_080, counter_currency="EUR", counter_amount=1_000),
        _moved("SPLIT", "SPLIT", "02-01", PLAIN, 1, counter_quantity=3, account=""),
        _moved("SPIN", "SPIN_OFF", "02-05", PLAIN, 10, counter_quantity=1, counter_asset_id=OTHER,
               basis_fraction="0.125", account=""),
        _moved("MERGER", "MERGER", "02-08", PENCE, 2, price=1, counter_quantity=1, counter_asset_id=OTHER,
               basis_fraction="0.9", currency="GBP"),
        _moved("ROC", "RETURN_OF_CAPITAL", "02-12", PLAIN, amount=15),
        _moved("RENAME", "SYMBOL_CHANGE", "02-14", HOSTILE_ID, counter_asset_id="NEW-NAME"),
        _moved("@ODD", "SWAP", "02-20", PLAIN, 1, 1),
        _moved("AHEAD", "SPLIT", "12-20", PLAIN, 1, counter_quantity=2),
    ]  # fmt: skip


def tables() -> dict[str, list[Row]]:
    ids = [PLAIN, OTHER, HOSTILE_ID, PENCE, BOND, "NEW-NAME"]
    assets: list[Row] = [
        (one, NAMES[place % len(NAMES)], "Equity", "", "GBX" if one == PENCE else "USD", "", NAMES[-1], "", "", "",
         "", NAMES[(place + 3) % len(NAMES)], "US", "ACTIVE", "", "raw")
        for place, one in enumerate(ids)
    ]  # fmt: skip
    assets[0] = (PLAIN, "+Total Market", "ETF", "US9229087690", "USD", "ARCX", "@Vanguard", "2001-05-24", "",
                 "0.00000001", "-AAA", "\uff1dBroad", "US", "active", OTHER, "split_adjusted")  # fmt: skip
    assets.append(("SPX", "Index", "Index", "", "USD", "", "", "", "", "", "", "", "", "DELISTED", "", "raw"))
    days = ["2024-01-02", "2024-02-15", "2024-06-27"]
    prices: list[Row] = [
        (one, day, f"{100 + place}.5", "file", "") for one in [*ids, "SPX"] for place, day in enumerate(days)
    ]
    prices.append((PLAIN, "2024-06-26", "0.000000000001", "-feed", "2024-06-26T20:00:00.123456+00:00"))
    return {
        "asset_master": assets,
        "benchmarks": [("USD", "SPX")],
        "fx_rates": [(one, day, f"1.{place}7", "ecb") for place, one in enumerate(["USD", "GBP"]) for day in days],
        "risk_free_rates": [
            ("USD", "2024-01-02", "-0.005", "=SOFR"),
            ("USD", "2024-03-01", "0.05310000000000001", "x"),
        ],
        "households": [("@HOME", "'+Family", "EUR")],
        "model_portfolios": [("-M1", "=Growth"), ("UNUSED", "''")],
        "target_weights": [("-M1", PLAIN, "0.333333333333"), ("-M1", BOND, "0.666666666667"), ("UNUSED", "SPX", 1)],
        "accounts": [
            (FIRST, "=cmd|'/C calc'!A0", "@HOME", "USD", "-M1", "", "", "hifo", "yes", "yes"),
            (SECOND, "'", "", "EUR", "", "123.45", "2024-01-02", "fifo", "no", "no"),
            ("WEIGHTS", "'-", "", "USD", "", "1000000", "2024-01-02", "average", "yes", "no"),
        ],
        "market_data": prices,
        "performance_history": [
            (PLAIN, "2024-01-03", "-0.1", "1e-05"),
            (PLAIN, "2024-01-04", "", "0.30000000000000004"),
        ],
        "risk_metrics": [(PLAIN, "2024-06-28", "0.2", "0.025", "-1.5", "-0.75", "0.03", "0")],
        "portfolio_allocation": [
            (FIRST, PLAIN, "2024-01-31", "110.5", "", ""),
            (FIRST, OTHER, "2024-01-31", "-3", "", ""),
            ("WEIGHTS", PLAIN, "", "", "0.5", "-0.25"),
            ("WEIGHTS", "SPX", "", "", "0.5", "1.25"),
        ],
        "transactions": transactions(),
        "compliance_records": [
            ("'=C1", FIRST, PLAIN, "2024-06-27", "VIOLATION", '=max 5 %, "or"\u2028so'),
            ("C2", "", BOND, "2024-06-27", "pass", ""),
        ],
    }  # fmt: skip


def write_book(folder: Path) -> Path:
    """Write the whole book into a folder, texts as an export writes them, so that each is loaded as it stands here."""
    for name, rows in tables().items():
        kinds = {column.name: column for column in FORMATS[name].columns}
        is_text = [
            not kinds[column].is_number and "date" not in column for column in HEADERS[name].split(",")
        ]
        guarded = [
            tuple(
                cell(value) if here and isinstance(value, str) else value
                for here, value in zip(is_text, row, strict=True)
            )
            for row in rows
        ]
        write_table(folder, name, HEADERS[name], guarded)
    return folder
