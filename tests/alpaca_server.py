"""Alpaca's Trading API on loopback, built from its published OpenAPI document and from samples of real answers.

Each request is held against the document, and each answer of this server too. A market order is filled at `prices` at
once; a limit order when a test says so. What goes wrong is a list: the next request has the first of it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from threading import Event, Thread
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import uuid4

from books import shared
from openapi import Document

KEYS: Final = {"key_id": "PK1", "secret_key": "SK1"}
TOKEN: Final = {"access_token": "T1"}
BY_CLIENT_ID: Final = "/v2/orders:by_client_order_id"
WORKING: Final = frozenset({"new", "accepted", "partially_filled", "pending_new"})
START: Final = datetime(2026, 11, 20, 15, tzinfo=UTC)

EXCEPTIONS: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    # The document's own example of an order has null in these three, which it does not let be null.
    ("Order", "hwm"): {"type": "string", "nullable": True},
    ("Order", "trail_percent"): {"type": "string", "nullable": True},
    ("Order", "trail_price"): {"type": "string", "nullable": True},
    # Its own example of an order without order_class has "", which the enumeration lacks.
    ("Order", "order_class"): {"type": "string"},
    # Its own example of an activity has a day where it says date-time.
    ("NonTradeActivities", "date"): {"type": "string", "format": "date"},
}
"""Where the document contradicts its own examples: what is held against instead."""


class Trouble(StrEnum):
    """What goes wrong with a request."""

    RESET = "reset"
    """The connection is cut; nothing was done."""
    RESET_AFTER = "reset_after"
    """It was done, and the connection is cut before the answer."""
    SILENCE = "silence"
    """Nothing was done, and nothing is said."""
    SILENCE_AFTER = "silence_after"
    """It was done, and nothing is said."""
    NOISE_AFTER = "noise_after"
    """It was done, and the answer is half of one."""


@dataclass(frozen=True, slots=True)
class Status:
    """The server answers with a status; `is_done`: after it has done what was asked."""

    code: int
    message: str = "not now"
    is_done: bool = False


@cache
def document() -> Document:
    """Return the published document of the Trading API."""
    return Document(shared("clients/alpaca/trading_openapi.yaml"), EXCEPTIONS)


@cache
def samples(file: str) -> Sequence[tuple[str, Any]]:
    """Return the sample payloads of a file, by the test of Alpaca's client that they are from."""
    found = json.loads(shared(f"clients/alpaca/payloads/{file}.json").read_text("utf-8"))
    return [(one["test"], one["payload"]) for one in found]


def sample(file: str, test: str) -> Any:
    """Return a sample payload."""
    return next(payload for name, payload in samples(file) if name == test)


Reply = tuple[int, Any]


