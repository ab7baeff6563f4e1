"""What the charts draw is what the figures say, in proportion, and nothing a name holds becomes markup."""

import math
import re
from decimal import Decimal
from importlib import resources
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.charts.bars import share_bars
from steelyard.charts.columns import columns_over_months, describe_months
from steelyard.charts.line import line_over_months
from steelyard.charts.numbers import money
from steelyard.charts.palette import OTHER, SERIES
from steelyard.charts.pie import Slice, pie_by_value, pies_by_value_and_count
from steelyard.charts.ring import ring, weight_ring
from steelyard.charts.scale import ticks
from steelyard.charts.shares import MOST_ROWS, Parts, describe_shares

PARTS = Parts("sector", "sectors")
THEME = resources.files("steelyard.charts").joinpath("theme.css").read_text("utf-8")

amounts = st.decimals(-10_000, 10_000_000, places=2)
labels = st.text(max_size=20)
books = st.lists(st.builds(Slice, labels, amounts, st.integers(1, 500)), max_size=16)
volumes = st.lists(st.none() | st.floats(0, 1e9).map(lambda v: round(v, 2)), max_size=12)


def drawn(markup: str) -> ET.Element:
    """Parse a chart as XML, which is stricter than any browser."""
    return ET.fromstring(markup)  # noqa: S314  our own markup, not a stranger's


def pies(*values: int) -> dict[str, Any]:
    slices = [Slice(f"part {place}", Decimal(value), place + 1) for place, value in enumerate(values)]
    return pies_by_value_and_count("Parts", slices, unit="USD")


def months(*values: float | None) -> dict[str, Any]:
    names = [f"{2022 + place // 12}-{place % 12 + 1:02}" for place in range(len(values))]
    return line_over_months("Volume", names, values, unit="USD")


def rects(chart: ET.Element, kind: str) -> list[ET.Element]:
    return [rect for rect in chart.iter("rect") if rect.get("class") == kind]


def in_percent(element: ET.Element, name: str) -> float:
    return float(element.attrib[name].removesuffix("%"))


def text_of(element: ET.Element) -> str:
    return "".join(element.itertext())


def rows(chart: ET.Element) -> list[list[str]]:
    """Give the cells of the first table's body."""
    table = next(chart.iter("tbody"))
    return [[text_of(cell) for cell in row] for row in table]


def plain(name: str) -> str:
    """Give a name as a page can show it, with the one kind of line end that parsers know."""
    name = name.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "\ufffd", name)


# ── Bars ────────────────────────────────────────────────────────────────────────────────────────────────


def test_bars_are_as_long_as_their_shares_and_the_longest_fills_its_column() -> None:
    chart = drawn(share_bars(pies(600, 300, 100), PARTS, name="x"))
    in_rows = next(chart.iter("table"))

    assert [in_percent(bar, "width") for bar in rects(in_rows, "series-1")] == [100.0, 50.0, 16.6667]
    assert [in_percent(bar, "width") for bar in rects(in_rows, "thin")] == pytest.approx(
        [100 * count / 6 / 0.6 for count in (1, 2, 3)], abs=0.02
    )


def test_the_table_of_bars_has_every_number() -> None:
    assert rows(drawn(share_bars(pies(600, 300, 100), PARTS, name="x"))) == [
        ["part 0", "", "60.00\u202f%", "600.00", "1"],
        ["part 1", "", "30.00\u202f%", "300.00", "2"],
        ["part 2", "", "10.00\u202f%", "100.00", "3"],
    ]


def test_a_negative_value_is_listed_and_not_drawn() -> None:
    chart = drawn(share_bars(pies(300, -100), PARTS, name="x"))

    assert [in_percent(bar, "width") for bar in rects(next(chart.iter("table")), "series-1")] == [100.0, 0.0]
    assert rows(chart)[1] == ["part 1", "", "−50.00\u202f%", "−100.00", "2"]
    assert "Values below zero are listed, not drawn." in text_of(chart)


def test_many_parts_are_summed_in_a_last_row_and_all_stand_in_a_second_table() -> None:
    chart = drawn(share_bars(pies(*[10] * 30), PARTS, name="x"))
    first, second = chart.iter("tbody")

    assert len(first) == MOST_ROWS
    assert rows(chart)[-1] == ["19 others", "", "63.33\u202f%", "190.00", str(sum(range(12, 31)))]
    assert len(second) == 30


# ── Rings ───────────────────────────────────────────────────────────────────────────────────────────────


