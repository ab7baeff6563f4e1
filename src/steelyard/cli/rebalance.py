"""The command that says what to trade: for accounts of the store, or for one in a file."""

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from steelyard.cli.codes import INFEASIBLE
from steelyard.cli.options import DAY, AmountType, as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.domain.scope import Scope
from steelyard.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from steelyard.cli.order_file import AccountTrades
    from steelyard.domain.lot import Lot
    from steelyard.domain.portfolio import Portfolio
    from steelyard.domain.wash_sale import Sale
    from steelyard.rebalancing.household_policy import HouseholdProposal
    from steelyard.rebalancing.policy import Policy, Proposal
    from steelyard.storage.connection import ReadSession

TAX_MODES: Final = ("tax_aware", "harvest_losses")
MODES: Final = ("rebalance", "buy_only", "raise_cash", *TAX_MODES)
OBJECTIVES: Final = ("l2", "l1")
LAYOUT_NAMES: Final = ("generic", "ibkr", "redi")
_FILE: Final = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class Asked:
    """What `steelyard rebalance` was asked, as its options say."""

    account: str | None
    household: str | None
    book: bool
    file: Path | None
    as_of: "date | None"
    stale_reason: str
    policy_file: Path | None
    lots_file: Path | None
    mode: str | None
    objective: str | None
    invest: Decimal | None
    raise_amount: Decimal | None
    cash_floor: Decimal | None
    min_trade: Decimal | None
    band: Decimal | None
    fractional: int | None
    convert: bool
    no_buy: tuple[str, ...]
    no_sell: tuple[str, ...]
    hold: tuple[str, ...]

    @property
    def takes_lots_of_ledger(self) -> bool:
        """Whether the lots are those that are booked."""
        return self.lots_file == Path("ledger")

    @property
    def investment_amount(self) -> Decimal:
        """What is paid in, negative = taken out."""
        return self.invest if self.invest is not None else -(self.raise_amount or Decimal(0))


class UnknownLockError(NotFoundError):
    """An option names an asset that no account at hand holds or wants."""

    def __init__(self, option: str, asset_id: str, near: list[str]) -> None:
        """Name the option, the asset and those most like it."""
        hint = f"did you mean {' or '.join(near)}?" if near else "it changes nothing; leave it out."
        super().__init__(f"{option} {asset_id}: no account here holds or wants it; {hint}")


