"""Once, in the store: keys of requests, what was answered to them, and what becomes of both when something breaks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from secrets import token_hex

import pytest
from sqlalchemy import text

from people import OPERATOR_ACTOR, acting, add_person, as_user, run
from steelyard.errors import ConflictError
from steelyard.identity.permissions import Role
from steelyard.services.idempotency import KeyReusedError, hash_of_body, once
from steelyard.storage.acting import acting_as
from steelyard.storage.audit import record_event
from steelyard.storage.connection import (
    WriteSession,
    close_connection_pool,
    get_write_session,
    init_connection_pool,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseLostError
from steelyard.storage.idempotency import KeptAnswer, KeyedRequest

ROUTE = "POST /api/v1/deposits"


class RefusedDepositError(ConflictError):
    """Somebody may not pay in."""


def asked(key: str, body: bytes = b"{}", route: str = ROUTE) -> KeyedRequest:
    return KeyedRequest(key, route, hash_of_body(body))


async def deposit(db: WriteSession, key: str) -> KeptAnswer:
    """An effect that leaves a trace, and answers something new each time."""
    await record_event(db, "toy.deposit", "toy", key)
    return KeptAnswer(201, f'{{"deposit":"{token_hex(8)}"}}')


async def deposits(key: str) -> int:
    [(count,)] = await run(
        "select count(*) from steelyard.audit_events where action = 'toy.deposit' and object_id = :key",
        key=key,
    )
    assert isinstance(count, int)
    return count


async def send(key: str, body: bytes = b"{}") -> KeptAnswer:
    return await once(asked(key, body), lambda db: deposit(db, key))


@pytest.mark.usefixtures("store")
async def test_what_is_sent_again_gets_the_answer_of_the_first_time() -> None:
    answers = [await send("again") for _ in range(3)]

    assert answers == [answers[0]] * 3
    assert answers[0].status == 201
    assert await deposits("again") == 1


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    "other", [asked("other", b'{"amount":"2"}'), asked("other", b"{}", "POST /api/v1/orders")]
)
async def test_a_key_that_comes_with_another_body_or_address_is_refused(other: KeyedRequest) -> None:
    await send("other")
    with pytest.raises(KeyReusedError):
        await once(other, lambda db: deposit(db, "other"))

    assert await deposits("other") == 1


@pytest.mark.usefixtures("store")
async def test_a_body_is_the_same_however_it_is_written() -> None:
    first = await send("written", body=b'{"b": 1, "a": {"d": "2", "c": [1, 2]}}')

    assert await send("written", body=b'{"a":{"c":[1,2],"d":"2"},"b":1}') == first
    with pytest.raises(KeyReusedError):
        await send("written", body=b'{"a":{"c":[2,1],"d":"2"},"b":1}')


@pytest.mark.usefixtures("store")
async def test_new_answers_take_those_away_that_are_older_than_a_month() -> None:
    age = (
        "update steelyard.idempotency_keys set made_at = now() - cast(:age as interval) "
        "where key = any(:keys) returning key"
    )
    old, young = [f"old-{number}" for number in range(12)], ["young-1", "young-2"]
    owner = as_user(await add_person(Role.OWNER))
    with acting_as(owner):
        for key in [*old, *young]:
            await send(key)
        await run(age, age=timedelta(days=31), keys=old)
        await run(age, age=timedelta(days=29), keys=young)
    left = "select key from steelyard.idempotency_keys where key = any(:keys) order by 1"
    with acting_as(as_user(await add_person(Role.OWNER))):
        await send("of somebody else")
    assert len(await run(left, keys=old)) == 12

    with acting_as(owner):
        await send("new-1")
        assert len(await run(left, keys=old)) == 2
        await send("new-2")

    assert await run(left, keys=[*old, *young]) == [("young-1",), ("young-2",)]


@pytest.mark.usefixtures("store")
async def test_a_key_is_its_makers_own() -> None:
    answers = []
    for user_id in [await add_person(Role.OWNER) for _ in range(2)]:
        with acting_as(as_user(user_id)):
            answers.append(await send("mine"))

    assert answers[0] != answers[1]
    assert await deposits("mine") == 2


@pytest.mark.usefixtures("store")
async def test_sixty_at_once_with_one_key_are_one_effect_and_sixty_equal_answers() -> None:
    answers = await asyncio.gather(*(send("sixty") for _ in range(60)))

    assert len(set(answers)) == 1
    assert await deposits("sixty") == 1


@pytest.mark.usefixtures("store")
async def test_so_are_sixty_in_processes_that_know_nothing_of_each_other(
    database: EmbeddedServer, urls: Callable[[EmbeddedServer], tuple[str, str]]
) -> None:
    """Loops of their own, with pools of their own: what one has in hand, only the store tells the others."""

    async def in_own_loop() -> list[KeptAnswer]:
        app, migrator = urls(database)
        await init_connection_pool(app, migrator_url=migrator, pool_size=2)
        found = await asyncio.gather(*(send("apart") for _ in range(15)))
        await close_connection_pool()
        return found

    with ThreadPoolExecutor(4) as threads:
        loops = [threads.submit(asyncio.run, in_own_loop()) for _ in range(4)]
        answers = [answer for loop in loops for answer in await asyncio.wrap_future(loop)]

    assert len(answers) == 60
    assert len(set(answers)) == 1
    assert await deposits("apart") == 1


@pytest.mark.usefixtures("store")
async def test_what_is_refused_keeps_nothing_and_may_be_sent_again() -> None:
    async def refuse(db: WriteSession) -> KeptAnswer:
        await deposit(db, "refused")
        raise RefusedDepositError

    for _ in range(2):
        with pytest.raises(RefusedDepositError):
            await once(asked("refused"), refuse)
    assert await deposits("refused") == 0

    assert (await send("refused", body=b"{}")).status == 201
    assert await deposits("refused") == 1


@pytest.mark.usefixtures("store")
async def test_a_crash_between_effect_and_answer_undoes_both_and_the_next_try_works(
    as_superuser: Callable[[str], None],
) -> None:
    async def die(db: WriteSession) -> KeptAnswer:
        await deposit(db, "crash")
        pid = (await db.execute(text("select pg_backend_pid()"))).scalar_one()
        await asyncio.to_thread(as_superuser, f"select pg_terminate_backend({pid}, 5000)")
        return KeptAnswer(201, "{}")

    with pytest.raises(DatabaseLostError):
        await once(asked("crash"), die)
    assert await deposits("crash") == 0

    first = await send("crash")
    assert await send("crash") == first
    assert await deposits("crash") == 1


@pytest.mark.usefixtures("store")
async def test_who_waits_for_one_that_fails_does_it_in_its_place() -> None:
    tries: list[int] = []

    async def fail_once(db: WriteSession) -> KeptAnswer:
        tries.append(1)
        await asyncio.sleep(0.01)
        if len(tries) == 1:
            raise RefusedDepositError
        return await deposit(db, "second")

    ended = await asyncio.gather(
        *(once(asked("second"), fail_once) for _ in range(5)), return_exceptions=True
    )

    assert [type(one) for one in ended].count(RefusedDepositError) == 1
    assert len({one for one in ended if isinstance(one, KeptAnswer)}) == 1
    assert len(tries) == 2
    assert await deposits("second") == 1


@pytest.mark.usefixtures("store")
async def test_what_comes_first_is_done_once_and_stays_whatever_becomes_of_the_effect() -> None:
    counted: list[str] = []

    async def count() -> None:
        async with acting(OPERATOR_ACTOR) as db:
            await record_event(db, "toy.deposit", "toy", "counted")
        counted.append("once")

    async def refuse(db: WriteSession) -> KeptAnswer:
        await deposit(db, "first")
        raise RefusedDepositError

    with pytest.raises(RefusedDepositError):
        await once(asked("first"), refuse, first=count)
    answers = [await once(asked("first"), lambda db: deposit(db, "first"), first=count) for _ in range(3)]

    assert len(set(answers)) == 1
    assert (len(counted), await deposits("counted"), await deposits("first")) == (2, 2, 1)


@pytest.mark.usefixtures("store")
async def test_a_key_is_read_by_nobody_else() -> None:
    with acting_as(as_user(await add_person(Role.OWNER))):
        await send("hidden")
    with acting_as(as_user(await add_person(Role.OWNER))):
        async with get_write_session() as db:
            seen = (await db.execute(text("select count(*) from steelyard.idempotency_keys"))).scalar_one()

    assert seen == 0


def test_no_body_and_an_empty_one_are_not_the_same() -> None:
    assert hash_of_body(b"") == sha256(b"").digest()
    assert hash_of_body(b"{}") == sha256(b"{}").digest()


@pytest.mark.parametrize("body", [b"[]", b'{"a":1,"a":2}', b"\xff"])
def test_what_is_no_plain_object_has_no_hash(body: bytes) -> None:
    with pytest.raises(ValueError, match="plain"):
        hash_of_body(body)
