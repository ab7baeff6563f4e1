"""The screens of orders: lists of them, and one with its history."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.orders import ListedOrders
from steelyard.cli.screens.cells import UNKNOWN, Listing, money, note, quantity, short_keys, title
from steelyard.cli.screens.user import moment
from steelyard.domain.fill import Fill
from steelyard.domain.order import Order, OrderState
from steelyard.services.order import ShownOrder
from steelyard.storage.order import OrderEvent
from steelyard.storage.trading_stop import PulledStop

STYLES = {
    OrderState.FILLED: "green",
    OrderState.PARTIALLY_FILLED: "cyan",
    OrderState.SENT: "cyan",
    OrderState.UNKNOWN: "bold red",
    OrderState.REJECTED: "red",
    OrderState.CANCELLED: "dim",
}


def listed(answer: ListedOrders) -> Group:
    """Show orders, the newest first, after what stops them."""
    lines = list(_stops(answer.stops))
    if not answer.orders:
        return Group(*lines, title("Orders"), "There is none.")
    keys = short_keys([order.order_id for order in answer.orders])
    listing = Listing("!Order", "Account", "Asset", "!Side", ">Quantity", "?>Filled", "!State", "?Why")
    for order in answer.orders:
        listing.add_row(
            keys[order.order_id],
            order.account_id or "block",
            order.asset_id,
            order.side.value,
            quantity(order.quantity),
            quantity(order.filled_quantity),
            state_of(order),
            order.reason or UNKNOWN,
        )
    asked = sum(order.raised_at is not None for order in answer.orders)
    todo = [note(f"{asked} wait for you: steelyard orders resolve ORDER …")] if asked else []
    return Group(*lines, title("Orders"), "", listing, *todo)


def shown(answer: ShownOrder) -> Group:
    """Show an order with every state it was in, and its fills."""
    order = answer.order
    price = "at the market" if order.limit_price is None else f"at {order.limit_price:f} {order.currency}"
    return Group(
        title(f"Order {order.order_id}"),
        f"{order.side.value} {quantity(order.quantity)} {order.asset_id} {price}, "
        f"account {order.account_id or 'of a block'}",
        Text.assemble(state_of(order), f" {order.reason}".rstrip()),
        f"Worth {money(order.order_value)}; {quantity(order.filled_quantity)} filled; "
        f"called {order.attempts} times; at the broker {order.broker_order_id or 'without a key yet'}, "
        f"ours {order.client_order_id}",
        "",
        _history(answer.events),
        *_fills(answer.fills),
    )


def state_of(order: Order) -> Text:
    """Name the state, in its colour."""
    return Text(order.state.value.replace("_", " "), STYLES.get(order.state, ""))


def _stops(stops: Sequence[PulledStop]) -> Iterator[RenderableType]:
    for stop in stops:
        whose = "Trading is stopped for everybody" if stop.is_of_all else "Trading is stopped"
        yield Text(f"{whose} by {stop.made_by} since {moment(stop.made_at)}: {stop.reason}", style="bold red")


def _history(events: Sequence[OrderEvent]) -> Listing:
    listing = Listing("!When", "!State", "Who", "?Why")
    for event in events:
        listing.add_row(
            moment(event.at), event.to_state.value.replace("_", " "), event.actor, event.reason or UNKNOWN
        )
    return listing


def _fills(fills: Sequence[Fill]) -> Iterator[RenderableType]:
    if not fills:
        return
    listing = Listing("!Executed", "Fill", ">Quantity", ">Price", "?Note")
    for fill in fills:
        said = "taken back" if fill.busted_at else fill.suspended_because
        listing.add_row(
            moment(fill.executed_at),
            fill.execution_id,
            quantity(fill.quantity),
            f"{quantity(fill.price)} {fill.currency}",
            said or UNKNOWN,
        )
    yield ""
    yield listing
