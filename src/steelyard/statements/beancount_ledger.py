"""Ledgers of beancount, read by its own library in a process of its own (docs/decisions/0028).

Its Assets are the accounts here; income, expenses, liabilities and equity are outside. A ledger that beancount itself
finds wrong in places is read, and these places are refused.
"""

import json
import re
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

from steelyard.domain.asset import is_isin
from steelyard.domain.money import EXACT
from steelyard.statements.beancount_booking import book
from steelyard.statements.beancount_legs import LegError, Pockets, read_leg
from steelyard.statements.beancount_part import Entry
from steelyard.statements.port import Source, StatementError
from steelyard.statements.record import Held, Hint, Refused, Row, Skipped

MAX_BYTES: Final = 2**26
MAX_MEMORY: Final = 2**31
MAX_LINE: Final = 2**20

_CHILD: Final = Path(__file__).with_name("beancount_child.py")
_DIRECTIVE: Final = re.compile(
    r'^\d{4}[-/]\d\d[-/]\d\d\s+(?:(?:open|balance|pad)\s+\w+:\w|commodity\s+[A-Z]|(?:[*!]|txn)\s+")',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class BeancountLedger:
    """Reads ledgers of beancount.

    Attributes:
        seconds: that beancount may take to read one, of processor time and on the clock.
        name: `beancount`.
        title: what people call it.
    """

    seconds: int = 120
    name: str = "beancount"
    title: str = "beancount ledger"

    def miss(self, source: Source) -> str | None:
        """Return what the file lacks."""
        return (
            None
            if _DIRECTIVE.search(source.head_text)
            else "a directive such as `2024-01-02 open Assets:Cash`"
        )

    def read(self, source: Source) -> Iterator[Row]:
        """Read it, directive by directive, in the order of days.

        Raises:
            StatementError: beancount is not installed, cannot read it within its bounds, or it names code or files.
        """
        if source.size > MAX_BYTES:
            raise StatementError(source.name, f"is larger than {MAX_BYTES:,} bytes; bring it year by year")
        with _reading(source, self.seconds) as items:
            yield from _Reading(source.name).rows(items)


@contextmanager
def _reading(source: Source, seconds: int) -> Iterator[Iterator[dict[str, Any]]]:
    """Start the process, and end it whatever happens."""
    arguments = [sys.executable, "-I", str(_CHILD), str(source.path), str(seconds), str(MAX_MEMORY)]
    with subprocess.Popen(  # noqa: S603  our own file, with the path of a file as an argument
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
    ) as process:
        watch = threading.Timer(seconds, process.kill)
        watch.start()
        try:
            assert process.stdout is not None  # noqa: S101  it was asked for
            yield _items(source.name, process.stdout, watch, seconds)
        finally:
            watch.cancel()
            process.kill()


def _items(name: str, lines: IO[bytes], watch: threading.Timer, seconds: int) -> Iterator[dict[str, Any]]:
    """Yield what the process writes; the first line comes when the ledger is read, and no clock runs from then on."""
    while (line := lines.readline(MAX_LINE)).endswith(b"\n"):
        watch.cancel()
        item = json.loads(line)
        if item["is"] == "end":
            return
        yield item
    if len(line) == MAX_LINE:
        raise StatementError(name, f"has a directive that is longer than {MAX_LINE:,} bytes")
    raise StatementError(
        name, f"cannot be read by beancount within {seconds} s and {MAX_MEMORY:,} bytes of memory"
    )


class _Reading:
    """Turns what the process says into rows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pockets = Pockets({})
        self.hints: dict[str, Hint] = {}
        self.held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def rows(self, items: Iterator[dict[str, Any]]) -> Iterator[Row]:
        for item in items:
            match item["is"]:
                case "missing":
                    raise StatementError(self.name, _MISSING)
                case "refusal":
                    raise StatementError(self.name, item["why"], item["line"])
                case "held":
                    self._begin(**item)
                case "commodity":
                    self.hints[item["symbol"]] = _named(
                        self._hint(item["symbol"]), item["name"], item["isin"]
                    )
                case "booking":
                    yield from self._booking(item)
                case "balance":
                    yield self._balance(item)
                case "wrong":
                    yield Refused(item["line"], f"beancount says: {item['why']}")
                case _:
                    yield Skipped(item["line"], item["why"])

    def _begin(
        self,
        by: Mapping[str, Sequence[str]],
        at_cost: Sequence[str],
        counted_in: Mapping[str, Sequence[str]],
        used: Sequence[str],
        identified: Sequence[str],
        **_: object,
    ) -> None:
        """Take what there is; a currency with an ISIN, or held at a cost and never counted in, is a fund's ticker."""
        counted = {currency for names in counted_in.values() for currency in names}
        self.pockets = Pockets(by, like_money={*identified, *(set(at_cost) - counted - set(used))})
        for symbol in self.pockets.assets:
            currencies = [name for name in counted_in.get(symbol, ()) if self.pockets.is_cash(name)]
            currency = currencies[0] if len(currencies) == 1 else ""
            self.hints[symbol] = Hint(symbol=symbol, currency=currency)

    def _hint(self, symbol: str) -> Hint:
        return self.hints.get(symbol) or Hint(symbol=symbol)

    def _booking(self, item: dict[str, Any]) -> Iterator[Row]:
        legs = tuple(read_leg(fields) for fields in item["legs"])
        entry = Entry(item["line"], date.fromisoformat(item["day"]), item["note"], legs)
        try:
            records = book(entry, self.pockets, self.hints, self.held)
        except LegError as error:
            yield Refused(entry.line, error.why)
            return
        for leg in (leg for leg in legs if leg.is_own and not self.pockets.is_cash(leg.commodity)):
            key = (self.pockets.owner(leg.account), leg.commodity)
            self.held[key] = EXACT.add(self.held[key], leg.number)
        yield from records
        if not records:
            yield Skipped(entry.line, _NOTHING)

    def _balance(self, item: dict[str, Any]) -> Held | Skipped:
        """Return what is there at the end of the day before: beancount states it for the beginning of a day."""
        currency, account = item["currency"], item["account"]
        if not account.startswith("Assets:"):
            return Skipped(item["line"], "the balance of an account outside")
        owner = self.pockets.holder(account, currency)
        if owner is None:
            return Skipped(item["line"], "the balance of a part of an account, or of several")
        day = date.fromisoformat(item["day"]) - timedelta(days=1)
        asset = None if self.pockets.is_cash(currency) else self._hint(currency)
        return Held(
            item["line"], owner, day, asset, currency if asset is None else "", Decimal(item["number"])
        )


_MISSING: Final = (
    "is read by beancount's own library, which is not installed: pip install 'steelyard[beancount]'"
)
_NOTHING: Final = "a transaction that moves nothing in or out of an account"


def _named(hint: Hint, name: str, isin: str) -> Hint:
    isin = isin.upper()
    if isin and not is_isin(isin):
        return replace(hint, name=f"{name} ({isin})")
    return replace(hint, name=name, isin=isin)
