"""Keys of requests that move money, with what was answered to them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request under the key that its sender made for it.

    Attributes:
        key: theirs.
        route: method and path.
        body_hash: SHA-256 of the body as canonical JSON.
    """

    key: str
    route: str
    body_hash: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered.

    Attributes:
        status: of HTTP.
        text: JSON; "" = the answer has no body.
    """

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a key: the request it was made for, and the answer."""

    asked: KeyedRequest
    answer: KeptAnswer


async def take_key(db: WriteSession, asked: KeyedRequest) -> Kept | None:
    """Take a key for this transaction; or return what was kept under it, where it was taken before.

    Who has it in hand is waited for; where their transaction is undone, so is their key.
    """
    values = {"key": asked.key, "route": asked.route, "body_hash": asked.body_hash}
    if (await db.execute(query("take_key"), values)).one_or_none() is not None:
        return None
    return _kept((await db.execute(query("get_kept"), {"key": asked.key})).one())


async def get_kept(db: ReadSession, key: str) -> Kept | None:
    """Return what was asked and answered under a key of who asks; None where nothing was."""
    row = (await db.execute(query("get_kept"), {"key": key})).one_or_none()
    return None if row is None else _kept(row)


async def keep_answer(db: WriteSession, asked: KeyedRequest, answer: KeptAnswer) -> None:
    """Write down what is answered to a key that this transaction took."""
    values = {"key": asked.key, "status": answer.status, "answer": answer.text}
    await db.execute(query("keep_answer"), values)


def _kept(row: Row[Any]) -> Kept:
    return Kept(KeyedRequest(row.key, row.route, row.body_hash), KeptAnswer(row.status, row.answer))
