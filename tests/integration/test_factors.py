"""Changing what one signs in with: proved again first, every other session ends, the user is told, it is recorded."""

from base64 import b32decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from entrances import (
    HERE,
    NOON,
    PASSWORD,
    Person,
    actor_of,
    at_once,
    events_of,
    half_done,
    make_person,
    notices_of,
    session_of,
    sign_in,
)
from steelyard.errors import SteelyardError
from steelyard.identity.attempts import OF_CODES, TooManyTriesError
from steelyard.identity.mfa import STEP_SECONDS, WrongCodeError, calculate_code
from steelyard.identity.passwords import CommonPasswordError, PasswordTooShortError
from steelyard.identity.permissions import Actor, Role, SecondFactorNeededError, Standing
from steelyard.identity.session import NotSignedInError, StepUpNeededError
from steelyard.services.entrance import Entrance, Signed, SignInFailedError
from steelyard.services.factors import (
    Enrolment,
    FactorChanged,
    LastSecondFactorError,
    LastWayInError,
    NoEnrolmentError,
    NoSuchFactorError,
    begin_totp,
    confirm_totp,
    get_own_factors,
    remove_password,
    remove_totp,
    renew_recovery_codes,
    set_password,
)
from steelyard.services.sign_in import finish_with_recovery_code, finish_with_totp, sign_in_with_password
from steelyard.services.step_up import step_up_with_password, step_up_with_recovery_code, step_up_with_totp

NEW = "seven quiet lobsters hum"
SOON = NOON + timedelta(minutes=1)
LATE = NOON + timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of what one signs in with, and what it is called."""

    action: str
    make: Callable[[Entrance, Actor], Awaitable[Signed]]


async def enrol(entrance: Entrance, actor: Actor) -> Signed:
    enrolment = await begin_totp(entrance, actor, now=NOON)
    return (await confirm_totp(entrance, actor, code_of(enrolment), now=NOON)).signed


async def renew(entrance: Entrance, actor: Actor) -> Signed:
    return (await renew_recovery_codes(entrance, actor, now=NOON)).signed


CHANGES = [
    Change("password.change", lambda entrance, actor: set_password(entrance, actor, NEW, now=NOON)),
    Change("totp.enrol", enrol),
    Change("totp.remove", lambda entrance, actor: remove_totp(entrance, actor, now=NOON)),
    Change("recovery_code.renew", renew),
]


def code_of(enrolment: Enrolment, now: Any = NOON) -> str:
    """What an app shows that was given the seed."""
    return calculate_code(b32decode(enrolment.seed), int(now.timestamp()) // STEP_SECONDS)


async def recovered(entrance: Entrance, person: Person, number: int) -> Actor:
    """Signed in by a recovery code, so that a code of the app is still unused."""
    half = half_done(await sign_in_with_password(entrance, HERE, person.login, PASSWORD, now=NOON))
    code = person.recovery_codes[number]
    return await actor_of(await finish_with_recovery_code(entrance, HERE, half.secret, code, now=NOON))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.action)
async def test_a_change_ends_every_other_session_and_is_told(entrance: Entrance, change: Change) -> None:
    ada = await make_person(entrance, totp=True)
    half = half_done(await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON))
    other = await finish_with_totp(entrance, HERE, half.secret, ada.code(), now=NOON)
    mine = await recovered(entrance, ada, 0)
    signed = await change.make(entrance, mine)

    with pytest.raises(NotSignedInError):
        await actor_of(other)
    assert (await actor_of(signed)).session_id == mine.session_id
    with pytest.raises(NotSignedInError):  # the secret that the change was made with, too
        await set_password(entrance, mine, "nine loud badgers whistle", now=NOON)
    assert (await notices_of(ada))[-1] == (await events_of(ada))[-1] == change.action


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.action)
async def test_a_change_needs_a_factor_shown_a_short_while_ago(entrance: Entrance, change: Change) -> None:
    ada = await make_person(entrance, totp=True)
    half = half_done(
        await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON - timedelta(minutes=5))
    )
    signed = await finish_with_recovery_code(
        entrance, HERE, half.secret, ada.recovery_codes[0], now=NOON - timedelta(minutes=5)
    )

    with pytest.raises(StepUpNeededError):
        await change.make(entrance, await actor_of(signed))
    assert await events_of(ada) == ["recovery_code.use"]


async def test_a_new_password_signs_in_and_the_old_one_does_not(entrance: Entrance) -> None:
    ada = await make_person(entrance)
    await set_password(entrance, await sign_in(entrance, ada), NEW, now=NOON)

    session_of(await sign_in_with_password(entrance, HERE, ada.login, NEW, now=NOON))
    with pytest.raises(SignInFailedError):
        await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON)


async def test_a_password_that_would_be_guessed_is_refused(entrance: Entrance) -> None:
    """Eight characters do where a second factor is always asked for, and one's own login name is no password."""
    ada, eve = await make_person(entrance), await make_person(entrance, Role.OWNER)
    viewer, owner = await sign_in(entrance, ada), await sign_in(entrance, eve)

    with pytest.raises(PasswordTooShortError, match="15"):
        await set_password(entrance, viewer, "otter%tin", now=NOON)
    with pytest.raises(CommonPasswordError):
        await set_password(entrance, viewer, ada.login, now=NOON)
    await set_password(entrance, owner, "otter%tin", now=NOON)
    await set_password(entrance, viewer, NEW, now=NOON)  # what was refused changed nothing


