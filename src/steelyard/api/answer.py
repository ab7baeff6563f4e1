"""Answers as JSON: money and other exact numbers as text, fractions as numbers, days as ISO 8601, unknown as null."""

from typing import Any

import msgspec
from fastapi import Response

from steelyard.server.plain import plain


class Answer(Response):
    """What a service returned, as JSON."""

    media_type = "application/json"

    @property
    def text(self) -> str:
        """What it says."""
        return bytes(self.body).decode()

    def render(self, content: Any) -> bytes:
        """Write it; numbers that are none in JSON (NaN, infinity) become null."""
        return msgspec.json.encode(plain(content))
