"""Activities of Ghostfolio as transactions: one account, no cash but what they leave behind."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from signed_trades import book_trade
from steelyard.domain.transaction import Transaction, TransactionKind

ACCOUNT: Final = "ghostfolio"
SIGNS: Final = {"BUY": 1, "SELL": -1}

Activity = Mapping[str, Any]


def to_transactions(activities: Iterable[Activity]) -> tuple[Transaction, ...]:
    """Book activities in the order of their days; a fee is that of its own row."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    booked: list[Transaction] = []
    for number, activity in enumerate(sorted(activities, key=lambda one: str(one["date"]))):
        booked += _book(f"{number:04}", activity, held)
    return tuple(booked)


def _book(name: str, activity: Activity, held: dict[str, Decimal]) -> Iterator[Transaction]:
    profile = activity.get("assetProfile", activity)
    symbol, quantity = profile["symbol"], Decimal(str(activity["quantity"]))
    fee = _number(activity, "feeInAssetProfileCurrency", "fee")
    booked = Transaction(
        transaction_id=name,
        kind=TransactionKind.FEE,
        trade_date=date.fromisoformat(activity["date"][:10]),
        account_id=ACCOUNT,
        currency=profile["currency"],
        amount=fee,
    )
    if activity["type"] == "FEE":
        yield booked
        return
    signed = SIGNS[activity["type"]] * quantity
    trade = replace(
        booked,
        asset_id=symbol,
        amount=quantity * _number(activity, "unitPriceInAssetProfileCurrency", "unitPrice"),
        costs=fee,
    )
    yield from book_trade(trade, signed, held[symbol])
    held[symbol] += signed


def _number(activity: Activity, *names: str) -> Decimal:
    return Decimal(str(next(activity[name] for name in names if name in activity)))
