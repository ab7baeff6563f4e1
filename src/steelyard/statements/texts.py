"""Columns of text as files hold them: few cells need a change, and only those are looked at one by one."""

import json
from collections.abc import Callable, Iterable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from steelyard.domain.spreadsheet import cell, text_of

_MAY_START_FORMULA: Final = r"^'*[^'\pL\pN]"  # more than do: `domain.spreadsheet` decides
_NEEDS_QUOTES: Final = '[",\r\n]'
_QUOTED_FOR: Final = (b'"', b",", b"\r", b"\n")
_NEEDS_ESCAPES: Final = r'["\\\x00-\x1f\x{85}\x{2028}\x{2029}]'
_LINE_ENDS: Final = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""What JSON takes for text, and some readers of lines for the end of one."""


def guarded(texts: pa.StringArray) -> pa.StringArray:
    """Return texts as cells that no spreadsheet takes for a formula; see `domain.spreadsheet.cell`."""
    return _changed(texts, _MAY_START_FORMULA, cell)


def unguarded(cells: pa.StringArray) -> pa.StringArray:
    """Return the texts of such cells; see `domain.spreadsheet.text_of`."""
    return _changed(cells, _MAY_START_FORMULA, text_of)


def quoted_for_csv(texts: pa.StringArray) -> pa.StringArray:
    """Return texts as they stand between commas (RFC 4180): in quotes where they need them.

    >>> quoted_for_csv(pa.array(["VTI", "Smith, J.", None])).to_pylist()
    ['VTI', '"Smith, J."', None]
    """
    return _changed(texts, _NEEDS_QUOTES, _quoted) if _holds(texts, _QUOTED_FOR) else texts


def escaped_for_json(texts: pa.StringArray) -> pa.StringArray:
    r"""Return texts as they stand between the quotes of a JSON string.

    >>> escaped_for_json(pa.array(["VTI", '"Saw"', None])).to_pylist() == ["VTI", r'\"Saw\"', None]
    True
    """
    return _changed(texts, _NEEDS_ESCAPES, _escaped)


def joined(lines: pa.StringArray) -> bytes:
    r"""Return lines as one text, each ended by a newline.

    >>> joined(pa.array(["a", "b"])), joined(pa.array([], pa.string()))
    (b'a\nb\n', b'')
    """
    if not len(lines):
        return b""
    whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
    return bytes(pc.binary_join(whole, "\n")[0].as_buffer()) + b"\n"


def _holds(texts: pa.StringArray, marks: Iterable[bytes]) -> bool:
    """Whether any of the texts may hold one of the marks: quick, for all of their bytes lie in one piece."""
    data = texts.buffers()[2]
    if data is None:
        return False
    held = data.to_pybytes()
    return any(mark in held for mark in marks)


def _changed(texts: pa.StringArray, pattern: str, change: Callable[[str], str]) -> pa.StringArray:
    if texts.null_count == len(texts):
        return texts
    wanted = pc.fill_null(pc.match_substring_regex(texts, pattern), fill_value=False)
    if not pc.any(wanted, min_count=0).as_py():
        return texts
    changed = [change(text) for text in texts.filter(wanted).to_pylist()]
    return pc.replace_with_mask(texts, wanted, pa.array(changed, pa.string()))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1].translate(_LINE_ENDS)
