"""Laws of a replay: lots are positions, cost is conserved, order and detours do not matter where they should not."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.corporate_action import apply_action
from steelyard.domain.ledger import Bookkeeper, Replay, expand, replay
from steelyard.domain.lot import Lot, LotMethod
from steelyard.domain.position import PositionLots
from steelyard.domain.posting import Place, postings_of
from steelyard.domain.transaction import (
    ACTIONS,
    FOR_EVERY_HOLDER,
    Fault,
    Transaction,
    TransactionError,
    TransactionKind,
)
from steelyard.errors import InvalidInputError

START = date(2024, 1, 1)
ACCOUNTS = ("A", "B")
ASSETS = ("X", "Y")
KINDS = sorted(TransactionKind)
METHODS = st.sampled_from([LotMethod.FIFO, LotMethod.LIFO, LotMethod.HIFO, LotMethod.AVERAGE])
WITHOUT_COSTS = FOR_EVERY_HOLDER | {TransactionKind.DELIVER, TransactionKind.TRANSFER}
GIVES_A_LOT = (TransactionKind.OPENING, TransactionKind.RECEIVE, TransactionKind.DIVIDEND_REINVESTED)
TRADES = ACTIONS | {
    TransactionKind.BUY,
    TransactionKind.SELL,
    TransactionKind.SHORT,
    TransactionKind.COVER,
    TransactionKind.REDEMPTION,
    TransactionKind.RETURN_OF_CAPITAL,
}


def decimals(low: int, high: int, places: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda units: Decimal(units).scaleb(-places))


UNITS, MONEY = decimals(1, 300, 1), decimals(100, 99_999, 2)
RATIOS = st.sampled_from([(1, 2), (2, 3), (10, 1), (1, 10), (7, 3)])


@st.composite
def transactions(draw: st.DrawFn, kinds: Sequence[TransactionKind] = KINDS) -> Transaction:
    """Draw one; most kinds twice as often as those that few histories have."""
    kind = draw(st.sampled_from([*kinds, *(kind for kind in kinds if kind in TRADES - ACTIONS)]))
    account, other = draw(st.permutations(ACCOUNTS))
    asset, counter = draw(st.permutations(ASSETS))
    units, became = draw(RATIOS) if kind in ACTIONS else (draw(UNITS), 0)
    is_for_every_holder = kind in FOR_EVERY_HOLDER and draw(st.booleans())
    costs = Decimal(0) if kind in WITHOUT_COSTS else draw(decimals(0, 90, 2))
    return Transaction(
        transaction_id="",
        kind=kind,
        trade_date=START + timedelta(days=draw(st.integers(0, 12))),
        account_id="" if is_for_every_holder else account,
        currency="USD",
        amount=draw(MONEY) if kind not in ACTIONS else Decimal(0),
        costs=costs,
        tax=costs,
        asset_id=asset,
        quantity=Decimal(units),
        price=draw(decimals(100, 900, 2)) if kind in FOR_EVERY_HOLDER and draw(st.booleans()) else None,
        counter_account_id=other,
        counter_asset_id="" if kind is TransactionKind.SPLIT else counter,
        counter_quantity=Decimal(became),
        counter_currency="EUR",
        counter_amount=Decimal(5),
        basis_fraction=draw(decimals(0, 100, 2)),
    )


def numbered(rows: Iterable[Transaction]) -> list[Transaction]:
    return [replace(row, transaction_id=f"T{place:02}") for place, row in enumerate(rows)]


def histories(kinds: Sequence[TransactionKind] = KINDS) -> st.SearchStrategy[list[Transaction]]:
    """Draw histories in which every account begins with something to sell."""
    opening = [
        Transaction(
            transaction_id="",
            kind=TransactionKind.OPENING,
            trade_date=START,
            account_id=account,
            currency="USD",
            asset_id=asset,
            quantity=Decimal(40),
            amount=Decimal(700),
        )
        for account in ACCOUNTS
        for asset in ASSETS
    ]
    return st.lists(transactions(kinds), max_size=14).map(lambda rows: numbered([*opening, *rows]))


def even(_account: str, _currency: str, _day: date) -> Decimal:
    return Decimal(1)


def run(rows: Iterable[Transaction], method: LotMethod) -> Replay:
    return replay(rows, methods=method, convert=even)


def book_what_can_be(
    rows: Iterable[Transaction], method: LotMethod
) -> tuple[Replay, list[tuple[Transaction, InvalidInputError]]]:
    """Book one by one, go on after what is refused, and give it with the reason."""
    keeper = Bookkeeper(methods=method, convert=even)
    refused = []
    for one in sorted(rows, key=lambda one: one.day_order):
        try:
            keeper.book(one)
        except InvalidInputError as error:
            refused.append((one, error))
    return keeper.replay(), refused


def booked(rows: Iterable[Transaction], method: LotMethod) -> list[Transaction]:
    """Leave out what is refused: more sold than held, faults, actions entered twice."""
    refused = [one for one, _ in book_what_can_be(rows, method)[1]]
    return [one for one in sorted(rows, key=lambda one: one.day_order) if one not in refused]


def in_accounts(rows: Iterable[Transaction]) -> list[Transaction]:
    """Write transactions for every holder as one for each, by what postings alone say is held."""
    units: dict[str, dict[str, Decimal]] = defaultdict(dict)
    at_open: dict[str, dict[str, Decimal]] = {}
    found: list[Transaction] = []
    day = None
    for one in sorted(rows, key=lambda one: one.day_order):
        if one.kind not in ACTIONS and one.trade_date != day:
            day, at_open = one.trade_date, {asset: dict(held) for asset, held in units.items()}
        held = units if one.kind in ACTIONS else at_open
        for part in expand(one, held.get(one.asset_id, {})):
            found.append(part)
            for line in postings_of(part, held=units[part.asset_id].get(part.account_id, Decimal(0))):
                if line.place is Place.HELD and not line.is_cash:
                    of_asset = units[line.commodity]
                    of_asset[line.account_id] = of_asset.get(line.account_id, Decimal(0)) + line.quantity
    return found


@given(histories(), METHODS)
def test_lots_and_cash_are_the_postings(rows: list[Transaction], method: LotMethod) -> None:
    rows = booked(rows, method)
    answer = run(rows, method)

    units: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    cash: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for one in in_accounts(rows):
        for line in postings_of(one, held=units[one.account_id, one.asset_id]):
            if line.place is Place.HELD:
                (cash if line.is_cash else units)[line.account_id, line.commodity] += line.quantity
    assert {key: held for key, held in units.items() if held} == {
        key: position.quantity for key, position in answer.positions.items() if position.quantity
    }
    assert {key: held for key, held in cash.items() if held} == {
        key: held for key, held in answer.cash.items() if held
    }


@given(histories(), METHODS)
def test_what_came_in_is_gain_or_still_basis(rows: list[Transaction], method: LotMethod) -> None:
    rows = booked(rows, method)
    answer = run(rows, method)

    traded = given_lots = Decimal(0)
    for one in in_accounts(rows):
        if one.asset_id and one.kind in GIVES_A_LOT:
            is_net = one.kind is TransactionKind.DIVIDEND_REINVESTED
            given_lots += one.amount - one.costs if is_net else one.amount
    for part in cash_by_kind(rows):
        traded += part
    lots = [lot for position in answer.positions.values() for lot in position.lots]
    shorts = [lot for position in answer.positions.values() for lot in position.shorts]
    kept = cost_of(lots) + cost_of(part.lot for part in answer.delivered) - cost_of(shorts)
    assert sum((gain.gain for gain in answer.gains), Decimal(0)) == traded - given_lots + kept


def cost_of(lots: Iterable[Lot]) -> Decimal:
    return sum((lot.cost for lot in lots), Decimal(0))


def cash_by_kind(rows: Iterable[Transaction]) -> Iterable[Decimal]:
    """Yield the cash that trades, actions and returned capital move."""
    units: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for one in in_accounts(rows):
        for line in postings_of(one, held=units[one.account_id, one.asset_id]):
            if line.place is Place.HELD and line.is_cash and one.kind in TRADES:
                yield line.quantity
            elif line.place is Place.HELD and not line.is_cash:
                units[line.account_id, line.commodity] += line.quantity


@given(histories(), METHODS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    rows: list[Transaction], method: LotMethod, random: Any
) -> None:
    rows = booked(rows, method)
    shuffled = list(rows)
    random.shuffle(shuffled)

    assert run(shuffled, method) == run(rows, method)


@given(histories(), METHODS, st.integers(0, 20))
def test_a_part_and_then_the_rest_is_all(rows: list[Transaction], method: LotMethod, cut: int) -> None:
    rows = booked(rows, method)
    keeper = Bookkeeper(methods=method, convert=even)
    for one in rows[:cut]:
        keeper.book(one)
    before = keeper.replay()
    for one in rows[cut:]:
        keeper.book(one)

    assert before == run(rows[:cut], method)
    assert keeper.replay() == run(rows, method)


@given(histories(), METHODS)
def test_what_is_refused_leaves_no_trace(rows: list[Transaction], method: LotMethod) -> None:
    answer, refused = book_what_can_be(rows, method)

    assert answer == run(booked(rows, method), method)
    assert all(str(error).startswith("transaction T") for _, error in refused)


@given(histories(), METHODS)
def test_for_every_holder_is_for_each(rows: list[Transaction], method: LotMethod) -> None:
    rows = booked(rows, method)

    assert run(in_accounts(rows), method) == run(rows, method)


@given(histories(), METHODS)
def test_every_action_under_another_id_is_entered_twice(rows: list[Transaction], method: LotMethod) -> None:
    rows = booked(rows, method)
    actions = {one.transaction_id for one in rows if one.kind in ACTIONS}
    again = [replace(one, transaction_id=f"Z{one.transaction_id}") for one in rows if one.kind in ACTIONS]

    answer, refused = book_what_can_be([*rows, *again], method)

    twice = {
        one.transaction_id.removeprefix("Z")
        for one, error in refused
        if isinstance(error, TransactionError) and error.fault is Fault.ENTERED_TWICE
    }
    assert twice == actions
    assert answer == run(rows, method)


@given(histories(), st.sampled_from([LotMethod.FIFO, LotMethod.LIFO, LotMethod.HIFO]), UNITS)
def test_a_transfer_there_and_back_changes_nothing(
    rows: list[Transaction], method: LotMethod, units: Decimal
) -> None:
    rows = booked(rows, method)
    there = Transaction(
        transaction_id="U1",
        kind=TransactionKind.TRANSFER,
        trade_date=START + timedelta(days=20),
        account_id="A",
        currency="USD",
        asset_id="X",
        quantity=units,
        counter_account_id="C",
    )
    back = replace(there, transaction_id="U2", account_id="C", counter_account_id="A")
    if there not in booked([*rows, there], method):
        return

    away, home = run([*rows, there], method), run([*rows, there, back], method)
    assert away.positions["C", "X"].quantity == units
    assert home.positions == run(rows, method).positions


PLAIN = [TransactionKind.BUY, TransactionKind.SELL, *sorted(ACTIONS), TransactionKind.RETURN_OF_CAPITAL]
MIRRORED = {
    TransactionKind.OPENING: TransactionKind.SHORT,
    TransactionKind.BUY: TransactionKind.SHORT,
    TransactionKind.SELL: TransactionKind.COVER,
}


@given(histories(PLAIN), st.sampled_from([LotMethod.FIFO, LotMethod.LIFO]))
def test_short_positions_mirror_long_ones(rows: list[Transaction], method: LotMethod) -> None:
    long = [replace(one, costs=Decimal(0), tax=Decimal(0)) for one in booked(rows, method)]
    long = [one for one in long if one.kind is not TransactionKind.RETURN_OF_CAPITAL or not one.account_id]
    long = booked(long, method)
    short = [replace(one, kind=MIRRORED.get(one.kind, one.kind)) for one in long]
    answer, mirrored = run(long, method), run(sorted(short, key=lambda one: one.transaction_id), method)

    assert [-gain.gain for gain in answer.gains] == [gain.gain for gain in mirrored.gains]
    assert {key: PositionLots((), position.lots) for key, position in answer.positions.items()} == (
        mirrored.positions
    )


LOTS = st.lists(st.tuples(decimals(1, 9_999, 3), MONEY), min_size=1, max_size=5).map(
    lambda rows: tuple(
        Lot(f"L{place}", "X", units, cost, START, "A") for place, (units, cost) in enumerate(rows)
    )
)


def split(units: int, became: int) -> Transaction:
    return Transaction(
        transaction_id="S",
        kind=TransactionKind.SPLIT,
        trade_date=START,
        account_id="A",
        currency="USD",
        asset_id="X",
        quantity=Decimal(units),
        counter_quantity=Decimal(became),
    )


@given(LOTS, st.integers(1, 20), st.integers(1, 20))
def test_splits_compose_and_undo_each_other(lots: tuple[Lot, ...], first: int, second: int) -> None:
    once, _ = apply_action(split(1, first), lots)
    twice, _ = apply_action(split(1, second), once.lots)
    back, _ = apply_action(split(first, 1), once.lots)

    assert twice == apply_action(split(1, first * second), lots)[0]
    assert back.lots == lots
    assert cost_of(twice.lots) == cost_of(lots)


@given(histories([TransactionKind.BUY, TransactionKind.SELL]), METHODS, st.integers(2, 9), st.integers(1, 12))
def test_a_split_changes_no_gain(rows: list[Transaction], method: LotMethod, ratio: int, day: int) -> None:
    rows = booked(rows, method)
    when = START + timedelta(days=day)
    halved = replace(split(1, ratio), trade_date=when, account_id="", transaction_id="S1")
    after = [
        replace(one, quantity=one.quantity * ratio) if one.trade_date >= when and one.asset_id == "X" else one
        for one in rows
    ]
    plain, other = run(rows, method), run([*after, halved], method)

    assert [gain.gain for gain in plain.gains] == [gain.gain for gain in other.gains]
    assert plain.cash == other.cash
    assert [cost_of(position.lots) for position in plain.positions.values()] == [
        cost_of(position.lots) for position in other.positions.values()
    ]
