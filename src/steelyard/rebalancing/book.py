"""The trades of many accounts at once: Arrow batches in, Arrow batches out, one shared list of prices.

Every account is answered as `calculate_investment_allocation` answers it. What nearly all accounts are, compiled code
answers in about a microsecond (`book_kernel`); what is left, out of the ordinary or wrong, goes to that function one by
one, so that the answer, or the sentence that refuses the account, is the same.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import numpy as np
import pyarrow as pa

from steelyard.rebalancing.account import RangeError
from steelyard.rebalancing.book_answer import answer_batch, empty_answers
from steelyard.rebalancing.book_columns import BookColumnError, check_book
from steelyard.rebalancing.book_costs import compiled_costly_run, make_cells
from steelyard.rebalancing.book_kernel import compiled_run, make_room
from steelyard.rebalancing.book_layout import Layout
from steelyard.rebalancing.book_market import (
    Models,
    Prices,
    is_for_kernel,
    is_plain,
    make_market,
    read_models,
    read_policy,
    read_prices,
)
from steelyard.rebalancing.book_single import Single
from steelyard.rebalancing.cash_search import UNFIT, WITHIN_GAP
from steelyard.rebalancing.policy import Policy

ACCOUNTS_AT_ONCE: Final = 8192
NODE_LIMIT: Final = 5000
"""Candidates looked at of one account; about one account in two hundred needs more."""

NOT_COMPILED: Final = (
    "numba is not installed: all accounts were answered in plain Python; install steelyard[book]."
)
BANDS: Final = (
    "The policy has bands, or a weight of costs that is too fine or above 4: "
    "every account was answered in plain Python."
)


def allocate_book(
    batches: Iterable[pa.RecordBatch],
    prices: pa.Table,
    *,
    policy: Policy,
    models: pa.Table | None = None,
    threads: int = 1,
    node_limit: int = NODE_LIMIT,
    finish: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Give the trades that bring each account of a book closest to its target, and what is known of them.

    Batches are read as they are needed and answered in their order, so a book of any size takes little memory. How
    accounts are cut into batches, and the number of threads, change no answer. Amounts are integers or decimals.

    Args:
        batches: one row an account. Lists, one entry a position or target: `asset_id` (text, or the row of the asset in
            `prices`), `quantity` held, `target_weight` (fraction; null = none), optional `lock` (a word of `Locks`, or
            null). Amounts: `cash`; optional `investment_amount` and `cash_floor` (null = that of the policy). `model`,
            text, may stand for `target_weight`. `account_id`, of any type, is handed on.
        prices: `asset_id` and `price` of one.
        policy: what holds for all accounts; not for books are taxes, substitutes, conversions, weight_places, and modes
            other than rebalance and buy_only.
        models: rows of `model`, `asset_id` and `target_weight`.
        threads: how many work at once.
        node_limit: how many candidates may be looked at of an account before its answer stands with a gap.
        finish: whether what is then not proven, or of equals not the first, is handed to the single call, some
            milliseconds each.

    Returns:
        Batches of one row an account, none lost: `account_id`; `status` (that of the single call, or refused); `reason`
        where there is no answer; lists `trade_asset_id` and `trade_quantity` (positive = bought); `cash_after`;
        `objective`, `lower_bound` and `gap`, money² (L2) or money (L1), as floats; `engine` (compiled or plain). Where
        all are answered in plain Python, a `note` in the schema's metadata says why.

    Raises:
        BookColumnError: a column is missing or not of its kind.
        NotForBooksError: the policy asks for what a book does not do.
        ChoiceError, RangeError, AmountError: the policy is wrong.
        DuplicateAssetError, AssetIdError: in prices or models an asset is named twice, or is none.

    Of 1,000, 600 should be in A at 70 and 400 in B at 90: `calculate_investment_allocation` says why this is best.

    >>> from decimal import Decimal
    >>> prices = pa.table({"asset_id": ["A", "B"], "price": [70, 90]})
    >>> lists = {"asset_id": [["A", "B"]], "quantity": [[0, 5]], "target_weight": [[Decimal("0.6"), Decimal("0.4")]]}
    >>> [found] = allocate_book([pa.record_batch({**lists, "cash": [550]})], prices, policy=Policy())
    >>> found["trade_quantity"].to_pylist(), found["cash_after"].to_pylist(), found["status"].to_pylist()
    ([[Decimal('9'), Decimal('-1')]], [Decimal('10')], ['optimal'])
    """
    for name, value in (("threads", threads), ("node_limit", node_limit)):
        if value < 1:
            raise RangeError(name, value, "1 or above")
    priced = read_prices(prices)
    book = _Book(read_policy(policy), priced, read_models(models, priced.codes), node_limit, finish=finish)
    return _in_order(book, _pieces(batches), threads)


