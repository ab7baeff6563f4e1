"""What a block was filled is shared out fairly: nothing is lost, nobody is a unit off, and no order comes first."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random

from hypothesis import example, given
from hypothesis import strategies as st

from steelyard.rebalancing.apportionment import Apportionment, apportion

Block = tuple[dict[str, Decimal], Decimal, Decimal, Decimal]
PLACES = st.sampled_from((0, 0, 0, 3, 12))


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    """Draw what was ordered, units filled, their money, and the fees."""
    places = draw(PLACES)
    counts = draw(st.lists(st.integers(1, 5000), min_size=1, max_size=12))
    ordered = {f"order {place}": Decimal(count).scaleb(-places) for place, count in enumerate(counts)}
    filled = Decimal(draw(st.integers(1, sum(counts) * 11 // 10 + 1))).scaleb(-places)
    cents = st.integers(0, 10**9).map(lambda number: Decimal(number).scaleb(-2))
    return ordered, filled, draw(cents), draw(cents)


def shared(
    ordered: dict[str, Decimal],
    filled: Decimal,
    amount: Decimal = Decimal(0),
    fees: Decimal = Decimal(0),
    *,
    block: str = "block",
) -> Apportionment:
    return apportion(ordered, filled=filled, amount=amount, fees=fees, block=block, places=2)


def units_of(found: Apportionment, order: str) -> Decimal:
    return found.shares[order].quantity if order in found.shares else Decimal(0)


def unit_of(ordered: dict[str, Decimal], filled: Decimal) -> Decimal:
    return Decimal(1).scaleb(min(int(number.as_tuple().exponent) for number in (*ordered.values(), filled)))


@given(block=blocks())
def test_units_money_and_fees_are_all_shared_out(
    block: Block,
) -> None:
    shares = shared(*block).shares.values()
    assert sum(share.quantity for share in shares) == block[1]
    assert sum(share.amount for share in shares) == block[2]
    assert sum(share.fees for share in shares) == block[3]
    assert all(share.quantity > 0 and share.amount >= 0 and share.fees >= 0 for share in shares)


@given(block=blocks())
def test_nobody_is_a_unit_or_a_cent_from_their_exact_share(
    block: Block,
) -> None:
    ordered, filled, amount, fees = block
    found, whole = shared(*block), Fraction(sum(ordered.values()))
    for order, quantity in ordered.items():
        exact = Fraction(filled) * Fraction(quantity) / whole
        assert abs(Fraction(units_of(found, order)) - exact) < unit_of(ordered, filled)
    for share in found.shares.values():
        part = Fraction(share.quantity) / Fraction(filled)
        assert abs(Fraction(share.amount) - part * Fraction(amount)) < Fraction(1, 100)
        assert abs(Fraction(share.fees) - part * Fraction(fees)) < Fraction(1, 100)


@given(block=blocks(), shuffling=st.randoms(use_true_random=False))
def test_in_whatever_order_the_orders_come_the_answer_is_the_same(block: Block, shuffling: Random) -> None:
    ordered = list(block[0].items())
    shuffling.shuffle(ordered)
    assert shared(dict(ordered), *block[1:]) == shared(*block)


@given(block=blocks())
def test_when_all_is_filled_everybody_has_what_they_ordered(
    block: Block,
) -> None:
    ordered = block[0]
    found = shared(ordered, sum(ordered.values(), Decimal(0)))
    assert {order: share.quantity for order, share in found.shares.items()} == ordered


@given(block=blocks())
def test_who_ordered_more_gets_no_less(block: Block) -> None:
    ordered, found = block[0], shared(*block)
    by_size = sorted(ordered, key=lambda order: ordered[order])
    for smaller, larger in pairwise(by_size):
        if ordered[smaller] < ordered[larger]:
            assert units_of(found, smaller) <= units_of(found, larger)


@example(  # Alabama lost a seat where there was one more to share out
    block=({"A": Decimal(6), "B": Decimal(6), "C": Decimal(2)}, Decimal(10), Decimal(0), Decimal(0)),
    more=1,
)
@given(block=blocks(), more=st.integers(1, 100))
def test_when_more_is_filled_nobody_loses_more_than_a_unit(block: Block, more: int) -> None:
    ordered, filled, *_ = block
    unit = unit_of(ordered, filled)
    before, after = shared(ordered, filled), shared(ordered, filled + more * unit)
    for order in ordered:
        assert units_of(after, order) >= units_of(before, order) - unit


@given(
    first=st.integers(1, 5000),
    second=st.integers(1, 5000),
    filled=st.integers(1, 9000),
    more=st.integers(1, 100),
)
def test_of_two_orders_neither_loses_when_more_is_filled(
    first: int, second: int, filled: int, more: int
) -> None:
    ordered = {"first": Decimal(first), "second": Decimal(second)}
    before, after = shared(ordered, Decimal(filled)), shared(ordered, Decimal(filled + more))
    for order in ordered:
        assert units_of(after, order) >= units_of(before, order)
