"""Transactions: the journal of a scope as a page and as a file, and one entry with all that is known of it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from steelyard.domain.scope import Scope
from steelyard.domain.transaction import TransactionKind
from steelyard.errors import InvalidInputError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.form import Form
from steelyard.server.input import read_asset_id
from steelyard.server.permits import permits
from steelyard.server.scope import ScopeAsked
from steelyard.server.table_file import Row, csv_file
from steelyard.services.account import get_accounts
from steelyard.services.journal import EntryFilter, export_entries, get_entries, get_entry, get_waiting
from steelyard.storage.connection import get_db_session
from steelyard.storage.portfolio import StoredAccount
from steelyard.web.reading import Reading
from steelyard.web.region import Region, region_of
from steelyard.web.shell import AskedShell
from steelyard.web.templates import wants_part

ON_A_PAGE: Final = 50
MOST_ACCOUNTS: Final = 200
"""Accounts that are offered to choose from; of more, one is typed."""

MOST_ENTRY: Final = 2**62
MOST_WAITING: Final = 50
FILTERS: Final = ("in", "asset", "kind", "from", "to", "reversed")
HEADER: Final = (
    *(
        "entry",
        "transaction",
        "kind",
        "trade_date",
        "account",
        "asset",
        "quantity",
        "price",
        "currency",
        "amount",
    ),
    *("costs", "counter_account", "counter_asset", "counter_quantity", "counter_currency", "counter_amount"),
    *("recorded_at", "reverses", "reversed_by"),
)

router = APIRouter(dependencies=[permits(Verb.READ, ObjectType.PORTFOLIO)])


class FilterError(InvalidInputError):
    """A filter cannot be read, where no page can show what is wrong with it."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Name the fields."""
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in faults.items()) + ".")


@dataclass(frozen=True, slots=True)
class AskedEntries:
    """Which entries are asked for, the query that asks for them, and what of it cannot be read."""

    wanted: EntryFilter
    query: Mapping[str, str]
    faults: Mapping[str, str]

    @property
    def is_filtered(self) -> bool:
        """Whether some entries may be left out."""
        return any(self.query[name] for name in FILTERS if name != "reversed")


def read_filter(form: Form, region: Region) -> AskedEntries:
    """Read which entries are wanted.

    >>> from steelyard.web.region import find_region
    >>> read_filter(Form({"from": ("2024-02-30",)}), find_region("en-US")).faults
    {'from': 'not a day of the calendar'}
    """
    reading = Reading(form, region)
    kind = reading.one_of("kind", [kind.value for kind in TransactionKind], is_needed=False)
    wanted = EntryFilter(
        account_id=reading.key("in", is_needed=False),
        asset_id=reading.read("asset", read_asset_id, is_needed=False),
        kind=TransactionKind(kind) if kind else None,
        first=reading.day("from", is_needed=False),
        last=reading.day("to", is_needed=False),
        with_reversed=bool(form.text("reversed")),
    )
    if wanted.first and wanted.last and wanted.first > wanted.last:
        reading.faults["to"] = "before the first day"
    return AskedEntries(wanted, {name: form.text(name) for name in FILTERS}, reading.faults)


def _form_of(request: Request) -> Form:
    names = request.query_params.keys()
    return Form({name: tuple(request.query_params.getlist(name)) for name in names})


Place = Annotated[str, Query(max_length=40)]


@router.get("/transactions")
async def show(request: Request, shell: AskedShell, *, older: Place = "", newer: Place = "") -> Response:
    """Show the journal of a scope; to htmx only its table."""
    asked = read_filter(_form_of(request), shell.region)
    async with get_db_session() as db:
        page = None
        if not asked.faults:
            page = await get_entries(
                db, asked.wanted, scope=shell.scope, older=older, newer=newer, limit=ON_A_PAGE
            )
        waiting = await get_waiting(db, scope=shell.scope)
        accounts = _offered(await get_accounts(db), shell.scope)
    template = "transaction_part.html" if wants_part(request) else "transaction.html"
    return shell.draw(
        template,
        title="Transactions",
        status=422 if asked.faults else 200,
        asked=asked,
        page=page,
        waiting=waiting[:MOST_WAITING],
        waiting_count=len(waiting),
        accounts=accounts if len(accounts) <= MOST_ACCOUNTS else [],
        kinds=list(TransactionKind),
        is_first=not older and not newer,
    )


def _offered(accounts: list[StoredAccount], scope: Scope) -> list[StoredAccount]:
    """Return the accounts of a scope."""
    if scope.kind == "account":
        return [one for one in accounts if one.account_id == scope.id]
    if scope.kind == "household":
        return [one for one in accounts if one.household_id == scope.id]
    return accounts


@router.get("/transactions.csv")
async def export(request: Request, scope: ScopeAsked) -> StreamingResponse:
    """Send the journal of a scope as a file, every entry that fits."""
    asked = read_filter(_form_of(request), region_of(request))
    if asked.faults:
        raise FilterError(asked.faults)
    return await csv_file("transactions.csv", HEADER, _rows(scope, asked.wanted))


async def _rows(scope: Scope, wanted: EntryFilter) -> AsyncIterator[Row]:
    async for one in export_entries(wanted, scope=scope):
        yield (
            *(one.entry_id, one.transaction_id, one.kind, one.trade_date, one.account_id, one.asset_id),
            *(one.quantity, one.price, one.currency, one.amount, one.costs, one.counter_account_id),
            *(one.counter_asset_id, one.counter_quantity, one.counter_currency, one.counter_amount),
            *(one.recorded_at, one.reverses, one.reversed_by),
        )


@router.get("/transactions/{entry_id}")
async def show_entry(shell: AskedShell, entry_id: Annotated[int, Path(ge=1, le=MOST_ENTRY)]) -> Response:
    """Show an entry of the journal: what it moved, what it cost, where it is from, and what took it back."""
    async with get_db_session() as db:
        papers = await get_entry(db, entry_id)
    return shell.draw(
        "transaction_entry.html", title=f"Transaction {papers.entry.transaction_id}", papers=papers
    )