@click.command(
    epilog=examples(
        "steelyard rebalance --account RIVERA-JOINT",
        "steelyard rebalance --account RIVERA-IRA --invest 5000 --mode buy_only",
        "steelyard rebalance --from account.csv --band 0.02 --hold AAPL --json",
        "steelyard rebalance --account RIVERA-JOINT --csv orders.csv --layout ibkr",
        "steelyard rebalance --book --output answers.parquet",
    )
)
@click.option("--account", metavar="ID", help="An account of the store, to its model.")
@click.option(
    "--household",
    metavar="ID",
    help="The accounts of a household, each to its own model; jointly, if --policy says what they share.",
)
@click.option("--book", is_flag=True, help="All accounts of the store that follow a model, each to its own.")
@click.option(
    "--from", "file", type=_FILE, metavar="FILE", help="An account in a CSV or JSON file; needs no store."
)
@click.option("--as-of", type=DAY, help="Positions and prices of this day.  [default: the last price date]")
@click.option("--mode", type=click.Choice(MODES), help="What the trades are for.  [default: rebalance]")
@click.option(
    "--objective",
    type=click.Choice(OBJECTIVES),
    help="How drift adds up: squared, or absolute.  [default: l2]",
)
@click.option("--invest", type=AmountType(), help="Cash that is paid in.")
@click.option("--raise", "raise_amount", type=AmountType(), help="Cash that is taken out; sells for it.")
@click.option("--cash-floor", type=AmountType(), help="Cash there must be afterwards.")
@click.option("--min-trade", type=AmountType(), help="No trade is worth less.")
@click.option(
    "--band", type=AmountType(), metavar="FRACTION", help="Drift that is tolerated: 0.02 = two points."
)
@click.option(
    "--fractional",
    type=click.IntRange(0, 8),
    metavar="PLACES",
    help="Decimal places of a share.  [default: 0]",
)
@click.option("--convert", is_flag=True, help="Let cash be converted into other currencies.")
@click.option(
    "--no-buy", metavar="ASSET", multiple=True, help="Do not buy it; may be repeated, as the next two."
)
@click.option("--no-sell", metavar="ASSET", multiple=True, help="Do not sell it.")
@click.option("--hold", metavar="ASSET", multiple=True, help="Do not trade it.")
@click.option(
    "--policy",
    "policy_file",
    type=_FILE,
    metavar="FILE",
    help="All options there are, as TOML; those given here win.",
)
@click.option(
    "--lots",
    "lots_file",
    type=_FILE,
    metavar="FILE",
    help="Lots as CSV, or the word ledger: those that are booked. For tax; the policy states the rates.",
)
@click.option(
    "--stale-reason", default="", metavar="TEXT", help="Why prices older than three sessions will do."
)
@click.option("--csv", "orders", type=_FILE, metavar="FILE", help="Write the trades as an order file.")
@click.option(
    "--layout",
    type=click.Choice(LAYOUT_NAMES),
    default="generic",
    show_default=True,
    help="The order file's.",
)
@click.option(
    "--output",
    type=_FILE,
    metavar="FILE",
    help="With --book: write the answers, .parquet, or the trades, .csv.",
)
@as_json
@pass_shell
def rebalance(
    shell: Shell, /, *, orders: Path | None, layout: str, output: Path | None, as_json: bool, **options: Any
) -> int:
    """Say what to buy and sell, and how near to the best possible that is.

    Nothing is ordered. The exit code is 3 when no trades keep every constraint; the answer then names those in
    conflict and what would help.
    """
    asked = Asked(**options)
    _require_sense(asked)
    if asked.book or output:
        _rebalance_book(shell, asked, output, orders, as_json=as_json)
        return 0
    policy = policy_asked(asked) if asked.household else None
    if policy and policy.household:
        return _rebalance_jointly(shell, asked, policy, orders, layout, as_json=as_json)
    return _rebalance_apart(shell, asked, orders, layout, as_json=as_json)


def _rebalance_apart(shell: Shell, asked: Asked, orders: Path | None, layout: str, *, as_json: bool) -> int:
    from steelyard.cli.order_file import AccountTrades
    from steelyard.cli.screens.rebalance import proposals as screen
    from steelyard.rebalancing.problem import Status

    found = _proposals(shell, asked)
    _require_known(asked, [proposal.portfolio for proposal in found])
    infeasible = [each.portfolio.account_id for each in found if each.allocation.status is Status.INFEASIBLE]
    accounts = [
        AccountTrades(each.portfolio, each.allocation.trades, each.allocation.conversions) for each in found
    ]
    written = _write(accounts, infeasible, orders, layout) if orders else ""
    answer = found if asked.household else found[0]
    tell(answer, partial(_screen, screen, found, written), as_json=as_json)
    return INFEASIBLE if infeasible else 0


def _screen(screen: Any, found: "Sequence[Proposal]", written: str, _: Any) -> Any:
    return screen(found, written)


def _rebalance_jointly(
    shell: Shell, asked: Asked, policy: "Policy", orders: Path | None, layout: str, *, as_json: bool
) -> int:
    from steelyard.cli.order_file import AccountTrades
    from steelyard.cli.screens.household import joint_plan
    from steelyard.rebalancing.problem import Status

    found = asyncio.run(_of_household(shell, asked, policy))
    _require_known(asked, found.portfolios)
    infeasible = [found.household_id] if found.allocation.status is Status.INFEASIBLE else []
    portfolios = {portfolio.account_id: portfolio for portfolio in found.portfolios}
    accounts = [AccountTrades(portfolios[each.account_id], each.trades) for each in found.allocation.accounts]
    written = _write(accounts, infeasible, orders, layout) if orders else ""
    tell(found, partial(joint_plan, written=written), as_json=as_json)
    return INFEASIBLE if infeasible else 0


