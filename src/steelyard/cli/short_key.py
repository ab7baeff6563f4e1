"""The type of arguments that name an order, a proposal, a run, a hold, a break or an import."""

from typing import Any, Final
from uuid import UUID

import click

from steelyard.domain.short_key import AnyKey, KeyKind, ShortKey, read_key
from steelyard.errors import InvalidInputError


class KeyType(click.ParamType[AnyKey]):
    """A key, or its first eight characters or more; which one that is, the store says later."""

    name = "KEY"

    def __init__(self, kind: KeyKind) -> None:
        """Take what it is of."""
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> AnyKey:
        """Read the key, or end with the rule."""
        if isinstance(value, UUID | ShortKey):
            return value
        try:
            return read_key(self._kind, value)
        except InvalidInputError as error:
            self.fail(f"{error}", param, ctx)


ORDER_KEY: Final = KeyType(KeyKind.ORDER)
PROPOSAL_KEY: Final = KeyType(KeyKind.PROPOSAL)
RUN_KEY: Final = KeyType(KeyKind.RUN)
HOLD_KEY: Final = KeyType(KeyKind.HOLD)
BREAK_KEY: Final = KeyType(KeyKind.BREAK)
IMPORT_KEY: Final = KeyType(KeyKind.IMPORT)
