"""The published cases of beancount's booking (GPL-2.0, facts only) in which a sale takes lots of one position.

What books a purchase, a short position or two currencies at once is the ledger's; each of those cases says so here.
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from published import Case, Reason, Skip, load_suite
from steelyard.domain.lot import (
    Lot,
    LotMatch,
    LotMethod,
    SaleExceedsLotsError,
    match_lots,
)

SUITE = load_suite("beancount_booking")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}

POSTING = re.compile(
    r"^\s+(?P<mark>[SM] )?\s*Assets:Account\s+(?P<units>-?\d+) HOOL \{(?P<cost>[^}]*)\}", re.MULTILINE
)


PURCHASE = Skip(Reason.OUT_OF_SCOPE, "books a purchase, or infers its cost")
SHORT = Skip(Reason.OUT_OF_SCOPE, "leaves a short position, or lots of both signs")
BY_COST = Skip(Reason.OUT_OF_SCOPE, "names a lot by its cost or day, or finds none")
CURRENCIES = Skip(Reason.OUT_OF_SCOPE, "holds lots in two currencies in one position")

SKIPPED = {
    "TestBasicBooking.test_augment__at_cost__different_cost": PURCHASE,
    "TestBasicBooking.test_augment__at_cost__different_date": PURCHASE,
    "TestBookAmbiguous.test_ambiguous__STRICT_1": BY_COST,
    "TestBookAugmentations.test_augment__from_empty__at_cost__neg": SHORT,
    "TestBookAugmentations.test_augment__from_empty__incomplete_cost__empty": PURCHASE,
    "TestBookAugmentations.test_augment__from_empty__incomplete_cost__with_currency": PURCHASE,
    "TestBookReductions.test_reduce__ambiguous__none": SHORT,
    "TestBookReductions.test_reduce__ambiguous__none__from_mixed": SHORT,
    "TestBookReductionsSelf.test_reduce__augment_and_reduce_with_empty_balance": SHORT,
    "TestBookReductionsSelf.test_reduce__augment_and_reduce_with_non_empty_balance": PURCHASE,
    "_TestBookAmbiguousAVERAGE.test_ambiguous__AVERAGE__mixed_currencies__ambi": CURRENCIES,
    "_TestBookAmbiguousAVERAGE.test_ambiguous__AVERAGE__mixed_currencies__unambi_cost__merging": CURRENCIES,
    "_TestBookAmbiguousAVERAGE.test_ambiguous__AVERAGE__mixed_currencies__unambi_currency": CURRENCIES,
}

METHODS = {"FIFO": LotMethod.FIFO, "LIFO": LotMethod.LIFO, "AVERAGE": LotMethod.AVERAGE}


@dataclass(frozen=True)
class Posted:
    """Units at a cost per unit; on a day, where the case names one."""

    units: Decimal
    cost: Decimal | None
    day: date | None

    def fits(self, lot: Lot) -> bool:
        """Whether a posting that names a cost or a day names this lot."""
        return (self.cost is None or self.cost * lot.quantity == lot.cost) and self.day in {
            None,
            lot.acquired,
        }


def section(case: Case, tag: str) -> str:
    """Return what stands under a tag; empty where nothing does."""
    blocks = re.split(r"\n\n+", case["case"])
    return "\n".join(block for block in blocks if re.search(rf"#{tag}\b", block))


def postings(case: Case, tag: str) -> list[Posted]:
    """Return the postings under a tag; marked ones, which merge lots first, left out."""
    return [
        posted(found)
        for found in POSTING.finditer(section(case, tag))
        if not found["mark"] and int(found["units"])
    ]


def posted(found: re.Match[str]) -> Posted:
    cost = re.search(r"\d+\.\d+", found["cost"])
    day = re.search(r"\d{4}-\d\d-\d\d", found["cost"])
    return Posted(
        Decimal(found["units"]),
        Decimal(cost.group()) if cost else None,
        date.fromisoformat(day.group()) if day else None,
    )


def lots_before(case: Case) -> list[Lot]:
    return [
        Lot(str(place), "HOOL", one.units, one.units * (one.cost or 0), one.day or date(2015, 1, 1))
        for place, one in enumerate(postings(case, "ante"))
    ]


def sell(lots: list[Lot], sale: Posted, method: str) -> LotMatch:
    """Sell as the case does: by its method, or the lots that fit the cost and day it names."""
    if sale.cost is None and sale.day is None and method in METHODS:
        return match_lots(lots, -sale.units, METHODS[method])
    chosen: dict[str, Decimal] = {}
    fitting = [lot for lot in lots if sale.fits(lot)]
    left = -sale.units
    for lot in fitting:
        chosen[lot.lot_id] = left if lot is fitting[-1] else min(lot.quantity, left)
        left -= chosen[lot.lot_id]
    return match_lots(lots, -sale.units, LotMethod.SPECIFIC, chosen=chosen)


def apply(case: Case) -> tuple[list[Lot], list[Lot]]:
    """Return what all sales of a case take, and what they leave."""
    left = lots_before(case)
    taken: list[Lot] = []
    for sale in postings(case, "apply"):
        match = sell(left, sale, case["method"])
        taken += match.taken
        left = list(match.left)
    return taken, left


def summed(rows: list[tuple[Decimal, Decimal]]) -> list[tuple[Decimal, Decimal]]:
    """Sum (units, cost) by cost per unit: average keeps its days apart, the case merges them."""
    by_cost: dict[Decimal, Decimal] = {}
    for units, cost in rows:
        by_cost[cost / units] = by_cost.get(cost / units, Decimal(0)) + units
    return sorted((units, cost) for cost, units in by_cost.items())


RUN = sorted(CASES.keys() - SKIPPED.keys())


@pytest.mark.parametrize("case_id", RUN)
def test_a_sale_takes_the_published_lots(case_id: str) -> None:
    case = CASES[case_id]
    if "Not enough lots" in section(case, "booked"):
        with pytest.raises(SaleExceedsLotsError, match="HOOL"):
            apply(case)
        return

    taken, left = apply(case)

    booked, after = postings(case, "booked"), postings(case, "ex")
    if booked:
        assert summed([(lot.quantity, lot.cost) for lot in taken]) == summed(
            [(-one.units, -one.units * (one.cost or 0)) for one in booked]
        )
    if after:
        assert summed([(lot.quantity, lot.cost) for lot in left]) == summed(
            [(one.units, one.units * (one.cost or 0)) for one in after]
        )
    assert booked or after or not taken


def test_every_case_is_run_or_has_its_reason() -> None:
    assert SKIPPED.keys() <= CASES.keys()
    assert len(RUN) == 22
