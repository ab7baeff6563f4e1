"""Options that several commands share, and the types of their values."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from steelyard.domain.amount import read_amount
from steelyard.domain.scope import TENANT, Scope
from steelyard.errors import InvalidInputError

if TYPE_CHECKING:
    from steelyard.services.asset_360 import Which


class DayType(click.ParamType[date]):
    """A day, as YYYY-MM-DD and nothing else."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the day, or end with the rule."""
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is None or day.isoformat() != value:
            self.fail(f"{value!r} is not a day; write it as YYYY-MM-DD.", param, ctx)
        return day


class AmountType(click.ParamType[Decimal]):
    """An exact amount, 0 or above."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Read the amount, or end with the rule."""
        try:
            amount = read_amount("the amount", value)
        except InvalidInputError as error:
            self.fail(f"{error}", param, ctx)
        if amount < 0:
            self.fail(f"{value} is below 0.", param, ctx)
        return amount


class TablesType(click.ParamType[tuple[str, ...]]):
    """Names of tables, separated by commas."""

    name = "TABLES"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Read the names, or end with the rule."""
        names = value if isinstance(value, tuple) else tuple(name.strip() for name in value.split(","))
        if not all(names):
            self.fail(f"{value!r} has an empty name; write tables as market_data,transactions.", param, ctx)
        return names


DAY: Final = DayType()
TABLES: Final = TablesType()

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON and nothing else on standard output."
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reading command was asked.

    Attributes:
        scope: whose assets.
        version: a kept version; None = the newest one.
        as_of: a day for which a version was made; None = that of the version.
        as_json: whether to print what the reader returns instead of a screen.
    """

    scope: Scope = TENANT
    version: int | None = None
    as_of: date | None = None
    as_json: bool = False

    def which(self) -> "Which":
        """Return the arguments of a reader."""
        return {"scope": self.scope, "version": self.version, "as_of": self.as_of}


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a reader; it gets them as one `Reading` in `reading`."""

    @click.option("--household", metavar="ID", help="Only the accounts of this household.")
    @click.option("--account", metavar="ID", help="Only this account.")
    @click.option("--as-of", type=DAY, help="The newest version made for this day.")
    @click.option(
        "--version-number", type=click.IntRange(min=1), metavar="N", help="A kept version: refresh --list."
    )
    @as_json
    @wraps(command)
    def with_reading(
        *args: Any,
        household: str | None,
        account: str | None,
        as_of: date | None,
        version_number: int | None,
        as_json: bool,
        **others: Any,
    ) -> None:
        if version_number is not None and as_of is not None:
            raise click.UsageError(
                "--as-of and --version-number exclude each other; a version is of one day."
            )
        reading = Reading(_scope(household, account), version_number, as_of, as_json)
        command(*args, reading=reading, **others)

    return with_reading


def _scope(household: str | None, account: str | None) -> Scope:
    if household and account:
        raise click.UsageError("--household and --account exclude each other; name one.")
    if household:
        return Scope.household(household)
    return Scope.account(account) if account else TENANT


def scope_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say whose; it gets them as one `Scope` in `scope`."""

    @click.option("--household", metavar="ID", help="Only the accounts of this household.")
    @click.option("--account", metavar="ID", help="Only this account.")
    @wraps(command)
    def with_scope(*args: Any, household: str | None, account: str | None, **others: Any) -> None:
        command(*args, scope=_scope(household, account), **others)

    return with_scope


FLOWS: Final = ("in-start-out-end", "start", "end")
"""What `--flows` takes, in the order of `FlowTiming`'s likeliest."""


def question_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a performance; it gets them as one `Question` in `question`."""

    @click.option(
        "--from", "first", type=DAY, help="The first day.  [default: that of the first transaction]"
    )
    @click.option("--to", "last", type=DAY, help="The last day.  [default: the last price date]")
    @click.option(
        "--currency", metavar="CODE", help="Everything in this currency.  [default: the base currency]"
    )
    @click.option("--benchmark", metavar="ASSET", help="Compare with this asset.  [default: the currency's]")
    @click.option(
        "--flows",
        type=click.Choice(FLOWS),
        default=FLOWS[0],
        show_default=True,
        help="When deposits and withdrawals of a day come and go.",
    )
    @click.option("--before-fees", is_flag=True, help="Fees do not lower the return.")
    @click.option("--before-taxes", is_flag=True, help="Taxes do not lower the return.")
    @scope_options
    @wraps(command)
    def with_question(
        *args: Any,
        scope: Scope,
        first: date | None,
        last: date | None,
        currency: str | None,
        benchmark: str | None,
        flows: str,
        before_fees: bool,
        before_taxes: bool,
        **others: Any,
    ) -> None:
        from steelyard.analytics.time_weighted import FlowTiming
        from steelyard.services.track_record import Question

        timings = FlowTiming.IN_AT_START_OUT_AT_END, FlowTiming.START, FlowTiming.END
        question = Question(
            scope=scope,
            first=first,
            last=last,
            currency=currency,
            benchmark=benchmark,
            timing=timings[FLOWS.index(flows)],
            after_fees=not before_fees,
            after_taxes=not before_taxes,
        )
        command(*args, question=question, **others)

    return with_question


def examples(*lines: str) -> str:
    """Return the end of a command's help: its examples, one a line.

    >>> examples("steelyard risk").splitlines()[1:]
    ['Examples:', '  steelyard risk']
    """
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
