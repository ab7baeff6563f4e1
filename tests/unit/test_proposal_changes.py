"""What differs between two gatherings of inputs, and how far a price may move."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from steelyard.services.proposal_changes import find_changes

LOT = {
    "lot_id": "L1",
    "asset_id": "VTI",
    "quantity": "4",
    "cost": "90",
    "carried_loss": "0",
    "carried_days": 0,
}


def price(amount: str, source: str = "alpaca", currency: str = "USD") -> dict[str, str]:
    return {"price": amount, "currency": currency, "source": source}


INPUTS: dict[str, Any] = {
    "portfolio": {
        "positions": {"VTI": "10"},
        "cash": {"USD": "5"},
        "targets": {"VTI": "1"},
        "cash_targets": {},
        "rates": {"EUR": "1.1"},
        "lots": [LOT],
        "sales": [{"lot": LOT, "sold": "2024-03-14", "proceeds": "80"}],
        "base_currency": "USD",
    },
    "prices": {"VTI": price("200")},
    "kept_by": "ledger",
    "model_id": "M",
    "model_version": 1,
    "profile_version": None,
    "no_buy": {},
    "no_sell": {},
    "tenant_currency": "USD",
    "tenant_rate": "1",
    "ruling": {"rules": [{"rule_id": "cap", "version": 1}]},
}


def changed(*path: str | int, to: Any, source: str = "stored", tolerance: str = "0.005") -> list[str]:
    now = deepcopy(INPUTS)
    place: Any = now
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return find_changes(INPUTS, now, price_source=source, tolerance=Decimal(tolerance))


@pytest.mark.parametrize(
    ("path", "to", "said"),
    [
        (("portfolio", "positions", "VTI"), "11", "the position of VTI is 11 and was 10"),
        (("portfolio", "positions"), {}, "the position of VTI is none and was 10"),
        (("portfolio", "cash", "USD"), "4.99", "cash in USD is 4.99 and was 5"),
        (("portfolio", "targets", "VTI"), "0.9", "the target of VTI is 0.9 and was 1"),
        (("portfolio", "cash_targets"), {"USD": "0.1"}, "the target of cash in USD is 0.1 and was none"),
        (("portfolio", "rates", "EUR"), "1.2", "the rate of EUR is 1.2 and was 1.1"),
        (("portfolio", "base_currency"), "EUR", "the currency of the account is EUR and was USD"),
        (("portfolio", "lots", 0), {**LOT, "cost": "91"}, "lot L1 of VTI is 4 at 91"),
        (("portfolio", "sales"), [], "lot L1 of VTI, sold 2024-03-14 is none"),
        (("kept_by",), "snapshots", "what keeps the account is snapshots and was ledger"),
        (("model_id",), "N", "the model of the account is N and was M"),
        (("model_version",), 2, "the version of its model is 2 and was 1"),
        (("profile_version",), 1, "the version of the investor's profile is 1 and was none"),
        (("no_buy",), {"VTI": "rule x"}, "what bars buying VTI is rule x and was none"),
        (("no_sell",), {"VTI": "rule x"}, "what bars selling VTI is rule x and was none"),
        (("tenant_currency",), "EUR", "the currency of the tenant is EUR and was USD"),
        (("tenant_rate",), "0.9", "the rate to the currency of the tenant is 0.9 and was 1"),
        (("ruling", "rules", 0, "version"), 2, "rule cap is in force at version 2"),
        (("ruling", "rules"), [], "rule cap is none"),
        (("prices", "VTI"), price("200.01"), "the price of VTI is 200.01 USD and was 200 USD"),
        (("prices", "VTI"), price("200", currency="EUR"), "the price of VTI is 200 EUR and was 200 USD"),
        (("prices",), {}, "the price of VTI is none and was 200 USD"),
    ],
)  # fmt: skip
def test_each_part_that_differs_is_named(path: tuple[str | int, ...], to: Any, said: str) -> None:
    [found] = changed(*path, to=to)
    assert found.startswith(said)


def test_nothing_differs_from_itself() -> None:
    assert find_changes(INPUTS, deepcopy(INPUTS), price_source="stored", tolerance=Decimal(0)) == []


@pytest.mark.parametrize(
    ("amount", "source", "asked", "tolerance", "moved"),
    [
        ("201", "alpaca", "market", "0.005", False),
        ("199", "alpaca", "market", "0.005", False),
        ("201.000001", "alpaca", "market", "0.005", True),
        ("198.999999", "alpaca", "market", "0.005", True),
        ("200.000001", "alpaca", "market", "0", True),
        ("200.000001", "alpaca", "stored", "0.5", True),
        ("200.00", "alpaca", "stored", "0", False),
    ],
)
def test_a_live_price_may_move_by_the_tolerance_and_a_stored_one_not_at_all(
    *, amount: str, source: str, asked: str, tolerance: str, moved: bool
) -> None:
    found = changed("prices", "VTI", to=price(amount, source), source=asked, tolerance=tolerance)
    assert bool(found) == moved


def test_prices_of_files_must_be_equal() -> None:
    before = {**INPUTS, "prices": {"VTI": price("200", "files")}}
    now = {**INPUTS, "prices": {"VTI": price("200.01", "files")}}
    assert find_changes(before, now, price_source="market", tolerance=Decimal("0.5")) != []
