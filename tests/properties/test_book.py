"""A book answers every account as the single call does, however it is cut and on however many threads."""

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_accounts import ASSETS, accounts, answer_of, batch, price_table, single_answer
from steelyard.rebalancing import book_kernel
from steelyard.rebalancing.book import _Book, allocate_book
from steelyard.rebalancing.book_answer import empty_answers
from steelyard.rebalancing.book_market import Models, read_prices
from steelyard.rebalancing.options import Band, CashRules, Costs, Locks, Mode, Objective, Trading, Untargeted
from steelyard.rebalancing.policy import Policy

COMPILED = {
    "plain": Policy(),
    "buy_only": Policy(mode=Mode.BUY_ONLY),
    "fractions": Policy(trading=Trading(places=2)),
    "sell the rest": Policy(untargeted=Untargeted.SELL, cash=CashRules(floor="3", retain_at_least="20.25")),
    "spend at most": Policy(
        cash=CashRules(allocate_at_most=50), trading=Trading(lot_size=dict.fromkeys(ASSETS[:3], 5))
    ),
    "largest": Policy(trading=Trading(maximum_weight=dict.fromkeys(ASSETS[3:], "0.4"))),
    "locked": Policy(
        locks=Locks(no_buy=ASSETS[:2], restricted=ASSETS[3:4], hold=ASSETS[5:6], no_sell=ASSETS[7:])
    ),
}
COSTLY = {
    "l1": Policy(objective=Objective.L1),
    "fees": Policy(costs=Costs(fee="1.50", weight="0.5"), trading=Trading(minimum_value=100)),
    "spreads": Policy(costs=Costs(spread=dict.fromkeys(ASSETS[2:], "0.0013")), cash=CashRules(floor=10)),
    "cash": Policy(cash=CashRules(target="100"), trading=Trading(places=1)),
    "cash, l1": Policy(cash=CashRules(target="33.30"), objective=Objective.L1, costs=Costs(fee=1)),
    "minimum": Policy(trading=Trading(minimum_quantity=3), mode=Mode.BUY_ONLY),
}
IN_PYTHON = {"band": Policy(band=Band(absolute="0.05", relative="0.2"))}
POLICIES = {**COMPILED, **COSTLY, **IN_PYTHON}
BOOKS = st.lists(accounts(), min_size=1, max_size=6)


def answers(rows: list[dict[str, Any]], policy: Policy, **options: Any) -> list[dict[str, Any]]:
    found = allocate_book([batch(rows)], price_table(), policy=policy, **options)
    return [row for each in found for row in each.to_pylist()]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@settings(max_examples=30, deadline=None)
@given(rows=BOOKS)
def test_a_book_answers_as_the_single_call_does(policy: Policy, rows: list[dict[str, Any]]) -> None:
    found = answers(rows, policy, finish=True)

    assert [answer_of(row) for row in found] == [
        single_answer(row, policy) for row in batch(rows).to_pylist()
    ]


@settings(max_examples=30, deadline=None)
@given(rows=BOOKS, weight=st.sampled_from(["0.1", "0.07", "1"]))
def test_cash_may_have_a_weight(rows: list[dict[str, Any]], weight: str) -> None:
    policy = Policy(cash=CashRules(weight=weight))
    for row in rows:
        row["target_weight"][0] = (row["target_weight"][0] or 0) - Decimal(weight)

    found = answers(rows, policy, finish=True)

    assert [answer_of(row) for row in found] == [
        single_answer(row, policy) for row in batch(rows).to_pylist()
    ]


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(accounts(), min_size=2, max_size=12),
    cut=st.integers(1, 11),
    limit=st.sampled_from([1, 500]),
)
def test_neither_cuts_nor_threads_change_an_answer(rows: list[dict[str, Any]], cut: int, limit: int) -> None:
    whole = batch(rows)
    parts = [whole.slice(at, cut) for at in range(0, len(rows), cut)]
    one = pa.Table.from_batches(allocate_book([whole], price_table(), policy=Policy(), node_limit=limit))
    cut_up = pa.Table.from_batches(
        allocate_book(iter(parts), price_table(), policy=Policy(), node_limit=limit, threads=3)
    )

    assert cut_up.combine_chunks().to_pylist() == one.to_pylist()


@settings(max_examples=30, deadline=None)
@given(rows=BOOKS, limit=st.sampled_from([1, 20, 500]))
def test_compiled_code_does_what_the_same_code_does_in_python(rows: list[dict[str, Any]], limit: int) -> None:
    prices = read_prices(price_table())
    layout = _Book(Policy(), prices, Models(), limit, finish=False).answerer(batch(rows).schema).layout
    accounts_laid = layout.accounts(batch(rows))
    assert accounts_laid is not None
    both = []
    for run in (book_kernel.answer_run, book_kernel.compiled_run()):
        found = empty_answers(len(rows), accounts_laid)
        run(
            accounts_laid,
            layout.market,
            layout.rules,
            found,
            *book_kernel.make_room(layout.most_assets(accounts_laid)),
        )
        both.append(found)

    assert all(np.array_equal(plain, compiled) for plain, compiled in zip(*both, strict=True))


@settings(max_examples=30, deadline=None)
@given(rows=BOOKS)
def test_a_longer_search_never_worsens_an_answer_and_the_bound_holds(rows: list[dict[str, Any]]) -> None:
    short, full = answers(rows, Policy(), node_limit=1), answers(rows, Policy(), finish=True)

    for early, proven in zip(short, full, strict=True):
        if proven["objective"] is not None:
            assert early["lower_bound"] <= proven["objective"] * (1 + 1e-12)
            assert proven["objective"] <= early["objective"] * (1 + 1e-12)
            assert (early["gap"] == 0) == (early["status"] == "optimal")