@given(books)
def test_the_slices_of_a_ring_go_once_around(slices: list[Slice]) -> None:
    chart = drawn(ring(pie_by_value("Parts", slices, unit="USD"), PARTS, name="x"))
    arcs = [
        (-float(arc.attrib["stroke-dashoffset"]), float(arc.attrib["stroke-dasharray"].split()[0]))
        for arc in chart.iter("circle")
    ]

    assert bool(arcs) == any(part.value > 0 for part in slices)
    for place, (start, _) in enumerate(arcs):
        assert start == pytest.approx(math.fsum(length for _, length in arcs[:place]), abs=0.01)
    if arcs:
        assert math.fsum(length for _, length in arcs) == pytest.approx(100, abs=0.01)


def test_slices_are_as_long_as_the_figures_values_and_the_seventh_and_later_are_one() -> None:
    figure = pie_by_value("Parts", [Slice(f"{n}", Decimal(n), 1) for n in range(9, 0, -1)], unit="USD")
    arcs = list(drawn(ring(figure, PARTS, name="x")).iter("circle"))

    lengths = [float(arc.attrib["stroke-dasharray"].split()[0]) for arc in arcs]
    assert lengths == pytest.approx([100 * value / 45 for value in (9, 8, 7, 6, 5, 4, 6)], abs=1e-4)
    assert arcs[-1].get("class") == "series-other"
    assert text_of(arcs[-1]) == "Other: 6.00 USD"


def test_a_ring_of_weights_lists_every_weight_with_its_name() -> None:
    weights = [Slice(f"A{n}", Decimal(20 - n), 1) for n in range(15)]
    figure = pie_by_value("Weights", weights, unit="%")
    chart = drawn(weight_ring(figure, {"A0": "<b>First</b>"}, one="Asset", name="x"))
    listed = [[text_of(cell).split() for cell in row] for row in next(chart.iter("tbody"))]

    assert listed[0] == [["A0", "<b>First</b>"], ["20.00", "%"]]
    assert [row[0][0] for row in listed] == [one.label for one in weights]
    assert next(chart.iter("svg")).get("aria-labelledby") == "x-sentence"


def test_a_row_and_its_slice_have_one_colour() -> None:
    figure = pie_by_value(
        "Parts",
        [Slice("a", Decimal(-1), 1), Slice("b", Decimal(2), 1), Slice("c", Decimal(1), 1)],
        unit="USD",
    )
    chart = drawn(ring(figure, PARTS, name="x"))
    swatches = [
        next((rect.get("class") for rect in row.iter("rect")), None) for row in next(chart.iter("tbody"))
    ]

    assert [arc.get("class") for arc in chart.iter("circle")] == ["series-1", "series-2"]
    assert swatches == [None, "series-1", "series-2"]


# ── Columns ─────────────────────────────────────────────────────────────────────────────────────────────


@given(volumes)
def test_columns_are_as_high_as_their_amounts(values: list[float | None]) -> None:
    chart = drawn(columns_over_months(months(*values), name="x"))
    columns, above = rects(chart, "series-1"), [value for value in values if value]
    top = ticks(max(above))[-1] if above else 1.0

    assert [in_percent(column, "height") for column in columns] == pytest.approx(
        [100 * value / top for value in above], abs=1e-3
    )
    assert all(
        in_percent(column, "y") + in_percent(column, "height") == pytest.approx(100) for column in columns
    )
    assert len(rows(chart)) == len(values)


def test_an_unknown_month_is_a_gap_with_a_frame_and_never_a_zero() -> None:
    chart = drawn(columns_over_months(months(3.0, None, 0.0, 6.0), name="x"))

    assert [in_percent(frame, "x") for frame in rects(chart, "unknown")] == [29.5]
    assert [in_percent(column, "x") for column in rects(chart, "series-1")] == [4.5, 79.5]
    assert [cells[1] for cells in rows(chart)] == ["3.00", "–", "0.00", "6.00"]


def test_the_year_stands_under_january_and_under_the_first_month_where_there_is_room() -> None:
    def years(first: int) -> list[str]:
        names = [f"{2022 + (first + n) // 12}-{(first + n) % 12 + 1:02}" for n in range(12)]
        figure = line_over_months("Volume", names, [1.0] * 12, unit="USD")
        chart = drawn(columns_over_months(figure, name="x"))
        return [text_of(label) for label in chart.iter("text") if label.get("class") == "year"]

    assert years(0) == ["2022"]
    assert years(1) == ["2022", "2023"]
    assert years(11) == ["2023"]


