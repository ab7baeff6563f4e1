"""Conversions: what is sold and bought at a spread of 4 %, 2 % of each way, in numbers for the back of an envelope."""

from decimal import Decimal

from steelyard.rebalancing.conversion import Converted, convert
from steelyard.rebalancing.currency import read_exchange
from steelyard.rebalancing.options import Currencies

RATES = Currencies(base="USD", rates={"EUR": "1.25", "GBP": 2}, convert=True, spread="0.04")


def converted(**cash: int) -> Converted:
    return convert({code: Decimal(amount) for code, amount in cash.items()}, read_exchange(RATES))


def amounts(answer: Converted) -> list[str]:
    return [
        f"{each.sold:f} {each.sold_currency} → {each.bought:f} {each.bought_currency}, {each.cost:f}"
        for each in answer.conversions
    ]


def test_a_debt_in_the_base_currency_is_paid_net_of_the_spread() -> None:
    answer = converted(USD=-49, EUR=100)

    assert amounts(answer) == ["40 EUR → 49 USD, 1"]  # 40 · 1.25 = 50, less 2 %
    assert answer.cash == {"USD": 0, "EUR": 60}
    assert answer.cost == 1


def test_a_debt_in_another_currency_costs_the_spread_on_top() -> None:
    answer = converted(USD=100, EUR=-40)

    assert amounts(answer) == ["51 USD → 40 EUR, 1"]  # 40 · 1.25 = 50, and 2 %
    assert answer.cash == {"USD": 49, "EUR": 0}


def test_the_currency_worth_most_pays_first_and_what_there_is_not_stays_a_debt() -> None:
    assert amounts(converted(USD=-49, EUR=150, GBP=100)) == ["25 GBP → 49 USD, 1"]  # 200 USD against 187.50
    answer = converted(USD=-98, EUR=40)
    assert amounts(answer) == ["40 EUR → 49 USD, 1"]
    assert answer.cash == {"USD": -49, "EUR": 0}


def test_what_is_sold_is_rounded_up_and_what_is_bought_down() -> None:
    [conversion] = converted(USD=-1, EUR=100).conversions

    assert conversion.sold == Decimal("0.81632654")  # 1 / 1.225 = 0.816326530…
    assert conversion.bought == Decimal("1.00000001")  # 0.81632654 · 1.225 = 1.0000000115
