"""A whole book through the interface: who may take it, what is in it, and how many at once."""

import csv
import io
import zipfile
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from typing import Final

import pytest

from house import House, Window
from steelyard.identity.permissions import Actor, Role
from steelyard.server.export import exported_book
from steelyard.server.refusals import BusyError
from steelyard.services.book_export import ExportFormat
from steelyard.statements.columns import FORMATS
from steelyard.storage.acting import acting_as

ENDINGS: Final = {"csv": "csv", "json": "jsonl", "parquet": "parquet"}


def window_of(house: House, role: Role = Role.OWNER) -> Window:
    return house.window_of(house.people[1, role])


def taken(window: Window, as_: str = "csv") -> dict[str, bytes]:
    answer = window.ask("POST", "/export", {"format": as_})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].endswith(f'-{as_}.zip"')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("as_", ENDINGS)
def test_an_owner_takes_every_table_away(house: House, as_: str) -> None:
    files = taken(window_of(house), as_)

    assert set(files) == {"manifest.json", *(f"{name}.{ENDINGS[as_]}" for name in FORMATS)}


def test_it_is_the_own_tenants_and_nothing_of_others(house: House) -> None:
    files = taken(window_of(house, Role.COMPLIANCE))
    accounts = csv.DictReader(io.StringIO(files["accounts.csv"].decode("utf-8-sig")))

    assert {row["account_id"] for row in accounts} >= {"MINE-1", "HIDDEN-1"}
    assert not [name for name, content in files.items() if b"FOREIGN" in content]


@pytest.mark.parametrize("role", [Role.ADVISOR, Role.VIEWER, Role.ADMIN])
def test_who_does_not_see_everything_takes_nothing(house: House, role: Role) -> None:
    answer = window_of(house, role).ask("POST", "/export", {"format": "csv"})

    assert answer.status_code == 403
    assert b"PK" not in answer.content


def test_that_it_was_taken_is_recorded_with_who_did(house: House) -> None:
    owner = house.people[1, Role.OWNER]
    taken(window_of(house), "parquet")
    rows = house.rows(
        "select actor, facts ->> 'format' from steelyard.audit_events "
        "where action = 'book.export' order by sequence desc limit 1"
    )

    assert [tuple(row) for row in rows] == [(f"user:{owner.user_id}", "parquet")]


def test_one_of_a_tenant_at_a_time(house: House) -> None:
    exports = house.served.app.exports  # type: ignore[attr-defined]  # it is our application
    with ExitStack() as stack:
        stack.enter_context(exports.one_more("tenant:1"))
        busy = window_of(house).ask("POST", "/export", {"format": "csv"})
    assert busy.status_code == 503
    assert busy.headers["retry-after"]
    assert taken(window_of(house))
    assert exports.total == 0


def test_it_counts_until_its_last_byte_is_sent_or_nobody_wants_more(house: House) -> None:
    actor = Actor(1, house.people[1, Role.OWNER].user_id, Role.OWNER)
    app = house.served.app

    async def begun_and_left(*, whole: bool) -> tuple[int, int]:
        with acting_as(actor.acting):
            answer = await exported_book(app, actor, ExportFormat.JSON)  # type: ignore[arg-type]  # it is ours
            during = app.exports.total  # type: ignore[attr-defined]  # as above
            with pytest.raises(BusyError):
                await exported_book(app, actor, ExportFormat.CSV)  # type: ignore[arg-type]  # as above
            pieces = answer.body_iterator
            assert isinstance(pieces, AsyncGenerator)
            await anext(pieces)
            if whole:
                assert [piece async for piece in pieces]
            await pieces.aclose()
        return during, app.exports.total  # type: ignore[attr-defined]  # as above

    assert house.do(begun_and_left(whole=True)) == (1, 0)
    assert house.do(begun_and_left(whole=False)) == (1, 0)


@pytest.mark.parametrize("body", [{"format": "xlsx"}, {"format": None}, {"format": "csv", "scope": "all"}])
def test_what_is_no_format_is_refused(house: House, body: dict[str, object]) -> None:
    assert window_of(house).ask("POST", "/export", body).status_code == 422
