"""What the address of a page asks for: filters read as forms are, days as whole days of who looks."""

from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from fastapi import Request

from steelyard.domain.scope import Scope
from steelyard.server.form import Form
from steelyard.server.input import CursorError, keys_of, read_cursor
from steelyard.web.reading import Reading
from steelyard.web.region import Region

PAGE: Final = 50
"""Rows of a page."""


def query_of(request: Request, region: Region) -> Reading:
    """Read the query of an address as a form is read."""
    query = request.query_params
    return Reading(Form({name: tuple(query.getlist(name)) for name in query}), region)


def begin_of(day: date | None, region: Region, *, days_on: int = 0) -> datetime | None:
    """Return when a day begins where who looks is, or one some days on; None = no day is named."""
    return None if day is None else datetime.combine(day + timedelta(days=days_on), time(), region.zone)


def read_uuid(typed: str) -> UUID:
    """Read a key of ours; raises ValueError."""
    try:
        return UUID(typed)
    except ValueError:
        raise ValueError("not a key such as 56b51e5a-5ce3-4216-ad19-da739658e709") from None


def shown_before(cursor: str, most: int) -> int:
    """Return how many rows of a counted list were shown before its page; raises CursorError."""
    if not cursor:
        return 0
    try:
        (shown,) = read_cursor(cursor)
        number = int(shown)
    except ValueError:
        raise CursorError from None
    if not 0 <= number <= most:
        raise CursorError
    return number


def account_of(scope: Scope) -> str | None:
    """Return the account that was chosen; None = a household, or all."""
    return scope.id if scope.kind == "account" else None


def household_of(scope: Scope) -> str | None:
    """Return the household that was chosen; None = an account, or all."""
    return scope.id if scope.kind == "household" else None


def fill_place_of(cursor: str) -> tuple[datetime, str, UUID] | None:
    """Read the cursor of a list of fills: moment, execution and link; None = it begins; raises CursorError."""
    if not cursor:
        return None
    executed_at, execution_id, link_id = keys_of(cursor, str, str, str)
    try:
        return datetime.fromisoformat(executed_at), execution_id, UUID(link_id)
    except ValueError:
        raise CursorError from None
