"""Order files: the trades of accounts as a custodian's platform takes them, sales first, so that their cash is there.

docs/reference/order-files.md says where each layout is published.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from steelyard.domain.portfolio import Portfolio
from steelyard.domain.spreadsheet import cell
from steelyard.errors import ConflictError, InvalidInputError
from steelyard.rebalancing.trade import Conversion, Trade

Cells = tuple[str, ...]


class UnfitOrderError(InvalidInputError):
    """A trade cannot be said in a layout."""

    def __init__(self, layout: str, asset_id: str, why: str) -> None:
        """Name the layout, the asset and the reason."""
        super().__init__(
            f"The layout {layout} cannot hold the order of {asset_id!r}: {why}. Nothing was written."
        )


class NothingToOrderError(ConflictError):
    """No trades keep every constraint, so there is nothing to order."""

    def __init__(self, account_id: str) -> None:
        """Name the account."""
        super().__init__(
            f"No order file was written: no trades of {account_id or 'the account'} keep every constraint."
        )


@dataclass(frozen=True, slots=True)
class AccountTrades:
    """What one account is to trade, and the portfolio that names it and its currency."""

    portfolio: Portfolio
    trades: Sequence[Trade]
    conversions: Sequence[Conversion] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """How a platform wants its orders.

    Attributes:
        name: the word for `--layout`.
        header: its first line.
        row: the cells of one order.
        conversions: the cells of each currency trade; None where the layout has no place for them.
    """

    name: str
    header: Cells
    row: Callable[[AccountTrades, Trade], Cells]
    conversions: Callable[[AccountTrades], Iterator[Cells]] | None = None


def write_orders(accounts: Sequence[AccountTrades], layout: Layout) -> str:
    """Return the order file of accounts, as RFC 4180 wants it: lines end in CR LF.

    Raises:
        UnfitOrderError: a trade has a symbol or lacks a currency or an account, so that the layout cannot hold it.
    """
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(layout.header)
    for account in accounts:
        lines.writerows(layout.conversions(account) if layout.conversions else ())
        lines.writerows(layout.row(account, trade) for trade in in_order(account, layout))
    return text.getvalue()


def in_order(account: AccountTrades, layout: Layout) -> list[Trade]:
    """Return the trades a layout has a place for, sales first, then by asset."""
    trades = sorted(account.trades, key=lambda trade: (trade.quantity > 0, trade.asset_id))
    return [trade for trade in trades if layout.conversions or not _is_currency_trade(account, trade)]


def count_orders(accounts: Sequence[AccountTrades], layout: Layout) -> tuple[int, int]:
    """Return how many orders a file of the layout holds, and how many currency trades it has no place for."""
    trades = sum(len(in_order(account, layout)) for account in accounts)
    conversions = sum(len(account.conversions) for account in accounts)
    if layout.conversions:
        return trades + conversions, 0
    return trades, conversions + sum(len(account.trades) for account in accounts) - trades


def _is_currency_trade(account: AccountTrades, trade: Trade) -> bool:
    """Whether what is traded is a currency that is held as an investment."""
    return trade.asset_id in account.portfolio.cash_targets


def number(amount: Decimal) -> str:
    """Return a number without exponent, thousands separators or idle zeros.

    >>> number(Decimal("1200.500")), number(Decimal("-3E+2"))
    ('1200.5', '-300')
    """
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# ── Generic ─────────────────────────────────────────────────────────────────────────────────────────────


def _generic(account: AccountTrades, trade: Trade) -> Cells:
    portfolio = account.portfolio
    return (
        cell(portfolio.account_id),
        _side(trade, "buy", "sell"),
        cell(trade.asset_id),
        number(abs(trade.quantity)),
        number(trade.price),
        trade.currency or portfolio.base_currency,
        cell(trade.reason),
    )


def _generic_conversions(account: AccountTrades) -> Iterator[Cells]:
    """Give currency trades: the bought currency as the asset, the sold one as the currency."""
    for done in account.conversions:
        name = cell(account.portfolio.account_id)
        bought, sold = number(done.bought), done.sold_currency
        yield name, "convert", done.bought_currency, bought, "", sold, cell(done.reason)


# ── Interactive Brokers, Trader Workstation, BasketTrader ───────────────────────────────────────────────


def _ibkr(account: AccountTrades, trade: Trade) -> Cells:
    currency = trade.currency or account.portfolio.base_currency
    if not currency:
        raise UnfitOrderError("ibkr", trade.asset_id, "no currency is named; add the column currency")
    return (
        _side(trade, "BUY", "SELL"),
        number(abs(trade.quantity)),
        _symbol("ibkr", trade.asset_id),
        "STK",
        "SMART",
        currency,
        "DAY",
        "MKT",
        _symbol("ibkr", account.portfolio.account_id) if account.portfolio.account_id else "",
    )


# ── REDIPlus, Portfolio Trader, trade list ──────────────────────────────────────────────────────────────


def _redi(account: AccountTrades, trade: Trade) -> Cells:
    account_id = account.portfolio.account_id
    if not account_id:
        raise UnfitOrderError(
            "redi", trade.asset_id, "no account is named; bring the account as JSON with its key account"
        )
    return (
        _symbol("redi", trade.asset_id),
        _side(trade, "B", "S"),
        _symbol("redi", account_id),
        number(abs(trade.quantity)),
    )


def _side(trade: Trade, buy: str, sell: str) -> str:
    return buy if trade.quantity > 0 else sell


def _symbol(layout: str, text: str) -> str:
    """Return a symbol as it is: a platform would not know it with a quote before it."""
    if cell(text) != text:
        raise UnfitOrderError(layout, text, "it starts like a formula of a spreadsheet")
    if "," in text:
        raise UnfitOrderError(layout, text, "it holds a comma")
    return text


LAYOUTS: Final = {
    layout.name: layout
    for layout in (
        Layout(
            "generic",
            ("account", "action", "asset", "quantity", "price", "currency", "reason"),
            _generic,
            _generic_conversions,
        ),
        Layout(
            "ibkr",
            (
                "Action",
                "Quantity",
                "Symbol",
                "SecType",
                "Exchange",
                "Currency",
                "TimeInForce",
                "OrderType",
                "Account",
            ),
            _ibkr,
        ),
        Layout("redi", ("Symbol", "Side", "Account", "Quantity"), _redi),
    )
}
"""The layouts by name."""
