"""Laws of `calculate_investment_allocation`, whatever the account."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import product
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from steelyard.domain.money import EXACT
from steelyard.rebalancing.allocation import Allocation, calculate_investment_allocation
from steelyard.rebalancing.options import CashRules, Costs, Locks, Mode, Objective, Trading
from steelyard.rebalancing.problem import Status

NAMES = ("A", "B", "C", "D", "E")
CENT = Decimal("0.01")

lawful = settings(max_examples=40, deadline=None)
"""A proof may take a while in plain Python."""


@dataclass(frozen=True)
class Book:
    """An account as the function takes it."""

    target: dict[str, Decimal]
    prices: dict[str, Decimal]
    held: dict[str, Decimal]
    cash: Decimal

    @property
    def value(self) -> Decimal:
        return sum((self.prices[name] * self.held[name] for name in self.held), self.cash)


def allocate(book: Book, **options: Any) -> Allocation:
    return calculate_investment_allocation(book.target, book.prices, book.held, cash=book.cash, **options)


@st.composite
def books(draw: st.DrawFn, *, most: int = 5, dearest: int = 50_000, shares: int = 60) -> Book:
    names = NAMES[: draw(st.integers(1, most))]
    cuts = sorted(draw(st.lists(st.integers(0, 1000), min_size=len(names) - 1, max_size=len(names) - 1)))
    weights = [high - low for low, high in zip([0, *cuts], [*cuts, 1000], strict=True)]
    return Book(
        {name: Decimal(weight) / 1000 for name, weight in zip(names, weights, strict=True)},
        {name: draw(st.integers(100, dearest)) * CENT for name in names},
        {name: Decimal(draw(st.integers(0, shares))) for name in names},
        draw(st.integers(0, 2_000_000)) * CENT,
    )


objectives = st.sampled_from(list(Objective))

options = st.fixed_dictionaries(
    {
        "objective": objectives,
        "mode": st.sampled_from([Mode.REBALANCE, Mode.BUY_ONLY, Mode.RAISE_CASH]),
        "investment_amount": st.integers(-100_000, 100_000).map(lambda cents: cents * CENT),
        "cash_rules": st.builds(
            CashRules, floor=st.integers(0, 500), target=st.none() | st.integers(0, 2_000)
        ),
        "trading": st.builds(
            Trading, minimum_quantity=st.integers(0, 5), maximum_weight=st.just({}) | st.just({"A": "0.5"})
        ),
        "locks": st.builds(
            Locks, no_buy=st.sets(st.sampled_from(NAMES)), no_sell=st.sets(st.sampled_from(NAMES), max_size=2)
        ),
        "costs": st.builds(Costs, fee=st.integers(0, 5), spread=st.sampled_from(["0", "0.001"])),
    }
)


def after(book: Book, found: Allocation) -> dict[str, Decimal]:
    held = dict(book.held)
    for trade in found.trades:
        held[trade.asset_id] += trade.quantity
    return held


# ── Every answer ────────────────────────────────────────────────────────────────────────────────────────


@lawful
@given(books(), options)
def test_not_a_unit_of_money_is_made_or_lost_and_cash_keeps_its_floor(
    book: Book, asked: dict[str, Any]
) -> None:
    found = allocate(book, **asked)
    held = after(book, found)

    value = sum((book.prices[name] * held[name] for name in held), found.cash_after)
    if found.status is Status.INFEASIBLE:
        assert found.conflicts
        assert not found.trades
    else:
        assert found.cash_after >= asked["cash_rules"].floor
    assert value + found.fees == book.value + asked["investment_amount"]
    assert all(quantity >= 0 for quantity in held.values())


@lawful
@given(books(), options)
def test_the_gap_is_never_below_zero_and_zero_where_proven(book: Book, asked: dict[str, Any]) -> None:
    found = allocate(book, **asked)

    with localcontext(EXACT):
        assert found.gap == found.objective - found.lower_bound >= 0
    assert (found.gap == 0) == (found.status is not Status.WITHIN_GAP)


@lawful
@given(books(), options)
def test_every_asset_is_traded_or_skipped_with_a_sentence(book: Book, asked: dict[str, Any]) -> None:
    found = allocate(book, **asked)
    assume(found.status is not Status.INFEASIBLE)

    named = [item.asset_id for item in found.trades] + [item.asset_id for item in found.skipped]
    assert len(named) == len(set(named))
    assert set(named) == {name for name in book.target if book.target[name] or book.held[name]}
    assert len(found.explanations) == 1 + len(named)
    assert all(text.endswith(".") for text in found.explanations)


@lawful
@given(books(), options)
def test_what_is_locked_is_not_traded_that_way(book: Book, asked: dict[str, Any]) -> None:
    for trade in allocate(book, **asked).trades:
        assert trade.asset_id not in (asked["locks"].no_buy if trade.quantity > 0 else asked["locks"].no_sell)
        assert abs(trade.quantity) >= asked["trading"].minimum_quantity


# ── The same account, said differently ──────────────────────────────────────────────────────────────────


@lawful
@given(books(), objectives, st.integers(2, 1000))
def test_other_money_is_the_same_account(book: Book, objective: Objective, factor: int) -> None:
    scaled = Book(
        book.target,
        {name: price * factor for name, price in book.prices.items()},
        book.held,
        book.cash * factor,
    )
    one, other = allocate(book, objective=objective), allocate(scaled, objective=objective)

    assert after(book, one) == after(scaled, other)
    assert other.cash_after == one.cash_after * factor
    assert other.objective == one.objective * factor ** (2 if objective is Objective.L2 else 1)
    assert other.weights_after == one.weights_after


@lawful
@given(books(), options, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(book: Book, asked: dict[str, Any], chance: Any) -> None:
    def shuffled(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
        names = list(amounts)
        chance.shuffle(names)
        return {name: amounts[name] for name in names}

    other = Book(shuffled(book.target), shuffled(book.prices), shuffled(book.held), book.cash)

    assert allocate(book, **asked) == allocate(other, **asked)


@lawful
@given(books(), objectives, st.integers(100, 50_000))
def test_an_asset_with_a_target_of_zero_that_is_not_held_changes_nothing(
    book: Book, objective: Objective, cents: int
) -> None:
    more = Book({**book.target, "Z": Decimal(0)}, {**book.prices, "Z": cents * CENT}, book.held, book.cash)

    assert allocate(more, objective=objective) == allocate(book, objective=objective)


# ── One plan and another ────────────────────────────────────────────────────────────────────────────────


@lawful
@given(books(), objectives)
def test_who_is_rebalanced_has_nothing_left_to_do(book: Book, objective: Objective) -> None:
    first = allocate(book, objective=objective)
    second = allocate(
        Book(book.target, book.prices, after(book, first), first.cash_after), objective=objective
    )

    assert second.trades == ()
    assert second.objective == first.objective


LOOSER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"cash_rules": CashRules(floor=300)}, {"cash_rules": CashRules(floor=20)}),
    ({"locks": Locks(no_sell=["A"], no_buy=["B"])}, {"locks": Locks(no_buy=["B"])}),
    ({"locks": Locks(hold=["A"])}, {"locks": Locks(no_buy=["A"])}),
    ({"trading": Trading(minimum_quantity=7)}, {"trading": Trading(minimum_quantity=2)}),
    ({"trading": Trading(minimum_value=500)}, {"trading": Trading(minimum_value=100)}),
    ({"trading": Trading(maximum_weight="0.3")}, {"trading": Trading(maximum_weight="0.6")}),
    ({"mode": Mode.BUY_ONLY}, {"mode": Mode.REBALANCE}),
]


@lawful
@given(books(), objectives, st.sampled_from(LOOSER))
def test_a_looser_bound_never_makes_it_worse(
    book: Book, objective: Objective, bounds: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    tight, loose = (allocate(book, objective=objective, **options) for options in bounds)
    assume(tight.status is not Status.INFEASIBLE)

    assert loose.status is not Status.INFEASIBLE
    assert loose.lower_bound <= tight.objective


# ── The best there is ───────────────────────────────────────────────────────────────────────────────────


def squared_drift(book: Book, held: Mapping[str, Decimal]) -> Decimal:
    off = (book.prices[name] * held[name] - book.target[name] * book.value for name in book.target)
    return sum((miss * miss for miss in off), Decimal(0))


@lawful
@given(books(most=3, dearest=40_000, shares=4).filter(lambda book: book.value <= 2_000))
def test_no_other_whole_shares_within_the_cash_come_closer(book: Book) -> None:
    found = allocate(book)
    held = after(book, found)
    best = squared_drift(book, held)

    # targets are whole units, so the objective is that of the definition to within a unit for each asset
    assert abs(best - found.objective) <= book.value * book.value / 10**6
    cheap = [range(min(int(book.value / book.prices[name]), 12) + 1) for name in book.target]
    for shares in product(*cheap):
        other = {name: Decimal(count) for name, count in zip(book.target, shares, strict=True)}
        cost = sum((book.prices[name] * other[name] for name in other), Decimal(0))
        if cost <= book.value:
            assert squared_drift(book, other) >= best - book.value * book.value / 10**6
