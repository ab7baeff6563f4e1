"""The errors Steelyard raises, each with one sentence that says what to do next.

SteelyardError
├── NotFoundError          what was asked for is not in the store
├── NotPermittedError      the caller may not do this
├── ConflictError          something else happened first; try again
├── InvalidInputError      the input breaks a rule; the sentence names the place and the rule
└── UpstreamError          the database or another system did not do its part

Concrete errors live beside what raises them and derive from one of these five. A concrete class takes typed
arguments and writes its own sentence; no caller passes a message. The faces map branches to exit codes and
HTTP statuses; nothing below a face knows either.
"""

from typing import ClassVar


class SteelyardError(Exception):
    """Base of every error that Steelyard raises on purpose.

    Attributes:
        is_temporary: whether the same call may succeed in a while, without anybody putting anything right.
    """

    is_temporary: ClassVar[bool] = False


class NotFoundError(SteelyardError):
    """What was asked for is not in the store."""


class NotPermittedError(SteelyardError):
    """The caller may not do this."""


class ConflictError(SteelyardError):
    """Something else happened first; the same call may succeed later."""


class InvalidInputError(SteelyardError):
    """The input breaks a rule; the sentence names the place and the rule."""


class UpstreamError(SteelyardError):
    """The database or another system did not do its part."""
