"""Published worked examples beside the checkout, and the closed list of reasons not to run one.

A suite is a module tests/golden/test_<suite>.py with

    SUITE    what `load_suite` read
    SKIPPED  the cases that it does not run, each with its `Skip`
    tests    of the others: parametrised by the case or its id, or marked `runs(id, …)`

Another module may run some of its cases too, with the same SUITE and no SKIPPED.
docs/reference/published-cases.md counts them; `make published` writes it anew and refuses a case that is neither run
nor skipped, or both.
"""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from books import SHARED_DATA
from steelyard.analytics.observations import FloatArray

Case = dict[str, Any]


class Reason(Enum):
    """Why a published case is not run; there are no others."""

    OTHER_CONVENTION = "other convention kept on purpose"
    UPSTREAM_DISABLED = "upstream disabled"
    CONTEXT_LOST = "context lost in extraction"
    OUT_OF_SCOPE = "feature out of scope"


@dataclass(frozen=True, slots=True)
class Skip:
    """A reason, and the sentence that says what it means for this case."""

    reason: Reason
    detail: str


def runs(*case_ids: str) -> pytest.MarkDecorator:
    """Mark a test with the published cases that it runs, where its parameters do not name them."""
    return pytest.mark.runs(*case_ids)


def load_suite(name: str) -> dict[str, Any]:
    """Read a suite of published cases, or skip the module that wants it."""
    path = SHARED_DATA / "vectors/cases" / f"{name}.json"
    if not path.exists():
        pytest.skip(f"../shared/data/vectors/cases/{name}.json is absent", allow_module_level=True)
    suite: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return suite


def numbers(values: ArrayLike) -> FloatArray:
    """Turn published values into an array; "NaN" and "Inf" are strings in JSON."""
    return np.asarray(values, dtype=np.float64)


def assert_published(actual: ArrayLike, expected: ArrayLike, *, places: int) -> None:
    """Agree to within one unit of the last published place: some are printed rounded, some cut."""
    actual, expected = numbers(actual), numbers(expected)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=10.0**-places, equal_nan=True)
