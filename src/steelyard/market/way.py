"""A source's requests over the network: guarded, and their failures said in the words of the port."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Final, TypeVar

from steelyard.errors import NotPermittedError
from steelyard.market.guarded import Guard
from steelyard.market.port import SourceBusyError, SourceDownError, SourceRefusedError
from steelyard.network.outbound import AnswerRefusedError, Outbound, UnreachableError
from steelyard.network.strict_json import read_exactly

T = TypeVar("T")

OK: Final = 200
NOT_FOUND: Final = 404
TOO_MANY: Final = 429
REFUSALS: Final = range(400, 500)


class Way:
    """How one source is reached."""

    def __init__(
        self,
        name: str,
        outbound: Outbound,
        guard: Guard,
        *,
        address: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            name: the source.
            outbound: the way out of the machine; whoever opened it closes it.
            guard: how the source is asked.
            address: where, without a path.
            headers: sent with each request; a login among them is secret.
        """
        self.name = name
        self._outbound, self._guard = outbound, guard
        self._address, self._headers = address.rstrip("/"), headers or {}

    async def get_object(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        """Get a JSON object; its numbers are as they are written.

        Raises:
            SourceDownError: as `get_bytes`, or the answer is none.
        """

        async def ask() -> Mapping[str, Any]:
            body = await self._get(path, query)
            try:
                said = read_exactly(body)
            except ValueError as error:
                raise SourceDownError(self.name, "its answer is not whole, or no JSON") from error
            if not isinstance(said, dict):
                raise SourceDownError(self.name, "its answer is of another shape than agreed")
            return said

        return await self._guard.call(ask)

    async def get_bytes(self, path: str) -> bytes:
        """Get a file.

        Raises:
            SourceDownError: no answer in time, or none that can be used.
            SourceRefusedError: it refuses, or we do.
        """
        return await self._guard.call(lambda: self._get(path, {}))

    async def _get(self, path: str, query: Mapping[str, str]) -> bytes:
        try:
            answer = await self._outbound.ask(
                "GET", f"{self._address}{path}", headers=self._headers, query=query
            )
        except (UnreachableError, AnswerRefusedError) as error:
            raise SourceDownError(self.name, f"{error}".removesuffix(".")) from error
        except NotPermittedError as error:
            raise SourceRefusedError(self.name, f"{error}".removesuffix(".")) from error
        if answer.status == OK:
            return answer.body
        if answer.status == TOO_MANY:
            raise SourceBusyError(self.name, _seconds(answer.retry_after))
        reason = f"its answer has status {answer.status}"
        if answer.status in REFUSALS:
            raise SourceRefusedError(self.name, reason, is_unknown=answer.status == NOT_FOUND)
        raise SourceDownError(self.name, reason)


async def together(requests: Iterable[Awaitable[T]]) -> list[T | SourceDownError]:
    """Make requests at once, and return their answers in order, in place of an answer why there is none."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_kept(request)) for request in requests]
    return [task.result() for task in tasks]


async def _kept(request: Awaitable[T]) -> T | SourceDownError:
    try:
        return await request
    except SourceDownError as error:
        return error


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
