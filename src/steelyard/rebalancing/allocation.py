"""The trades that bring one account closest to its target, and the proof that none are better.

`calculate_investment_allocation` reads dicts of exact numbers, states the problem in whole units of money
(`problem.Problem`), has it searched (`search.solve`), and gives back Decimals with a reason for every trade.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from steelyard.domain.amount import Amount
from steelyard.rebalancing.options import (
    Band,
    CashRules,
    Costs,
    Currencies,
    Locks,
    Mode,
    Objective,
    Trading,
    Untargeted,
)
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.trade import Conflict, Conversion, LotSale, Skipped, Trade


@dataclass(frozen=True, slots=True)
class Allocation:
    """Trades, what they lead to, and what is known of them.

    Money is in base currency. Weights and drift are fractions of the value the plan is about: targeted positions and
    cash, `investment_amount` included; what the weights leave to 1 is cash. Drift = weight − target weight.

    Attributes:
        trades: what to buy and sell, by asset id; empty where infeasible.
        conversions: currency trades, to be made first.
        lots: which lots the sales take.
        skipped: assets that are not traded, each with its reason.
        weights_before, weights_after: asset → weight.
        drift_before, drift_after: asset → drift.
        total_drift_before, total_drift_after: Σ |drift| / 2, cash included.
        cash_after: all cash, never below the floor.
        cash_by_currency: the same, each in its own currency.
        fees: fees, spreads and conversions, 0 or above.
        taxes: tax on the gains realised; negative = what losses save.
        objective, lower_bound, gap: what was minimised, money² (L2) or money (L1); no answer has an objective below
            `lower_bound`; gap = objective − lower_bound, 0 where optimal.
        status: optimal (proven), within_gap, or infeasible.
        binding: what kept drift from being lower, most frequent first.
        conflicts: where infeasible, which constraints exclude each other and what would help.
        explanations: one sentence on the whole, then the reason of each trade and of each asset that was skipped.
    """

    trades: tuple[Trade, ...]
    conversions: tuple[Conversion, ...]
    lots: tuple[LotSale, ...]
    skipped: tuple[Skipped, ...]
    weights_before: Mapping[str, Decimal]
    weights_after: Mapping[str, Decimal]
    drift_before: Mapping[str, Decimal]
    drift_after: Mapping[str, Decimal]
    total_drift_before: Decimal
    total_drift_after: Decimal
    cash_after: Decimal
    cash_by_currency: Mapping[str, Decimal]
    fees: Decimal
    taxes: Decimal
    objective: Decimal
    lower_bound: Decimal
    gap: Decimal
    status: Status
    binding: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    explanations: tuple[str, ...]


def calculate_investment_allocation(
    target_allocation: Mapping[str, Amount],
    current_prices: Mapping[str, Amount],
    current_portfolio: Mapping[str, Amount],
    *,
    cash: Amount | Mapping[str, Amount] = 0,
    investment_amount: Amount = 0,
    mode: Mode = Mode.REBALANCE,
    objective: Objective = Objective.L2,
    untargeted: Untargeted = Untargeted.KEEP,
    weight_places: int | None = None,
    allow_short: bool = False,
    band: Band | None = None,
    cash_rules: CashRules | None = None,
    trading: Trading | None = None,
    locks: Locks | None = None,
    costs: Costs | None = None,
    currencies: Currencies | None = None,
) -> Allocation:
    """Return the trades that bring an account closest to its target."""
    raise NotImplementedError