async def _of_household(shell: Shell, asked: Asked, policy: "Policy") -> "HouseholdProposal":
    from steelyard.services.household import calculate_household_proposal
    from steelyard.storage.connection import get_db_session
    from steelyard.storage.portfolio import get_account_ids

    async with shell.store(), get_db_session() as db:
        accounts = await get_account_ids(db, asked.household or "")
        lots, _ = await _booked_lots(db, asked, accounts)
        return await calculate_household_proposal(
            asked.household or "",
            policy,
            db,
            as_of=asked.as_of,
            lots=lots,
            stale_reason=asked.stale_reason,
        )


def _require_sense(asked: Asked) -> None:
    """End where options contradict each other."""
    sources = [asked.account, asked.household, asked.file, asked.book or None]
    if sum(source is not None for source in sources) != 1:
        raise click.UsageError(
            "Say which account: one of --account ID, --household ID, --book and --from FILE."
        )
    if asked.invest is not None and asked.raise_amount is not None:
        raise click.UsageError("--invest and --raise exclude each other; cash comes in or goes out.")
    if (asked.household or asked.book) and asked.investment_amount:
        raise click.UsageError("--invest and --raise are of one account; name it with --account.")
    if asked.file and asked.as_of:
        raise click.UsageError("--as-of is for accounts of the store; a file holds the prices of one day.")


def _rebalance_book(
    shell: Shell, asked: Asked, output: Path | None, orders: Path | None, *, as_json: bool
) -> None:
    from steelyard.cli.book import rebalance_book
    from steelyard.cli.screens.book import summary

    if not asked.book:
        raise click.UsageError("--output is for --book; write the orders of an account with --csv FILE.")
    if orders or asked.lots_file:
        raise click.UsageError("--csv and --lots are of single accounts; write a book with --output FILE.")
    policy = policy_asked(asked)
    done = asyncio.run(
        rebalance_book(shell, policy, output, as_of=asked.as_of, stale_reason=asked.stale_reason)
    )
    tell(done, partial(summary, output=output), as_json=as_json)


def _require_known(asked: Asked, portfolios: "Sequence[Portfolio]") -> None:
    """End where an option locks an asset that is not there: a typing error would lock nothing."""
    known = {asset for portfolio in portfolios for asset in portfolio.asset_ids}
    locks = {"--no-buy": asked.no_buy, "--no-sell": asked.no_sell, "--hold": asked.hold}
    for option, assets in locks.items():
        for asset in assets:
            if asset not in known:
                raise UnknownLockError(option, asset, get_close_matches(asset, sorted(known), n=1))


def _proposals(shell: Shell, asked: Asked) -> "Sequence[Proposal]":
    if asked.file is None:
        return asyncio.run(_of_store(shell, asked))
    from steelyard.rebalancing.policy import Proposal, allocate
    from steelyard.statements.portfolio import read_account_file

    if asked.takes_lots_of_ledger:
        raise click.UsageError("--lots ledger is of accounts of the store; with --from name a file of lots.")
    read = read_account_file(asked.file)
    policy, amount = policy_asked(asked, read.policy), asked.investment_amount
    portfolio = replace(read.portfolio, lots=(*read.portfolio.lots, *_lots(asked)))
    return [
        Proposal(portfolio, policy, amount, {}, "", allocate(portfolio, policy, investment_amount=amount))
    ]


def _lots(asked: Asked) -> "tuple[Lot, ...]":
    """Return the lots of a file."""
    from steelyard.statements.lot import read_lots_file

    if asked.lots_file is None or asked.takes_lots_of_ledger:
        return ()
    return read_lots_file(asked.lots_file)


async def _booked_lots(
    db: "ReadSession", asked: Asked, account_ids: "Sequence[str]"
) -> "tuple[tuple[Lot, ...], tuple[Sale, ...]]":
    """Return the lots of a file, or those that are booked, and then what was sold before, too."""
    from steelyard.services.lot import read_taxed_lots
    from steelyard.services.portfolio import read_day
    from steelyard.services.scope import require_scope

    if not asked.takes_lots_of_ledger:
        return _lots(asked), ()
    for account_id in account_ids:
        await require_scope(db, Scope.account(account_id))
    return await read_taxed_lots(db, account_ids, await read_day(db, asked.as_of))


