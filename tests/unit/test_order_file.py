"""Order files, from trades made by hand."""

import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest

from steelyard.cli.order_file import LAYOUTS, AccountTrades, UnfitOrderError, count_orders, write_orders
from steelyard.domain.portfolio import Portfolio, Price
from steelyard.rebalancing.trade import Conversion, Trade


def trade(asset_id: str, quantity: str, *, currency: str | None = "USD", reason: str = "Buy it.") -> Trade:
    amount = Decimal(quantity)
    return Trade(
        asset_id, amount, Decimal("10.50"), currency, amount * 10, Decimal(0), Decimal(0), None, reason
    )


def account(
    *trades: Trade, conversions: tuple[Conversion, ...] = (), account_id: str = "IRA-1"
) -> AccountTrades:
    prices = {one.asset_id: Price(one.price, one.currency or "") for one in trades}
    portfolio = Portfolio(account_id, "USD", {}, {}, {}, {"JPY": Decimal("0.1")}, prices)
    return AccountTrades(portfolio, trades, conversions)


TRADES = (trade("AAA", "12.500"), trade("BBB", "-3"))
CONVERSION = Conversion("EUR", Decimal("100.00"), "USD", Decimal("106.25"), Decimal(0), "Dollars are needed.")


def test_the_generic_file_says_everything_and_sells_first() -> None:
    written = write_orders([account(*TRADES, conversions=(CONVERSION,))], LAYOUTS["generic"])

    assert written.splitlines() == [
        "account,action,asset,quantity,price,currency,reason",
        "IRA-1,convert,USD,106.25,,EUR,Dollars are needed.",
        "IRA-1,sell,BBB,3,10.5,USD,Buy it.",
        "IRA-1,buy,AAA,12.5,10.5,USD,Buy it.",
    ]


def test_the_basket_of_interactive_brokers() -> None:
    written = write_orders([account(*TRADES)], LAYOUTS["ibkr"])

    assert written == (
        "Action,Quantity,Symbol,SecType,Exchange,Currency,TimeInForce,OrderType,Account\r\n"
        "SELL,3,BBB,STK,SMART,USD,DAY,MKT,IRA-1\r\n"
        "BUY,12.5,AAA,STK,SMART,USD,DAY,MKT,IRA-1\r\n"
    )


def test_the_trade_list_of_redi() -> None:
    written = write_orders([account(*TRADES)], LAYOUTS["redi"])

    assert written == "Symbol,Side,Account,Quantity\r\nBBB,S,IRA-1,3\r\nAAA,B,IRA-1,12.5\r\n"


@pytest.mark.parametrize("layout", ["ibkr", "redi"])
def test_currency_trades_are_no_orders_for_shares_and_are_counted(layout: str) -> None:
    found = [account(*TRADES, trade("JPY", "1000"), conversions=(CONVERSION,))]

    assert "JPY" not in write_orders(found, LAYOUTS[layout])
    assert count_orders(found, LAYOUTS[layout]) == (2, 2)
    assert count_orders(found, LAYOUTS["generic"]) == (4, 0)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b"])
def test_no_cell_is_a_formula(start: str) -> None:
    evil = f"{start}cmd|' /C calc'!A0"
    odd = trade("-X", "-2", reason=evil)

    written = write_orders([account(odd, account_id="=A1")], LAYOUTS["generic"])

    row = list(csv.reader(io.StringIO(written, newline=""), strict=True))[1]
    assert row == ["'=A1", "sell", "'-X", "2", "10.5", "USD", f"'{evil}"]


UNFIT = {
    "a symbol that starts like a formula": ("ibkr", account(trade("-X", "1")), "starts like a formula"),
    "an account that starts like one": (
        "redi",
        account(trade("X", "1"), account_id="@1"),
        "starts like a formula",
    ),
    "no currency": (
        "ibkr",
        replace(
            account(trade("X", "1", currency=None)),
            portfolio=replace(account().portfolio, base_currency=""),
        ),
        "no currency is named",
    ),
    "no account": ("redi", account(trade("X", "1"), account_id=""), "no account is named"),
    "a comma": ("ibkr", account(trade("X", "1"), account_id="A,B"), "holds a comma"),
}


@pytest.mark.parametrize(("layout", "unfit", "sentence"), UNFIT.values(), ids=UNFIT)
def test_what_a_platform_would_misread_is_refused(layout: str, unfit: AccountTrades, sentence: str) -> None:
    with pytest.raises(UnfitOrderError, match=sentence):
        write_orders([unfit], LAYOUTS[layout])
