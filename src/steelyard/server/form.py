"""Forms: what a page sends, read strictly, with what was typed kept for the page that asks again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from steelyard.server.refusals import MalformedRequestError

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
MAX_FIELDS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, by the name of its field, in the order in which it came.

    >>> form = Form({"name": (" Ada ",), "account": ("A", "B")})
    >>> form.text("name"), form.texts("account"), form.text("nothing")
    ('Ada', ('A', 'B'), '')
    """

    fields: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """Return what stands in a field, without the blanks around it; "" = nothing does.

        Raises:
            MalformedRequestError: it comes twice.
        """
        values = self.fields.get(name, ())
        if len(values) > 1:
            raise MalformedRequestError("a field of its form comes twice")
        return values[0].strip() if values else ""

    def secret(self, name: str) -> str:
        """Return what stands in a field, blanks and all, as passwords have them; raises as `text`."""
        self.text(name)
        return self.fields.get(name, ("",))[0]

    def texts(self, name: str) -> tuple[str, ...]:
        """Return what stands in all fields of a name."""
        return tuple(value.strip() for value in self.fields.get(name, ()))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Give every field with what stands in it."""
        return ((name, value) for name, values in self.fields.items() for value in values)


def read_form(body: bytes) -> Form:
    """Read the body of a form.

    Args:
        body: URL-encoded UTF-8; its length is the caller's to bound.

    Raises:
        ValueError: it is no form, not UTF-8, holds a NUL or more than 1,000 fields. Without a quotation: the text may
            be secret.

    >>> dict(read_form(b"a=1&b=x+y&a=2").fields)
    {'a': ['1', '2'], 'b': ['x y']}
    """
    if not body:
        return Form({})
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise ValueError("not one plain form") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise ValueError("not one plain form")
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return Form(fields)


async def _form(request: Request) -> Form:
    return read_form(await request.body())


AskedForm = Annotated[Form, Depends(_form)]
"""What was typed into the form that a request sends."""
