"""Once, over HTTP: what moves money needs a key, and with one is done once, however often and how fast it is sent."""

from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from secrets import token_hex

import pytest
from fastapi import APIRouter, Response

from serving import Answer, Served, serving
from steelyard.api.body import Body
from steelyard.api.once import AskedOnce
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.input import Exact
from steelyard.server.permits import permits
from steelyard.storage.acting import NOBODY
from steelyard.storage.audit import record_event
from steelyard.storage.connection import (
    WriteSession,
    close_connection_pool,
    init_connection_pool,
)
from steelyard.storage.embedded import EmbeddedServer
from toys import BEARER, COOKIE, JSON, SAME_SITE, AlreadyMadeError, find_actor


class Deposit(Body):
    """Money paid in."""

    amount: Exact


def money_routes() -> APIRouter:
    router = APIRouter(prefix="/api/v1")
    proposes = permits(Verb.PROPOSE, ObjectType.ORDER, moves_money=True)

    @router.post("/deposits", dependencies=[proposes])
    async def pay_in(once: AskedOnce, body: Deposit) -> Response:
        async def effect(db: WriteSession) -> dict[str, object]:
            await record_event(db, "toy.deposit", "toy", str(body.amount))
            return {"amount": body.amount, "receipt": token_hex(8)}

        return await once(effect, status=201)

    @router.post("/withdrawals", dependencies=[proposes])
    async def pay_out(once: AskedOnce) -> Response:
        async def effect(db: WriteSession) -> None:
            await record_event(db, "toy.withdrawal", "toy", "")

        return await once(effect, status=204)

    @router.post("/refusals", dependencies=[proposes])
    async def refuse(once: AskedOnce) -> Response:
        async def effect(db: WriteSession) -> None:
            await record_event(db, "toy.refusal", "toy", "")
            raise AlreadyMadeError

        return await once(effect)

    return router


@pytest.fixture(scope="module")
def served(database: EmbeddedServer, urls: Callable[[EmbeddedServer], tuple[str, str]]) -> Iterator[Served]:
    @asynccontextmanager
    async def on_loop() -> AsyncIterator[None]:
        app, migrator = urls(database)
        await init_connection_pool(app, migrator_url=migrator, pool_size=4, acts_as=NOBODY)
        yield
        await close_connection_pool()

    with serving(lambda _: [money_routes()], find_actor=find_actor, on_loop=on_loop) as server:
        yield server


def pay_in(served: Served, amount: str, key: str | None, **headers: str) -> Answer:
    sent = JSON | {"authorization": BEARER} | headers
    if key is not None:
        sent["idempotency_key"] = key
    return served.ask("POST", "/api/v1/deposits", f'{{"amount": "{amount}"}}'.encode(), **sent)


@pytest.mark.parametrize("key", [None, "", "two words", "k" * 201, "schl\u00fcssel"])
def test_without_a_key_nothing_is_done(served: Served, key: str | None) -> None:
    answer = pay_in(served, "1", key)

    assert answer.status == 400
    assert answer.json["type"] == "urn:steelyard:problem:key-needed"


def test_two_keys_are_none(served: Served) -> None:
    head = f"POST /api/v1/deposits HTTP/1.1\r\nhost: {served.host}\r\nauthorization: {BEARER}\r\n"
    said = served.say(f"{head}idempotency-key: a\r\nidempotency-key: b\r\ncontent-length: 0\r\n\r\n".encode())

    assert b" 400 " in said.partition(b"\r\n")[0]
    assert b"idempotency-key comes twice" in said


def test_who_may_not_is_refused_whatever_the_key(served: Served) -> None:
    answer = served.ask("POST", "/api/v1/deposits", b"{}", **JSON, **SAME_SITE)

    assert answer.status == 401


def test_sixty_who_send_one_request_at_once_get_one_answer(served: Served) -> None:
    with ThreadPoolExecutor(60) as threads:
        answers = list(threads.map(lambda _: pay_in(served, "60", "sixty"), range(60)))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].json["amount"] == "60"
    assert answers[0].headers["content-type"] == "application/json"


def test_a_key_that_comes_with_another_body_address_or_person_is_not_the_same(served: Served) -> None:
    first = pay_in(served, "2", "same")
    other = pay_in(served, "3", "same")
    sent = JSON | {"idempotency_key": "same"}
    elsewhere = served.ask("POST", "/api/v1/deposits?x=1", b'{"amount":"2"}', authorization=BEARER, **sent)
    mine = served.ask("POST", "/api/v1/deposits", b'{"amount":"2"}', cookie=COOKIE, **SAME_SITE, **sent)

    assert pay_in(served, "2", "same").body == first.body
    assert (other.status, elsewhere.status) == (422, 422)
    assert other.json["type"] == "urn:steelyard:problem:key-reused"
    assert (mine.status, mine.body == first.body) == (201, False)


def test_an_answer_without_a_body_is_kept_too(served: Served) -> None:
    headers = {"authorization": BEARER, "idempotency_key": "out"}
    answers = [served.ask("POST", "/api/v1/withdrawals", **headers) for _ in range(2)]

    assert [(answer.status, answer.body) for answer in answers] == [(204, b"")] * 2


def test_what_is_refused_is_refused_anew(served: Served) -> None:
    headers = {"authorization": BEARER, "idempotency_key": "no"}
    answers = [served.ask("POST", "/api/v1/refusals", **headers) for _ in range(2)]

    assert [answer.status for answer in answers] == [409, 409]
    assert answers[0].json["request_id"] != answers[1].json["request_id"]
