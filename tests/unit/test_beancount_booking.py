"""What transactions of a beancount ledger become: legs by hand, no library."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from beancount_files import brief
from steelyard.domain.posting import Place, postings_of
from steelyard.domain.transaction import ZERO, Transaction
from steelyard.statements.beancount_booking import book
from steelyard.statements.beancount_legs import Leg, LegError, Pockets
from steelyard.statements.beancount_part import Entry
from steelyard.statements.record import Hint, Record

POCKETS = Pockets(
    {
        "Assets:Bank": ["USD"],
        "Assets:Other": ["USD"],
        "Assets:B:Cash": ["USD"],
        "Assets:B:CashEUR": ["EUR"],
        "Assets:B:VTI": ["VTI"],
        "Assets:B:BND": ["BND"],
        "Assets:C:VTI": ["VTI"],
        "Assets:C:Cash": ["USD"],
        "Assets:Wallet": ["BTC", "ETH"],
        "Assets:Hours": ["VACHR"],
    },
    like_money=["BND"],  # a fund, and the dollar of Brunei
)
LEG = re.compile(
    r"(\S+) (-?[\d.]+) (\w+)(?: \{([\d.]+) (\w+)(?:, ([\d-]+))?\})?(?: @ ([\d.]+) (\w+))?",
)


def leg(text: str) -> Leg:
    found = LEG.fullmatch(text)
    assert found, text
    account, number, commodity, cost, cost_in, acquired, price, price_in = found.groups()
    return Leg(
        account=account,
        number=Decimal(number),
        commodity=commodity,
        cost=Decimal(cost) if cost else None,
        cost_currency=cost_in or "",
        acquired=date.fromisoformat(acquired) if acquired else None,
        price=Decimal(price) if price else None,
        price_currency=price_in or "",
    )


def booked(legs: list[Leg], held: Mapping[tuple[str, str], Decimal] | None = None) -> list[Record]:
    entry = Entry(7, date(2024, 3, 14), "note", tuple(legs))
    return book(entry, POCKETS, {"VTI": Hint(symbol="VTI")}, held or {})


CASES = {
    "a purchase, its commission beside it": (
        "Assets:B:Cash -1009.95 USD; Assets:B:VTI 10 VTI {100 USD}; Expenses:Commissions 9.95 USD",
        ["BUY Assets:B 10 VTI 1000 USD costs 9.95 tax 0"],
    ),
    "a purchase that rounding leaves a cent off takes what was paid": (
        "Assets:B:Cash -23.99 USD; Assets:B:VTI 2.345 VTI {10.23 USD}",
        ["BUY Assets:B 2.345 VTI 23.99 USD"],
    ),
    "a purchase from the bank moves the cash first": (
        "Assets:Bank -1000 USD; Assets:B:VTI 10 VTI {100 USD}",
        ["TRANSFER Assets:Bank 1000 USD -> Assets:B", "BUY Assets:B 10 VTI 1000 USD"],
    ),
    "a purchase out of pay": (
        "Income:Salary -500 USD; Assets:B:VTI 5 VTI {100 USD}",
        ["BUY Assets:B 5 VTI 500 USD", "DEPOSIT Assets:B 500 USD"],
    ),
    "a sale of two lots, with a gain": (
        (
            "Assets:B:VTI -4 VTI {9 USD} @ 12 USD; Assets:B:VTI -6 VTI {10 USD} @ 12 USD;"
            "Assets:B:Cash 110 USD; Expenses:Fees 10 USD; Income:PnL -24 USD"
        ),
        ["SELL Assets:B 10 VTI 120 USD costs 10 tax 0"],
    ),
    "a sale whose gain has a name of its own": (
        "Assets:B:VTI -10 VTI {90 USD} @ 120 USD; Assets:B:Cash 1200 USD; Income:Long -300 USD",
        ["SELL Assets:B 10 VTI 1200 USD"],
    ),
    "a sale with tax withheld": (
        (
            "Assets:B:VTI -10 VTI {90 USD} @ 120 USD; Assets:B:Cash 1150 USD; Income:PnL -300 USD;"
            "Expenses:Taxes:Withheld 50 USD"
        ),
        ["SELL Assets:B 10 VTI 1200 USD costs 50 tax 50"],
    ),
    "a sale at a loss without a price": (
        "Assets:B:VTI -10 VTI {90 USD}; Assets:B:Cash 700 USD; Income:Gains 200 USD",
        ["SELL Assets:B 10 VTI 700 USD"],
    ),
    "a dividend with tax withheld": (
        "Assets:B:Cash 85 USD; Expenses:Taxes:Withheld 15 USD; Income:B:VTI:Dividend -100 USD",
        ["DIVIDEND Assets:B VTI 100 USD costs 15 tax 15"],
    ),
    "a dividend of no named asset": (
        "Assets:B:Cash 100 USD; Income:B:Dividends -100 USD",
        ["INTEREST Assets:B 100 USD"],
    ),
    "a dividend that an empty leg names": (
        "Assets:B:Cash 100 USD; Assets:B:VTI 0 VTI; Income:B:Dividends -100 USD",
        ["INTEREST Assets:B 100 USD"],
    ),
    "a dividend that is reinvested": (
        "Assets:B:VTI 0.5 VTI {100 USD}; Income:B:VTI:Dividend -50 USD",
        ["DIVIDEND_REINVESTED Assets:B 0.5 VTI 50 USD"],
    ),
    "a dividend that its fee uses up": (
        "Assets:B:VTI 0.5 VTI {0 USD}; Income:B:VTI:Dividend -5 USD; Expenses:Fees 5 USD",
        ["BUY Assets:B 0.5 VTI costs 5 tax 0", "DIVIDEND Assets:B VTI 5 USD"],
    ),
    "interest of two kinds": (
        "Assets:Bank 7 USD; Income:Interest -10 USD; Expenses:Interest:Loan 3 USD",
        ["INTEREST Assets:Bank 7 USD"],
    ),
    "interest that rounding leaves a part of a cent off": (
        "Assets:Bank 7 USD; Income:Interest -10.004 USD; Expenses:Taxes 3 USD",
        ["INTEREST Assets:Bank 10 USD costs 3 tax 3"],
    ),
    "a bank fee": ("Assets:Bank -4 USD; Expenses:Fees 4 USD", ["FEE Assets:Bank 4 USD"]),
    "a fee that comes back": ("Assets:Bank 4 USD; Expenses:Fees -4 USD", ["FEE_REFUND Assets:Bank 4 USD"]),
    "a tax, and a meal": (
        "Assets:Bank -30 USD; Expenses:Tax 20 USD; Expenses:Food 10 USD",
        ["TAX Assets:Bank 20 USD", "WITHDRAWAL Assets:Bank 10 USD"],
    ),
    "pay less its taxes": (
        "Assets:Bank 1350.6 USD; Expenses:Taxes 649.4 USD; Income:Salary -2000 USD",
        ["DEPOSIT Assets:Bank 1350.6 USD"],
    ),
    "pay on two accounts": (
        "Assets:Bank 1000 USD; Assets:B:Cash 500 USD; Expenses:Taxes 500 USD; Income:Salary -2000 USD",
        ["DEPOSIT Assets:Bank 1000 USD", "DEPOSIT Assets:B 500 USD"],
    ),
    "a transfer with a fee": (
        "Assets:Bank -510 USD; Assets:B:Cash 500 USD; Expenses:Fees 10 USD",
        ["TRANSFER Assets:Bank 500 USD -> Assets:B", "FEE Assets:Bank 10 USD"],
    ),
    "a card that is paid": (
        "Assets:Bank -70 USD; Liabilities:Card 70 USD",
        ["WITHDRAWAL Assets:Bank 70 USD"],
    ),
    "cash at the beginning": (
        "Assets:Bank 70 USD; Equity:Opening-Balances -70 USD",
        ["OPENING Assets:Bank 70 USD"],
    ),
    "units at the beginning": (
        "Assets:B:VTI 10 VTI {90 USD, 2019-05-06}; Equity:Opening-Balances -900 USD",
        ["OPENING Assets:B 10 VTI 900 USD"],
    ),
    "units from somebody": (
        "Assets:B:VTI 10 VTI {90 USD}; Equity:Gifts -900 USD",
        ["RECEIVE Assets:B 10 VTI 900 USD"],
    ),
    "money changed in one account": (
        "Assets:B:Cash -120 USD; Assets:B:CashEUR 110 EUR @ 1.090909090909090909090909091 USD",
        ["FX Assets:B 120 USD -> 110 EUR"],
    ),
    "money changed at a rate that is rounded": (
        "Assets:B:Cash -120 USD; Assets:B:CashEUR 110 EUR @ 1.0909 USD",
        ["FX Assets:B 120 USD -> 110 EUR"],
    ),
    "money changed on its way": (
        "Assets:Bank -120 USD; Assets:B:CashEUR 110 EUR @ 1.090909090909090909090909091 USD",
        ["FX Assets:B 120 USD -> 110 EUR", "TRANSFER Assets:Bank 120 USD -> Assets:B"],
    ),
    "a purchase in another currency": (
        "Assets:B:CashEUR -900 EUR @ 1.1 USD; Assets:B:VTI 9.9 VTI {100 USD}",
        ["FX Assets:B 900 EUR -> 990 USD", "BUY Assets:B 9.9 VTI 990 USD"],
    ),
    "units from account to account": (
        "Assets:B:VTI -3 VTI {90 USD}; Assets:C:VTI 3 VTI {90 USD}",
        ["TRANSFER Assets:B 3 VTI -> Assets:C"],
    ),
    "one asset for another": (
        "Assets:B:VTI -3 VTI {90 USD} @ 100 USD; Assets:B:BND 4 BND {75 USD}; Income:PnL -30 USD",
        ["SELL Assets:B 3 VTI 300 USD", "BUY Assets:B 4 BND 300 USD"],
    ),
    "units without a cost, earned": (
        "Assets:Hours 4.62 VACHR; Income:Vacation -4.62 VACHR",
        ["RECEIVE Assets:Hours 4.62 VACHR"],
    ),
    "a purchase through a trading account": (
        (
            "Assets:B:VTI 3 VTI; Equity:Market -3 VTI; Assets:B:Cash -1001 USD; Equity:Market 1000 USD;"
            "Expenses:Fees 1 USD"
        ),
        ["BUY Assets:B 3 VTI 1000 USD costs 1 tax 0"],
    ),
    "a sale through a trading account": (
        "Assets:B:Cash 1000 USD; Equity:Market -1000 USD; Assets:B:VTI -3 VTI; Equity:Market 3 VTI",
        ["SELL Assets:B 3 VTI 1000 USD"],
    ),
    "money changed through a trading account": (
        "Assets:B:Cash -120 USD; Equity:Market 120 USD; Assets:B:CashEUR 110 EUR; Equity:Market -110 EUR",
        ["FX Assets:B 120 USD -> 110 EUR"],
    ),
    "units and cash from outside": (
        "Assets:B:Cash 100 USD; Equity:Gifts -100 USD; Assets:B:VTI 3 VTI; Equity:Gifts -3 VTI",
        ["DEPOSIT Assets:B 100 USD", "RECEIVE Assets:B 3 VTI"],
    ),
    "a purchase of which a part goes elsewhere": (
        "Assets:B:VTI 2 VTI; Expenses:Gifts 1 VTI; Equity:Market -3 VTI; Assets:B:Cash -99 USD; Equity:Market 99 USD",
        ["RECEIVE Assets:B 2 VTI", "WITHDRAWAL Assets:B 99 USD"],
    ),
    "nothing of ours": ("Liabilities:Card -5 USD; Expenses:Food 5 USD", []),
    "from pocket to pocket": ("Assets:B:Cash -5 USD; Assets:B:Cash 5 USD", []),
}

HELD = {("Assets:B", "VTI"): Decimal(10), ("Assets:B", "BND"): Decimal(0)}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_a_transaction(text: str, expected: list[str]) -> None:
    records = booked([leg(part.strip()) for part in text.split(";")], HELD)

    assert [brief(record) for record in records] == expected
    assert {(record.line, record.trade_date, record.note) for record in records} <= {
        (7, date(2024, 3, 14), "note")
    }


@pytest.mark.parametrize("text", [text for text, _ in CASES.values()], ids=CASES.keys())
def test_what_accounts_hold_changes_as_the_legs_say(text: str) -> None:
    legs = [leg(part.strip()) for part in text.split(";")]
    stated: dict[tuple[str, str], Decimal] = {}
    for one in (one for one in legs if one.is_own):
        key = (POCKETS.owner(one.account), one.commodity)
        stated[key] = stated.get(key, ZERO) + one.number
    moved: dict[tuple[str, str], Decimal] = {}
    for record in booked(legs, HELD):
        transaction = Transaction(
            transaction_id="T",
            kind=record.kind,
            trade_date=record.trade_date,
            account_id=record.account,
            currency=record.currency,
            amount=record.amount or ZERO,
            costs=record.costs,
            tax=record.tax,
            asset_id=record.asset.symbol if record.asset else "",
            quantity=record.quantity,
            counter_account_id=record.counter_account,
            counter_currency=record.counter_currency,
            counter_amount=record.counter_amount,
        )
        for line in postings_of(transaction):
            if line.place is Place.HELD:
                key = (line.account_id, line.commodity)
                moved[key] = moved.get(key, ZERO) + line.quantity

    assert {key: number for key, number in moved.items() if number} == {
        key: number for key, number in stated.items() if number
    }


def test_an_opening_lot_keeps_its_day() -> None:
    legs = [leg("Assets:B:VTI 10 VTI {90 USD, 2019-05-06}"), leg("Equity:Opening-Balances -900 USD")]

    assert booked(legs)[0].acquired == date(2019, 5, 6)


def test_a_split_takes_all_units_out() -> None:
    legs = [leg("Assets:B:VTI -10 VTI {90 USD}"), leg("Assets:B:VTI 20 VTI {45 USD}")]

    assert [brief(one) for one in booked(legs, HELD)] == ["SPLIT Assets:B 10 VTI -> 20"]
    with pytest.raises(LegError, match="if it is a split, book the SPLIT by hand"):
        booked(legs, {("Assets:B", "VTI"): Decimal(11)})


@pytest.mark.parametrize(
    ("held", "text", "expected"),
    [
        ("3", "-8", ["DELIVER Assets:Hours 3 VACHR", "SHORT Assets:Hours 5 VACHR"]),
        ("-5", "-8", ["SHORT Assets:Hours 8 VACHR"]),
        ("-5", "8", ["RECEIVE Assets:Hours 3 VACHR", "COVER Assets:Hours 5 VACHR"]),
        ("-5", "4", ["COVER Assets:Hours 4 VACHR"]),
        ("5", "4", ["RECEIVE Assets:Hours 4 VACHR"]),
    ],
)
def test_units_below_nothing_are_short(held: str, text: str, expected: list[str]) -> None:
    legs = [leg(f"Assets:Hours {text} VACHR"), leg(f"Expenses:Hours {-Decimal(text)} VACHR")]
    records = booked(legs, {("Assets:Hours", "VACHR"): Decimal(held)})

    assert [brief(record) for record in records] == expected
    assert {record.amount for record in records if record.kind.value in {"RECEIVE", "DELIVER"}} <= {None}


def test_a_short_sale_and_its_end() -> None:
    sale = [leg("Assets:B:VTI -2 VTI @ 100 USD"), leg("Assets:B:Cash 200 USD")]
    back = [leg("Assets:B:VTI 2 VTI @ 90 USD"), leg("Assets:B:Cash -180 USD")]

    assert [brief(one) for one in booked(sale)] == ["SHORT Assets:B 2 VTI 200 USD"]
    short = {("Assets:B", "VTI"): Decimal(-2)}
    assert [brief(one) for one in booked(back, short)] == ["COVER Assets:B 2 VTI 180 USD"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Assets:Wallet -1 BTC; Assets:Wallet 20 ETH {0.05 BTC}", "counts in BTC, which is no currency"),
        (
            "Assets:B:VTI 1 VTI {90 USD}; Assets:C:VTI 1 VTI {90 USD}; Assets:Bank -180 USD",
            "trades in more than one account: Assets:B, Assets:C",
        ),
        (
            "Assets:B:VTI -10 VTI {90 USD} @ 200 USD; Assets:B:Cash 1200 USD; Income:PnL -300 USD",
            "says 2000 USD for VTI, and its other legs leave 1200",
        ),
        (
            "Assets:B:Cash -100 USD; Income:B:VTI:Dividend 100 USD",
            "pays back a dividend of 100",
        ),
    ],
)
def test_a_transaction_that_is_refused(text: str, why: str) -> None:
    with pytest.raises(LegError, match=why):
        booked([leg(part.strip()) for part in text.split(";")], HELD)


def test_pockets() -> None:
    assert POCKETS.owner("Assets:B:CashEUR") == "Assets:B"
    assert POCKETS.owner("Assets:Bank") == "Assets:Bank"
    assert Pockets({"Assets:VTI": ["VTI"], "Assets:Cash": ["USD"]}).owner("Assets:Cash") == "Assets:Cash"
    assert Pockets({"Assets:B:Cash": ["USD"], "Assets:B:Stocks": ["VTI", "BND"]}).owner("Assets:B:Cash") == (
        "Assets:B:Cash"
    )


def test_whose_balance_one_is() -> None:
    pockets = Pockets(
        {
            "Assets:B:VTI": ["VTI"],
            "Assets:B:Cash": ["USD"],
            "Assets:B:Reserve": ["USD", "EUR"],
            "Assets:Bank": ["USD"],
        }
    )

    assert pockets.holder("Assets:B:VTI", "VTI") == "Assets:B"
    assert pockets.holder("Assets:B:Reserve", "EUR") == "Assets:B"
    assert pockets.holder("Assets:B:Cash", "USD") is None  # the reserve holds some too
    assert pockets.holder("Assets:B", "USD") == "Assets:B"
    assert pockets.holder("Assets", "USD") is None  # of two accounts
    assert pockets.holder("Assets:Bank", "EUR") == "Assets:Bank"  # states that there is none
