"""The document of a proposal: all that it was worked out from and all that follows, as one canonical text.

What follows is worked out from the text itself, when it is made and whenever it is checked again: the same function
reads the inputs out of the document and answers, so that a document either is what it says, to the last byte, or not.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal, localcontext
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec

from steelyard.compliance.check import worst
from steelyard.domain.canonical import join_canonical, write_canonical
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.domain.order import OrderType, Side
from steelyard.errors import ConflictError
from steelyard.rebalancing.allocation import Allocation
from steelyard.rebalancing.policy import allocate
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.trade import LotSale, Trade
from steelyard.services.allocation_inputs import Asked, Inputs
from steelyard.services.compliance import judge_trades
from steelyard.statements.policy import read_policy, write_policy

FORMAT: Final = "steelyard.proposal/1"

Plain = dict[str, Any]
"""What canonical JSON is written of, and what it is read as."""


class NothingToTradeError(ConflictError):
    """An account is where it should be, or nothing brings it closer."""

    def __init__(self, account_id: str, summary: str) -> None:
        """Name the account and say why."""
        super().__init__(f"There is nothing to trade in {account_id}: {summary}")


class InfeasibleError(ConflictError):
    """No trades keep every constraint."""

    def __init__(self, account_id: str, allocation: Allocation) -> None:
        """Name the account, what is in conflict and what would help."""
        reasons = [f"{one.reason} {' '.join(one.remedies)}".strip() for one in allocation.conflicts]
        super().__init__(f"No trades of {account_id} keep every constraint. {' '.join(reasons)}")


class CurrencyTradeError(ConflictError):
    """Trades need currency to be exchanged, which no broker here is asked to do."""

    def __init__(self, account_id: str, currencies: Sequence[str]) -> None:
        """Name the account and the currencies."""
        super().__init__(
            f"The trades of {account_id} need {', '.join(currencies)} to be exchanged, and orders are of assets alone. "
            "Exchange it at the bank and propose again, or propose without `convert`."
        )


class NoTenantRateError(ConflictError):
    """Nobody knows what the orders are worth in the tenant's currency, in which limits are."""

    def __init__(self, account_id: str, currency: str, day: date | None) -> None:
        """Name the account, the currency and the day."""
        super().__init__(
            f"What orders of {account_id} are worth in {currency}, in which limits are, is not known: there is no rate "
            f"in the ten days up to {day}. Load fx_rates."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Whose proposal it is and how long it can be executed."""

    proposal_id: UUID
    tenant_id: int
    account_id: str
    run_id: UUID | None
    author: str
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Document:
    """A document and what is read out of it most.

    Attributes:
        text: canonical JSON.
        content: the same, read.
    """

    text: str
    content: Plain

    @property
    def hash(self) -> bytes:
        """What is approved: SHA-256 of the text."""
        return sha256(self.text.encode()).digest()

    @property
    def orders(self) -> Sequence[Plain]:
        """The orders, in the order they were made."""
        orders: list[Plain] = self.content["orders"]
        return orders

    @property
    def order_value(self) -> Decimal:
        """The value of the orders, in the tenant's base currency."""
        return Decimal(self.content["order_value"])

    @property
    def outcome(self) -> str:
        """What compliance says."""
        outcome: str = self.content["compliance"]["outcome"]
        return outcome

    @property
    def asked(self) -> Asked:
        """What was asked."""
        return read_asked(self.content["heading"]["account_id"], self.content["asked"])


def make_document(heading: Heading, asked: Asked, inputs: Inputs) -> Document:
    """Work a proposal out and write it down.

    Raises:
        NothingToTradeError, InfeasibleError, CurrencyTradeError: there are no orders.
        NoTenantRateError: it is not known what they are worth.
        SteelyardError: as `allocate`.
    """
    begun = {
        "format": FORMAT,
        "heading": heading,
        "asked": write_asked(asked),
        "inputs": write_inputs(inputs),
    }
    return answer({name: write_canonical(member) for name, member in begun.items()})


def read_document(text: str) -> Document:
    """Read a document that is stored."""
    return Document(text, json.loads(text))


def replay(document: Document) -> Document:
    """Work a proposal out again from what its document says it was worked out from; the same text, or it is not."""
    names = ("format", "heading", "asked", "inputs")
    return answer({name: write_canonical(document.content[name]) for name in names})


def answer(begun: Mapping[str, str]) -> Document:
    """Return the document of some inputs, read out of their canonical text; raises as `make_document`."""
    heading = json.loads(begun["heading"])
    asked = read_asked(heading["account_id"], json.loads(begun["asked"]))
    inputs = read_inputs(json.loads(begun["inputs"]))
    allocation = allocate(
        inputs.portfolio, inputs.locked(asked.policy), investment_amount=asked.investment_amount
    )
    orders = _orders(heading, inputs, _tradable(heading["account_id"], inputs, allocation))
    follows = {
        "allocation": allocation,
        "compliance": judge(inputs, allocation.trades, allocation.lots),
        "orders": orders,
        "order_value": _sum(order["order_value"] for order in orders),
    }
    text = join_canonical({**begun, **{name: write_canonical(member) for name, member in follows.items()}})
    return Document(text, json.loads(text))


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────


def _tradable(account_id: str, inputs: Inputs, allocation: Allocation) -> Allocation:
    if allocation.status is Status.INFEASIBLE:
        raise InfeasibleError(account_id, allocation)
    invested = sorted({trade.asset_id for trade in allocation.trades} & inputs.portfolio.cash_targets.keys())
    if exchanged := [one.sold_currency for one in allocation.conversions] + invested:
        raise CurrencyTradeError(account_id, exchanged)
    if not allocation.trades:
        raise NothingToTradeError(account_id, allocation.explanations[0])
    return allocation


def _orders(heading: Plain, inputs: Inputs, allocation: Allocation) -> list[Plain]:
    """Return the columns of the orders, sells first: so they are numbered, and so they are sent."""
    trades = sorted(allocation.trades, key=lambda trade: (trade.quantity > 0, trade.asset_id))
    late = _paid_by_sells(inputs, trades)
    return [
        {
            "client_order_id": f"{heading['proposal_id']}-{number:04}",
            "asset_id": trade.asset_id,
            "side": str(Side.BUY if trade.quantity > 0 else Side.SELL),
            "quantity": abs(trade.quantity),
            "order_type": str(OrderType.MARKET),
            "limit_price": None,
            "currency": trade.currency,
            "reference_price": trade.price,
            "order_value": _order_value(inputs, trade),
            "phase": 2 if trade.asset_id in late else 1,
            "lots": [
                {"lot_id": lot.lot_id, "quantity": lot.quantity}
                for lot in allocation.lots
                if lot.asset_id == trade.asset_id
            ],
        }
        for number, trade in enumerate(trades, 1)
    ]


def _paid_by_sells(inputs: Inputs, trades: Sequence[Trade]) -> set[str]:
    """Return the buys that the cash there is does not pay for; each currency pays for its own."""
    left, late = dict(inputs.portfolio.cash), set[str]()
    if not any(trade.quantity < 0 for trade in trades):
        return late
    with localcontext(EXACT):
        for trade in trades:
            if trade.quantity < 0:
                continue
            currency = trade.currency or inputs.portfolio.base_currency
            cost = trade.quantity * trade.price + trade.cost / _rate(inputs, currency)
            left[currency] = left.get(currency, Decimal(0)) - cost
            if left[currency] < 0:
                late.add(trade.asset_id)
                left[currency] += cost
    return late


def _order_value(inputs: Inputs, trade: Trade) -> Decimal:
    portfolio = inputs.portfolio
    if inputs.tenant_rate is None:
        raise NoTenantRateError(portfolio.account_id, inputs.tenant_currency, portfolio.as_of)
    with localcontext(EXACT):
        rate = _rate(inputs, trade.currency or portfolio.base_currency) * inputs.tenant_rate
        return round_half_up(abs(trade.quantity) * trade.price * rate, MONEY_PLACES)


def _rate(inputs: Inputs, currency: str) -> Decimal:
    return Decimal(1) if currency == inputs.portfolio.base_currency else inputs.portfolio.rates[currency]


def _sum(values: Any) -> Decimal:
    with localcontext(EXACT):
        return sum(values, Decimal(0))


# ── Inputs ──────────────────────────────────────────────────────────────────────────────────────────────


def _members(value: Any) -> Plain:
    """Return the fields of a dataclass by name, as they are."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def write_asked(asked: Asked) -> Plain:
    """Return what was asked, as the document has it; targets stand there where they are not the model's."""
    content = _members(asked) | {"policy": write_policy(asked.policy)}
    if asked.targets is None:
        del content["targets"]
    return content


def read_asked(account_id: str, content: Plain) -> Asked:
    """Read what was asked."""
    return Asked(
        account_id=account_id,
        policy=read_policy(content["policy"], "the proposal"),
        investment_amount=Decimal(content["investment_amount"]),
        price_source=content["price_source"],
        stale_reason=content["stale_reason"],
        targets=_read_targets(content.get("targets")),
    )


def _read_targets(content: Plain | None) -> dict[str, Decimal] | None:
    return None if content is None else {name: Decimal(weight) for name, weight in content.items()}


def write_inputs(inputs: Inputs) -> Plain:
    """Return inputs as the document has them; prices stand there once."""
    portfolio = _members(inputs.portfolio)
    del portfolio["prices"]
    return _members(inputs) | {"portfolio": portfolio}


def read_inputs(content: Plain) -> Inputs:
    """Read inputs."""
    prices = {
        asset: {"amount": one["price"], "currency": one["currency"], "price_date": one["price_date"]}
        for asset, one in content["prices"].items()
        if one["price"] is not None
    }
    whole = content | {"portfolio": content["portfolio"] | {"prices": prices}}
    return msgspec.convert(whole, Inputs)


def read_trades(content: Plain) -> tuple[tuple[Trade, ...], tuple[LotSale, ...]]:
    """Read the trades of a document, and the lots that they sell."""
    allocation = content["allocation"]
    return (
        msgspec.convert(allocation["trades"], tuple[Trade, ...]),
        msgspec.convert(allocation["lots"], tuple[LotSale, ...]),
    )


def judge(inputs: Inputs, trades: Sequence[Trade], lots: Sequence[LotSale]) -> Plain:
    """Return what compliance says of trades: the findings, and the worst of them."""
    findings = judge_trades(inputs.ruling, inputs.portfolio, trades, lots_sold=lots)
    return {"outcome": str(worst(findings)), "findings": findings}
