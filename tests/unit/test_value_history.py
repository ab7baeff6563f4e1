"""The same money in a benchmark, and the sentence beside it, where something is not known."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from steelyard.services.value_history import ValueHistory, value_figure

NAN = float("nan")


def figure_of(
    values: Sequence[float], flows: Sequence[float], levels: Sequence[float]
) -> tuple[list[float | None], str]:
    """The line of the benchmark, and the sentence; days from 4 March 2024."""
    history = ValueHistory(
        base_currency="USD",
        benchmark="M",
        days=np.datetime64("2024-03-04", "D") + np.arange(len(values)),
        values=np.array(values),
        flows=np.array(flows),
        levels=np.array(levels),
        change=None,
        change_fraction=None,
        since=np.datetime64("2024-03-04", "D").item(),
        time_weighted_return=None,
        benchmark_return=None,
        volatility=None,
        value_at_risk=None,
        oldest=("", 0),
    )
    figure: dict[str, Any] = value_figure(history, 0)
    lines = {line["name"]: line["y"] for line in figure["data"]}
    return lines["M"], figure["layout"]["meta"]["sentence"]


def test_money_paid_in_buys_the_benchmark_at_its_price_of_the_day() -> None:
    line, said = figure_of([100, 160, 170], [0, 50, 0], [10, 12.5, 15])
    assert line == [100.0, 175.0, 210.0]
    assert "from 100.00 on 4 Mar 2024: a gain of 20.00 and 50.00 paid in, net." in said


def test_a_flow_that_nobody_knows_is_not_taken_for_none() -> None:
    line, said = figure_of([100, 160, 170], [0, NAN, 0], [10, 12.5, 15])
    assert line == [100.0, None, None]
    assert "gain" not in said
    assert "how much of that was paid in or out is not known." in said


def test_days_without_a_price_of_the_benchmark_are_a_gap_unless_something_flows_on_them() -> None:
    assert figure_of([100, 110, 120], [0, 0, 0], [10, NAN, 15])[0] == [100.0, None, 150.0]
    assert figure_of([100, 160, 170], [0, 50, 0], [10, NAN, 15])[0] == [100.0, None, None]
