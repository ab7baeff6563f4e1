"""Cells of files that people open in a spreadsheet: text stays text, whatever it begins with, and can be read back."""

import unicodedata
from typing import Final

_FORMULA: Final = "=+-@\t\r\n"


def cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: a `'` goes before what would start one.

    It goes, too, before text that begins with such a `'` itself, so that `text_of` gives back what was written.

    Args:
        text: of a cell, whatever somebody called an asset or an account; numbers are written as they are, without
            this. Full-width signs count too. Source: OWASP, CSV Injection.

    >>> cell("VTI"), cell("=1+1"), cell("\uff1d1"), cell("'=1"), cell("'t Hooft"), cell("")
    ('VTI', "'=1+1", "'\uff1d1", "''=1", "'t Hooft", '')
    """
    return f"'{text}" if _starts_formula(text.lstrip("'")) else text


def text_of(cell: str) -> str:
    """Return the text that `cell` wrote: without one leading `'`, where `cell` put one there.

    >>> text_of("'=1+1"), text_of("''=1"), text_of("=1+1"), text_of("'t Hooft"), text_of("'")
    ('=1+1', "'=1", '=1+1', "'t Hooft", "'")
    """
    return cell[1:] if cell[:1] == "'" and _starts_formula(cell.lstrip("'")) else cell


def _starts_formula(text: str) -> bool:
    return bool(text) and unicodedata.normalize("NFKC", text[0]) in _FORMULA
