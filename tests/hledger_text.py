"""A reader of what the published ledgers of hledger use: postings, costs, balance assignments and prices."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from plain_text_ledger import Line, PlainTextLedger
from steelyard.domain.posting import Place

AMOUNT = re.compile(r'(?P<before>[$€£]?)\s*(?P<number>[\d,]+(?:\.\d+)?)\s*"?(?P<after>[A-Za-z0-9]*)"?')


@dataclass(frozen=True)
class Amount:
    quantity: Decimal
    commodity: str

    @classmethod
    def read(cls, text: str) -> "Amount":
        found = AMOUNT.fullmatch(text.replace("-", "").strip())
        assert found, text
        quantity = Decimal(found["number"].replace(",", ""))
        return cls(-quantity if "-" in text else quantity, found["before"] or found["after"])


@dataclass
class _Posting:
    account: str
    amount: Amount | None
    cost: Amount | None = None
    assigned: Amount | None = None


def read_ledger(text: str, *, investment: str, profit: str | None) -> PlainTextLedger:
    """Read a journal; `investment` and `profit` are patterns of accounts, everything else is outside."""
    ledger = PlainTextLedger()
    balances: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    blocks = re.split(r"\n(?=\S)", text.strip())
    for entry, block in enumerate(blocks):
        head, *rest = block.splitlines()
        if head.startswith("P "):
            _read_price(ledger, head)
        elif head[0].isdigit():
            day = _day(head.split()[0])
            postings = [_read_posting(line) for line in rest if line.strip()]
            _complete(postings, balances)
            _infer_prices(ledger, day, postings)
            for posting in postings:
                assert posting.amount
                place = _place(posting.account, investment, profit)
                balances[posting.account, posting.amount.commodity] += posting.amount.quantity
                ledger.lines.append(
                    Line(
                        entry, day, posting.account, place, posting.amount.commodity, posting.amount.quantity
                    )
                )
    return ledger


def _day(text: str) -> date:
    return date(*map(int, re.split("[-/]", text)))


def _place(account: str, investment: str, profit: str | None) -> Place:
    if re.search(investment, account, re.IGNORECASE):
        return Place.HELD
    return Place.INCOME if profit and re.search(profit, account, re.IGNORECASE) else Place.OUTSIDE


def _read_price(ledger: PlainTextLedger, line: str) -> None:
    _, day, commodity, price = line.split(maxsplit=3)
    quoted = Amount.read(price)
    ledger.quotes[commodity.strip('"'), quoted.commodity][_day(day)] = quoted.quantity


def _read_posting(line: str) -> _Posting:
    account, _, rest = line.strip().partition("  ")
    if not rest and "=" in account:
        account, _, rest = account.partition(" ")
    found = re.fullmatch(
        r"(?P<amount>[^@=]*?)(?:\s*@@\s*(?P<total>[^=]+)|\s*@\s*(?P<each>[^=]+))?(?:=(?P<assigned>.+))?",
        rest.strip(),
    )
    assert found, line
    amount = Amount.read(found["amount"]) if found["amount"] else None
    cost = None
    if amount and found["total"]:
        total = Amount.read(found["total"])
        cost = Amount(total.quantity.copy_sign(amount.quantity), total.commodity)
    elif amount and found["each"]:
        each = Amount.read(found["each"])
        cost = Amount(each.quantity * amount.quantity, each.commodity)
    return _Posting(account, amount, cost, Amount.read(found["assigned"]) if found["assigned"] else None)


def _complete(postings: list[_Posting], balances: dict[tuple[str, str], Decimal]) -> None:
    """Work out assigned amounts, then the one that is left out, at cost."""
    for one in postings:
        if one.assigned:
            before = balances[one.account, one.assigned.commodity]
            one.amount = Amount(one.assigned.quantity - before, one.assigned.commodity)
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for one in postings:
        worth = one.cost or one.amount
        if worth:
            totals[worth.commodity] += worth.quantity
    left = [(commodity, total) for commodity, total in totals.items() if total]
    for one in postings:
        if one.amount is None:
            [(commodity, total)] = left
            one.amount = Amount(-total, commodity)


def _infer_prices(ledger: PlainTextLedger, day: date, postings: list[_Posting]) -> None:
    """Take prices from costs; two amounts of two commodities are each other's cost."""
    for one in postings:
        assert one.amount
        if one.cost:
            ledger.quotes[one.amount.commodity, one.cost.commodity].setdefault(
                day, abs(one.cost.quantity / one.amount.quantity)
            )
    amounts = [one.amount for one in postings if one.amount and not one.cost]
    if len(postings) == len(amounts) == 2 and amounts[0].commodity != amounts[1].commodity:
        paid, got = amounts
        ledger.quotes[got.commodity, paid.commodity].setdefault(day, abs(paid.quantity / got.quantity))
