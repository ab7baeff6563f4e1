"""A proxy that breaks what it hands on, on loopback: late, cut off, in drops, never, or something else altogether."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

TOO_MANY: Final = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"
AWAY: Final = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"


class Fault(StrEnum):
    """What the proxy does to an answer."""

    NONE = "none"
    LATE = "late"
    RESET = "reset"
    TRUNCATED = "truncated"
    """The headers promise more than comes."""
    HALF = "half"
    """A shorter body, properly announced: JSON that ends in the middle."""
    SLOW = "slow"
    """A byte now and then, for ever."""
    SILENT = "silent"
    TOO_MANY = "too many"
    REDIRECT = "redirect"
    NOISE = "noise"


@dataclass(slots=True)
class FaultProxy:
    """A proxy in front of a server on loopback.

    Attributes:
        target: the server's port.
        fault: what it does now.
        delay: seconds, of what is late or slow.
        port: where it listens.
        taken: how many requests came.
    """

    target: int
    fault: Fault = Fault.NONE
    delay: float = 0.05
    port: int = 0
    taken: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand one request on, and its answer back as the fault has it."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(await reader.readuntil(b"\r\n\r\n"), writer)
        finally:
            self.tasks.discard(task)
            writer.transport.abort() if self.fault is Fault.RESET else writer.close()

    async def _serve(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        if self.fault is Fault.SILENT:
            await asyncio.sleep(3600)
        for part, pause in self._broken(await self._ask(request)):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer

    def _broken(self, answer: bytes) -> list[tuple[bytes, float]]:
        head, _, body = answer.partition(b"\r\n\r\n")
        half = body[: len(body) // 2]
        answers: dict[Fault, list[tuple[bytes, float]]] = {
            Fault.LATE: [(b"", self.delay), (answer, 0)],
            Fault.RESET: [(answer[: len(head) // 2], 0)],
            Fault.TRUNCATED: [(head + b"\r\n\r\n" + half, 0)],
            Fault.HALF: [(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(half), half), 0)],
            Fault.SLOW: [(answer[at : at + 1], self.delay) for at in range(len(answer))],
            Fault.TOO_MANY: [(TOO_MANY, 0)],
            Fault.REDIRECT: [(AWAY, 0)],
            Fault.NOISE: [(b"\x00\xff" * 100, 0)],
        }
        return answers.get(self.fault, [(answer, 0)])


@asynccontextmanager
async def fault_proxy(target: int) -> AsyncIterator[FaultProxy]:
    """Stand in front of a server on loopback; nothing of it is left at the end."""
    proxy = FaultProxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        for task in list(proxy.tasks):
            task.cancel()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)
        server.close()
        await server.wait_closed()
