"""Published worked examples beside the checkout, and the closed list of reasons not to run one."""

import json
from enum import Enum
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from books import SHARED_DATA
from steelyard.analytics.observations import FloatArray

Case = dict[str, Any]


class Skipped(Enum):
    """Why a published case has no measure to pass."""

    RELATION_ONLY = "compares two results and publishes no value"
    NOT_OFFERED = "measures what Steelyard does not offer"
    IMPOSSIBLE_VALUE = "publishes a value that its own inputs contradict"


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