async def test_an_app_counts_once_a_code_confirms_it(entrance: Entrance) -> None:
    ada = await make_person(entrance, Role.OWNER)
    actor = await sign_in(entrance, ada)
    enrolment = await begin_totp(entrance, actor, now=NOON)
    assert not (await get_own_factors(actor)).has_totp
    with pytest.raises(WrongCodeError):
        await confirm_totp(entrance, actor, "000000", now=NOON)
    changed = await confirm_totp(entrance, actor, code_of(enrolment), now=NOON)

    assert f"Steelyard:{ada.login.replace('@', '%40')}?secret={enrolment.seed}" in enrolment.address
    now = await actor_of(changed.signed)
    assert (set(now.factors), now.standing) == ({"password", "totp"}, Standing.FULL)
    assert len(changed.recovery_codes) == 10
    half = half_done(await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON))
    assert half.methods == ("totp", "recovery_code")
    with pytest.raises(WrongCodeError):  # the code that confirmed it
        await finish_with_totp(entrance, HERE, half.secret, code_of(enrolment), now=NOON)
    await finish_with_totp(entrance, HERE, half.secret, code_of(enrolment, SOON), now=SOON)


async def test_an_app_is_confirmed_in_the_session_that_began_it(entrance: Entrance) -> None:
    ada = await make_person(entrance)
    mine, other = await sign_in(entrance, ada), await sign_in(entrance, ada)
    first = await begin_totp(entrance, mine, now=NOON)
    with pytest.raises(NoEnrolmentError):
        await confirm_totp(entrance, other, code_of(first), now=NOON)
    second = await begin_totp(entrance, mine, now=NOON)
    with pytest.raises(WrongCodeError):  # the seed before counts no more
        await confirm_totp(entrance, mine, code_of(first), now=NOON)
    done, refused = await at_once(
        *(confirm_totp(entrance, mine, code_of(second), now=NOON) for _ in range(5))
    )

    assert len(done) == 1
    assert set(refused) == {NoEnrolmentError}


async def test_guessing_at_an_app_ends(entrance: Entrance) -> None:
    actor = await sign_in(entrance, await make_person(entrance))
    enrolment = await begin_totp(entrance, actor, now=NOON)
    for _ in range(OF_CODES.tries):
        with pytest.raises(WrongCodeError):
            await confirm_totp(entrance, actor, "000000", now=NOON)

    with pytest.raises(TooManyTriesError):
        await confirm_totp(entrance, actor, code_of(enrolment), now=NOON)


