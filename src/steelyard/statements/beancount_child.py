"""A process of its own: reads a beancount ledger with beancount's library, and writes what it says as lines of JSON.

It is started by path with `python -I`, so that nothing but beancount and the standard library is in it, and beancount
(GPL-2.0) in nothing else. It writes nothing to disk, runs no plugin and follows no include: docs/decisions/0028.

    beancount_child.py LEDGER SECONDS BYTES
"""

import importlib
import json
import re
import resource
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

PASSED_OVER: Final = frozenset(
    {
        "beancount.plugins.auto",
        "beancount.plugins.auto_accounts",
        "beancount.plugins.check_average_cost",
        "beancount.plugins.check_closing",
        "beancount.plugins.check_commodity",
        "beancount.plugins.check_drained",
        "beancount.plugins.close_tree",
        "beancount.plugins.coherent_cost",
        "beancount.plugins.commodity_attr",
        "beancount.plugins.currency_accounts",
        "beancount.plugins.implicit_prices",
        "beancount.plugins.leafonly",
        "beancount.plugins.noduplicates",
        "beancount.plugins.nounused",
        "beancount.plugins.onecommodity",
        "beancount.plugins.pedantic",
        "beancount.plugins.sellgains",
        "beancount.plugins.unique_prices",
        "fava.plugins.link_documents",
        "fava.plugins.tag_discovered_documents",
    }
)
"""Plugins that check, price or label, and move nothing of an Assets account: a ledger means the same without them."""

ROOTS: Final = {
    "name_assets": "Assets",
    "name_liabilities": "Liabilities",
    "name_equity": "Equity",
    "name_income": "Income",
    "name_expenses": "Expenses",
}
IDENTIFIERS: Final = frozenset({"isin", "cusip", "figi", "asset_id"})
"""Metadata of a commodity that no money has; `asset_id` is what Steelyard writes."""

_SKIPPED: Final = {
    "Open": "the opening of an account",
    "Close": "the closing of an account",
    "Commodity": "what a commodity is called",
    "Pad": "a pad; what it adds is a booking of its own",
    "Note": "a note",
    "Event": "an event",
    "Query": "a query",
    "Price": "a price",
    "Document": "a document",
    "Custom": "a directive for another program",
}

Item = dict[str, Any]


class Refusal(Exception):  # noqa: N818  it ends the process with a sentence and is no error of the package
    """The ledger cannot be taken as a whole."""

    def __init__(self, why: str, line: int | None = None) -> None:
        """Take the reason and the line."""
        self.item: Item = {"is": "refusal", "why": why, "line": line}
        super().__init__(why)


def main() -> None:
    """Read the ledger that the arguments name, within their bounds."""
    path, seconds, size = sys.argv[1:]
    limit(int(seconds), int(size))
    try:
        for item in read(Path(path)):
            write(item)
    except Refusal as refusal:
        write(refusal.item)
    except MemoryError:
        write({"is": "refusal", "why": f"needs more than {int(size):,} bytes of memory", "line": None})
    except ModuleNotFoundError:
        write({"is": "missing"})
    write({"is": "end"})


