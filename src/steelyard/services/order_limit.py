"""The limits of orders: of the tenant and of single accounts, the narrower of the two holds."""

from decimal import Decimal

from steelyard.compliance.order_limits import OrderLimits
from steelyard.domain.amount import AmountError, read_amount
from steelyard.domain.scope import Scope
from steelyard.errors import NotFoundError
from steelyard.services.scope import require_scope
from steelyard.storage import order_limit as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import AnySession, WriteSession
from steelyard.storage.order_limit import StoredLimits

_MONEY_PLACES = 8


class NoLimitsError(NotFoundError):
    """An account, or the tenant, has no limits of its own."""

    def __init__(self, account_id: str | None) -> None:
        """Name whose."""
        whose = "The tenant" if account_id is None else f"Account {account_id}"
        super().__init__(f"{whose} has no limits of its own; `steelyard limits list` shows those there are.")


async def get_order_limits(db: AnySession) -> list[StoredLimits]:
    """Return every limit that is seen, the tenant's first."""
    return await stored.get_order_limits(db)


async def set_order_limits(db: WriteSession, account_id: str | None, limits: OrderLimits) -> None:
    """Write limits in place of what they were; they count for the next order that is sent.

    Args:
        db: acting as who says it.
        account_id: whose; None = each account of the tenant.
        limits: None in any of them = none of its own.

    Raises:
        UnknownScopeError: there is no such account.
        AmountError: a limit is out of its range, or would not be kept exactly.
    """
    if account_id is not None:
        await require_scope(db, Scope.account(account_id))
    check_limits(limits)
    await stored.set_order_limits(db, account_id, limits)
    facts = {
        name: None if (value := getattr(limits, name)) is None else f"{value:f}"
        for name in ("max_order_value", "max_day_value", "price_collar", "max_participation")
    }
    await record_event(db, "limit.write", "order_limit", account_id or "", facts)


async def end_order_limits(db: WriteSession, account_id: str | None) -> None:
    """Take limits away; where the tenant has some, they go on holding.

    Raises:
        NoLimitsError: there are none.
    """
    if not await stored.end_order_limits(db, account_id):
        raise NoLimitsError(account_id)
    await record_event(db, "limit.end", "order_limit", account_id or "")


def check_limits(limits: OrderLimits) -> None:
    """Refuse a limit that is out of its range, or that would not be kept exactly.

    Raises:
        AmountError: with the reason.

    >>> check_limits(OrderLimits(price_collar=Decimal("1")))
    Traceback (most recent call last):
    ...
    steelyard.domain.amount.AmountError: price_collar is Decimal('1'), not a fraction above 0 and below 1.
    """
    for name in ("max_order_value", "max_day_value"):
        _check_money(name, getattr(limits, name))
    _check_fraction("price_collar", limits.price_collar, may_be_one=False)
    _check_fraction("max_participation", limits.max_participation, may_be_one=True)


def _check_money(name: str, value: Decimal | None) -> None:
    if value is None:
        return
    if read_amount(name, value) < 0:
        raise AmountError(name, value, "below 0")
    if value != round(value, _MONEY_PLACES):
        raise AmountError(name, value, f"finer than {_MONEY_PLACES} decimals")


def _check_fraction(name: str, value: Decimal | None, *, may_be_one: bool) -> None:
    if value is None:
        return
    fraction = read_amount(name, value)
    if fraction <= 0 or fraction > 1 or (fraction == 1 and not may_be_one):
        raise AmountError(name, value, f"not a fraction above 0 and {'up to' if may_be_one else 'below'} 1")
