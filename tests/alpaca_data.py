"""Alpaca's Market Data API on loopback, built from its published OpenAPI: each request is held against it, and each
answer of ours too.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import yaml  # type: ignore[import-untyped] # it brings no types
from jsonschema_rs import Draft202012Validator

from books import shared

KEYS: Final = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
REASONS: Final = {200: "OK", 403: "Forbidden", 429: "Too Many Requests", 500: "Internal Server Error"}


@cache
def specification() -> dict[str, Any]:
    """Return the published description of the Market Data API."""
    text = shared("clients/alpaca/data_openapi.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return loaded


def _resolved(thing: Any) -> Any:
    """Replace references by what they refer to, and `nullable` by the type null."""
    if isinstance(thing, list):
        return [_resolved(one) for one in thing]
    if not isinstance(thing, dict):
        return thing
    if "$ref" in thing:
        place: Any = specification()
        for step in thing["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        return _resolved(place)
    found = {name: _resolved(inner) for name, inner in thing.items()}
    if found.get("nullable") and "type" in found:
        found["type"] = [found["type"], "null"]
    return found


def violations_of_request(path: str, query: Sequence[tuple[str, str]]) -> list[str]:
    """Say how a GET departs from the specification."""
    if path not in specification()["paths"]:
        return [f"{path} is not in the specification"]
    described = _resolved(specification()["paths"][path]["get"]["parameters"])
    parameters = {one["name"]: one for one in described if one["in"] == "query"}
    found = [f"{path} takes no {name}" for name, _ in query if name not in parameters]
    given = dict(query)
    found += [
        f"{path} needs {name}"
        for name, one in parameters.items()
        if one.get("required") and name not in given
    ]
    for name, text in query:
        schema = parameters.get(name, {}).get("schema", {})
        value: object = int(text) if schema.get("type") == "integer" and text.isdigit() else text
        found += [
            f"{name}={text}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)
        ]
        if schema.get("format") == "date-time" and datetime.fromisoformat(text).tzinfo is None:
            found.append(f"{name}={text} has no offset")
    return found


def violations_of_answer(path: str, body: object) -> list[str]:
    """Say how the body of an answer departs from the specification."""
    content = specification()["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    return [error.message for error in Draft202012Validator(_resolved(content["schema"])).iter_errors(body)]


@dataclass
class AlpacaData:
    """What the server knows, what it was asked, and what was wrong with that.

    Attributes:
        snapshots: symbol → snapshot, as the specification has it.
        bars: symbol → daily bars, in order.
        page: bars on a page.
        latency: seconds before each answer.
        failing: statuses that it answers with before it answers properly, and what it says about asking again.
        asked: paths with their queries.
        violations: where a request, or an answer of its own, departs from the specification.
        port: where it listens.
    """

    snapshots: dict[str, Any] = field(default_factory=dict)
    bars: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    page: int = 1000
    latency: float = 0.0
    failing: list[tuple[int, str]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *headers = head.strip().split("\r\n")
        _, target, _ = line.split(" ")
        status, body, retry_after = self._answer(target, _headers(headers))
        await asyncio.sleep(self.latency)
        said = json.dumps(body).encode()
        more = f"Retry-After: {retry_after}\r\n" if retry_after else ""
        writer.write(
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Length: {len(said)}\r\n{more}\r\n".encode()
            + said
        )
        await writer.drain()
        writer.close()

    def _answer(self, target: str, headers: Mapping[str, str]) -> tuple[int, object, str]:
        address = urlsplit(target)
        query = parse_qsl(address.query, keep_blank_values=True, strict_parsing=True)
        self.asked.append((address.path, dict(query)))
        self.violations += violations_of_request(address.path, query)
        if any(headers.get(name.lower()) != value for name, value in KEYS.items()):
            return 403, {"message": "forbidden."}, ""
        if self.failing:
            status, retry_after = self.failing.pop(0)
            return status, {"message": "not now"}, retry_after
        body = self._snapshots(dict(query)) if address.path.endswith("snapshots") else self._bars(dict(query))
        self.violations += violations_of_answer(address.path, body)
        return 200, body, ""

    def _snapshots(self, query: Mapping[str, str]) -> object:
        wanted = query["symbols"].split(",")
        return {symbol: self.snapshots[symbol] for symbol in wanted if symbol in self.snapshots}

    def _bars(self, query: Mapping[str, str]) -> object:
        symbol, start = query["symbols"], int(query.get("page_token", "0"))
        inside = [bar for bar in self.bars.get(symbol, ()) if query["start"] <= bar["t"] <= query["end"]]
        part, rest = inside[start : start + self.page], inside[start + self.page :]
        following = f"{start + self.page}" if rest else None
        return {"bars": {symbol: part} if part else {}, "next_page_token": following}


def _headers(lines: Sequence[str]) -> dict[str, str]:
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def snapshot(
    price: float, *, at: str = "2024-03-13T14:59:58.123456789Z", spread: float = 0.02
) -> dict[str, Any]:
    """Return a snapshot with a trade and a quote around it."""
    return {
        "latestTrade": {"t": at, "x": "V", "p": price, "s": 100, "c": ["@"], "i": 10593, "z": "C"},
        "latestQuote": {
            "t": at, "ax": "V", "ap": price + spread, "as": 5, "bx": "V", "bp": price - spread, "bs": 1, "c": ["R"]
        },
    }  # fmt: skip


def daily_bar(day: date, close: float, volume: int) -> dict[str, Any]:
    """Return a session; its time is midnight in New York, in winter."""
    return {"t": f"{day}T05:00:00Z", "o": close, "h": close, "l": close, "c": close, "v": volume}


@asynccontextmanager
async def alpaca_data(data: AlpacaData | None = None) -> AsyncIterator[AlpacaData]:
    """Serve on loopback; at the end no request was against the specification."""
    data = data or AlpacaData()
    server = await asyncio.start_server(data.serve, "127.0.0.1", 0)
    data.port = server.sockets[0].getsockname()[1]
    try:
        yield data
    finally:
        server.close()
        await server.wait_closed()
    assert not data.violations, data.violations
