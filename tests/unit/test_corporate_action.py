"""Corporate actions on lots: units, basis and cash, by hand."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from steelyard.domain.corporate_action import ActionLots, NothingHeldError, apply_action, return_capital
from steelyard.domain.ledger import replay
from steelyard.domain.lot import Lot, LotMethod
from steelyard.domain.transaction import Transaction, TransactionKind

DAY = date(2024, 6, 3)
OLD = Lot(
    "old", "A", Decimal(60), Decimal(600), date(2020, 1, 2), "P", local_cost=Decimal(500), currency="EUR"
)
NEW = Lot(
    "new", "A", Decimal(45), Decimal(900), date(2024, 1, 2), "P", local_cost=Decimal(800), currency="EUR"
)


def action(kind: str, **what: Any) -> Transaction:
    numbers = {
        name: Decimal(value) if name not in {"counter_asset_id", "account_id"} else value
        for name, value in what.items()
    }
    named: dict[str, Any] = {"account_id": "P", "asset_id": "A", "currency": "USD"}
    return Transaction(transaction_id="S", kind=TransactionKind(kind), trade_date=DAY, **(named | numbers))


def shown(lots: tuple[Lot, ...]) -> list[str]:
    """Show lots as units @ cost."""
    return [
        f"{lot.lot_id} {lot.asset_id} {lot.quantity.normalize():f} @ {lot.cost.normalize():f}" for lot in lots
    ]


def paid(made: ActionLots) -> list[str]:
    return [
        f"{lot.lot_id} {lot.quantity.normalize():f} @ {lot.cost.normalize():f} for {cash.normalize():f}"
        for lot, cash in made.paid
    ]


def test_a_reverse_split_pays_the_fraction_out_of_the_lot_sold_first() -> None:
    split = action("SPLIT", quantity=10, counter_quantity=1, price=110)
    made, _ = apply_action(split, [OLD, NEW])

    assert shown(made.lots) == ["old A 5.5 @ 550", "new A 4.5 @ 900"]
    assert paid(made) == ["old 0.5 @ 50 for 55"]
    assert [lot.acquired for lot in made.lots] == [OLD.acquired, NEW.acquired]

    last_first, _ = apply_action(split, [NEW, OLD])
    assert paid(last_first) == ["new 0.5 @ 100 for 55"]


def test_without_a_price_the_fraction_stays() -> None:
    made, _ = apply_action(action("SPLIT", quantity=10, counter_quantity=1), [NEW])

    assert (shown(made.lots), made.paid) == (["new A 4.5 @ 900"], ())


def test_all_of_a_position_below_one_unit_is_paid() -> None:
    made, _ = apply_action(action("SPLIT", quantity=100, counter_quantity=1, price=500), [NEW])

    assert made.lots == ()
    assert paid(made) == ["new 0.45 @ 900 for 225"]


def test_a_spin_off_shares_the_basis_and_keeps_days_and_ids() -> None:
    spun = action(
        "SPIN_OFF", quantity=4, counter_quantity=1, counter_asset_id="B", basis_fraction="0.2", price=12
    )
    made, _ = apply_action(spun, [OLD, NEW])

    assert shown(made.lots) == ["old A 60 @ 480", "new A 45 @ 720"]
    assert shown(made.others) == ["old B 14.75 @ 118", "new B 11.25 @ 180"]
    assert paid(made) == ["old 0.25 @ 2 for 3"]
    assert [lot.acquired for lot in made.others] == [OLD.acquired, NEW.acquired]
    assert [lot.local_cost for lot in made.lots] == [400, 640]


def test_a_merger_for_shares_moves_the_whole_basis() -> None:
    merged = action("MERGER", quantity=3, counter_quantity=2, counter_asset_id="B")
    made, _ = apply_action(merged, [OLD, NEW])

    assert made.lots == ()
    assert shown(made.others) == ["old B 40 @ 600", "new B 30 @ 900"]
    assert not made.paid


def test_a_merger_for_shares_and_cash_sets_the_rest_of_the_basis_against_the_cash() -> None:
    merged = action(
        "MERGER",
        quantity=2,
        counter_quantity=1,
        counter_asset_id="B",
        price=5,
        basis_fraction="0.75",
        amount=9,
    )
    made, _ = apply_action(merged, [OLD, NEW])

    assert shown(made.others) == ["old B 29.5 @ 442.5", "new B 22.5 @ 675"]
    assert paid(made) == ["old 60 @ 150 for 300", "new 45 @ 225 for 225", "old 0.5 @ 7.5 for 9"]


def test_a_new_symbol_changes_nothing_else() -> None:
    made, _ = apply_action(action("SYMBOL_CHANGE", counter_asset_id="B"), [OLD, NEW])

    assert made == ActionLots(others=(replace(OLD, asset_id="B"), replace(NEW, asset_id="B")))


def test_a_short_position_pays_the_fraction() -> None:
    split = action("SPLIT", quantity=10, counter_quantity=1, price=110)
    long, short = apply_action(split, [], [NEW])

    assert long == ActionLots()
    assert (shown(short.lots), paid(short)) == (["new A 4 @ 800"], ["new 0.5 @ 100 for 55"])


def test_lots_and_shorts_of_one_position_come_to_what_their_difference_is_due() -> None:
    split = action("SPLIT", quantity=10, counter_quantity=1, price=110)
    long, short = apply_action(split, [OLD], [NEW])  # 15 net become 1.5: 1 stays

    assert shown(long.lots) == ["old A 5.5 @ 550"]
    assert shown(short.lots) == ["new A 4.5 @ 900"]
    assert (paid(long), paid(short)) == (["old 0.5 @ 50 for 55"], [])


def test_cash_without_a_fraction_has_no_basis() -> None:
    made, _ = apply_action(action("SPLIT", quantity=1, counter_quantity=2, amount=30), [OLD])

    assert shown(made.lots) == ["old A 120 @ 600"]
    assert paid(made) == ["old 60 @ 0 for 30"]


def test_a_lot_too_small_for_a_unit_of_the_last_decimal_is_lost_with_its_basis() -> None:
    dust = replace(NEW, quantity=Decimal("0.000000000001"), cost=Decimal("0.01"), local_cost=Decimal(0))
    made, _ = apply_action(action("SPLIT", quantity=10, counter_quantity=1), [OLD, dust])

    assert shown(made.lots) == ["old A 6 @ 600"]
    assert paid(made) == ["new 0.000000000001 @ 0.01 for 0"]


def test_cash_on_nothing_is_refused() -> None:
    with pytest.raises(NothingHeldError, match=r"S \(SPLIT\) pays on A.*account P holds none.*OPENING"):
        apply_action(action("SPLIT", quantity=1, counter_quantity=2, amount=30), [])
    assert apply_action(action("SPLIT", quantity=1, counter_quantity=2, price=30), []) == (
        ActionLots(),
        ActionLots(),
    )


def test_capital_is_returned_by_units_and_lowers_the_local_cost_too() -> None:
    first, second = return_capital([OLD, NEW], Decimal(210), Decimal(105))

    assert [first.lot.cost, first.lot.local_cost, first.cash] == [480, 440, 120]
    assert [second.lot.cost, second.lot.local_cost] == [810, 755]
    assert (first.used, second.used) == (None, None)


def test_capital_returned_uses_up_the_cost_and_then_the_loss_a_lot_carries() -> None:
    carrier = replace(OLD, carried_loss=Decimal(50))

    (part,) = return_capital([carrier], Decimal(620), Decimal(500))
    assert [part.lot.cost, part.lot.carried_loss] == [0, 30]
    assert part.used is None

    (part,) = return_capital([carrier], Decimal(700), Decimal(500))
    assert part.used is not None
    assert [part.lot.basis, part.used.basis] == [0, 650]


def test_cash_in_lieu_is_a_gain_at_the_rate_of_the_day() -> None:
    bought = action("BUY", quantity=45, amount=900)
    rows = [
        replace(bought, transaction_id="T", trade_date=date(2024, 1, 2), currency="EUR"),
        action("SPLIT", quantity=10, counter_quantity=1, price=110),
    ]

    def rates(_account: str, currency: str, _day: date) -> Decimal:
        return Decimal(2) if currency == "EUR" else Decimal(1)

    answer = replay(rows, methods=LotMethod.FIFO, convert=rates)

    (gain,) = answer.gains
    assert [gain.amount, gain.lot.cost, gain.gain, gain.rate] == [55, 200, -145, 2]
    assert answer.cash == {("P", "EUR"): -900, ("P", "USD"): 55}
