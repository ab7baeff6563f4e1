"""Alpaca, by its Trading API v2: keys or an OAuth2 token, one account for a link.

What a failure means: before a connection stands, nothing was sent. Of answers, 429 says that the request was not
taken, any other 4xx that it was refused; 5xx, and no answer or one that cannot be read, say nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote

from steelyard.brokers.alpaca_words import (
    Said,
    UnreadableError,
    account_of,
    activity_of,
    body_of,
    each,
    fill_of,
    is_fill,
    one_of,
    order_of,
    patch_of,
    position_of,
)
from steelyard.brokers.port import (
    BrokerAccount,
    BrokerActivity,
    BrokerOrder,
    BrokerOrderState,
    BrokerPosition,
    Capabilities,
    FillPage,
    NotReceivedError,
    OrderRequest,
    OutcomeUnknownError,
    RefusedError,
)
from steelyard.network.outbound import (
    AddressRefusedError,
    AnswerRefusedError,
    NotConnectedError,
    Outbound,
    PlainHttpError,
    RawAnswer,
    UnreachableError,
)
from steelyard.network.strict_json import read_exactly

T = TypeVar("T")

ADDRESSES: Final = {"paper": "https://paper-api.alpaca.markets", "live": "https://api.alpaca.markets"}
SETTLE_WINDOW: Final = timedelta(seconds=60)
A_MOMENT: Final = timedelta(microseconds=1)
ORDERS_PAGE: Final = 500
ACTIVITIES_PAGE: Final = 100
LOOKS: Final = 3
"""How often cash and positions are read until no trade came between."""

OK: Final = 200
NO_CONTENT: Final = 204
NOT_FOUND: Final = 404
REQUEST_TIMEOUT: Final = 408
UNPROCESSABLE: Final = 422
TOO_MANY: Final = 429
REFUSALS: Final = range(400, 500)
IS_KNOWN: Final = b"client_order_id must be unique"
LONGEST_REASON: Final = 200


class AlpacaBroker:
    """A link to Alpaca."""

    def __init__(
        self,
        outbound: Outbound,
        credentials: Mapping[str, str],
        *,
        clock: Callable[[], datetime],
        name: str = "alpaca",
        is_live: bool = False,
        address: str | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            outbound: the way out; whoever opened it closes it.
            credentials: `key_id` and `secret_key`, or `access_token`.
            clock: the time, with its zone.
            name: what the link is called.
            is_live: whether real money moves.
            address: where it is asked; None = Alpaca's own.
        """
        self._outbound, self._clock, self._name, self._is_live = outbound, clock, name, is_live
        self._address = (address or ADDRESSES["live" if is_live else "paper"]).rstrip("/")
        self._headers = _login(credentials)

    @property
    def name(self) -> str:
        """What the link is called."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return Capabilities(
            keeps_client_ids=True,
            finds_client_ids=True,
            replaces=True,
            has_fractions=True,
            is_live=self._is_live,
            settle_window=SETTLE_WINDOW,
        )

    async def place_order(self, request: OrderRequest) -> BrokerOrder:
        """Place an order for the day; one whose client id it has is found instead of placed.

        Raises:
            RefusedError, NotReceivedError, OutcomeUnknownError: as the port says.
        """
        answer = await self._ask("POST", "/v2/orders", body=body_of(request))
        if answer.status == UNPROCESSABLE and IS_KNOWN in answer.body:
            found = await self._find_again(request)
            if found is None:
                raise OutcomeUnknownError(self._name, "it knows the client id, and does not find its order")
            return found
        self._require(answer)
        return self._read(answer, lambda said: order_of(one_of(said)))

    async def _find_again(self, request: OrderRequest) -> BrokerOrder | None:
        """Look an order up that may have arrived before: not to hear of it is no proof that it did not."""
        try:
            found = await self.find_order(request.client_order_id)
        except NotReceivedError as error:
            raise OutcomeUnknownError(self._name, "the look-up was not received") from error
        if found is None:
            return None
        if (found.symbol, found.side, found.quantity) != (request.symbol, request.side, request.quantity):
            raise RefusedError(self._name, f"another order has the client id {request.client_order_id}")
        return found

    async def find_order(
        self, client_order_id: str, broker_order_id: str | None = None
    ) -> BrokerOrder | None:
        """Look an order up; None = it has none of that id now.

        Raises:
            NotReceivedError, OutcomeUnknownError: it did not say.
        """
        if broker_order_id is not None:
            answer = await self._ask("GET", f"/v2/orders/{quote(broker_order_id, safe='')}")
        else:
            query = {"client_order_id": client_order_id}
            answer = await self._ask("GET", "/v2/orders:by_client_order_id", query=query)
        if answer.status == NOT_FOUND:
            return None
        self._require_told(answer)
        return self._read(answer, lambda said: order_of(one_of(said)))

    async def list_orders(self, since: datetime) -> Sequence[BrokerOrder]:
        """Return every order taken at or after a moment, in any state."""
        found: dict[str, BrokerOrder] = {}
        after = since - A_MOMENT  # what Alpaca takes is the last moment that is left out
        while True:
            page = await self._list_after(after)
            known = len(found)
            found |= {order.broker_order_id: order for order in page}
            times = [order.submitted_at for order in page if order.submitted_at is not None]
            if len(page) < ORDERS_PAGE or not times:
                return [
                    order for order in found.values() if order.submitted_at and order.submitted_at >= since
                ]
            # Others of the same moment may be on the next page; where the page brought nothing new, they were.
            after = max(times) - A_MOMENT if len(found) > known else max(times) + A_MOMENT

    async def _list_after(self, after: datetime) -> Sequence[BrokerOrder]:
        moment = after.isoformat().replace("+00:00", "Z")
        query = {"status": "all", "direction": "asc", "limit": str(ORDERS_PAGE), "after": moment}
        return await self._get("/v2/orders", lambda said: each(said, order_of), query)

    async def cancel_order(self, broker_order_id: str) -> None:
        """Ask to cancel.

        Raises:
            RefusedError: it is filled, ended or unknown there.
        """
        answer = await self._ask("DELETE", f"/v2/orders/{quote(broker_order_id, safe='')}")
        if answer.status != NO_CONTENT:
            self._require(answer)

    async def replace_order(self, broker_order_id: str, request: OrderRequest) -> BrokerOrder:
        """Put another order in the place of one of which nothing is filled.

        Alpaca does not say whether the new quantity counts what is filled; so of a part nothing is replaced.

        Raises:
            RefusedError: the order is unknown or ended, something of it is filled, or the other is of something else.
        """
        standing = await self.find_order("", broker_order_id)
        if standing is None:
            raise RefusedError(self._name, f"it has no order {broker_order_id}")
        if standing.state not in {BrokerOrderState.PENDING, BrokerOrderState.WORKING}:
            found = await self._find_again(request)  # what replaced it may be this very order
            if found is None:
                raise RefusedError(self._name, f"order {broker_order_id} is {standing.state}")
            return found
        if standing.filled_quantity:
            raise RefusedError(self._name, "it is partly filled; cancel it and order the rest anew")
        if (standing.symbol, standing.side) != (request.symbol, request.side):
            raise RefusedError(self._name, f"only {standing.side} {standing.symbol} can take its place")
        path = f"/v2/orders/{quote(broker_order_id, safe='')}"
        answer = await self._ask("PATCH", path, body=patch_of(request))
        self._require(answer)
        return self._read(answer, lambda said: order_of(one_of(said)))

    async def list_fills(self, after: str) -> FillPage:
        """Return executions after a place, "" = from the beginning.

        The API tells executions only; one that is taken back shows as a difference of positions and cash.
        """
        page = await self._activities(after, {"activity_types": "FILL"})
        fills = self._understood(lambda: [fill_of(one) for one in page if is_fill(one)])
        return FillPage(fills, str(page[-1]["id"]) if page else after, len(page) < ACTIVITIES_PAGE)

    async def list_activities(self, after: str) -> tuple[Sequence[BrokerActivity], str]:
        """Return what else was booked after a place, and the next place."""
        page = await self._activities(after, {})
        booked = self._understood(lambda: [activity_of(one) for one in page if not is_fill(one)])
        return booked, str(page[-1]["id"]) if page else after

    async def _activities(self, after: str, query: Mapping[str, str]) -> Sequence[Said]:
        asked = {"direction": "asc", "page_size": str(ACTIVITIES_PAGE), **query}
        if after:
            asked["page_token"] = after
        return await self._get("/v2/account/activities", lambda said: each(said, _with_id), asked)

    async def get_account(self, account_number: str = "") -> BrokerAccount:
        """Return what the account holds now.

        Raises:
            RefusedError: the link is to an account of another number.
        """
        before = await self._account((), self._clock())
        for _ in range(LOOKS):
            as_of = self._clock()
            positions = await self._get("/v2/positions", lambda said: each(said, position_of))
            after = await self._account(positions, as_of)
            if after.cash == before.cash:
                break
            before = after
        if account_number not in {"", after.number}:
            raise RefusedError(self._name, "its keys are of another account than this number")
        return after

    async def _account(self, positions: Sequence[BrokerPosition], as_of: datetime) -> BrokerAccount:
        return await self._get("/v2/account", lambda said: account_of(one_of(said), positions, as_of))

    async def close(self) -> None:
        """Do nothing: the way out is its opener's."""

    # ── Asking, and what answers mean ───────────────────────────────────────────────────────────────────

    async def _get(self, path: str, read: Callable[[object], T], query: Mapping[str, str] | None = None) -> T:
        answer = await self._ask("GET", path, query=query)
        self._require_told(answer)
        return self._read(answer, read)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> RawAnswer:
        try:
            answer = await self._outbound.ask(
                method, self._address + path, headers=self._headers, query=query, body=body
            )
        except (AddressRefusedError, PlainHttpError) as error:
            raise NotReceivedError(self._name, str(error).rstrip(".")) from error
        except NotConnectedError as error:
            raise NotReceivedError(self._name, "no connection") from error
        except (UnreachableError, AnswerRefusedError) as error:
            raise OutcomeUnknownError(self._name, str(error).rstrip(".")) from error
        if answer.status == TOO_MANY:
            raise NotReceivedError(self._name, "too many requests in a minute")
        return answer

    def _require(self, answer: RawAnswer) -> None:
        """End unless it was done."""
        if answer.status == OK:
            return
        if answer.status in REFUSALS and answer.status != REQUEST_TIMEOUT:
            raise RefusedError(self._name, f"status {answer.status}, {_reason(answer)}")
        raise OutcomeUnknownError(self._name, f"status {answer.status}")

    def _require_told(self, answer: RawAnswer) -> None:
        """End unless a question was answered: that Alpaca refuses to answer says nothing about an order."""
        try:
            self._require(answer)
        except RefusedError as error:
            raise OutcomeUnknownError(self._name, error.reason) from error

    def _read(self, answer: RawAnswer, read: Callable[[object], T]) -> T:
        try:
            said = read_exactly(answer.body)
        except ValueError as error:
            raise OutcomeUnknownError(self._name, "the answer is no JSON") from error
        return self._understood(lambda: read(said))

    def _understood(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except UnreadableError as error:
            raise OutcomeUnknownError(self._name, f"the answer has no {error} as documented") from error


def _login(credentials: Mapping[str, str]) -> Mapping[str, str]:
    if "access_token" in credentials:
        return {"Authorization": f"Bearer {credentials['access_token']}"}
    return {"APCA-API-KEY-ID": credentials["key_id"], "APCA-API-SECRET-KEY": credentials["secret_key"]}


def _with_id(said: Said) -> Said:
    if not isinstance(said.get("id"), str):
        raise UnreadableError("id")
    return said


def _reason(answer: RawAnswer) -> str:
    """Return Alpaca's own words, as far as they can be shown."""
    try:
        said = one_of(read_exactly(answer.body)).get("message")
    except ValueError:
        said = None
    text = said if isinstance(said, str) and said else "without a reason"
    return "".join(character if character.isprintable() else " " for character in text[:LONGEST_REASON])
