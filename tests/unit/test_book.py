"""Books: columns, refusals, models, numbers past 64 bits, and what is said of the whole."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from made_accounts import ASSETS, answer_of, batch, price_table, single_answer
from steelyard.domain.asset import AssetIdError
from steelyard.rebalancing import book
from steelyard.rebalancing.account import DuplicateAssetError, RangeError
from steelyard.rebalancing.book import ACCOUNTS_AT_ONCE, allocate_book
from steelyard.rebalancing.book_columns import BookColumnError, numbers
from steelyard.rebalancing.book_market import NotForBooksError
from steelyard.rebalancing.options import Locks, Mode
from steelyard.rebalancing.policy import Policy

GOOD: dict[str, Any] = {
    "asset_id": ["A0", "A2"],
    "quantity": [10, 0],
    "target_weight": [Decimal("0.5"), Decimal("0.5")],
    "lock": [None, None],
    "cash": Decimal(1000),
}


def answers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = allocate_book([batch(rows)], price_table(), policy=Policy())
    return [row for each in found for row in each.to_pylist()]


WRONG = {
    "sum": ({"target_weight": [Decimal("0.5"), Decimal("0.4")]}, "sum to 0.9"),
    "weight": ({"target_weight": [Decimal("1.5"), Decimal("-0.5")]}, "A0 is 1.5"),
    "short": ({"quantity": [-1, 0]}, "quantity of A0 is -1"),
    "missing quantity": ({"quantity": [None, 0]}, "quantity of A0 is None"),
    "unpriced": ({"asset_id": ["A0", "ZZ"]}, "ZZ is targeted and has no price"),
    "asset": ({"asset_id": ["A0", "\u0410"]}, "not allowed in an id"),
    "no asset": ({"asset_id": ["A0", None]}, "is no row of the prices"),
    "twice": ({"asset_id": ["A0", "\uff21\uff10"]}, "twice"),
    "lock": ({"lock": ["frozen", None]}, "lock of A0 is 'frozen'"),
    "cash": ({"cash": None}, "cash is None"),
    "uneven": ({"quantity": [1]}, "quantity lists 1 entries for 2 assets"),
    "no list": ({"asset_id": None}, "lists 2 entries for 0 assets"),
    "empty": ({"asset_id": [], "quantity": [], "target_weight": [], "lock": []}, "target is empty"),
}


@pytest.mark.parametrize(("change", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_account_is_a_row_with_its_reason_and_stops_nobody(
    change: dict[str, Any], sentence: str
) -> None:
    before, wrong, after = answers([GOOD, {**GOOD, **change}, GOOD])

    assert wrong["status"] == "refused"
    assert sentence in wrong["reason"]
    assert (wrong["trade_asset_id"], wrong["cash_after"], wrong["gap"]) == ([], None, None)
    assert before["status"] == after["status"] == "optimal"
    assert (before["account_id"], after["account_id"]) == (0, 2)


def test_an_account_without_an_answer_says_why() -> None:
    [found] = answers([{**GOOD, "cash": Decimal(-2000)}])

    assert found["status"] == "infeasible"
    assert found["reason"]


def test_numbers_past_64_bits_get_the_same_answer_in_plain_python() -> None:
    large = {**GOOD, "quantity": [9 * 10**14, 0], "cash": Decimal("123456789012345.67")}
    row = {**large, "investment_amount": None, "cash_floor": None}

    [found, small] = answers([row, GOOD])

    assert (found["engine"], small["engine"]) == ("plain", "compiled")
    assert found["status"] == "optimal"
    assert answer_of(found) == single_answer(row, Policy())


def test_models_give_the_targets() -> None:
    columns = {"asset_id": [["A0"], ["A0"], ["A0"]], "quantity": [[10]] * 3, "cash": [1000] * 3}
    models = pa.table(
        {
            "model": ["half", "half", "all"],
            "asset_id": ["A2", "A0", "A0"],
            "target_weight": pa.array([Decimal("0.5"), Decimal("0.5"), Decimal(1)]),
        }
    )
    rows = pa.record_batch({**columns, "model": ["half", "all", "none"]})

    [found] = allocate_book([rows], price_table(), policy=Policy(), models=models)

    [expected] = answers([GOOD])
    half, whole, unknown = found.to_pylist()
    assert answer_of(half) == answer_of(expected)
    assert whole["trade_quantity"] == [Decimal(142)]
    assert unknown["status"] == "refused"
    assert "'none'" in unknown["reason"]


@pytest.mark.parametrize("kind", [pa.string(), pa.dictionary(pa.int8(), pa.string()), pa.int16()])
def test_assets_are_named_or_numbered(kind: pa.DataType) -> None:
    named: list[Any] = (
        [ASSETS.index(name) for name in GOOD["asset_id"]] if kind == pa.int16() else GOOD["asset_id"]
    )
    values = pa.array(named).cast(kind) if kind == pa.int16() else pa.array(named, kind)
    rows = batch([GOOD])
    listed = pa.ListArray.from_arrays(pa.array([0, 2], pa.int32()), values)

    [found] = allocate_book([rows.set_column(1, "asset_id", listed)], price_table(), policy=Policy())

    [expected] = answers([GOOD])
    assert found.to_pylist() == [expected]


@pytest.mark.parametrize(
    "kind", [pa.decimal32(9, 2), pa.decimal64(18, 2), pa.decimal128(30, 2), pa.decimal256(60, 2)]
)
def test_every_width_of_decimal_is_read(kind: pa.DataType) -> None:
    column = pa.array([Decimal("-1.25"), None, Decimal(30)], kind).slice(0)

    read = numbers(column, 3)

    assert (read.values.tolist(), read.fits.tolist()) == ([-1250, 0, 30000], [True, False, True])


def test_what_64_bits_do_not_hold_is_marked() -> None:
    wide = numbers(pa.array([Decimal(2) ** 90, Decimal(7)], pa.decimal128(38, 0)), 0)
    unsigned = numbers(pa.array([2**64 - 5, 7], pa.uint64()), 0)
    finer = numbers(pa.array([Decimal("0.5"), Decimal("0.25")]), 1)

    assert [each.fits.tolist() for each in (wide, unsigned, finer)] == [
        [False, True],
        [False, True],
        [True, False],
    ]


def test_columns_that_are_not_of_their_kind_are_refused() -> None:
    rows = batch([GOOD])
    prices = price_table()
    for wrong, named in [
        (rows.drop_columns(["cash"]), "cash"),
        (rows.drop_columns(["target_weight"]), "target_weight"),
        (rows.append_column("model", pa.array(["x"])), "target_weight"),
        (rows.set_column(5, "cash", pa.array([1.5])), "cash"),
        (rows.set_column(1, "asset_id", pa.array(["A0"])), "asset_id"),
        (rows.set_column(4, "lock", pa.array([[1, 2]])), "lock"),
    ]:
        with pytest.raises(BookColumnError, match=f"column {named}"):
            list(allocate_book([wrong], prices, policy=Policy()))
    with pytest.raises(BookColumnError, match="as in the first batch"):
        list(allocate_book([rows, rows.drop_columns(["lock"])], prices, policy=Policy()))


def test_wrong_prices_and_policies_are_refused_before_anything_is_read() -> None:
    floats = pa.table({"asset_id": ["A0"], "price": [1.5]})
    twice = pa.table({"asset_id": ["A0", "A0"], "price": [1, 2]})
    with pytest.raises(BookColumnError, match="price is double"):
        allocate_book([], floats, policy=Policy())
    with pytest.raises(DuplicateAssetError):
        allocate_book([], twice, policy=Policy())
    with pytest.raises(AssetIdError):
        allocate_book([], pa.table({"asset_id": [None, "A"], "price": [1, 2]}), policy=Policy())
    with pytest.raises(NotForBooksError, match="raise_cash"):
        allocate_book([], price_table(), policy=Policy(mode=Mode.RAISE_CASH))
    with pytest.raises(NotForBooksError, match=r"locks\.substitutes"):
        allocate_book([], price_table(), policy=Policy(locks=Locks(substitutes={"A0": "A1"})))
    with pytest.raises(RangeError, match="threads"):
        allocate_book([], price_table(), policy=Policy(), threads=0)


def test_batches_are_read_as_they_are_needed() -> None:
    read = []

    def batches() -> Any:
        for place in range(100):
            read.append(place)
            yield batch([GOOD])

    found = allocate_book(batches(), price_table(), policy=Policy(), threads=2)
    next(found)

    assert len(read) < 10


def test_a_large_batch_is_answered_in_pieces_and_an_empty_one_keeps_its_place() -> None:
    sizes = [0, ACCOUNTS_AT_ONCE + 3]
    rows = pa.Table.from_batches([batch([GOOD])] * sizes[1]).combine_chunks().to_batches()

    found = list(allocate_book([batch([]), *rows], price_table(), policy=Policy()))

    assert [each.num_rows for each in found] == [0, ACCOUNTS_AT_ONCE, 3]


def test_without_numba_the_answers_are_the_same_and_a_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    [with_numba] = allocate_book([batch([GOOD])], price_table(), policy=Policy())
    monkeypatch.setattr(book, "find_spec", lambda _name: None)

    [without] = allocate_book([batch([GOOD])], price_table(), policy=Policy())

    assert b"numba" in without.schema.metadata[b"note"]
    assert with_numba.schema.metadata is None
    assert without["engine"].to_pylist() == ["plain"]
    assert without.drop_columns(["engine"]).to_pylist() == with_numba.drop_columns(["engine"]).to_pylist()
