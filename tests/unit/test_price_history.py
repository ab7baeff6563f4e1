"""Prices are drawn where they lie, with what was traded on them."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from plotly.graph_objects import Figure  # type: ignore[import-untyped]  # it brings no types

from report_books import HOSTILE
from steelyard.charts.curves import HEIGHT, WIDTH
from steelyard.charts.price_history import Mark, price_curve, prices_over_days

FIRST = date(2024, 1, 2)


def figure(prices: list[int], *marks: Mark, title: str = "VTI") -> dict[str, Any]:
    closes = [(FIRST + timedelta(n), Decimal(price)) for n, price in enumerate(prices)]
    return prices_over_days(title, closes, marks, unit="USD")


def drawn(made: dict[str, Any]) -> ET.Element:
    return ET.fromstring(price_curve(made, name="x"))  # noqa: S314  our own markup, not a stranger's


def on(day: int, kind: str, text: str = "") -> Mark:
    return Mark(FIRST + timedelta(day), kind, text or kind, Decimal(2), Decimal(3))


def placed(chart: ET.Element) -> list[tuple[str, str]]:
    """Where the marks of trades stand, and which way they point."""
    found = []
    for svg in chart.iter("svg"):
        path = svg.find("path")
        if path is not None and path.get("class") == "price-trade" and svg.get("y", "").endswith("%"):
            found.append((svg.attrib["x"], svg.attrib["y"], path.attrib["d"], path.attrib["transform"]))
    return [
        (f"{x} {y}", "up" if way.startswith("M0 -") and "11)" in to else "down") for x, y, way, to in found
    ]


def test_a_line_goes_through_its_prices_and_0_need_not_be_there() -> None:
    chart = drawn(figure([100, 110, 120]))
    labels = ["".join(text.itertext()) for text in next(chart.iter("svg")).iter("text")]
    path = next(path for path in chart.iter("path") if path.get("class") == "curve curve-1")

    assert labels == ["95", "100", "105", "110", "115", "120", "125"]
    assert [
        (float(x) / WIDTH, float(y) / HEIGHT) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path.attrib["d"])
    ] == [
        (0, pytest.approx(5 / 6, abs=1e-3)),
        (0.5, 0.5),
        (1, pytest.approx(1 / 6, abs=1e-3)),
    ]


def test_a_purchase_points_up_from_below_the_line_and_a_sale_down_from_above() -> None:
    chart = drawn(figure([100, 110, 120], on(1, "buy"), on(1, "sell")))

    assert placed(chart) == [("50% 50%", "up"), ("50% 50%", "down")]


def test_a_trade_on_a_day_without_a_price_stands_at_the_close_before() -> None:
    closes = [(FIRST, Decimal(100)), (FIRST + timedelta(4), Decimal(120))]
    made = prices_over_days("VTI", closes, [on(3, "buy")], unit="USD")

    assert made["data"][1]["y"] == [100.0]


def test_what_lies_outside_of_the_line_is_listed_and_not_drawn() -> None:
    chart = drawn(figure([100, 110], on(-5, "buy", "Bought early"), on(9, "action", "Split: 2 for 1")))
    cells = ["".join(cell.itertext()) for cell in chart.iter("td")]

    assert placed(chart) == []
    assert [line for line in chart.iter("line") if line.get("class") == "price-action"] == []
    assert {"Bought early", "Split: 2 for 1"} <= set(cells)


def test_a_corporate_action_is_a_line_over_the_whole_height() -> None:
    chart = drawn(figure([100, 110, 120], on(1, "action", "Split: 2 for 1")))
    [line] = [line for line in chart.iter("line") if line.get("class") == "price-action"]

    assert (line.attrib["x1"], line.attrib["y1"], line.attrib["y2"]) == ("50%", "0", "100%")
    assert "".join(line.itertext()) == "2024-01-03: Split: 2 for 1"


def test_the_sentence_says_first_last_lowest_and_highest() -> None:
    said = figure([100, 90, 120], on(1, "buy"), on(2, "buy"), on(2, "sell"))["layout"]["meta"]["sentence"]

    assert said == (
        "From 100.00 USD on 2024-01-02 to 120.00 on 2024-01-04; lowest 90.00 on 2024-01-03, highest 120.00 on "
        "2024-01-04. 2 purchases, 1 sale."
    )


def test_without_prices_nothing_is_drawn_and_one_price_is_a_point_of_a_scale() -> None:
    assert [svg.get("class") for svg in drawn(figure([])).iter("svg")] == []
    assert [svg for svg in drawn(figure([7])).iter("svg") if svg.get("class") == "canvas"] != []


@pytest.mark.parametrize("text", HOSTILE)
def test_what_wants_to_be_markup_stays_text(text: str) -> None:
    chart = drawn(figure([100, 110], on(1, "buy", text), on(1, "action", text), title=text))

    assert {element.tag for element in chart.iter()} <= {
        *(
            "figure",
            "figcaption",
            "p",
            "div",
            "svg",
            "path",
            "line",
            "text",
            "title",
            "details",
            "summary",
            "table",
        ),
        *("caption", "thead", "tbody", "tr", "th", "td", "bdi"),
    }


def test_plotly_takes_the_figure() -> None:
    made = figure([100, 110, 120], on(1, "buy"), on(2, "sell"), on(1, "action"))

    assert Figure(made).data[1].marker.symbol == "triangle-up"
