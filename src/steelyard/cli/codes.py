"""Exit codes: what a shell, a scheduler or a cluster may conclude."""

from typing import Final

from steelyard.errors import SteelyardError

FAILED: Final = 1
"""Somebody has to put something right first."""

INFEASIBLE: Final = 3
"""The answer is that no trades keep every constraint; it says which ones are in conflict."""

TRY_AGAIN: Final = 75
"""EX_TEMPFAIL of sysexits.h: the same command may succeed in a while."""

INTERRUPTED: Final = 130
"""128 + SIGINT, as shells count."""


def code_of(error: SteelyardError) -> int:
    """Return the exit code of an error."""
    return TRY_AGAIN if error.is_temporary else FAILED
