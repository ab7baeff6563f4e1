"""The published cases of hledger's `roi` (GPL-3.0+, facts only): value, cash flow, gain, IRR and linked returns."""

import re
import shlex
from datetime import date, timedelta

import numpy as np
import pytest

from hledger_text import Amount, read_ledger
from plain_text_ledger import PlainTextLedger
from published import Case, Skip, load_suite
from steelyard.analytics.day_count import DayCount, annualise, elapsed_years
from steelyard.analytics.money_weighted import linked_internal_return, money_weighted_return
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.time_weighted import FlowTiming
from steelyard.domain.posting import Place

SUITE = load_suite("hledger_roi")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}
SKIPPED: dict[str, Skip] = {}


def read(case: Case) -> tuple[PlainTextLedger, str]:
    """Read the ledger as the command asks for it, and the currency of its answer."""
    words = shlex.split(case["command"])
    options = {name: words[place + 1] for place, name in enumerate(words) if name in {"--inv", "--pnl"}}
    ledger = read_ledger(case["ledger"], investment=options["--inv"], profit=options.get("--pnl"))
    [currency] = {
        Amount.read(row[name]).commodity
        for row in case["expected_rows"]
        for name in ("value_end", "cashflow", "value_begin")
        if re.search(r"[^\d.,-]", row[name])
    }
    return ledger, currency


def percent(text: str) -> float:
    return float(text.removesuffix("%"))


@pytest.mark.parametrize("case_id", CASES)
def test_roi(case_id: str) -> None:
    case = CASES[case_id]
    ledger, currency = read(case)
    for row in case["expected_rows"]:
        begin, end = date.fromisoformat(row["begin"]), date.fromisoformat(row["end"])
        valued = ledger.value(begin - timedelta(days=1), end, base=currency)
        values, came_in, went_out = valued.values[:, 0], valued.flows_in[:, 0], valued.flows_out[:, 0]
        years = elapsed_years(valued.dates, day_count=DayCount.ACT_365_25)
        rates = money_weighted_return(values, came_in, went_out, years, timing=FlowTiming.START)
        amounts = {
            "value_begin": values[0],
            "cashflow": (came_in - went_out).sum(),
            "value_end": values[-1],
            "pnl": values[-1] - values[0] - (came_in - went_out).sum(),
        }
        for name, amount in amounts.items():
            assert amount == pytest.approx(float(Amount.read(row[name]).quantity), abs=5e-9), name
        assert 100 * rates.rate == pytest.approx(percent(row["irr"]), abs=0.0051)
        period = linked(ledger, valued.dates[1:], values[1:], came_in[1:], went_out[1:])
        assert 100 * period == pytest.approx(percent(row["twr_period"]), abs=0.0051)
        yearly = float(annualise(period, years=years[-1]))
        assert 100 * yearly == pytest.approx(percent(row["twr_year"]), abs=0.0051)


def linked(
    ledger: PlainTextLedger,
    dates: DateArray,
    values: FloatArray,
    came_in: FloatArray,
    went_out: FloatArray,
) -> float:
    """Link as hledger does: valued on days with a price or a profit, from the end of the first day on."""
    valued_on = ledger.priced_days | {line.day for line in ledger.lines if line.place is Place.INCOME}
    kept = np.array([day in valued_on for day in dates.astype(object)])
    kept[[0, -1]] = True
    years = elapsed_years(dates, day_count=DayCount.ACT_365_25)
    return linked_internal_return(
        np.where(kept, values, np.nan), came_in, went_out, years, timing=FlowTiming.END
    )