async def _of_store(shell: Shell, asked: Asked) -> "Sequence[Proposal]":
    from steelyard.services.allocation import calculate_allocation, calculate_allocations
    from steelyard.storage.connection import get_db_session

    policy = policy_asked(asked)
    if asked.household and policy.tax:
        raise click.UsageError(
            "Tax rules are of one account; name it with --account, or say in the policy, under [household], what the "
            "accounts share."
        )
    async with shell.store(), get_db_session() as db:
        if asked.household:
            return await calculate_allocations(
                asked.household, db, as_of=asked.as_of, policy=policy, stale_reason=asked.stale_reason
            )
        lots, sales = await _booked_lots(db, asked, [asked.account or ""]) if asked.lots_file else (None, ())
        proposal = await calculate_allocation(
            asked.account or "",
            db,
            as_of=asked.as_of,
            policy=policy,
            investment_amount=asked.investment_amount,
            lots=lots,
            sales=sales,
            stale_reason=asked.stale_reason,
        )
    return [proposal]


def policy_asked(asked: Asked, policy: "Policy | None" = None) -> "Policy":
    """Return the policy of the file, if one is named, with what the other options say put over it."""
    from steelyard.rebalancing.options import Band, Mode, Objective
    from steelyard.rebalancing.policy import Policy
    from steelyard.statements.policy import read_policy_file

    policy = policy or Policy()
    if asked.policy_file is not None:
        policy = read_policy_file(asked.policy_file, over=policy)
    if asked.mode or asked.raise_amount is not None:
        policy = replace(policy, mode=Mode(asked.mode or "raise_cash"))
    if asked.objective:
        policy = replace(policy, objective=Objective(asked.objective))
    if asked.cash_floor is not None:
        policy = replace(policy, cash=replace(policy.cash, floor=asked.cash_floor))
    if asked.band is not None:
        policy = replace(policy, band=replace(policy.band or Band(), absolute=asked.band))
    if asked.convert:
        policy = replace(policy, convert=True)
    if policy.tax is None and (policy.mode in TAX_MODES or asked.lots_file):
        raise click.UsageError(
            "Tax needs rates: state them under [tax] in --policy FILE, and what was bought when in --lots FILE."
        )
    _require_household(asked, policy)
    return _with_locks(asked, _with_trading(asked, policy))


def _require_household(asked: Asked, policy: "Policy") -> None:
    """End where what is said of a household is not for what is asked."""
    if policy.household and not asked.household:
        raise click.UsageError(
            "The policy has a section [household]: name the household with --household ID, or take the section out."
        )
    if policy.household and asked.objective == "l2":
        raise click.UsageError(
            "--objective l2 is of single accounts; the drift of a household adds up as l1."
        )


def _with_trading(asked: Asked, policy: "Policy") -> "Policy":
    trading = policy.trading
    if asked.min_trade is not None:
        trading = replace(trading, minimum_value=asked.min_trade)
    if asked.fractional is not None:
        trading = replace(trading, places=asked.fractional)
    return replace(policy, trading=trading)


def _with_locks(asked: Asked, policy: "Policy") -> "Policy":
    locks = policy.locks
    locks = replace(
        locks,
        no_buy=(*locks.no_buy, *asked.no_buy),
        no_sell=(*locks.no_sell, *asked.no_sell),
        hold=(*locks.hold, *asked.hold),
    )
    return replace(policy, locks=locks)


def _write(
    accounts: "Sequence[AccountTrades]", infeasible: "Sequence[str]", path: Path, layout_name: str
) -> str:
    """Write the order file; return a sentence on it."""
    from steelyard.cli.order_file import LAYOUTS, NothingToOrderError, count_orders, write_orders
    from steelyard.cli.report import write_whole

    if infeasible:
        raise NothingToOrderError(infeasible[0])
    layout = LAYOUTS[layout_name]
    write_whole(path, write_orders(accounts, layout).encode(), "--csv")
    count, missing = count_orders(accounts, layout)
    rest = f"; {missing} currency trades are not in it: make them first" if missing else ""
    return f"Wrote {path}: {count} orders, layout {layout_name}{rest}."