async def test_the_last_way_in_stays(entrance: Entrance) -> None:
    ada = await make_person(entrance)
    actor = await sign_in(entrance, ada)

    with pytest.raises(LastWayInError):
        await remove_password(entrance, actor, now=NOON)
    assert (await get_own_factors(actor)).has_password
    assert await events_of(ada) == []


async def test_the_last_second_factor_stays_where_one_is_needed(entrance: Entrance) -> None:
    owner = await sign_in(entrance, await make_person(entrance, Role.OWNER, totp=True))
    viewer = await sign_in(entrance, await make_person(entrance, Role.VIEWER, totp=True))

    with pytest.raises(LastSecondFactorError):
        await remove_totp(entrance, owner, now=NOON)
    left = await actor_of(await remove_totp(entrance, viewer, now=NOON))
    with pytest.raises(NoSuchFactorError):
        await remove_totp(entrance, left, now=NOON)
    assert (await get_own_factors(owner)).has_totp


async def test_new_recovery_codes_end_the_old_ones(entrance: Entrance) -> None:
    ada = await make_person(entrance, totp=True)
    changed: FactorChanged = await renew_recovery_codes(entrance, await sign_in(entrance, ada), now=NOON)
    half = half_done(await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON))

    with pytest.raises(WrongCodeError):
        await finish_with_recovery_code(entrance, HERE, half.secret, ada.recovery_codes[0], now=NOON)
    await finish_with_recovery_code(entrance, HERE, half.secret, changed.recovery_codes[9], now=NOON)
    with pytest.raises(NoSuchFactorError):
        await renew_recovery_codes(entrance, await sign_in(entrance, await make_person(entrance)), now=NOON)


async def test_a_step_up_renews_what_was_shown(entrance: Entrance) -> None:
    """By a second factor where there is one, else by the password; the secret before opens nothing any more."""
    ada, eve = await make_person(entrance, totp=True), await make_person(entrance)
    first, plain = await sign_in(entrance, ada), await sign_in(entrance, eve)
    with pytest.raises(SecondFactorNeededError):
        await step_up_with_password(entrance, first, PASSWORD, now=LATE)
    by_code = await step_up_with_totp(entrance, first, ada.code(LATE), now=LATE)
    with pytest.raises(NotSignedInError):
        await step_up_with_recovery_code(entrance, first, ada.recovery_codes[0], now=LATE)
    again = await actor_of(by_code, LATE)
    by_recovery = await step_up_with_recovery_code(entrance, again, ada.recovery_codes[0], now=LATE)
    by_password = await step_up_with_password(entrance, plain, PASSWORD, now=LATE)

    assert again.auth_time == LATE
    assert (await actor_of(by_recovery, LATE)).auth_time == LATE
    assert (await actor_of(by_password, LATE)).auth_time == LATE
    assert by_code.session.created_at == NOON  # the absolute limit counts from there


async def test_a_step_up_is_refused_and_counted(entrance: Entrance) -> None:
    ada, eve = await make_person(entrance, totp=True), await make_person(entrance)
    first, plain = await sign_in(entrance, ada), await sign_in(entrance, eve)
    for _ in range(OF_CODES.tries):
        with pytest.raises(WrongCodeError):
            await step_up_with_totp(entrance, first, "000000", now=SOON)
        with pytest.raises(SignInFailedError):
            await step_up_with_password(entrance, plain, NEW, now=SOON)

    for refused in (
        step_up_with_totp(entrance, first, ada.code(SOON), now=SOON),
        step_up_with_password(entrance, plain, PASSWORD, now=SOON),
    ):
        with pytest.raises(TooManyTriesError):
            await refused


async def test_a_token_or_the_operator_has_no_factors(entrance: Entrance) -> None:
    for actor in (Actor(1), Actor(1, (await make_person(entrance)).user_id, Role.VIEWER)):
        with pytest.raises(SteelyardError):
            await set_password(entrance, actor, NEW, now=NOON)
