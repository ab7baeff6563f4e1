"""What a replay refuses, and what it takes as booked once."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bookings import BUY, LATER, SPLIT, book, even, lots, run
from steelyard.domain.ledger import (
    BookedOtherwiseError,
    Bookkeeper,
    OutOfOrderError,
    expand,
)
from steelyard.domain.lot import LotMethod
from steelyard.domain.lot_changes import OversoldError
from steelyard.domain.transaction import Transaction, TransactionError


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [book("SELL", "T2", LATER, quantity=11, amount=1)],
            "takes 11 of VTI from account A.*hold 10.*SHORT.*OPENING",
        ),
        ([book("COVER", "T2", LATER, quantity=1, amount=1)], "takes 1 of VTI.*hold 0.*BUY"),
        ([book("DELIVER", "T2", LATER, quantity=11)], "T2 \\(DELIVER\\) takes 11"),
        ([book("TRANSFER", "T2", LATER, quantity=11, counter_account_id="B")], "T2 \\(TRANSFER\\) takes 11"),
    ],
)
def test_more_than_the_lots_hold_is_refused(rows: list[Transaction], says: str) -> None:
    with pytest.raises(OversoldError, match=says):
        run(BUY, *rows)


def test_a_fault_is_refused_and_changes_nothing() -> None:
    keeper = Bookkeeper(methods=LotMethod.FIFO, convert=even)
    keeper.book(BUY)
    before = keeper.replay()

    with pytest.raises(TransactionError, match=r"T2 .* has no quantity above 0"):
        keeper.book(book("BUY", "T2", amount=1))
    with pytest.raises(OversoldError):
        keeper.book(book("SELL", "T2", LATER, quantity=11, amount=1))
    with pytest.raises(OutOfOrderError, match="T0 of 2024-03-13"):
        keeper.book(book("BUY", "T0", date(2024, 3, 13), quantity=1, amount=1))

    assert keeper.replay() == before
    keeper.book(book("DIVIDEND", "T2", account_id="", price=1))
    assert not keeper.replay().income, "nothing was held at the open"
    keeper.book(book("SELL", "T2", LATER, quantity=1, amount=1))
    assert keeper.replay() != before


def test_the_same_id_twice_is_once() -> None:
    assert run(BUY, BUY) == run(BUY)
    with pytest.raises(BookedOtherwiseError, match="T1"):
        run(BUY, replace(BUY, amount=Decimal(7)))


def test_the_same_action_twice_is_once_and_under_another_id_is_refused() -> None:
    assert run(BUY, SPLIT, SPLIT) == run(BUY, SPLIT)
    assert lots(run(BUY, SPLIT)) == [("T1", 20, "1005.00")]

    again = replace(
        SPLIT, transaction_id="S2", account_id="A", quantity=Decimal(5), counter_quantity=Decimal(10)
    )
    with pytest.raises(TransactionError, match=r"S2 \(SPLIT\) is the same corporate action"):
        run(BUY, SPLIT, again)
    assert lots(run(BUY, SPLIT, replace(again, trade_date=date(2024, 6, 4)))) == [("T1", 40, "1005.00")]


def test_what_is_for_every_holder_leaves_out_who_holds_nothing() -> None:
    held = {"B": Decimal(0), "C": Decimal(3), "A": Decimal(-1)}

    assert [one.account_id for one in expand(SPLIT, held)] == ["A", "C"]
    assert list(expand(BUY, held)) == [BUY]


def test_what_is_refused_leaves_no_trace_and_the_rest_goes_on() -> None:
    keeper = Bookkeeper(methods=LotMethod.FIFO, convert=even)
    good = book("SELL", "T3", LATER, quantity=1, amount=150)
    keeper.book(BUY)

    with pytest.raises(OversoldError):
        keeper.book(book("SELL", "T2", LATER, quantity=99, amount=1))
    keeper.book(good)

    assert keeper.replay() == run(BUY, good)


def test_a_row_of_a_short_holder_reads_as_it_was_booked() -> None:
    redeemed = book("REDEMPTION", "T2", LATER, quantity=-4, amount=-360)
    answer = run(book("SHORT", "T1", quantity=4, amount=400), redeemed)

    assert not answer.positions
    assert [gain.gain for gain in answer.gains if gain.is_short] == [40]
    with pytest.raises(TransactionError, match="no quantity"):
        run(BUY, replace(redeemed, quantity=Decimal(0)))


def test_a_refusal_says_what_to_do_next() -> None:
    keeper = Bookkeeper(methods=LotMethod.FIFO, convert=even)
    keeper.book(BUY)

    with pytest.raises(OutOfOrderError) as early:
        keeper.book(replace(BUY, transaction_id="T0"))
    assert str(early.value) == (
        "transaction T0 of 2024-03-14 belongs before one that is booked already: replay all of them again, in order."
    )
    with pytest.raises(BookedOtherwiseError) as other:
        keeper.book(replace(BUY, amount=Decimal(7)))
    assert str(other.value) == (
        "transaction T1 is booked already and says something else: give the other an id of its own, or replay all of "
        "them again without the first."
    )
    with pytest.raises(OversoldError) as oversold:
        keeper.book(book("SELL", "T2", LATER, quantity=11, amount=1))
    assert str(oversold.value) == (
        "transaction T2 (SELL) takes 11 of VTI from account A, and the lots there hold 10: book the rest as a SHORT, "
        "or what was held before as an OPENING."
    )
