"""Signing in with a password: counted before it is computed, one answer and one hash whoever it is."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from entrances import (
    HERE,
    NOON,
    PASSWORD,
    CountingHasher,
    actor_of,
    half_done,
    make_person,
    session_of,
)
from steelyard.errors import NotPermittedError
from steelyard.identity.attempts import OF_AN_ACCOUNT, OF_AN_ADDRESS, PASSWORD_PERIOD, TooManyTriesError
from steelyard.identity.passwords import LONGEST, Passwords, PasswordTooLongError
from steelyard.identity.permissions import Role, Standing
from steelyard.services.entrance import Entrance, SignInFailedError, Visitor
from steelyard.services.sign_in import sign_in_with_password
from steelyard.storage.acting import OPERATOR, act_as
from steelyard.storage.attempts import count_tries
from steelyard.storage.connection import get_write_session

WRONG = "a heron juggles zinc"
CHANGES = {
    "password": text("update steelyard.users set epoch = epoch + 1 where user_id = :user_id"),
    "status": text("update steelyard.users set status = 'disabled' where user_id = :user_id"),
}


async def answer_of(
    entrance: Entrance, login: str, password: str = WRONG, visitor: Visitor = HERE
) -> type[NotPermittedError]:
    with pytest.raises(NotPermittedError) as refused:
        await sign_in_with_password(entrance, visitor, login, password, now=NOON)
    return type(refused.value)


def anywhere() -> Visitor:
    """Another address each time, so that accounts alone are counted."""
    return Visitor(f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1")


async def kept_hash(login_index: bytes) -> str:
    async with get_write_session() as db:
        await act_as(db, OPERATOR)
        query = text("select password_hash from steelyard.users where login_index = :index")
        return str((await db.execute(query, {"index": login_index})).scalar_one())


async def test_a_person_signs_in(entrance: Entrance) -> None:
    ada = await make_person(entrance)
    signed = session_of(
        await sign_in_with_password(entrance, HERE, f" {ada.login.upper()}", PASSWORD, now=NOON)
    )
    actor = await actor_of(signed)

    assert actor.user_id == ada.user_id
    assert (set(actor.factors), actor.standing) == ({"password"}, Standing.FULL)
    assert (signed.session.address, signed.session.user_agent) == ("192.0.2.7", "a browser")


async def test_who_needs_a_second_factor_may_only_enrol_one(entrance: Entrance) -> None:
    ada = await make_person(entrance, Role.OWNER)
    signed = session_of(await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON))

    assert (await actor_of(signed)).standing is Standing.MUST_ENROL


async def test_who_has_a_second_factor_is_asked_for_it_whatever_the_role(entrance: Entrance) -> None:
    ada = await make_person(entrance, Role.VIEWER, totp=True)
    half = half_done(await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON))

    assert half.methods == ("totp", "recovery_code")
    assert half.expires_at == NOON + timedelta(minutes=10)
    with pytest.raises(NotPermittedError, match="not signed in"):
        await actor_of(half)  # what is half done opens no session


async def test_nobody_learns_who_is_a_user_here(entrance: Entrance, hasher: CountingHasher) -> None:
    ada = await make_person(entrance)
    others = {
        "wrong password": ada.login,
        "unknown": "nobody@example.org",
        "disabled": (await make_person(entrance, status="disabled")).login,
        "invited": (await make_person(entrance, status="invited")).login,
        "no password": (await make_person(entrance, password=None)).login,
    }
    answers = {}
    for case, login in others.items():
        before = hasher.computed
        password = WRONG if case == "wrong password" else PASSWORD
        with pytest.raises(SignInFailedError) as refused:
            await sign_in_with_password(entrance, anywhere(), login, password, now=NOON)
        answers[case] = (str(refused.value), hasher.computed - before)

    assert set(answers.values()) == {(str(SignInFailedError()), 1)}


@pytest.mark.parametrize("is_known", [True, False])
async def test_after_ten_tries_nothing_is_computed_for_an_account(
    entrance: Entrance, hasher: CountingHasher, *, is_known: bool
) -> None:
    login = (await make_person(entrance)).login if is_known else "nobody-here@example.org"
    before = hasher.computed
    answers = [await answer_of(entrance, login, visitor=anywhere()) for _ in range(12)]
    last = await answer_of(entrance, login, PASSWORD, anywhere())

    assert answers == [SignInFailedError] * OF_AN_ACCOUNT.tries + [TooManyTriesError] * 2
    assert last is TooManyTriesError  # the right password, too: it is not looked at
    assert hasher.computed - before == OF_AN_ACCOUNT.tries


async def test_after_a_hundred_tries_nothing_is_computed_for_an_address(
    entrance: Entrance, hasher: CountingHasher
) -> None:
    before = hasher.computed
    visitor = Visitor("198.51.100.23")
    answers = [
        await answer_of(entrance, f"{number}@example.org", visitor=visitor)
        for number in range(OF_AN_ADDRESS.tries + 5)
    ]

    assert answers.count(SignInFailedError) == OF_AN_ADDRESS.tries == hasher.computed - before
    assert answers[-5:] == [TooManyTriesError] * 5


async def test_a_refused_try_is_counted_nowhere(entrance: Entrance) -> None:
    """Who may not try from an address locks nobody out; the wait ends however often one tries meanwhile."""
    ada, visitor = await make_person(entrance), Visitor("198.51.100.24")
    for number in range(OF_AN_ADDRESS.tries):
        await answer_of(entrance, f"{number}@example.net", visitor=visitor)
    for _ in range(OF_AN_ACCOUNT.tries + 1):
        assert await answer_of(entrance, ada.login, visitor=visitor) is TooManyTriesError

    await sign_in_with_password(entrance, anywhere(), ada.login, PASSWORD, now=NOON)
    await sign_in_with_password(entrance, visitor, ada.login, PASSWORD, now=NOON + PASSWORD_PERIOD)


async def test_many_at_once_do_not_slip_by(entrance: Entrance, hasher: CountingHasher) -> None:
    ada = await make_person(entrance)
    before = hasher.computed
    answers = await asyncio.gather(*(answer_of(entrance, ada.login, visitor=anywhere()) for _ in range(60)))

    assert answers.count(SignInFailedError) == OF_AN_ACCOUNT.tries == hasher.computed - before
    assert answers.count(TooManyTriesError) == 60 - OF_AN_ACCOUNT.tries


async def test_ten_thousand_tries_make_few_hashes(entrance: Entrance) -> None:
    """What every try asks before it computes anything, asked ten thousand times in a quarter of an hour."""
    accounts = [
        entrance.vault.index("tries of a login name", f"bulk-{number}@example.org") for number in range(12)
    ]
    computed = 0
    async with get_write_session() as db:
        for second in range(899):
            later = NOON + timedelta(seconds=second)
            counted = await count_tries(db, accounts, period=PASSWORD_PERIOD, now=later)
            computed += sum(count <= OF_AN_ACCOUNT.tries for count, _ in counted.values())
        first = await count_tries(db, accounts, period=PASSWORD_PERIOD, now=NOON + PASSWORD_PERIOD)

    assert computed == 12 * OF_AN_ACCOUNT.tries
    assert {count for count, _ in counted.values()} == {899}
    assert set(first.values()) == {(1, NOON + PASSWORD_PERIOD)}


async def test_who_is_right_is_no_longer_counted(entrance: Entrance, hasher: CountingHasher) -> None:
    ada, visitor = await make_person(entrance), Visitor("198.51.100.25")
    for _ in range(3):
        for _ in range(OF_AN_ACCOUNT.tries - 1):
            await answer_of(entrance, ada.login, visitor=visitor)
        await sign_in_with_password(entrance, visitor, ada.login, PASSWORD, now=NOON)

    # What failed stays counted by address: to be right oneself does not buy tries with others' names.
    before = hasher.computed
    left = OF_AN_ADDRESS.tries - 3 * (OF_AN_ACCOUNT.tries - 1)
    for number in range(left + 1):
        await answer_of(entrance, f"{number}@example.com", visitor=visitor)
    assert hasher.computed - before == left


async def test_old_parameters_are_renewed_at_sign_in(entrance: Entrance) -> None:
    ada = await make_person(entrance)
    index = entrance.vault.index("login", ada.login)
    stronger = CountingHasher(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    new = replace(entrance, passwords=Passwords(at_once=1, hasher=stronger))
    await answer_of(new, ada.login)
    unchanged = await kept_hash(index)
    await sign_in_with_password(new, HERE, ada.login, PASSWORD, now=NOON)
    renewed = await kept_hash(index)
    await sign_in_with_password(new, HERE, ada.login, PASSWORD, now=NOON)
    new.passwords.close()

    assert "m=8,t=1,p=1" in unchanged
    assert "m=16,t=2,p=1" in renewed
    assert await kept_hash(index) == renewed


async def test_many_who_renew_them_at_once_are_all_let_in(entrance: Entrance) -> None:
    ada = await make_person(entrance)
    stronger = CountingHasher(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    new = replace(entrance, passwords=Passwords(at_once=5, hasher=stronger))
    ended = await asyncio.gather(
        *(sign_in_with_password(new, HERE, ada.login, PASSWORD, now=NOON) for _ in range(5))
    )
    new.passwords.close()

    assert len({session_of(one).secret for one in ended}) == 5


async def test_for_who_may_not_sign_in_no_parameters_are_renewed(entrance: Entrance) -> None:
    ada = await make_person(entrance, status="disabled")
    stronger = CountingHasher(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    new = replace(entrance, passwords=Passwords(at_once=1, hasher=stronger))
    before = stronger.computed
    await answer_of(new, ada.login, PASSWORD)
    new.passwords.close()

    assert stronger.computed - before == 1


async def test_a_password_that_nobody_has_is_refused_before_all(
    entrance: Entrance, hasher: CountingHasher
) -> None:
    before = hasher.computed
    for _ in range(OF_AN_ACCOUNT.tries + 1):
        with pytest.raises(PasswordTooLongError):
            await sign_in_with_password(entrance, HERE, "ada", "x" * (LONGEST + 1), now=NOON)

    assert hasher.computed == before


@pytest.mark.parametrize("what", CHANGES)
async def test_what_changed_while_we_computed_counts(
    entrance: Entrance, hasher: CountingHasher, what: str
) -> None:
    ada, loop = await make_person(entrance), asyncio.get_running_loop()

    async def change() -> None:
        async with get_write_session() as db:
            await act_as(db, OPERATOR)
            await db.execute(CHANGES[what], {"user_id": ada.user_id})

    hasher.meanwhile = lambda: asyncio.run_coroutine_threadsafe(change(), loop).result()

    assert await answer_of(entrance, ada.login, PASSWORD) is SignInFailedError
