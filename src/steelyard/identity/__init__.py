"""Who may: signing in, and proving it again. What all of it is given from outside stands here."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

Clock = Callable[[], datetime]
"""Gives the time, with its time zone."""

Random = Callable[[int], bytes]
"""Gives so many random bytes that nobody can foresee; `secrets.token_bytes` outside of tests."""

LEEWAY: Final = timedelta(seconds=5)
"""By how much another clock may differ from ours."""
