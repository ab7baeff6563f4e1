"""The exact search against HiGHS, CP-SAT and PyPortfolioOpt, on 45 accounts and the objective that all of them know.

    make bench-peers                                      (once: peers live in .venv-peers)
    python benchmarks/bench_rebalance.py [--seeds 3] [--assets 5 20 50 100 500]

The objective is the sum of |drift in money| + cash left over, in whole shares; `squared` is the same account by
squared drift, the engine's default, which no peer here offers. Times are of the search alone, without putting the
problem to it: what the same account costs through `calculate_investment_allocation` stands beside. Peers that are not
installed are named and skipped. Each answer is counted again in whole cents: an answer better than ours ends the run.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
from scratch import show

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from rebalancing_problems import account_problem  # noqa: E402 - stands in tests, which are no package
from steelyard.rebalancing import kernel  # noqa: E402 - as above
from steelyard.rebalancing.allocation import calculate_investment_allocation  # noqa: E402 - as above
from steelyard.rebalancing.best_trades import QUICK  # noqa: E402 - as above
from steelyard.rebalancing.certificate import check, objective_of  # noqa: E402 - as above
from steelyard.rebalancing.layout import flatten, sections_of  # noqa: E402 - as above
from steelyard.rebalancing.options import CashRules, Objective  # noqa: E402 - as above
from steelyard.rebalancing.problem import L1_SCALE, Norm, Problem, Solution, Status  # noqa: E402 - as above
from steelyard.rebalancing.search import solve  # noqa: E402 - as above

VALUES = (5_000, 50_000, 1_000_000)
PEERS = {
    "HiGHS, gap 0": ("highs", Path(sys.executable)),
    "CP-SAT": ("cp-sat", ROOT / ".venv-peers/bin/python"),
    "PyPortfolioOpt, LP": ("pypfopt-lp", ROOT / ".venv-peers/bin/python"),
    "PyPortfolioOpt, greedy": ("pypfopt-greedy", ROOT / ".venv-peers/bin/python"),
}
NODES, STATES = 2_000_000, 400_000


@dataclass(frozen=True, slots=True)
class Run:
    """What the engine does with one account, seconds."""

    assets: int
    problem: Problem
    solution: Solution
    search: float
    squared: float
    squared_proven: bool
    plain: float
    public: float


@dataclass(frozen=True, slots=True)
class Peer:
    """What a peer does with one account."""

    trades: (
        tuple[int, ...] | None
    )  # None where it has no answer in time, or one that spends cash it does not have
    seconds: float
    proven: bool


def main(sizes: Sequence[int], seeds: int) -> None:
    problems = [
        (assets, account_problem(assets, value, seed, norm=Norm.L1, cash_target=0))
        for assets in sizes
        for value in VALUES
        for seed in range(seeds)
    ]
    runs = [_run(assets, problem) for assets, problem in problems]
    _show_ours(runs, sizes)
    for name, where in PEERS.items():
        found = _ask(*where, [problem for _, problem in problems])
        if found:
            _show_peer(name, runs, found, sizes)
        else:
            print(f"{name}: not installed, skipped")


# ── Ours ────────────────────────────────────────────────────────────────────────────────────────────────────


def _run(assets: int, problem: Problem) -> Run:
    solution = kernel.solve(problem, node_limit=NODES, state_limit=STATES)
    check(problem, solution)
    squared = replace(problem, norm=Norm.L2, cash_target=None)
    other = kernel.solve(squared, node_limit=NODES, state_limit=STATES)
    check(squared, other)
    rounds = 3 if solution.nodes < 1_000 else 1
    return Run(
        assets,
        problem,
        solution,
        search=_search_seconds(problem),
        squared=_search_seconds(squared),
        squared_proven=other.status is Status.OPTIMAL,
        plain=_best_of(lambda: solve(problem), rounds),
        public=_best_of(lambda: _allocate(problem), rounds),
    )


def _search_seconds(problem: Problem) -> float:
    flat = flatten(problem)
    assert flat is not None
    cells, account = flat
    total = 0.0
    for nodes, states in ((QUICK, 0), (NODES, STATES)):
        at = sections_of(cells, account, states)
        array = np.zeros(at.end, np.int64)
        array[: len(cells)] = cells
        search = partial(kernel.compiled()[kernel.ENTRY], array, account, at, nodes)
        gap, bound, looked, _ = search()
        total += _best_of(search, 5 if looked < 20_000 else 1)
        if bound >= gap:
            break
    return total


def _allocate(problem: Problem) -> None:
    names = [f"A{i:03}" for i in range(len(problem.assets))]
    total = problem.cash + sum(asset.value for asset in problem.assets)
    target = {name: Decimal(asset.low) / total for name, asset in zip(names, problem.assets, strict=True)}
    prices = {name: Decimal(asset.price) / 100 for name, asset in zip(names, problem.assets, strict=True)}
    held = {name: asset.value // asset.price for name, asset in zip(names, problem.assets, strict=True)}
    calculate_investment_allocation(
        _summing_to_one(target),
        prices,
        held,
        cash=Decimal(problem.cash) / 100,
        objective=Objective.L1,
        cash_rules=CashRules(target=0),
    )


def _summing_to_one(weights: dict[str, Decimal]) -> dict[str, Decimal]:
    rounded = {name: round(weight, 12) for name, weight in weights.items()}
    first = next(iter(rounded))
    return {**rounded, first: rounded[first] + 1 - sum(rounded.values())}


def _best_of(work: Callable[[], object], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


# ── Peers ───────────────────────────────────────────────────────────────────────────────────────────────────


def _ask(name: str, python: Path, problems: list[Problem]) -> list[Peer]:
    if not python.exists():
        return []
    accounts = [
        {
            "prices": [asset.price for asset in problem.assets],
            "targets": [asset.low for asset in problem.assets],
            "cash": problem.cash + sum(asset.value for asset in problem.assets),
        }
        for problem in problems
    ]
    run = subprocess.run(
        [python, Path(__file__).with_name("peer_answers.py"), name],
        input=json.dumps(accounts),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return [
        Peer(_traded(problem, line["shares"]), line["seconds"], line["proven"])
        for problem, line in zip(problems, lines, strict=True)
    ]


def _traded(problem: Problem, shares: list[int] | None) -> tuple[int, ...] | None:
    """Shares held afterwards, from nothing, as trades of what is held now; None where cash does not pay for them."""
    if shares is None:
        return None
    trades = [count - asset.value // asset.price for count, asset in zip(shares, problem.assets, strict=True)]
    paid = sum(asset.price * k for asset, k in zip(problem.assets, trades, strict=True))
    return tuple(trades) if paid <= problem.cash else None


# ── Tables ──────────────────────────────────────────────────────────────────────────────────────────────────


def _show_ours(runs: list[Run], sizes: Sequence[int]) -> None:
    rows = []
    for assets in sizes:
        some = [run for run in runs if run.assets == assets]
        proven = sum(run.solution.status is Status.OPTIMAL for run in some)
        gaps = [run.solution.gap / L1_SCALE / 100 for run in some if run.solution.gap]
        rows.append(
            (
                f"{assets}",
                f"{proven}, {sum(run.squared_proven for run in some)} of {len(some)}",
                f"{max(gaps, default=0):.2f}",
                _span([run.search for run in some]),
                _span([run.squared for run in some]),
                _span([run.plain for run in some]),
                _span([run.public for run in some]),
            )
        )
    show(
        "The exact search",
        ("assets", "proven", "largest gap", "compiled", "squared", "plain Python", "public call"),
        rows,
    )


def _show_peer(name: str, runs: list[Run], peers: list[Peer], sizes: Sequence[int]) -> None:
    rows = []
    for assets in sizes:
        pairs = [(run, peer) for run, peer in zip(runs, peers, strict=True) if run.assets == assets]
        excess = [_excess(name, run, peer) for run, peer in pairs]
        rows.append(
            (
                f"{assets}",
                f"{sum(peer.proven for _, peer in pairs)} of {len(pairs)}",
                f"{sum(peer.trades is None for _, peer in pairs)}",
                f"{sum(each > 0 for each in excess)}",
                f"{100 * statistics.median(excess):.1f} %",
                _span([peer.seconds for _, peer in pairs]),
                f"{statistics.median(peer.seconds / run.search for run, peer in pairs):,.0f}",
                f"{statistics.median(peer.seconds / run.squared for run, peer in pairs):,.0f}",
                f"{statistics.median(peer.seconds / run.public for run, peer in pairs):,.1f}",
            )
        )
    columns = (
        "assets",
        "says proven",
        "none",
        "worse",
        "by, median",
        "time",
        "÷ compiled",
        "÷ squared",
        "÷ public call",
    )
    show(name, columns, rows)


def _excess(name: str, run: Run, peer: Peer) -> float:
    """By what fraction a peer's answer is worse."""
    if peer.trades is None:
        return float("inf")
    theirs = objective_of(run.problem, peer.trades)
    assert theirs >= run.solution.objective, f"{name} found a better answer"
    return theirs / run.solution.objective - 1 if run.solution.objective else float(theirs > 0)


def _span(seconds: list[float]) -> str:
    def readable(value: float) -> str:
        for unit, size in (("s", 1.0), ("ms", 1e-3)):
            if value >= size:
                return f"{value / size:.3g} {unit}"
        return f"{value * 1e6:.3g} µs"

    return f"{readable(statistics.median(seconds))} ({readable(min(seconds))} - {readable(max(seconds))})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--assets", type=int, nargs="+", default=[5, 20, 50, 100, 500])
    given = parser.parse_args()
    main(given.assets, given.seeds)
