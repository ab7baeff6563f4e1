"""Reading a form: what was typed becomes values, and what cannot be used stands by its field, with what is expected."""

from collections.abc import Callable, Collection
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

from steelyard.server.form import Form
from steelyard.server.input import read_day, read_decimal, read_id, read_text
from steelyard.web.region import Region

Value = TypeVar("Value")
REQUIRED: Final = "this is needed"
LONGEST: Final = 200


class Reading:
    """A form that is read field by field; `faults` holds what is wrong, by the name of the field.

    >>> from steelyard.web.region import find_region
    >>> reading = Reading(Form({"weight": ("12,5",), "name": ("",)}), find_region("en-US"))
    >>> reading.number("weight"), reading.text("name")
    (None, None)
    >>> reading.faults
    {'weight': 'write it with a point: 12.5', 'name': 'this is needed'}
    """

    def __init__(self, form: Form, region: Region) -> None:
        """Begin to read."""
        self.form, self._region = form, region
        self.faults: dict[str, str] = {}

    def read(self, name: str, reader: Callable[[str], Value], *, is_needed: bool = True) -> Value | None:
        """Read a field; None = it is empty, or cannot be used, which `faults` says.

        Args:
            name: of the field.
            reader: takes what was typed; raises ValueError with a sentence that names the rule.
            is_needed: whether an empty one is a fault.
        """
        typed = self.form.text(name)
        if not typed:
            if is_needed:
                self.faults[name] = REQUIRED
            return None
        try:
            return reader(typed)
        except ValueError as error:
            self.faults[name] = f"{error}"
            return None

    def text(self, name: str, *, longest: int = LONGEST, is_needed: bool = True) -> str | None:
        """Read a name or a note."""

        def reader(typed: str) -> str:
            if len(typed) > longest:
                raise ValueError(f"at most {longest} characters, not {len(typed)}")
            return read_text(typed)

        return self.read(name, reader, is_needed=is_needed)

    def note(self, name: str, *, longest: int, is_needed: bool = True) -> str | None:
        """Read a text of some lines."""

        def reader(typed: str) -> str:
            if len(typed) > longest:
                raise ValueError(f"at most {longest:,} characters, not {len(typed):,}")
            return "\n".join(read_text(line) if line.strip() else "" for line in typed.split("\n"))

        return self.read(name, reader, is_needed=is_needed)

    def key(self, name: str, *, is_needed: bool = True) -> str | None:
        """Read a key of the firm's, as it is."""
        return self.read(name, read_id, is_needed=is_needed)

    def number(self, name: str, *, is_needed: bool = True) -> Decimal | None:
        """Read an exact number, written with the decimal mark of the region and without groups."""
        return self.read(name, self._decimal, is_needed=is_needed)

    def day(self, name: str, *, is_needed: bool = True) -> date | None:
        """Read a day, as the browser's field of dates writes it."""
        return self.read(name, read_day, is_needed=is_needed)

    def one_of(self, name: str, choices: Collection[str], *, is_needed: bool = True) -> str | None:
        """Read one of some choices."""

        def reader(typed: str) -> str:
            if typed not in choices:
                raise ValueError("not one of the choices")
            return typed

        return self.read(name, reader, is_needed=is_needed)

    def typed(self, amount: Decimal) -> str:
        """Write a number as a field takes it."""
        return self._region.typed(amount)

    def _decimal(self, typed: str) -> Decimal:
        mark = self._region.style.decimal
        plain = typed.replace("−", "-")
        other = "," if mark == "." else "."
        if plain.count(other) == 1 and mark not in plain:
            word = "a point" if mark == "." else "a comma"
            raise ValueError(f"write it with {word}: {plain.replace(other, mark)}")
        try:
            return read_decimal(plain if mark == "." else plain.replace(mark, "."))
        except ValueError:
            example = f"1234{mark}56"
            raise ValueError(f"not a plain number such as {example}, without spaces or groups") from None
