"""Once: however often a request that moves money is sent, it takes effect once, and its sender gets one answer.

The key stands in the transaction of the effect. A crash, or an error, before it commits takes the key away with the
effect, and the next try begins anew; after it, every further try gets the answer that was kept.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final
from weakref import WeakValueDictionary

from steelyard.errors import InvalidInputError
from steelyard.network.strict_json import read_object
from steelyard.storage import idempotency as store
from steelyard.storage.acting import NOBODY, current_acting
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session
from steelyard.storage.idempotency import Kept, KeptAnswer, KeyedRequest

Effect = Callable[[WriteSession], Awaitable[KeptAnswer]]
"""What a request does, in the transaction it is given and with no other connection: many may wait for it."""

_in_hand: Final[WeakValueDictionary[tuple[object, ...], asyncio.Lock]] = WeakValueDictionary()
"""What this process is about; who repeats it waits here, and not with a connection in hand."""


class KeyReusedError(InvalidInputError):
    """A key came again with another request."""

    def __init__(self) -> None:
        """Say what a key is for."""
        super().__init__(
            "This Idempotency-Key was used for another request: another address or another body. Make a new key for "
            "each request, and send the old one only to repeat what it was made for."
        )


async def once(
    asked: KeyedRequest, effect: Effect, *, first: Callable[[], Awaitable[None]] | None = None
) -> KeptAnswer:
    """Do what a request asks for once, and answer every repetition of it alike.

    Args:
        asked: the request, of whom this works for; keys of others are others.
        effect: what it does.
        first: done before, in transactions of its own that stay whatever becomes of the effect: counting a try of a
            code, say. Left out where the request was carried out already.

    Raises:
        KeyReusedError: the key was used for another request.
        SteelyardError: as `effect` and `first`; nothing is kept then.
    """
    async with _alone(asked.key):
        if first is not None:
            async with get_db_session() as looking:
                before = await store.get_kept(looking, asked.key)
            if before is not None:
                return _answer_of(before, asked)
            await first()
        async with get_write_session() as db:
            if (before := await store.take_key(db, asked)) is not None:
                return _answer_of(before, asked)
            answer = await effect(db)
            await store.keep_answer(db, asked, answer)
            return answer


def hash_of_body(body: bytes) -> bytes:
    """Return the SHA-256 of a body as canonical JSON: the order of its keys and its spaces do not matter.

    Args:
        body: one plain JSON object, or nothing.

    Raises:
        ValueError: it is something else; see `read_object`.

    >>> hash_of_body(b'{"b": 1, "a": "2"}') == hash_of_body(b'{"a":"2","b":1}') != hash_of_body(b'{"a":"2","b":2}')
    True
    """
    if not body:
        return sha256().digest()
    text = json.dumps(read_object(body), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).digest()


def _answer_of(before: Kept, asked: KeyedRequest) -> KeptAnswer:
    if before.asked != asked:
        raise KeyReusedError
    return before.answer


@asynccontextmanager
async def _alone(key: str) -> AsyncIterator[None]:
    """Let one task of this process at a time be about a key of whom this works for."""
    acting = current_acting(NOBODY)
    place = (asyncio.get_running_loop(), acting.tenant_id, acting.actor, key)
    lock = _in_hand.setdefault(place, asyncio.Lock())
    async with lock:
        yield
