"""Screens of runs: what somebody is to look at comes first."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import Listing, facts, money, note, short_keys, title
from steelyard.storage.run import ListedRun, Problem, RunAccount, RunAccountState, RunState

if TYPE_CHECKING:
    from steelyard.cli.run import LookedAt
    from steelyard.storage.run import RunProgress

_COLOURS: Final[Mapping[RunAccountState, str]] = {
    RunAccountState.EXCEPTION: "red",
    RunAccountState.MADE: "green",
    RunAccountState.NOTHING: "dim",
    RunAccountState.WAITING: "dim",
}
_HASH_SHOWN: Final = 8


def listing(found: Sequence[ListedRun]) -> Group:
    """Show runs, one a line."""
    keys = short_keys([one.run_id for one in found])
    rows = Listing("!Run", "Name", "State", ">Value", "?Hash", "?Begun (UTC)", "?Runs out")
    for one in found:
        rows.add_row(
            keys[one.run_id],
            one.run_name,
            one.state.value,
            "" if one.order_value is None else money(one.order_value),
            "" if one.content_hash is None else one.content_hash.hex()[:_HASH_SHOWN],
            f"{one.made_at:%Y-%m-%d %H:%M}",
            f"{one.expires_at:%H:%M}",
        )
    return Group(title("Runs"), "", rows)


def shown(looked: "LookedAt") -> Group:
    """Show a run: how far it is, exceptions first, who approved it, and what to do next."""
    run, progress = looked.found.run, looked.found.progress
    return Group(
        Text.assemble((run.run_name, "bold"), "  ", run.state.value),
        "",
        _head(run, progress),
        "",
        _accounts(looked.found.accounts),
        *_rest(looked.found.accounts, progress),
        "",
        *(
            f"Approved by {one.approver} with {one.factor}, {one.approved_at:%Y-%m-%d %H:%M} UTC"
            for one in looked.approvals
        ),
        note(_next(run, is_over=run.expires_at <= looked.now)),
    )


def _head(run: ListedRun, progress: "RunProgress") -> RenderableType:
    states = [f"{number:,} {state.value}" for state, number in sorted(progress.states.items())]
    orders = [f"{number:,} {state.value}" for state, number in sorted(progress.orders.items())]
    rows = [
        ("Run", f"{run.run_id}"),
        ("Hash", run.content_hash.hex() if run.content_hash else "it is being made"),
        ("Value", money(run.order_value) + ", bought and sold" if run.order_value is not None else ""),
        ("Accounts", ", ".join(states)),
        ("Orders", ", ".join(orders)),
        ("Begun by", f"{run.author}, {run.made_at:%Y-%m-%d %H:%M} UTC"),
        ("Runs out", f"{run.expires_at:%Y-%m-%d %H:%M} UTC"),
        ("Ended", run.fault),
    ]
    return facts([(name, value) for name, value in rows if value])


def _accounts(accounts: Sequence[RunAccount]) -> RenderableType:
    rows = Listing("Account", "State", "Exception", ">Value", "Why")
    for one in accounts:
        rows.add_row(
            one.account_id,
            Text(one.state.value, _COLOURS[one.state]),
            "" if one.problem is Problem.NONE else one.problem.value.replace("_", " "),
            "" if one.order_value is None else money(one.order_value),
            one.fault,
        )
    return rows


def _rest(accounts: Sequence[RunAccount], progress: "RunProgress") -> list[RenderableType]:
    left = progress.accounts - len(accounts)
    return [note(f"and {left:,} more: --limit {progress.accounts}")] if left else []


def _next(run: ListedRun, *, is_over: bool) -> str:
    if is_over and run.state in {RunState.MAKING, RunState.MADE, RunState.APPROVED}:
        return "It ran out. Begin another: steelyard run begin NAME"
    words = {
        RunState.MAKING: f"Workers make it: steelyard worker. Then: steelyard run show {run.run_id}",
        RunState.MADE: f"Next: steelyard run approve {run.run_id}",
        RunState.APPROVED: f"Next: steelyard run execute {run.run_id}",
        RunState.EXECUTED: f"Executed by {run.executed_by}; its orders are with the workers.",
        RunState.WITHDRAWN: "Nothing follows.",
        RunState.FAILED: "There is nothing to approve.",
    }
    return words[run.state]