@dataclass
class AlpacaServer:
    """What the server knows, what it was asked, and what was wrong with that.

    Attributes:
        prices: symbol → what a market order is filled at, at once; None = it waits.
        cash: dollars.
        positions: symbol → units.
        orders: as Alpaca shows them, the oldest first.
        activities: as Alpaca shows them, the oldest first.
        trouble: what goes wrong with the next requests, one after the other.
        meanwhile: what happens with the next requests, one after the other, before they are answered.
        asked: method, path, query and body of each request.
        violations: where a request, or an answer of its own, departs from the document.
        port: where it listens.
    """

    prices: dict[str, Decimal | None] = field(default_factory=dict)
    cash: Decimal = Decimal(100_000)
    positions: dict[str, Decimal] = field(default_factory=dict)
    orders: list[dict[str, Any]] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)
    trouble: list[Trouble | Status | None] = field(default_factory=list)
    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    blocked: bool = False
    port: int = 0
    now: datetime = START

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    # ── What happens there ──────────────────────────────────────────────────────────────────────────────

    def fill(self, order_id: str, quantity: Decimal, price: Decimal) -> dict[str, Any]:
        """Execute some of an order; returns the activity."""
        order = self._order(order_id)
        assert order is not None
        filled, sign = Decimal(order["filled_qty"]) + quantity, 1 if order["side"] == "buy" else -1
        order["status"] = "filled" if filled >= Decimal(order["qty"]) else "partially_filled"
        order |= {"filled_qty": f"{filled:f}", "filled_avg_price": f"{price:f}", "filled_at": self._tick()}
        self.cash -= sign * quantity * price
        self.positions[order["symbol"]] = self.positions.get(order["symbol"], Decimal(0)) + sign * quantity
        return self.book(
            "FILL",
            order_id=order_id,
            order_status=order["status"],
            symbol=order["symbol"],
            side=order["side"],
            qty=f"{quantity:f}",
            cum_qty=f"{filled:f}",
            leaves_qty=f"{Decimal(order['qty']) - filled:f}",
            price=f"{price:f}",
            transaction_time=self._tick(),
            type="fill" if order["status"] == "filled" else "partial_fill",
        )

    def book(self, activity_type: str, **what: Any) -> dict[str, Any]:
        """Add an activity."""
        self._tick()
        said = {"id": f"{self.now:%Y%m%d%H%M%S}{self.now.microsecond // 1000:03}::{uuid4()}", **what}
        said["activity_type"] = activity_type
        if activity_type != "FILL":
            self.cash += Decimal(said.get("net_amount", 0))
            said.setdefault("date", f"{self.now:%Y-%m-%d}")
        self.activities.append(said)
        return said

    def _tick(self) -> str:
        """Let a moment pass, so that each thing has a time of its own; written with nanoseconds, as Alpaca does."""
        self.now += timedelta(milliseconds=1)
        return f"{self.now:%Y-%m-%dT%H:%M:%S.%f}789Z"

    # ── Requests ────────────────────────────────────────────────────────────────────────────────────────

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = line.split(" ")
        trouble = self.trouble.pop(0) if self.trouble else None
        reply = (
            b""
            if trouble in {Trouble.RESET, Trouble.SILENCE}
            else self._reply(method, target, headers, body, trouble)
        )
        if trouble in {Trouble.SILENCE, Trouble.SILENCE_AFTER}:
            await reader.read()  # until the other side gives up
        elif trouble in {Trouble.RESET, Trouble.RESET_AFTER}:
            writer.transport.abort()
            return
        else:
            writer.write(reply[: -len(reply) // 3] if trouble is Trouble.NOISE_AFTER else reply)
        writer.close()

    def _reply(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        trouble: Trouble | Status | None,
    ) -> bytes:
        if isinstance(trouble, Status) and not trouble.is_done:
            return _written(trouble.code, {"code": trouble.code * 100_000, "message": trouble.message})
        status, said = self._answer(method, target, headers, body)
        if isinstance(trouble, Status):
            return _written(trouble.code, {"message": trouble.message})
        return _written(status, said)

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        address = urlsplit(target)
        path, query = unquote(address.path), parse_qsl(address.query, keep_blank_values=True)
        said = json.loads(body) if body else None
        self.asked.append((method, path, dict(query), said))
        described = "/v2/orders" if path == BY_CLIENT_ID else path
        if path != BY_CLIENT_ID:
            self.violations += document().violations_of_request(method, path, query, said)
        if not _knows(headers):
            return 401, {"message": "unauthorized."}
        if self.meanwhile:
            self.meanwhile.pop(0)()
        status, answer = self._do(method, path, dict(query), said)
        if path == BY_CLIENT_ID:
            described = f"/v2/orders/{uuid4()}"
        self.violations += document().violations_of_answer(method, described, status, answer)
        return status, answer

    def _do(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        match method, path.split("/")[2:]:
            case "GET", ["orders", key]:
                found = self._order(key)
                answer = _missing() if found is None else (200, found)
            case "DELETE", ["orders", key]:
                answer = self._cancel(self._order(key))
            case "PATCH", ["orders", key]:
                answer = self._replace(self._order(key), body)
            case "POST", ["orders"]:
                answer = self._place(body)
            case _:
                answer = self._look(path, query)
        return answer

    def _look(self, path: str, query: Mapping[str, str]) -> Reply:
        match path.split("/")[2:]:
            case ["orders"]:
                return 200, self._list(query)
            case ["orders:by_client_order_id"]:
                named = [one for one in self.orders if one["client_order_id"] == query["client_order_id"]]
                return (200, named[0]) if named else _missing()
            case ["account"]:
                return 200, self._account()
            case ["positions"]:
                return 200, [self._position(*held) for held in self.positions.items() if held[1]]
            case ["account", "activities"]:
                return 200, self._page(query)
        return _missing()

    def trade(self, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """Let somebody else buy for the account."""
        other = {
            "symbol": symbol,
            "qty": f"{quantity:f}",
            "side": "buy",
            "type": "limit",
            "time_in_force": "day",
        }
        self.fill(self._new({**other, "client_order_id": f"{uuid4()}"})["id"], quantity, price)

    def _place(self, body: Mapping[str, Any]) -> Reply:
        if any(one["client_order_id"] == body["client_order_id"] for one in self.orders):
            return 422, {"code": 40010001, "message": "client_order_id must be unique"}
        if Decimal(body.get("limit_price") or 0) * Decimal(body["qty"]) > self.cash:
            return 403, {"code": 40310000, "message": "insufficient buying power"}
        order = self._new(body)
        price = self.prices.get(body["symbol"])
        if body["type"] == "market" and price is not None:
            self.fill(order["id"], Decimal(body["qty"]), price)
            return 200, {**order, "status": "accepted", "filled_qty": "0", "filled_avg_price": None}
        return 200, order

    def _new(self, body: Mapping[str, Any]) -> dict[str, Any]:
        moment = self._tick()
        order: dict[str, Any] = {**sample("order_routes", "test_market_order"), **body}
        order |= {"id": str(uuid4()), "order_type": body["type"], "status": "new", "filled_qty": "0"}
        order |= dict.fromkeys(("created_at", "updated_at", "submitted_at"), moment)
        self.orders.append(order)
        return order

    def _list(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        after = datetime.fromisoformat(query.get("after", "2000-01-01T00:00:00Z"))
        found = [one for one in self.orders if datetime.fromisoformat(one["submitted_at"]) > after]
        found = found if query.get("direction") == "asc" else found[::-1]
        return found[: int(query.get("limit", "50"))]

    def _cancel(self, order: dict[str, Any] | None) -> Reply:
        if order is None:
            return _missing()
        if order["status"] not in WORKING:
            return 422, {"code": 42210000, "message": f'order is already in "{order["status"]}" state'}
        order |= {"status": "canceled", "canceled_at": self._tick()}
        return 204, None

    def _replace(self, order: dict[str, Any] | None, body: Mapping[str, Any]) -> Reply:
        if order is None:
            return _missing()
        if order["status"] not in WORKING:
            return 422, {"code": 42210000, "message": "order is not open"}
        kept = ("symbol", "side", "type", "time_in_force", "notional")
        new = self._new({**{name: order[name] for name in kept}, **body})
        new["replaces"] = order["id"]
        order |= {"status": "replaced", "replaced_at": self._tick(), "replaced_by": new["id"]}
        return 200, new

    def _account(self) -> dict[str, Any]:
        known: dict[str, Any] = sample("account_routes", "test_get_account")
        return known | {"cash": f"{self.cash:f}", "trading_blocked": self.blocked}

    def _position(self, symbol: str, units: Decimal) -> dict[str, Any]:
        known: dict[str, Any] = sample("position_routes", "test_get_all_positions")[0]
        side = "long" if units > 0 else "short"
        return known | {"symbol": symbol, "qty": f"{units:f}", "side": side, "asset_marginable": True}

    def _page(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        kinds = query.get("activity_types", "").split(",")
        found = [one for one in self.activities if kinds == [""] or one["activity_type"] in kinds]
        names = [one["id"] for one in self.activities]
        if token := query.get("page_token"):
            found = [one for one in found if names.index(one["id"]) > names.index(token)]
        return found[: int(query.get("page_size", "100"))]

    def _order(self, order_id: str) -> dict[str, Any] | None:
        return next((one for one in self.orders if one["id"] == order_id), None)


def _missing() -> Reply:
    return 404, {"code": 40410000, "message": "order not found"}


def _knows(headers: Mapping[str, str]) -> bool:
    keys = headers.get("apca-api-key-id"), headers.get("apca-api-secret-key")
    return keys == ("PK1", "SK1") or headers.get("authorization") == "Bearer T1"


def _written(status: int, said: Any) -> bytes:
    body = b"" if said is None else json.dumps(said).encode()
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def alpaca_server(alpaca: AlpacaServer | None = None) -> AsyncIterator[AlpacaServer]:
    """Serve on loopback; at the end no request was against the document."""
    alpaca = alpaca or AlpacaServer()
    server = await asyncio.start_server(alpaca.serve, "127.0.0.1", 0)
    alpaca.port = server.sockets[0].getsockname()[1]
    try:
        yield alpaca
    finally:
        server.close()
        await server.wait_closed()
    assert not alpaca.violations, alpaca.violations


@contextmanager
def alpaca_in_thread(alpaca: AlpacaServer | None = None) -> Iterator[AlpacaServer]:
    """Serve as `alpaca_server`, on a loop of its own: for tests that block, and for other processes."""
    alpaca, ready, done = alpaca or AlpacaServer(), Event(), Event()

    async def serve() -> None:
        async with alpaca_server(alpaca):
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield alpaca
    finally:
        done.set()
        thread.join()
    assert not alpaca.violations, alpaca.violations
