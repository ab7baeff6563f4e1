"""A made ledger as beancount reads it: costs of trades within lots and proceeds, as in ours."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from made_ledger import CURRENCY, MadeLedger

from steelyard.domain.transaction import Transaction, TransactionKind

OTHER_SIDE = {
    TransactionKind.DEPOSIT: "Equity:Outside",
    TransactionKind.INTEREST: "Income:Interest",
    TransactionKind.DIVIDEND: "Income:Dividends",
    TransactionKind.FEE: "Expenses:Fees",
}


def write_beancount(ledger: MadeLedger, path: Path) -> None:
    """Write the ledger as a file of directives."""
    path.write_text("\n".join([*_openings(ledger), *map(_entry, ledger.transactions)]), encoding="utf-8")


def commodity(asset: str) -> str:
    """Make a name that beancount takes: two letters or more, capital."""
    return f"X{asset.replace('.', '-')}X"


def _openings(ledger: MadeLedger) -> Iterator[str]:
    day = ledger.dates[0] - timedelta(days=1)
    positions = {(one.account_id, one.asset_id) for one in ledger.transactions if one.asset_id}
    yield f'option "operating_currency" "{CURRENCY}"'
    for account in sorted({one.account_id for one in ledger.transactions}):
        yield f"{day} open Assets:{account}:Cash {CURRENCY}"
    for account, asset in sorted(positions):
        yield f'{day} open Assets:{account}:{commodity(asset)} {commodity(asset)} "FIFO"'
    for name in (*OTHER_SIDE.values(), "Income:Gains"):
        yield f"{day} open {name}"


def _entry(one: Transaction) -> str:
    lines = "\n".join(f"  {line}" for line in _postings(one))
    return f'{one.trade_date} * "{one.transaction_id}"\n{lines}\n'


def _postings(one: Transaction) -> Iterator[str]:
    cash, name = f"Assets:{one.account_id}:Cash", commodity(one.asset_id)
    if one.kind is TransactionKind.BUY:
        paid = one.amount + one.costs
        yield f"Assets:{one.account_id}:{name}  {one.quantity} {name} {{{{{paid} {CURRENCY}}}}}"
        yield f"{cash}  {-paid} {CURRENCY}"
    elif one.kind is TransactionKind.SELL:
        yield f"Assets:{one.account_id}:{name}  {-one.quantity} {name} {{}}"
        yield f"{cash}  {one.amount - one.costs} {CURRENCY}"
        yield "Income:Gains"
    else:
        amount = -one.amount if one.kind is TransactionKind.FEE else one.amount
        yield f"{cash}  {amount} {CURRENCY}"
        yield f"{OTHER_SIDE[one.kind]}  {-amount} {CURRENCY}"
