"""What an order is held against before it is sent: stops, holds, the price it is traded on, and limits.

The worker asks in the transaction that commits `sending`, review before there is anything to send.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from steelyard.compliance.order_limits import (
    USUAL_SESSIONS,
    OrderCheck,
    OrderLimits,
    OrderRefusal,
    check_collar,
    check_day_value,
    check_order_value,
    check_participation,
    narrower,
)
from steelyard.domain.money import EXACT
from steelyard.domain.order import Order
from steelyard.errors import ConflictError
from steelyard.market.port import CheckedPrice, Quality
from steelyard.storage import order_limit as stored
from steelyard.storage.compliance import get_volumes
from steelyard.storage.connection import AnySession, WriteSession
from steelyard.storage.order_limit import OrderBehind
from steelyard.storage.tenant import get_tenant

MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """An order before it is stored.

    Attributes:
        asset_id: the asset.
        quantity: units, above 0.
        price: its limit price; of a market order the price it was worked out at.
        currency: of the price.
        order_value: quantity at the price it was worked out at, in the tenant's base currency, 0 or above.
        takes_stale: whether somebody said why an old price will do; one in any other doubt never does.
    """

    asset_id: str
    quantity: Decimal
    price: Decimal
    currency: str
    order_value: Decimal
    takes_stale: bool = False


class BeyondLimitsError(ConflictError):
    """Orders would not be sent, were they sent now."""

    def __init__(self, account_id: str, refusals: Sequence[OrderRefusal]) -> None:
        """Name the account and what stands in their way."""
        shown = " ".join(refusal.reason for refusal in refusals[:MOST_NAMED])
        more = len(refusals) - MOST_NAMED
        super().__init__(
            f"Orders of {account_id} would not be sent. {shown}{f' And {more} more.' if more > 0 else ''} "
            "Propose less, or have the limits changed: `steelyard limits list`."
        )
        self.refusals = tuple(refusals)


async def check_order(
    db: WriteSession, order: Order, price: CheckedPrice, *, now: datetime
) -> tuple[OrderRefusal, ...]:
    """Return why an order is not sent now; empty = it may be.

    Call it in the transaction that commits `sending`: until that ends, no other order of the same accounts is checked
    against the value of the day.

    Args:
        db: acting for the order's tenant, seeing every account.
        order: of an account, or a block, which is held against the limits of every account behind it.
        price: what it is traded on, as the market says now.
        now: the time, UTC.

    Returns:
        Reasons, stops and holds first. Where each `waits`, the order is left as it is; else it is rejected.
    """
    behind = await stored.get_orders_behind(db, order.order_id)
    accounts = sorted({one.account_id for one in behind})
    limits = await stored.get_order_limits_of(db, accounts)
    planned = PlannedOrder(
        asset_id=order.asset_id,
        quantity=order.quantity,
        price=order.limit_price or order.reference_price,
        currency=order.currency,
        order_value=order.order_value,
        takes_stale=all(one.takes_stale for one in behind),
    )
    order_ids = {order.order_id, *(one.order_id for one in behind)}
    narrowest = narrower(limits.values())
    sent: Mapping[str, Decimal] = {}
    if narrowest.max_day_value is not None:
        await stored.lock_day_values(db, accounts)
        sent = await stored.get_day_values(db, accounts, left_out=order_ids)
    volumes = await _volumes(db, narrowest, {order.asset_id}, now)
    currency = (await get_tenant(db)).base_currency
    return (
        *await _held(db, accounts, order_ids),
        *_check_price(planned, price, narrowest),
        *_check_values(behind, limits, sent, currency),
        *_found(
            check_participation(narrowest, order.quantity, volumes.get(order.asset_id, ()), order.asset_id)
        ),
    )


async def check_planned_orders(
    db: AnySession,
    account_id: str,
    orders: Sequence[PlannedOrder],
    prices: Mapping[str, CheckedPrice],
    *,
    now: datetime,
) -> tuple[OrderRefusal, ...]:
    """Return why orders of an account would not be sent, were they sent together now; nothing is locked.

    Args:
        db: a session.
        account_id: whose.
        orders: all of them.
        prices: asset → price that it is traded on; every asset has one, which may say that there is none.
        now: the time, UTC.
    """
    limits = await stored.get_order_limits_of(db, [account_id])
    narrowest = narrower(limits.values())
    volumes = await _volumes(db, narrowest, {order.asset_id for order in orders}, now)
    sent = (await stored.get_day_values(db, [account_id])).get(account_id, Decimal(0))
    currency = (await get_tenant(db)).base_currency
    found: list[OrderRefusal] = list(await _held(db, [account_id], ()))
    for order in orders:
        found += _check_price(order, prices[order.asset_id], narrowest)
        found += _found(check_order_value(narrowest, order.order_value, currency))
        known = volumes.get(order.asset_id, ())
        found += _found(check_participation(narrowest, order.quantity, known, order.asset_id))
    with localcontext(EXACT):
        total = sum((order.order_value for order in orders), Decimal(0))
    return (*found, *_found(check_day_value(narrowest, total, sent, account_id, currency)))


async def require_within_limits(
    db: AnySession,
    account_id: str,
    orders: Sequence[PlannedOrder],
    prices: Mapping[str, CheckedPrice],
    *,
    now: datetime,
) -> None:
    """Return where orders of an account would be sent, now or once a hold is released and prices are good.

    Raises:
        BeyondLimitsError: a limit, or the collar, refuses one; arguments as `check_planned_orders`.
    """
    found = await check_planned_orders(db, account_id, orders, prices, now=now)
    if refusals := [refusal for refusal in found if not refusal.waits]:
        raise BeyondLimitsError(account_id, refusals)


async def _volumes(
    db: AnySession, limits: OrderLimits, assets: Collection[str], now: datetime
) -> Mapping[str, Sequence[Decimal]]:
    if limits.max_participation is None:
        return {}
    return await get_volumes(db, assets, now.date(), USUAL_SESSIONS)


async def _held(db: AnySession, accounts: Collection[str], order_ids: Collection[UUID]) -> list[OrderRefusal]:
    stops = [
        OrderRefusal(OrderCheck.STOP, f"Nothing is sent for anybody: {reason}", waits=True)
        for reason in await stored.get_open_stops(db)
    ]
    holds = [
        OrderRefusal(OrderCheck.HOLD, f"There is a hold ({hold.kind}): {hold.reason}", waits=True)
        for hold in await stored.get_holds_on(db, accounts, order_ids)
    ]
    return stops + holds


def _check_price(order: PlannedOrder, price: CheckedPrice, limits: OrderLimits) -> Iterator[OrderRefusal]:
    """Refuse a price that is in doubt, in another currency, or outside the collar."""
    trusted = {Quality.GOOD, Quality.STALE} if order.takes_stale else {Quality.GOOD}
    if price.quality not in trusted or price.price is None:
        doubt = price.doubt or f"the price of {order.asset_id} is {price.quality.value}"
        yield OrderRefusal(
            OrderCheck.PRICE, f"Nothing is traded on a price in doubt: {doubt.rstrip('.')}.", waits=True
        )
    elif price.currency != order.currency:
        reason = f"The order for {order.asset_id} is in {order.currency}, and its price in {price.currency}."
        yield OrderRefusal(OrderCheck.PRICE, reason)
    else:
        yield from _found(check_collar(limits, order.price, price.price, order.asset_id))


def _check_values(
    behind: Iterable[OrderBehind],
    limits: Mapping[str | None, OrderLimits],
    sent: Mapping[str, Decimal],
    currency: str,
) -> Iterator[OrderRefusal]:
    """Hold each order behind one that is sent against the limits of its account, those of the tenant among them."""
    so_far = dict(sent)
    for one in behind:
        own = narrower(limits[whose] for whose in (None, one.account_id) if whose in limits)
        before = so_far.get(one.account_id, Decimal(0))
        yield from _found(check_order_value(own, one.order_value, currency))
        yield from _found(check_day_value(own, one.order_value, before, one.account_id, currency))
        with localcontext(EXACT):
            so_far[one.account_id] = before + one.order_value


def _found(refusal: OrderRefusal | None) -> tuple[OrderRefusal, ...]:
    return () if refusal is None else (refusal,)
