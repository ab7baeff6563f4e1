"""One peer of the rebalancing engine, in a process and an environment of its own: accounts in, shares and seconds out.

    .venv-peers/bin/python benchmarks/peer_answers.py pypfopt-lp < accounts.json > answers.jsonl

An account is {"prices": [cents], "targets": [cents], "cash": cents}: buy whole shares from nothing so that the sum of
|drift| and what is left over is least. HiGHS and OR-Tools cannot be imported into one process.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, TypedDict

SECONDS = 10.0


class Account(TypedDict):
    """Money in cents."""

    prices: list[int]
    targets: list[int]
    cash: int


Answer = tuple[list[int] | None, float, bool]
"""Shares (None: no answer in time), seconds, whether the peer says that none are better."""


def pypfopt(account: Account, method: str) -> Answer:
    import pandas as pd
    from pypfopt.discrete_allocation import DiscreteAllocation

    names = [str(i) for i in range(len(account["prices"]))]
    weights = {name: target / account["cash"] for name, target in zip(names, account["targets"], strict=True)}
    prices = pd.Series([price / 100 for price in account["prices"]], index=names)
    allocation = DiscreteAllocation(weights, prices, total_portfolio_value=account["cash"] / 100)
    started = time.perf_counter()
    shares, _ = getattr(allocation, method)()
    seconds = time.perf_counter() - started
    return [int(shares.get(name, 0)) for name in names], seconds, method == "lp_portfolio"


def cp_sat(account: Account) -> Answer:
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    cash, shares, drifts = account["cash"], [], []
    for price, target in zip(account["prices"], account["targets"], strict=True):
        count, drift = model.new_int_var(0, cash // price, ""), model.new_int_var(0, cash, "")
        model.add(drift >= price * count - target)
        model.add(drift >= target - price * count)
        shares.append(count)
        drifts.append(drift)
    left = model.new_int_var(0, cash, "")
    paid = sum(price * count for price, count in zip(account["prices"], shares, strict=True))
    model.add(paid + left == cash)
    model.minimize(sum(drifts) + left)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = SECONDS
    solver.parameters.num_workers = 1
    started = time.perf_counter()
    status = solver.solve(model)
    seconds = time.perf_counter() - started
    if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return None, seconds, False
    return [solver.value(count) for count in shares], seconds, status == cp_model.OPTIMAL


def highs(account: Account) -> Answer:
    import highspy

    model = highspy.Highs()  # type: ignore[no-untyped-call]  # its constructor has no types
    for option, value in (
        ("output_flag", False),
        ("threads", 1),
        ("time_limit", SECONDS),
        ("mip_rel_gap", 0.0),
    ):
        model.setOptionValue(option, value)
    cash, shares = account["cash"] / 100, []
    for cents, target in zip(account["prices"], account["targets"], strict=True):
        count = model.addIntegral(0, account["cash"] // cents, 0)
        drift = model.addVariable(0, highspy.kHighsInf, 1)
        model.addConstr(drift >= cents / 100 * count - target / 100)
        model.addConstr(drift >= target / 100 - cents / 100 * count)
        shares.append(count)
    left = model.addVariable(0, highspy.kHighsInf, 1)
    paid = sum(cents / 100 * count for cents, count in zip(account["prices"], shares, strict=True))
    model.addConstr(paid + left == cash)
    started = time.perf_counter()
    model.run()
    seconds = time.perf_counter() - started
    proven = model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    if model.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None, seconds, False
    return [round(model.val(count)) for count in shares], seconds, proven


PEERS: dict[str, Callable[[Account], Answer]] = {
    "pypfopt-lp": lambda account: pypfopt(account, "lp_portfolio"),
    "pypfopt-greedy": lambda account: pypfopt(account, "greedy_portfolio"),
    "cp-sat": cp_sat,
    "highs": highs,
}


def main() -> None:
    warnings.simplefilter("ignore")
    peer, accounts = PEERS[sys.argv[1]], json.load(sys.stdin)
    peer(accounts[0])  # imports and first calls are not what is measured
    for account in accounts:
        shares, seconds, proven = peer(account)
        line: dict[str, Any] = {"shares": shares, "seconds": seconds, "proven": proven}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
