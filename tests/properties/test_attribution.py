"""Laws of attribution: effects sum to the difference, exactly, and agree with the textbook done in fractions."""

from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.analytics.attribution import Effects, Model, Side, brinson, grouped, nested_brinson
from steelyard.analytics.linking import Linking, link_contributions, link_effects, linking_coefficients
from steelyard.analytics.observations import FloatArray

Numbers = list[Fraction]

RETURN = st.integers(-5_000, 8_000).map(lambda basis_points: Fraction(basis_points, 10_000))
WHOLE = 10_000


@dataclass(frozen=True)
class Holdings:
    """Exact weights that sum to 1, and returns."""

    weights: Numbers
    returns: Numbers

    @property
    def total(self) -> Fraction:
        return sum((w * r for w, r in zip(self.weights, self.returns, strict=True)), Fraction(0))

    def side(self) -> Side:
        """As floats, with the returns that nobody needs unknown."""
        returns = [float(r) if w else np.nan for w, r in zip(self.weights, self.returns, strict=True)]
        return Side(np.array([float(w) for w in self.weights]), np.array(returns))


@st.composite
def holdings(draw: st.DrawFn, size: int, *, can_short: bool = True) -> Holdings:
    """Weights in basis points, some of them 0; the last takes what is left."""
    lowest = -5_000 if can_short else 0
    parts = draw(
        st.lists(
            st.one_of(st.just(0), st.integers(lowest, WHOLE // size)), min_size=size - 1, max_size=size - 1
        )
    )
    weights = [Fraction(part, WHOLE) for part in [*parts, WHOLE - sum(parts)]]
    returns = draw(st.lists(RETURN, min_size=size, max_size=size))
    return Holdings(weights, returns)


@st.composite
def two_sides(draw: st.DrawFn) -> tuple[Holdings, Holdings]:
    size = draw(st.integers(1, 8))
    return draw(holdings(size)), draw(holdings(size))


def textbook(own: Holdings, market: Holdings, model: Model) -> tuple[Numbers, Numbers, Numbers]:
    """Brinson in fractions, group by group."""
    effects: tuple[Numbers, Numbers, Numbers] = ([], [], [])
    reference = market.total if model is Model.BRINSON_FACHLER else Fraction(0)
    for wp, rp, wb, rb in zip(own.weights, own.returns, market.weights, market.returns, strict=True):
        if wp and wb:
            values = (wp - wb) * (rb - reference), wb * (rp - rb), (wp - wb) * (rp - rb)
        elif wp:
            values = wp * (rp - reference), Fraction(0), Fraction(0)
        else:
            values = -wb * (rb - reference) if wb else Fraction(0), Fraction(0), Fraction(0)
        for effect, value in zip(effects, values, strict=True):
            effect.append(value)
    return effects


def close(actual: FloatArray, expected: Numbers) -> None:
    np.testing.assert_allclose(actual, [float(value) for value in expected], rtol=0, atol=1e-12)


@given(two_sides(), st.sampled_from(Model))
def test_effects_are_the_textbooks_and_sum_to_the_difference(
    sides: tuple[Holdings, Holdings], model: Model
) -> None:
    own, market = sides

    effects = brinson(own.side(), market.side(), model=model)

    for actual, expected in zip(
        (effects.allocation, effects.selection, effects.interaction),
        textbook(own, market, model),
        strict=True,
    ):
        close(actual, expected)
    assert float(np.sum(effects.total)) == pytest.approx(float(own.total - market.total), abs=1e-12)


@given(two_sides())
def test_the_models_differ_group_by_group_and_not_in_sum(sides: tuple[Holdings, Holdings]) -> None:
    fachler, beebower = (brinson(*(side.side() for side in sides), model=model) for model in Model)

    assert np.array_equal(fachler.selection, beebower.selection)
    assert np.array_equal(fachler.interaction, beebower.interaction)
    assert float(fachler.allocation.sum()) == pytest.approx(float(beebower.allocation.sum()), abs=1e-12)


@given(two_sides(), st.data())
def test_the_order_of_groups_does_not_matter(sides: tuple[Holdings, Holdings], data: st.DataObject) -> None:
    own, market = (side.side() for side in sides)
    order = data.draw(st.permutations(range(len(own.weights))))
    effects = brinson(own, market, model=Model.BRINSON_FACHLER)

    shuffled = brinson(
        *(Side(side.weights[order], side.returns[order]) for side in (own, market)),
        model=Model.BRINSON_FACHLER,
    )

    np.testing.assert_allclose(shuffled.total, effects.total[order], rtol=0, atol=1e-12)


# ── Levels ──────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def nested_sides(draw: st.DrawFn) -> tuple[Holdings, Holdings, list[list[int]]]:
    """Two sides of long assets with three levels of groups, the last one the assets themselves or coarser."""
    size = draw(st.integers(1, 8))
    finest = draw(st.lists(st.integers(0, 4), min_size=size, max_size=size))
    middle_of = draw(st.lists(st.integers(0, 2), min_size=5, max_size=5))
    coarse_of = draw(st.lists(st.integers(0, 1), min_size=3, max_size=3))
    middle = [middle_of[group] for group in finest]
    coarse = [coarse_of[group] for group in middle]
    sides = draw(holdings(size, can_short=False)), draw(holdings(size, can_short=False))
    return *sides, [coarse, middle, finest]


def members(groups: list[int], group: int) -> list[int]:
    return [asset for asset, its in enumerate(groups) if its == group]


def part(side: Holdings, assets: list[int]) -> tuple[Fraction, Fraction | None]:
    """The weight and return of some assets; no return where they weigh nothing."""
    weight = sum((side.weights[asset] for asset in assets), Fraction(0))
    earned = sum((side.weights[asset] * side.returns[asset] for asset in assets), Fraction(0))
    return weight, earned / weight if weight else None


def within(own: Holdings, market: Holdings, above: list[int], assets: list[int]) -> tuple[Fraction, Fraction]:
    """What putting money into a part of a group earned, and what was left for selection in it."""
    (wp_above, _), (wb_above, rb_above) = part(own, above), part(market, above)
    (wp, rp), (wb, rb) = part(own, assets), part(market, assets)
    if rb_above is None:
        return Fraction(0), Fraction(0)
    rb = rb if rb is not None else rp if rp is not None else rb_above
    rp = rp if rp is not None else rb
    return (wp - wb * wp_above / wb_above) * (rb - rb_above), wp * (rp - rb)


@given(nested_sides())
def test_nested_effects_are_those_of_each_group_alone_and_sum_to_the_difference(
    sides: tuple[Holdings, Holdings, list[list[int]]],
) -> None:
    own, market, levels = sides
    everything = list(range(len(own.weights)))

    effects = nested_brinson(
        own.side(), market.side(), levels=[np.array(level) for level in levels], model=Model.BRINSON_FACHLER
    )

    above = [0] * len(everything)
    for groups, allocation in zip(levels, effects.allocation, strict=True):
        for group in set(groups):
            assets = members(groups, group)
            expected, left = within(own, market, members(above, above[assets[0]]), assets)
            assert allocation[group] == pytest.approx(float(expected), abs=1e-12)
            if groups is levels[-1]:
                found = effects.selection[group] + effects.interaction[group]
                assert found == pytest.approx(float(left), abs=1e-12)
        above = groups
    assert effects.total == pytest.approx(float(own.total - market.total), abs=1e-12)


@given(nested_sides(), st.sampled_from(Model))
def test_one_level_is_brinson_of_its_groups(
    sides: tuple[Holdings, Holdings, list[list[int]]], model: Model
) -> None:
    own, market, levels = sides
    groups = np.array(levels[-1])

    nested = nested_brinson(own.side(), market.side(), levels=[groups], model=model)

    flat = brinson(grouped(own.side(), groups), grouped(market.side(), groups), model=model)
    np.testing.assert_allclose(nested.allocation[0], flat.allocation, rtol=0, atol=1e-12)
    np.testing.assert_allclose(nested.selection, flat.selection, rtol=0, atol=1e-12)
    np.testing.assert_allclose(nested.interaction, flat.interaction, rtol=0, atol=1e-12)


@given(nested_sides())
def test_both_models_sum_to_the_same_at_every_level(
    sides: tuple[Holdings, Holdings, list[list[int]]],
) -> None:
    own, market, levels = sides
    arrays = [np.array(level) for level in levels]

    fachler, beebower = (
        nested_brinson(own.side(), market.side(), levels=arrays, model=model) for model in Model
    )

    for mine, theirs in zip(fachler.allocation, beebower.allocation, strict=True):
        assert float(mine.sum()) == pytest.approx(float(theirs.sum()), abs=1e-12)


# ── Linking ─────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def periods(draw: st.DrawFn) -> list[tuple[Holdings, Holdings]]:
    size = draw(st.integers(1, 4))
    pair = st.tuples(holdings(size, can_short=False), holdings(size, can_short=False))
    return draw(st.lists(pair, min_size=1, max_size=12))


def chain(pairs: list[tuple[Holdings, Holdings]]) -> tuple[list[Effects], FloatArray, FloatArray]:
    effects = [brinson(own.side(), market.side(), model=Model.BRINSON_FACHLER) for own, market in pairs]
    own, market = (np.array([float(pair[place].total) for pair in pairs]) for place in (0, 1))
    return effects, own, market


def compounded(returns: list[Fraction]) -> float:
    return float(prod((1 + one for one in returns), start=Fraction(1)) - 1)


@given(periods(), st.sampled_from(Linking))
def test_linked_effects_sum_to_the_difference_of_the_compounded_returns(
    pairs: list[tuple[Holdings, Holdings]], linking: Linking
) -> None:
    effects, own, market = chain(pairs)

    linked = link_effects(effects, own, market, linking=linking)

    expected = compounded([pair[0].total for pair in pairs]) - compounded([pair[1].total for pair in pairs])
    assert float(np.sum(linked.total)) == pytest.approx(expected, rel=1e-9, abs=1e-10)


@given(periods(), st.sampled_from(Linking))
def test_one_period_needs_no_linking(pairs: list[tuple[Holdings, Holdings]], linking: Linking) -> None:
    effects, own, market = chain(pairs[:1])

    linked = link_effects(effects, own, market, linking=linking)

    np.testing.assert_allclose(linked.total, effects[0].total, rtol=1e-9, atol=1e-12)


@given(periods(), st.data())
def test_carino_may_be_done_in_steps(pairs: list[tuple[Holdings, Holdings]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(pairs)))
    whole = link_effects(*chain(pairs), linking=Linking.CARINO)

    parts = [chain(half) for half in (pairs[:cut], pairs[cut:]) if half]
    halves = [link_effects(*part, linking=Linking.CARINO) for part in parts]
    own = np.array([float(np.prod(1 + returns) - 1) for _, returns, _ in parts])
    market = np.array([float(np.prod(1 + returns) - 1) for _, _, returns in parts])
    joined = link_effects(halves, own, market, linking=Linking.CARINO)

    np.testing.assert_allclose(joined.allocation, whole.allocation, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(joined.selection, whole.selection, rtol=1e-6, atol=1e-9)


@given(st.lists(RETURN, min_size=1, max_size=20))
def test_a_nearly_equal_period_counts_as_an_equal_one(values: Numbers) -> None:
    """The limit is met smoothly: nothing cancels where the returns almost agree."""
    returns = np.array([float(value) for value in values])
    exactly = linking_coefficients(returns, returns, linking=Linking.CARINO)

    nearly = linking_coefficients(returns + 1e-9, returns, linking=Linking.CARINO)

    np.testing.assert_allclose(nearly, exactly, rtol=1e-6)


@given(st.lists(st.lists(RETURN, min_size=3, max_size=3), min_size=1, max_size=20), st.sampled_from(Linking))
def test_linked_contributions_sum_to_the_compounded_return(rows: list[Numbers], linking: Linking) -> None:
    contributions = [[value / 3 for value in row] for row in rows]

    linked = link_contributions(
        np.array([[float(value) for value in row] for row in contributions]), linking=linking
    )

    expected = compounded([sum(row, Fraction(0)) for row in contributions])
    assert float(np.sum(linked)) == pytest.approx(expected, rel=1e-9, abs=1e-10)
