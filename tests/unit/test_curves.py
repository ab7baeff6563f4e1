"""Curves are drawn where their values lie, lose no peak, and break where nothing is known."""

import re
from datetime import date, timedelta
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.graph_objects import Figure  # type: ignore[import-untyped]  # it brings no types

from steelyard.charts.curves import HEIGHT, MOST_PIECES, WIDTH, curves_over_days
from steelyard.charts.line import lines_over_days
from steelyard.charts.palette import SERIES
from steelyard.charts.ranked import bars_by_rank, ranked_fractions

FIRST = date(2014, 1, 2)
fractions = st.lists(st.none() | st.floats(-0.9, 9).map(lambda v: round(v, 6)), min_size=2, max_size=30)


def figure(*lines: list[float | None], name: str = "Book", **more: Any) -> dict[str, Any]:
    days = [FIRST + timedelta(n) for n in range(len(lines[0]))]
    named = {f"{name} {place}" if place else name: line for place, line in enumerate(lines)}
    return lines_over_days("Return", days, named, **more)


def drawn(made: dict[str, Any]) -> ET.Element:
    return ET.fromstring(curves_over_days(made, name="x"))  # noqa: S314  our own markup, not a stranger's


def points(chart: ET.Element, kind: str = "curve curve-1") -> list[list[tuple[float, float]]]:
    """Give the pieces of a curve, x and y as fractions of the drawing."""
    path = next(path for path in chart.iter("path") if path.get("class") == kind)
    return [
        [(float(x) / WIDTH, float(y) / HEIGHT) for x, y in re.findall(r"(\S+) (\S+?)(?:L|Z|$)", piece)]
        for piece in path.attrib["d"].replace(" M", "|").replace("M", "").split("|")
    ]


def labels(chart: ET.Element, kind: str) -> list[str]:
    axis = next(axis for axis in chart.iter("svg") if axis.get("class") == kind)
    return ["".join(text.itertext()) for text in axis.iter("text")]


def test_a_curve_goes_through_its_values() -> None:
    chart = drawn(figure([0.0, 0.1, 0.2, -0.1]))

    assert labels(chart, "axis values") == ["−10\u202f%", "0\u202f%", "10\u202f%", "20\u202f%"]
    assert points(chart) == [
        [
            (0.0, pytest.approx(2 / 3, abs=1e-3)),
            (0.3333, pytest.approx(1 / 3, abs=1e-3)),
            (pytest.approx(0.6667), 0),
            (1, 1),
        ]
    ]


def test_a_curve_breaks_where_nothing_is_known_and_is_filled_to_zero() -> None:
    chart = drawn(figure([-0.1, -0.2, None, -0.2], filled=True))

    assert [len(piece) for piece in points(chart)] == [2, 1]
    (first, _) = points(chart, "area")
    assert [y for _, y in first] == [0, pytest.approx(0.5, abs=1e-3), 1, 0]


@given(fractions, fractions)
def test_every_book_is_drawn_as_sound_markup_and_stays_in_its_frame(
    one: list[float | None], other: list[float | None]
) -> None:
    length = min(len(one), len(other))
    made = figure(one[:length], other[:length], name="<b> & co")
    chart = drawn(made)

    Figure(made)  # a figure to plotly too
    for path in chart.iter("path"):
        for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", path.attrib["d"]):
            assert 0 <= float(x) <= WIDTH
            assert 0 <= float(y) <= HEIGHT


@given(st.integers(0, 5000), st.sampled_from([-0.5, 0.5]))
def test_no_peak_of_a_long_history_is_lost(place: int, peak: float) -> None:
    flat: list[float | None] = [0.0] * 5001
    flat[place] = peak
    (piece,) = points(drawn(figure(flat)))

    assert len(piece) <= 4 * MOST_PIECES
    assert min(y for _, y in piece) == 0
    assert max(y for _, y in piece) == 1


@pytest.mark.parametrize("length", [2, 20, 90, 400, 1200, 4000, 9000])
def test_there_are_few_marks_of_days_and_no_two_alike(length: int) -> None:
    marks = labels(drawn(figure([0.1] * length)), "axis months")

    assert len(marks) <= 13
    assert len(marks) == len(set(marks))
    assert marks or length < 31


def test_the_rows_are_in_the_table_and_the_sentence_above() -> None:
    chart = drawn(
        figure(
            [0.1, 0.2],
            sentence="It rose.",
            rows=[{"Year": "2014", "Return": 0.2, "SPY": None}, {"Year": "2015", "Return": -0.1, "SPY": 0.5}],
        )
    )
    cells = [["".join(cell.itertext()) for cell in row] for row in next(chart.iter("tbody"))]

    assert "".join(next(chart.iter("figcaption")).itertext()) == "It rose."
    assert cells == [["2014", "20.00\u202f%", "–"], ["2015", "−10.00\u202f%", "50.00\u202f%"]]


@pytest.mark.parametrize("values", [[], [None, None], [0.0, 0.0]], ids=["empty", "unknown", "flat"])
def test_nothing_is_drawn_where_there_is_nothing_to_see(values: list[float | None]) -> None:
    assert list(drawn(figure(values, sentence="Nothing.")).iter("path")) == []


def test_an_axis_of_money_begins_near_the_lowest_and_names_no_percent() -> None:
    made = figure(
        [390_000.0, 412_500.0, 540_000.0], filled=True, unit="USD", rows=[{"Day": "a", "Book": 390_000.0}]
    )
    chart = drawn(made)

    assert labels(chart, "axis values") == ["350k", "400k", "450k", "500k", "550k"]
    assert made["layout"]["yaxis"]["range"] == [350_000.0, 550_000.0], "Plotly shows the same range"
    [area] = [path for path in chart.iter("path") if path.get("class") == "area"]
    assert area.attrib["d"].endswith(f"{WIDTH:.1f} {HEIGHT:.1f}Z"), "filled down to the lowest mark"
    assert "390,000.00" in "".join(chart.itertext())
    Figure(made)


def test_a_short_curve_is_marked_by_mondays() -> None:
    chart = drawn(figure([0.0, *([0.1] * 20)]))

    assert labels(chart, "axis months") == ["6 Jan", "13 Jan", "20 Jan"]


def test_a_line_is_drawn_in_the_colour_and_dash_that_its_figure_says() -> None:
    made = figure([0.0, 0.1], [0.0, 0.2], [0.0, 0.3])

    assert [line["line"]["dash"] for line in made["data"]] == ["solid", "dash", "dot"]
    assert [line["line"]["color"] for line in made["data"]] == [SERIES[0], SERIES[2], SERIES[1]]
    theme = (files("steelyard.charts") / "theme.css").read_text("utf-8")
    for kind, series in (("curve-1", 1), ("curve-2", 3), ("curve-3", 2)):
        assert f".{kind} {{ stroke: var(--series-{series});" in theme


def test_ranked_bars_say_and_list_every_name_and_draw_what_is_above_zero() -> None:
    made = ranked_fractions("Risk", [("A", "<Alpha>"), ("B", "Beta"), ("C", "")], [0.02, 0.0, None])
    text = bars_by_rank(made, name="x")

    assert text.count("<rect") == 1
    assert "&lt;Alpha&gt;" in text
    assert '<td class="number" data-label="Risk">–</td>' in text
    assert bars_by_rank(ranked_fractions("Risk", [], []), name="x").count("<table") == 0
    Figure(made)