def limit(seconds: int, size: int) -> None:
    """Bound this process: processor time, memory, and no file written."""
    bounds = ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, size), (resource.RLIMIT_FSIZE, 0))
    for kind, bound in (*bounds, (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # a system that knows no such bound, or has a lower one
            resource.setrlimit(kind, (bound, bound))


def write(item: Item) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(item, ensure_ascii=True, separators=(",", ":")) + "\n")


def read(path: Path) -> Iterator[Item]:
    """Yield what commodities and accounts there are, then every directive by day, each with its line."""
    parser, booking = library("parser.parser"), library("parser.booking")
    pad, validation = library("ops.pad"), library("ops.validation")

    text = text_of(path)
    parsed, errors, options = parser.parse_string(text)
    refuse_code(text, options)
    entries, more = booking.book(sorted(parsed, key=order), options)
    entries, _ = pad.pad(entries, options)
    errors = [*errors, *more, *validation.validate_check_transaction_balances(entries, options)]
    wrong = {error.source.get("lineno", 0): one_line(error.message) for error in errors}
    roots = {options[option]: root for option, root in ROOTS.items()}
    yield held_by(entries, roots, options["operating_currency"])
    yield from (commodity(entry) for entry in entries if type(entry).__name__ == "Commodity")
    for entry in sorted(entries, key=order):
        line = entry.meta["lineno"]
        why = wrong.get(line)
        yield {"is": "wrong", "line": line, "why": why} if why else directive(entry, line, roots)
    there = {entry.meta["lineno"] for entry in entries}
    yield from ({"is": "wrong", "line": line, "why": wrong[line]} for line in sorted(wrong.keys() - there))


def library(name: str) -> Any:
    """Return a module of beancount; it is imported here and nowhere else."""
    return importlib.import_module(f"beancount.{name}")


def text_of(path: Path) -> str:
    """Return the text of a ledger; it is UTF-8."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(
            "is not UTF-8, as beancount's files are", content.count(b"\n", 0, error.start) + 1
        ) from None
    if "\0" in text:
        raise Refusal("has a NUL character", text.count("\n", 0, text.index("\0")) + 1)
    return text


def refuse_code(text: str, options: Any) -> None:
    """Refuse what would run code or read other files."""
    for included in options["include"]:
        why = f"includes {included!r}: bring the files one by one, or put into one"
        raise Refusal(why, line_of(text, "include", included))
    for plugin, _ in options["plugin"]:
        if plugin not in PASSED_OVER:
            why = f"wants the plugin {plugin!r}, which is code and is not run: bring the ledger as it is after it"
            raise Refusal(why, line_of(text, "plugin", plugin))


def line_of(text: str, directive: str, value: str) -> int | None:
    """Return the line of a directive that names a value."""
    pattern = re.compile(rf"\s*(?:option\s+)?\"?{directive}\b.*{re.escape(value)}")
    return next((place for place, line in enumerate(text.splitlines(), 1) if pattern.match(line)), None)


def order(entry: Any) -> Any:
    """Return where a directive stands among others, by beancount's own rule."""
    return library("core.data").entry_sortkey(entry)


def held_by(entries: Any, roots: dict[str, str], used: Any) -> Item:
    """Return the commodities posted to each account, which of them at a cost, and what each is counted in."""
    held: dict[str, set[str]] = defaultdict(set)
    counted_in: dict[str, set[str]] = defaultdict(set)
    at_cost: set[str] = set()
    for posting in (posting for entry in entries for posting in getattr(entry, "postings", None) or ()):
        held[account_of(posting.account, roots)].add(posting.units.currency)
        counted_in[posting.units.currency].update(
            one.currency for one in (posting.cost, posting.price) if one
        )
        at_cost.update({posting.units.currency} if posting.cost else ())
    identified: set[str] = set()
    for entry in entries:
        kind = type(entry).__name__
        if kind == "Price":
            counted_in[entry.currency].add(entry.amount.currency)
        elif kind == "Commodity" and IDENTIFIERS & entry.meta.keys():
            identified.add(entry.currency)
    return {
        "is": "held",
        "by": sets_as_lists(held),
        "at_cost": sorted(at_cost),
        "counted_in": sets_as_lists(counted_in),
        "used": list(used),
        "identified": sorted(identified),
    }


def sets_as_lists(sets: dict[str, set[str]]) -> dict[str, list[str]]:
    """Return the same as JSON has it."""
    return {key: sorted(names) for key, names in sets.items()}


def directive(entry: Any, line: int, roots: dict[str, str]) -> Item:
    """Return one directive."""
    kind = type(entry).__name__
    if kind == "Transaction":
        note = " | ".join(filter(None, (entry.payee, entry.narration)))
        legs = [leg(posting, roots) for posting in entry.postings]
        return {"is": "booking", "line": line, "day": str(entry.date), "note": note, "legs": legs}
    if kind == "Balance":
        stated = {"account": account_of(entry.account, roots), "currency": entry.amount.currency}
        return {
            "is": "balance",
            "line": line,
            "day": str(entry.date),
            "number": str(entry.amount.number),
            **stated,
        }
    return {"is": "skipped", "line": line, "why": _SKIPPED.get(kind, f"a directive of the kind {kind}")}


def leg(posting: Any, roots: dict[str, str]) -> list[str | None]:
    """Return account, number, commodity; cost, its currency and day; price and its currency."""
    cost, price = posting.cost, posting.price
    return [
        account_of(posting.account, roots),
        format(posting.units.number, "f"),
        posting.units.currency,
        *((format(cost.number, "f"), cost.currency, str(cost.date)) if cost else (None, None, None)),
        *((format(price.number, "f"), price.currency) if price else (None, None)),
    ]


def commodity(entry: Any) -> Item:
    """Return what a commodity is called."""
    said = {key: str(entry.meta.get(key) or "") for key in ("name", "isin")}
    return {"is": "commodity", "symbol": entry.currency, **said}


def account_of(account: str, roots: dict[str, str]) -> str:
    """Return an account with the root that everybody knows, whatever the ledger calls it."""
    root, colon, rest = account.partition(":")
    return f"{roots.get(root, root)}{colon}{rest}"


def one_line(message: object) -> str:
    """Return a message of the library as a clause."""
    return " ".join(str(message).split()).rstrip(".")[:300]


if __name__ == "__main__":
    main()
