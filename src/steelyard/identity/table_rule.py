"""What a table and its columns tell of a person, and what becomes of it when the person asks or leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class OnExport(StrEnum):
    """What an export of a person's data says of a column."""

    PLAIN = "plain"
    SEALED = "sealed"
    """Decrypted."""
    SECRET = "secret"  # noqa: S105  a kind, and no password
    """Whether there is one; it proves who somebody is, and helps nobody but a thief."""


class OnErasure(StrEnum):
    """What an erasure does with a column of rows that stay."""

    KEEP = "keep"
    """It tells of no person, or by the pseudonymous key only."""
    CLEAR = "clear"
    """Emptied, as soon as it is asked for."""
    CLEAR_LATER = "clear_later"
    """Emptied, and not before the retention of what the person did is over: it says whose the key is."""


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What a column tells of a person.

    Attributes:
        on_export, on_erasure: what becomes of it.
    """

    on_export: OnExport = OnExport.PLAIN
    on_erasure: OnErasure = OnErasure.KEEP


@dataclass(frozen=True, slots=True)
class TableRule:
    """What a table tells of persons.

    Attributes:
        why: what it holds, and why what stays may stay.
        columns: every column.
        owners: columns that say whose a row is, by the key of the user or of one of their sessions; empty = of nobody.
        named_in: columns that name who did something, as `user:ID` or `token:ID`, or what it was done to.
        rows_go: whether an erasure deletes the rows of the person.
    """

    why: str
    columns: Mapping[str, ColumnRule]
    owners: tuple[str, ...] = ()
    named_in: tuple[str, ...] = ()
    rows_go: bool = False

    @property
    def found_by(self) -> tuple[str, ...]:
        """The columns by which rows that tell of a person are found."""
        return (*self.owners, *self.named_in)

    def cleared(self, *, later: bool) -> list[str]:
        """Return the columns that an erasure empties; with `later` those of after the retention, too."""
        wanted = {OnErasure.CLEAR, *([OnErasure.CLEAR_LATER] if later else [])}
        return [name for name, rule in self.columns.items() if rule.on_erasure in wanted]
