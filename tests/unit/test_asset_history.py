"""Returns of an asset over periods, gains by year, and files: by numbers that can be redone by hand."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from steelyard.errors import NotFoundError
from steelyard.server.table_file import Row, csv_file
from steelyard.services.asset_history import measure_returns
from steelyard.services.position import ClosedLot
from steelyard.services.realised_gain import gains_by_year
from steelyard.storage.asset import DayReturn
from steelyard.web.lot import part_of

LAST = date(2024, 3, 29)


def returns(name: str, *values: float, first: date = LAST) -> list[DayReturn]:
    """Daily returns that end on a day."""
    days = [first - timedelta(n) for n in range(len(values))][::-1]
    return [DayReturn(name, day, value, "derived") for day, value in zip(days, values, strict=True)]


def test_returns_compound_and_fall_below_their_peak() -> None:
    found = measure_returns(returns("A", 0.5, -0.5, 0.2), [], LAST)

    assert found.total == pytest.approx((0.5, -0.25, -0.1))
    assert found.falls == pytest.approx((0, -0.5, -0.4))
    assert found.max_drawdown == pytest.approx(0.5)


def test_a_period_that_is_not_covered_has_no_return() -> None:
    found = measure_returns(returns("A", *[0.01] * 40), [], LAST)
    by_name = {one.name: one for one in found.windows}

    assert by_name["one month"].total_return == pytest.approx(1.01**29 - 1)  # 1 to 29 March
    assert by_name["three months"].total_return is None
    assert by_name["2024"].total_return is None


def test_a_benchmark_is_compounded_from_the_first_day_of_the_asset() -> None:
    own, other = returns("A", 0.1, 0.1), returns("B", 0.5, 0.2, 0.5)

    assert measure_returns(own, other, LAST).benchmark == pytest.approx((0.2, 0.8))
    assert measure_returns(own, other[2:], LAST).benchmark == ()
    assert measure_returns([], [], LAST).max_drawdown is None


def closed(day: date, acquired: date, gain: int, **more: object) -> ClosedLot:
    facts: dict[str, object] = {
        "closed": day,
        "acquired": acquired,
        "gain": Decimal(gain),
        "transaction_id": "T",
        "account_id": "ONE",
        "asset_id": "A",
        "lot_id": "L",
        "quantity": Decimal(1),
        "proceeds": Decimal(gain),
        "cost": Decimal(0),
        "currency_gain": Decimal(1),
        "currency": "USD",
        "is_short": False,
    }
    return ClosedLot(**(facts | more))  # type: ignore[arg-type]  # a table of what differs


def test_gains_are_summed_by_year_term_and_currency() -> None:
    years = gains_by_year(
        [
            closed(date(2024, 3, 14), date(2023, 3, 14), 10),
            closed(date(2024, 3, 15), date(2023, 3, 14), 200),
            closed(date(2024, 3, 15), date(2020, 3, 14), -50, is_short=True),
            closed(date(2023, 3, 15), date(2020, 3, 14), 7),
            closed(date(2024, 3, 15), date(2020, 3, 14), 3, currency="EUR"),
        ]
    )

    found = [
        (one.year, one.currency, *map(int, (one.short_term, one.long_term, one.gain)), one.lots)
        for one in years
    ]
    assert found == [
        (2024, "EUR", 0, 3, 3, 1),
        (2024, "USD", -40, 200, 160, 3),
        (2023, "USD", 0, 7, 7, 1),
    ]


def test_a_page_beyond_the_last_is_the_last() -> None:
    assert part_of(range(5), 9, 2).items == range(4, 5)
    assert part_of([], 1).pages == 1


async def _body(rows: AsyncIterator[Row]) -> str:
    answer = await csv_file("x.csv", ("name", "amount"), rows)
    return "".join([str(part) async for part in answer.body_iterator])


def test_a_file_is_sent_in_parts_and_holds_every_row_once() -> None:
    async def rows() -> AsyncIterator[Row]:
        for number in range(1000):
            yield (f"=A{number}", Decimal(-number))

    lines = asyncio.run(_body(rows())).removeprefix("\ufeff").splitlines()

    assert lines[0] == "name,amount"
    assert lines[1:] == [f"'=A{number},{-Decimal(number)}" for number in range(1000)]


def test_what_refuses_the_first_row_refuses_the_file() -> None:
    class NothingError(NotFoundError):
        pass

    async def rows() -> AsyncIterator[Row]:
        raise NothingError("no such thing")
        yield ()

    with pytest.raises(NothingError):
        asyncio.run(_body(rows()))