@given(st.floats(1e-3, 1e12))
def test_an_axis_has_few_round_marks_and_ends_just_above_the_highest(highest: float) -> None:
    marks = ticks(highest)
    step = marks[1]

    assert 2 <= len(marks) <= 7
    assert marks[-2] < highest <= marks[-1] * (1 + 1e-9)
    assert f"{step:.1e}"[:3] in {"1.0", "2.0", "2.5", "5.0"}


# ── Sentences ───────────────────────────────────────────────────────────────────────────────────────────


@given(volumes)
def test_the_sentence_sums_what_the_table_lists(values: list[float | None]) -> None:
    said = describe_months(months(*values))
    total = sum((Decimal(repr(value)) for value in values if value is not None), Decimal(0))

    assert said.startswith(f"{money(total)} USD in ") == bool(total)
    assert ("Unknown in" in said) == (None in values)


@given(books)
def test_the_sentence_of_shares_names_the_whole_and_the_largest(slices: list[Slice]) -> None:
    figure = pie_by_value("Parts", slices, unit="USD")
    said = text_of(drawn(f"<p>{describe_shares(figure, PARTS)}</p>"))
    total = sum((part.value for part in slices), Decimal(0))

    if not slices:
        assert said == "There are no sectors."
        return
    assert f"{money(total)} USD" in said
    if total > 0:
        assert plain(max(slices, key=lambda part: part.value).label) in said


# ── Every chart ─────────────────────────────────────────────────────────────────────────────────────────


@given(books)
def test_whatever_parts_are_called_they_are_text(slices: list[Slice]) -> None:
    figure = pies_by_value_and_count("Parts", slices, unit="USD")
    for chart in (drawn(share_bars(figure, PARTS, name="x")), drawn(ring(figure, PARTS, name="x"))):
        shown = slices if len(slices) <= MOST_ROWS else slices[: MOST_ROWS - 1]
        named = [name for name, *_ in rows(chart)][: len(shown)] if slices else []

        assert [name.replace("\r", "\n") for name in named] == [
            re.sub("\r\n?", "\n", plain(part.label)) for part in shown
        ]
        assert {element.tag for element in chart.iter()} <= ALLOWED


ALLOWED = {
    *("figure", "figcaption", "div", "p", "span", "bdi", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("svg", "g", "rect", "circle", "line", "text", "title"),
}


@pytest.mark.parametrize(
    "markup",
    [
        columns_over_months(months(1.0, None, 2.0), name="x"),
        ring(pies(2, 1), PARTS, name="x"),
        share_bars(pies(2, 1), PARTS, name="x"),
    ],
    ids=["columns", "ring", "bars"],
)
def test_a_chart_scales_no_text_needs_no_inline_style_and_names_its_sentence(markup: str) -> None:
    chart = drawn(markup)
    attributes = {name for element in chart.iter() for name in element.attrib}
    pictures = [element for element in chart.iter() if element.get("role") == "img"]

    assert not attributes & {"viewBox", "style", "onload", "onclick"}
    assert [element.get("id") for element in chart.iter("figcaption")] == ["x-sentence"]
    assert all(picture.get("aria-labelledby") == "x-sentence" for picture in pictures)
    assert pictures or list(chart.iter("table"))


def test_a_whole_without_parts_is_a_sentence() -> None:
    for draw in (ring, share_bars):
        chart = drawn(draw(pies(), PARTS, name="x"))

        assert text_of(chart) == "There are no sectors."
        assert len(chart) == 1


# ── Colours ─────────────────────────────────────────────────────────────────────────────────────────────


def tokens() -> dict[str, tuple[str, str]]:
    """Give each colour of the theme, light and dark."""
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", THEME)
    return {name: (light, dark) for name, light, dark in found}


def contrast(one: str, other: str) -> float:
    """Contrast as WCAG 2.2 defines it."""

    def luminance(color: str) -> float:
        channels = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "ink-2", "ink-3", "accent", "pos", "neg", "warn"])
def test_text_can_be_read(name: str, theme: int) -> None:
    for ground in ("bg", "surface", "surface-2"):
        assert contrast(tokens()[name][theme], tokens()[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_drawings_can_be_seen(theme: int) -> None:
    for name in ("edge", "series-other", *(f"series-{place + 1}" for place in range(len(SERIES)))):
        assert contrast(tokens()[name][theme], tokens()["surface"][theme]) >= 3


def test_a_figure_has_the_colours_of_the_page() -> None:
    light = [tokens()[f"series-{place + 1}"][0] for place in range(len(SERIES))]

    assert list(SERIES) == light
    assert tokens()["series-other"][0] == OTHER
