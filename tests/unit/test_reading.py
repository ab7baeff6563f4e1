"""Forms are read field by field: what cannot be used stands by its field, and nothing is guessed."""

from datetime import date
from decimal import Decimal

import pytest

from steelyard.server.form import Form
from steelyard.web.reading import Reading
from steelyard.web.region import find_region


def reading(tag: str = "en-US", **fields: str) -> Reading:
    return Reading(Form({name: (value,) for name, value in fields.items()}), find_region(tag))


@pytest.mark.parametrize(
    ("tag", "typed", "value"),
    [
        ("en-US", "1234.56", "1234.56"),
        ("en-US", " 12.50 ", "12.50"),
        ("en-US", "−3", "-3"),
        ("de-DE", "1234,56", "1234.56"),
        ("de-DE", "-0,5", "-0.5"),
        ("de-CH", "1234.56", "1234.56"),
    ],
)
def test_a_number_is_read_with_the_mark_of_the_region(tag: str, typed: str, value: str) -> None:
    form = reading(tag, weight=typed)

    assert form.number("weight") == Decimal(value)
    assert form.faults == {}


@pytest.mark.parametrize(
    ("tag", "typed", "says"),
    [
        ("en-US", "12,5", "write it with a point: 12.5"),
        ("de-DE", "12.5", "write it with a comma: 12,5"),
        ("en-US", "1,234.56", "not a plain number such as 1234.56"),
        ("de-DE", "1.234,56", "not a plain number such as 1234,56"),
        ("en-US", "1e3", "not a plain number"),
        ("en-US", "NaN", "not a plain number"),
        ("en-US", "١٢", "not a plain number"),
        ("en-US", "12..5", "not a plain number"),
        ("en-US", "0.1234567890123", "not a plain number"),
    ],
)
def test_a_number_that_could_be_two_is_not_guessed(tag: str, typed: str, says: str) -> None:
    form = reading(tag, weight=typed)

    assert form.number("weight") is None
    assert says in form.faults["weight"]


def test_every_fault_is_gathered_under_its_field() -> None:
    form = reading(day="2026-02-30", side="hold", name="x" * 201)

    assert form.day("day") is None
    assert form.one_of("side", ("buy", "sell")) is None
    assert form.text("name") is None
    assert form.number("weight") is None
    assert form.faults == {
        "day": "not a day of the calendar",
        "side": "not one of the choices",
        "name": "at most 200 characters, not 201",
        "weight": "this is needed",
    }


def test_what_may_be_left_out_is_no_fault() -> None:
    form = reading(note="")

    assert form.text("note", is_needed=False) is None
    assert form.day("day", is_needed=False) is None
    assert form.faults == {}


def test_what_can_be_used_becomes_its_value() -> None:
    form = reading(day="2026-11-21", side="buy", name="Ada")

    assert (form.day("day"), form.one_of("side", ("buy", "sell")), form.text("name")) == (
        date(2026, 11, 21),
        "buy",
        "Ada",
    )


def test_a_note_has_lines_and_nothing_that_is_not_shown() -> None:
    form = reading(note="first\n\n  second ", hidden="one\u202etwo", long="x" * 6)

    assert form.note("note", longest=50) == "first\n\nsecond"
    assert form.note("hidden", longest=50) is None
    assert form.note("long", longest=5) is None
    assert form.faults == {
        "hidden": "holds U+202E, which is not shown as it is stored",
        "long": "at most 5 characters, not 6",
    }


@pytest.mark.parametrize("tag", ["en-US", "de-DE", "de-CH"])
def test_what_is_typed_for_a_reader_is_read_as_the_same(tag: str) -> None:
    amount = Decimal("1234567.125")
    form = reading(tag, weight=find_region(tag).typed(amount))

    assert form.number("weight") == amount
    assert find_region(tag).typed(None) == ""
