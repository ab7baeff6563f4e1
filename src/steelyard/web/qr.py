"""QR codes, drawn as one path: no picture is asked for elsewhere, and none is kept."""

from dataclasses import dataclass
from itertools import groupby
from typing import Final

import segno

QUIET: Final = 4
"""Modules of white around the code, as ISO/IEC 18004 asks."""


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code to be drawn as SVG.

    Attributes:
        size: modules on each side, with the white around.
        path: the dark ones.
    """

    size: int
    path: str


def qr_of(text: str) -> QrCode:
    """Draw a text as a QR code, level M.

    >>> code = qr_of("otpauth://totp/Steelyard:ada?secret=GEZDGNBVGY3TQOJQ")
    >>> code.size, code.path[:14]
    (41, 'M4 4h7v1h-7zM1')
    """
    rows = segno.make(text, error="m", micro=False).matrix
    drawn: list[str] = []
    for y, row in enumerate(rows, QUIET):
        x = QUIET
        for is_dark, modules in groupby(row):
            width = len(tuple(modules))
            if is_dark:
                drawn.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    return QrCode(len(rows) + 2 * QUIET, "".join(drawn))
