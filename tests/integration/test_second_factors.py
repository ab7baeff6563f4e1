"""Second factors that are typed: each counts once, five tries a sign-in, and nothing of it is in a cookie."""

from datetime import timedelta

import pytest

from entrances import (
    HERE,
    NOON,
    PASSWORD,
    Person,
    actor_of,
    at_once,
    disable,
    events_of,
    half_done,
    make_person,
    notices_of,
    session_of,
)
from steelyard.errors import SteelyardError
from steelyard.identity.attempts import OF_A_SIGN_IN, OF_CODES, TooManyTriesError
from steelyard.identity.mfa import WrongCodeError
from steelyard.identity.pending import NoSignInError
from steelyard.identity.permissions import Role, Standing
from steelyard.services.entrance import Entrance, SecondFactorNeeded, Signed
from steelyard.services.factors import set_password
from steelyard.services.sign_in import finish_with_recovery_code, finish_with_totp, sign_in_with_password
from steelyard.services.step_up import step_up_with_totp

WRONG = "000000"


async def begin(entrance: Entrance, person: Person) -> SecondFactorNeeded:
    return half_done(await sign_in_with_password(entrance, HERE, person.login, PASSWORD, now=NOON))


async def test_a_code_ends_the_sign_in(entrance: Entrance) -> None:
    ada = await make_person(entrance, Role.OWNER, totp=True)
    half = await begin(entrance, ada)
    signed = await finish_with_totp(entrance, HERE, half.secret, ada.code(), now=NOON)
    actor = await actor_of(signed)

    assert set(actor.factors) == {"password", "totp"}
    assert actor.standing is Standing.FULL
    with pytest.raises(NoSignInError):
        await finish_with_totp(entrance, HERE, half.secret, ada.code(), now=NOON)


async def test_a_code_counts_once_whoever_shows_it(entrance: Entrance) -> None:
    """Twenty sign-ins half done, and the same code shown in each at once."""
    ada = await make_person(entrance, totp=True)
    halves = [await begin(entrance, ada) for _ in range(OF_CODES.tries)]
    signed, refused = await at_once(
        *(finish_with_totp(entrance, HERE, half.secret, ada.code(), now=NOON) for half in halves)
    )

    assert len(signed) == 1
    assert set(refused) == {WrongCodeError}


async def test_one_sign_in_ends_once_whatever_is_shown_at_once(entrance: Entrance) -> None:
    ada = await make_person(entrance, totp=True)
    half = await begin(entrance, ada)
    signed, refused = await at_once(
        *(
            finish_with_recovery_code(entrance, HERE, half.secret, code, now=NOON)
            for code in ada.recovery_codes
        ),
        finish_with_totp(entrance, HERE, half.secret, ada.code(), now=NOON),
    )

    assert len(signed) == 1
    assert set(refused) == {NoSignInError}


async def test_a_code_of_a_sign_in_steps_up_no_more(entrance: Entrance) -> None:
    ada = await make_person(entrance, totp=True)
    half = await begin(entrance, ada)
    signed = await finish_with_totp(entrance, HERE, half.secret, ada.code(), now=NOON)

    with pytest.raises(WrongCodeError):
        await step_up_with_totp(entrance, await actor_of(signed), ada.code(), now=NOON)


async def test_a_recovery_code_counts_once_whoever_shows_it(entrance: Entrance) -> None:
    ada = await make_person(entrance, totp=True)
    halves = [await begin(entrance, ada) for _ in range(OF_CODES.tries)]
    code = ada.recovery_codes[3].lower()
    signed, refused = await at_once(
        *(finish_with_recovery_code(entrance, HERE, half.secret, code, now=NOON) for half in halves)
    )

    assert len(signed) == 1
    assert set(refused) == {WrongCodeError}
    assert set((await actor_of(signed[0])).factors) == {"password", "recovery_code"}
    assert await notices_of(ada) == ["recovery_code.use"]
    assert "recovery_code.use" in await events_of(ada)


async def test_five_tries_and_the_user_is_told(entrance: Entrance) -> None:
    """The sixth is refused, the right code too; who knows the password cannot go on unnoticed."""
    ada = await make_person(entrance, totp=True)
    half = await begin(entrance, ada)
    for _ in range(OF_A_SIGN_IN):
        assert await notices_of(ada) == []
        with pytest.raises(WrongCodeError):
            await finish_with_totp(entrance, HERE, half.secret, WRONG, now=NOON)

    with pytest.raises(NoSignInError):
        await finish_with_totp(entrance, HERE, half.secret, ada.code(), now=NOON)
    assert await notices_of(ada) == ["second_factor.fail"]
    assert await events_of(ada) == ["second_factor.fail"]


