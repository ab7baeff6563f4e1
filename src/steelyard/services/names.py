"""What firms call the tables and columns that we know."""

from typing import Final

OUR_WORDS: Final = {
    "asset_master": "the assets",
    "market_data": "the closing prices",
    "performance_history": "the daily returns",
    "risk_metrics": "the risk figures",
    "portfolio_allocation": "what portfolios hold",
    "transactions": "the transactions",
    "compliance_records": "the results of compliance checks",
    "accounts": "the portfolios themselves, with their values",
    "asset_360": "the asset_360 you have made so far",
}
"""What each of our tables holds, in words."""

TABLE_WORDS: Final = {
    "asset_master": ("asset_master", "asset", "instrument", "securit", "master", "product"),
    "market_data": ("market_data", "price", "px", "quote", "market", "close"),
    "performance_history": ("performance", "perf", "return"),
    "risk_metrics": ("risk",),
    "portfolio_allocation": ("allocation", "holding", "position"),
    "transactions": ("transaction", "trade", "booking", "execution"),
    "compliance_records": ("compliance", "compl", "check", "breach"),
    "accounts": ("account", "portfolio", "book", "fund"),
    "asset_360": ("asset_360", "asset360"),
}
"""Parts of the names of tables."""

_ASSET: Final = (
    "asset",
    "instrument_id",
    "instrument",
    "security_id",
    "sec_id",
    "secid",
    "ticker",
    "symbol",
    "isin",
)
_PORTFOLIO: Final = (
    "portfolio",
    "portfolio_id",
    "account",
    "account_id",
    "account_no",
    "book",
    "book_no",
    "fund",
    "fund_id",
)

COLUMN_WORDS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "asset_id"): _ASSET,
    ("", "portfolio"): _PORTFOLIO,
    ("", "account"): _PORTFOLIO,
    ("", "account_id"): _PORTFOLIO,
    ("", "currency"): ("ccy", "curr", "currency_code"),
    ("", "base_currency"): ("ccy", "currency", "currency_code"),
    ("", "asset_name"): ("name", "descr", "description", "instrument_name", "security_name", "long_name"),
    ("", "asset_type"): ("type", "kind", "asset_class", "instrument_type", "security_type"),
    ("", "isin"): ("isin_code", "isin_no"),
    ("", "sector"): ("gics", "gics_sector", "industry", "sector_name"),
    ("", "issuing_country"): ("country", "domicile", "country_of_issue", "country_code"),
    ("", "issuer"): ("issuer_name",),
    ("asset_master", "status"): ("state",),
    ("", "price_date"): ("date", "px_date", "trade_date", "quote_date", "dt", "day"),
    ("", "closing_price"): ("close", "price", "px_last", "px_close", "close_price", "last_price", "closing"),
    ("", "date"): ("d", "dt", "perf_date", "return_date", "as_of", "as_of_date"),
    ("", "daily_return"): ("ret", "return", "ret_1d", "ret_pct", "daily_ret", "day_return", "return_pct"),
    ("performance_history", "total_return"): ("cum_return", "cumulative_return", "cum_pct", "cum_ret"),
    ("", "calculation_date"): ("calc_date", "date", "as_of", "as_of_date", "risk_date"),
    ("", "volatility"): ("vol", "vol_pct", "annual_volatility", "sigma", "vola"),
    ("", "var_95"): ("var", "var95", "var_usd", "value_at_risk", "var_95_amount"),
    ("", "sharpe_ratio"): ("sharpe",),
    ("", "as_of"): (
        "asof",
        "as_of_date",
        "asof_date",
        "holding_date",
        "position_date",
        "snapshot_date",
        "date",
    ),
    ("", "quantity"): ("units", "qty", "shares", "amount_held", "nominal"),
    ("", "target_weight"): ("target_percentage", "target_pct", "pct_target", "target"),
    ("", "actual_weight"): ("actual_percentage", "actual_pct", "weight", "pct", "percentage", "actual"),
    ("", "transaction_id"): ("id", "trade_id", "txn_id", "trade_no"),
    ("", "transaction_date"): ("trade_dt", "trade_date", "txn_date", "date", "booking_date", "dt"),
    ("", "transaction_type"): ("side", "type", "txn_type", "trade_type", "buy_sell", "direction"),
    ("", "total_amount"): ("gross", "gross_amount", "amount", "consideration", "value"),
    ("", "transaction_costs"): ("fees", "costs", "fee", "commission", "charges"),
    ("", "record_id"): ("id", "check_id"),
    ("", "check_date"): ("checked", "checked_on", "date", "checked_at"),
    ("compliance_records", "status"): ("outcome", "result", "state"),
    ("", "rule"): ("rule_name", "check", "limit_name"),
    ("", "account_name"): ("nm", "name", "portfolio_name", "descr", "description", "book_name", "fund_name"),
    ("", "stated_value"): ("nav", "value", "market_value", "portfolio_value", "aum", "total_value"),
    ("", "stated_value_date"): ("nav_date", "value_date"),
}
"""Other names of columns, the likeliest first; those of one table before those of any."""
