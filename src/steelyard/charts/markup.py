"""HTML and SVG as text, in which nothing that is not meant as markup becomes markup."""

import re
from functools import lru_cache
from html import escape
from typing import Final

# What no XML document may hold, and neither should a page: control characters and halves of surrogate pairs.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is markup already; templates see `__html__` and insert it as it stands."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return the markup."""
        return self


def text(plain: str) -> Markup:
    """Return markup that shows `plain`, whatever it holds.

    >>> text('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    """
    return Markup(escape(_FORBIDDEN.sub("\ufffd", plain)))


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """Return an element.

    Args:
        name: of the element.
        children: markup as it is; any other text is escaped.
        attributes: by name, `_` for `-`, an `_` at the end ignored; None = left out. Numbers lose needless zeros.

    >>> element("text", "a<b", x=12.5, text_anchor="end", class_="tick", dy=None)
    '<text x="12.5" text-anchor="end" class="tick">a&lt;b</text>'
    """
    given = "".join(
        f' {_name(key)}="{_value(value) if isinstance(value, str) else _written(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(child if isinstance(child, Markup) else text(child) for child in children)
    return Markup(f"<{name}{given}>{inside}</{name}>")


def together(*parts: str) -> Markup:
    """Return markup one part after the other; plain text among them is escaped.

    >>> together(element("b", "1"), " < 2")
    '<b>1</b> &lt; 2'
    """
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in parts))


def share(fraction: float) -> str:
    """Return a fraction as a length of SVG, in percent of whatever it is drawn in.

    >>> share(0.25), share(1 / 3)
    ('25%', '33.3333%')
    """
    return f"{_written(100 * fraction)}%"


def _written(value: float) -> str:
    """Four decimals are a hundredth of a pixel on the widest screen."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


# A table of bars says the same few names and words thousands of times.
@lru_cache(maxsize=256)
def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


@lru_cache(maxsize=1024)
def _value(value: str) -> str:
    return text(value)
