"""A reader of what published beancount ledgers use: postings with costs, lots by FIFO, left-out amounts, prices."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from plain_text_ledger import Line, PlainTextLedger
from steelyard.domain.posting import Place

_NUMBER = r"-?[\d.]+(?:/[\d.]+)?"
_POSTING = re.compile(
    rf"(?P<account>[A-Z][^\s]*:[^\s]+)(?:\s+(?P<number>{_NUMBER})\s+(?P<commodity>[A-Z][A-Z0-9]*)"
    rf"(?:\s*\{{(?:(?P<cost>{_NUMBER})\s+(?P<cost_in>[A-Z]+)(?:, [\d-]+)?)?(?P<lots>\}}))?"
    rf"(?:\s*@\s*(?P<price>{_NUMBER})\s+(?P<price_in>[A-Z]+))?)?"
)


def number(text: str) -> Decimal:
    """Read a number, or one divided by another."""
    above, _, below = text.partition("/")
    return Decimal(above) / Decimal(below or 1)


class _Lots:
    """Costs of what is held, first in first out, to complete what a ledger leaves out."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], list[tuple[Decimal, Decimal, str]]] = defaultdict(list)

    def take(self, account: str, commodity: str, wanted: Decimal) -> dict[str, Decimal]:
        """Remove units and return what they had cost."""
        costs: dict[str, Decimal] = defaultdict(Decimal)
        lots = self.held[account, commodity]
        while wanted:
            units, cost, currency = lots.pop(0)
            used = min(units, wanted)
            costs[currency] += used * cost
            wanted -= used
            if units > used:
                lots.insert(0, (units - used, cost, currency))
        return costs


def read_ledger(text: str, *, investment: str, income: str = "^$") -> PlainTextLedger:
    """Read a ledger; `investment` and `income` are patterns of accounts, other assets are outside.

    Costs and prices at which something is booked count as prices (the plugin implicit_prices).
    """
    ledger, lots = PlainTextLedger(), _Lots()
    plain = "\n".join(line.split(";")[0].rstrip() for line in text.splitlines())
    for entry, block in enumerate(re.split(r"\n(?=\d{4}-)", plain)):
        head, *rest = block.strip().partition("\n\n")[0].splitlines() or [""]
        if price := re.match(rf"(\S+) price (\w+)\s+({_NUMBER})\s+(\w+)", head):
            ledger.quotes[price[2], price[4]][date.fromisoformat(price[1])] = number(price[3])
        elif re.match(r"\d{4}-\d\d-\d\d \*", head):
            day = date.fromisoformat(head[:10])
            for account, commodity, units in _read_lines(ledger, lots, day, rest):
                ledger.lines.append(
                    Line(entry, day, account, _place(account, investment, income), commodity, units)
                )
    return ledger


def _read_lines(
    ledger: PlainTextLedger, lots: _Lots, day: date, rest: list[str]
) -> Iterator[tuple[str, str, Decimal]]:
    """Yield account, commodity and units of each posting, the one that is left out last."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    left_out = ""
    for line in rest:
        found = _POSTING.fullmatch(line.strip())
        if not found:
            assert line.startswith((" ", "\t")), line  # metadata
            continue
        if not found["number"]:
            left_out = found["account"]
            continue
        units = number(found["number"])
        for currency, cost in _weigh(ledger, lots, day, found, units).items():
            totals[currency] += cost
        yield found["account"], found["commodity"], units
    for currency, total in totals.items() if left_out else ():
        yield left_out, currency, -total


def _weigh(
    ledger: PlainTextLedger, lots: _Lots, day: date, found: re.Match[str], units: Decimal
) -> dict[str, Decimal]:
    """Return what a posting weighs in its transaction, and note its lots and prices."""
    account, commodity = found["account"], found["commodity"]
    if found["price"]:
        ledger.quotes[commodity, found["price_in"]][day] = number(found["price"])
    if found["lots"] and units < 0:
        return {currency: -cost for currency, cost in lots.take(account, commodity, -units).items()}
    if found["cost"]:
        cost = number(found["cost"])
        lots.held[account, commodity].append((units, cost, found["cost_in"]))
        ledger.quotes[commodity, found["cost_in"]].setdefault(day, cost)
        return {found["cost_in"]: units * cost}
    if found["price"]:
        return {found["price_in"]: units * number(found["price"])}
    return {commodity: units}


def _place(account: str, investment: str, income: str) -> Place:
    if re.search(investment, account):
        return Place.HELD
    if re.search(income, account):
        return Place.INCOME
    return Place.OUTSIDE if account.startswith(("Assets:", "Equity:")) else Place.MARKET