def _pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for begin in range(0, max(batch.num_rows, 1), ACCOUNTS_AT_ONCE):
            yield batch.slice(begin, ACCOUNTS_AT_ONCE)


def _in_order(book: "_Book", pieces: Iterator[pa.RecordBatch], threads: int) -> Iterator[pa.RecordBatch]:
    """Answer pieces on several threads, no more of them at once than keep the threads busy."""
    if threads == 1:
        yield from (book.answerer(piece.schema).answer(piece) for piece in pieces)
        return
    waiting: deque[Future[pa.RecordBatch]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for piece in pieces:
            waiting.append(pool.submit(book.answerer(piece.schema).answer, piece))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@dataclass(frozen=True, slots=True)
class _Answerer:
    """Answers batches whose columns are known.

    Attributes:
        kinds: their types.
        layout: prices, policy and columns in whole numbers.
        run: the compiled code; None = every account is left to `single`.
        is_plain: whether it is that for cash as the only limit.
        single: answers what compiled code leaves.
        finish: whether that is also what it could not prove.
        note: what is to be said of all answers; "" = nothing.
    """

    kinds: Mapping[str, pa.DataType]
    layout: Layout
    run: Callable[..., None] | None
    is_plain: bool
    single: Single
    finish: bool
    note: str

    def answer(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Answer the accounts of a batch."""
        layout, accounts = self.layout, None if self.run is None else self.layout.accounts(rows)
        answers = empty_answers(rows.num_rows, accounts)
        if self.run is not None and accounts is not None:
            most = layout.most_assets(accounts)
            cells = () if self.is_plain else make_cells(most)
            self.run(accounts, layout.market, layout.rules, answers, *make_room(most), *cells)
        is_left = answers.status == UNFIT
        if self.finish:
            is_left |= answers.status == WITHIN_GAP
        others = {int(row): self.single.answer(rows, int(row)) for row in np.flatnonzero(is_left)}
        return answer_batch(rows, answers, others, codes=layout.codes, scale=layout.scale, note=self.note)


class _Book:
    """A book whose columns are known from its first batch on."""

    def __init__(
        self, policy: Policy, prices: Prices, models: Models, node_limit: int, *, finish: bool
    ) -> None:
        self._policy, self._prices, self._models = policy, prices, models
        self._limit, self._finish = node_limit, finish
        self._answerer: _Answerer | None = None

    def answerer(self, schema: pa.Schema) -> _Answerer:
        """Give what answers batches of these columns; they are the same all through a book.

        Raises:
            BookColumnError: a column is missing, not of its kind, or of another type than in the first batch.
        """
        kinds = check_book(schema)
        if self._answerer is None:
            self._answerer = self._begin(kinds)
        for name, kind in self._answerer.kinds.items():
            if kinds.get(name) != kind:
                raise BookColumnError(
                    "The book", name, kinds.get(name, "missing"), f"{kind}, as in the first batch"
                )
        return self._answerer

    def _begin(self, kinds: Mapping[str, pa.DataType]) -> _Answerer:
        market, rules, scale, floor = make_market(
            self._prices, self._policy, kinds, self._limit, finish=self._finish
        )
        compiles, plain = find_spec("numba") is not None, is_plain(self._policy)
        note = "" if compiles and is_for_kernel(self._policy) else BANDS if compiles else NOT_COMPILED
        return _Answerer(
            kinds=kinds,
            layout=Layout(market, rules, scale, floor, self._prices.codes, self._models),
            run=None if note else compiled_run() if plain else compiled_costly_run(),
            is_plain=plain,
            single=Single(self._policy, self._prices, self._models),
            finish=self._finish,
            note=note,
        )
