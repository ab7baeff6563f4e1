"""Cells of files that people open in a spreadsheet: text stays text, whatever it begins with."""

import unicodedata
from typing import Final

_FORMULA: Final = "=+-@\t\r\n"


def cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: a `'` goes before what would start one.

    Args:
        text: of a cell, whatever somebody called an asset or an account; numbers are written as they are, without
            this. Full-width signs count too. Source: OWASP, CSV Injection.

    >>> cell("VTI"), cell("=1+1"), cell("\uff1d1"), cell("")
    ('VTI', "'=1+1", "'\uff1d1", '')
    """
    return f"'{text}" if text and unicodedata.normalize("NFKC", text[0]) in _FORMULA else text