async def test_other_sign_ins_buy_no_more_tries(entrance: Entrance) -> None:
    ada = await make_person(entrance, totp=True)
    for number in range(OF_CODES.tries):
        if number % OF_A_SIGN_IN == 0:
            half = await begin(entrance, ada)
        with pytest.raises(WrongCodeError):
            await finish_with_totp(entrance, HERE, half.secret, WRONG, now=NOON)
    half = await begin(entrance, ada)

    with pytest.raises(TooManyTriesError):
        await finish_with_totp(entrance, HERE, half.secret, ada.code(), now=NOON)
    with pytest.raises(TooManyTriesError):
        await finish_with_recovery_code(entrance, HERE, half.secret, ada.recovery_codes[0], now=NOON)


async def test_a_right_code_forgets_the_wrong_ones(entrance: Entrance) -> None:
    ada = await make_person(entrance, totp=True)
    for round_number in range(6):
        now = NOON + timedelta(seconds=30 * round_number)
        half = await begin(entrance, ada)
        for _ in range(OF_A_SIGN_IN - 1):
            with pytest.raises(WrongCodeError):
                await finish_with_totp(entrance, HERE, half.secret, WRONG, now=now)
        signed = await finish_with_totp(entrance, HERE, half.secret, ada.code(now), now=now)

    assert signed.session.user_id == ada.user_id


@pytest.mark.parametrize("after", [timedelta(minutes=10), timedelta(hours=1)])
async def test_what_is_half_done_ends_after_ten_minutes(entrance: Entrance, after: timedelta) -> None:
    ada = await make_person(entrance, totp=True)
    half, late = await begin(entrance, ada), NOON + after

    with pytest.raises(NoSignInError):
        await finish_with_totp(entrance, HERE, half.secret, ada.code(late), now=late)


async def test_nothing_of_it_is_in_the_cookie(entrance: Entrance) -> None:
    """Whatever a cookie is changed to, the second factor is still asked for: it names what is kept here."""
    ada, eve = await make_person(entrance, totp=True), await make_person(entrance, totp=True)
    half, other = await begin(entrance, ada), await begin(entrance, eve)
    changed = [None, "", "mfa=done", half.secret[:-1], half.secret.swapcase(), half.secret + "A", "A" * 43]

    for cookie in changed:
        with pytest.raises(NoSignInError):
            await finish_with_totp(entrance, HERE, cookie, ada.code(), now=NOON)
    with pytest.raises(WrongCodeError):  # another's sign-in wants another's code
        await finish_with_totp(entrance, HERE, other.secret, ada.code(), now=NOON)
    for mine, cookie_text in ((ada, half.secret), (eve, other.secret)):
        assert mine.login not in cookie_text
        assert str(mine.user_id) not in cookie_text
        assert len(cookie_text) == 43


async def test_a_new_password_ends_what_is_half_done(entrance: Entrance) -> None:
    ada = await make_person(entrance, totp=True)
    signed = await finish_with_totp(entrance, HERE, (await begin(entrance, ada)).secret, ada.code(), now=NOON)
    half = await begin(entrance, ada)
    await set_password(entrance, await actor_of(signed), "seven quiet lobsters hum", now=NOON)

    with pytest.raises(NoSignInError):
        await finish_with_recovery_code(entrance, HERE, half.secret, ada.recovery_codes[0], now=NOON)


async def test_who_was_disabled_meanwhile_is_not_let_in(entrance: Entrance) -> None:
    ada = await make_person(entrance, totp=True)
    half = await begin(entrance, ada)
    await disable(ada)

    with pytest.raises(SteelyardError, match="may not sign in"):
        await finish_with_totp(entrance, HERE, half.secret, ada.code(), now=NOON)


async def test_what_was_signed_is_a_session(entrance: Entrance) -> None:
    ada = await make_person(entrance, totp=True)
    signed: Signed = session_of(
        await finish_with_totp(entrance, HERE, (await begin(entrance, ada)).secret, ada.code(), now=NOON)
    )

    assert signed.secret not in repr(signed)
