"""What moves money is done once, however often it is sent: the key and the body of a request, and what is kept of both.

A route declares `permits(…, moves_money=True)`, takes `once: AskedOnce`, and does all of its work in the effect:

    return await once(lambda db: execute(db, actor, proposal_id, now=browser.now), status=201)
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from steelyard.api.answer import Answer
from steelyard.server.identity import key_of
from steelyard.services.idempotency import hash_of_body, once
from steelyard.storage.connection import WriteSession
from steelyard.storage.idempotency import KeptAnswer, KeyedRequest


class Once:
    """A request that may come again."""

    def __init__(self, request: Request) -> None:
        """Read the request."""
        self._request = request

    async def __call__(
        self,
        effect: Callable[[WriteSession], Awaitable[Any]],
        *,
        status: int = HTTPStatus.OK,
        first: Callable[[], Awaitable[None]] | None = None,
    ) -> Response:
        """Do what is asked for, or answer as the first time.

        Args:
            effect: does it in the transaction it is given, with no other connection, and returns what to answer.
            status: of the answer; 204 = without a body.
            first: see `services.idempotency.once`.

        Raises:
            KeyReusedError: the key was used for another request.
        """

        async def answered(db: WriteSession) -> KeptAnswer:
            value = await effect(db)
            return KeptAnswer(status, "" if status == HTTPStatus.NO_CONTENT else Answer(value).text)

        kept = await once(await self._asked(), answered, first=first)
        media_type = Answer.media_type if kept.text else None
        return Response(kept.text.encode(), kept.status, media_type=media_type)

    async def _asked(self) -> KeyedRequest:
        url = self._request.url
        route = f"{self._request.method} {url.path}" + (f"?{url.query}" if url.query else "")
        return KeyedRequest(key_of(self._request.scope), route, hash_of_body(await self._request.body()))


async def _once(request: Request) -> Once:
    return Once(request)


AskedOnce = Annotated[Once, Depends(_once)]
"""The request, in a route that moves money."""
