"""Passkeys through the services: each question is answered once, each proof counts once, and the last way in stays."""

import pytest

from entrances import (
    HERE,
    NOON,
    ORIGIN,
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
    sign_in,
)
from passkey_device import Device
from steelyard.identity.attempts import OF_A_SIGN_IN
from steelyard.identity.passkeys import PasskeyDefect, PasskeyError
from steelyard.identity.pending import NoSignInError
from steelyard.identity.permissions import Actor, Role, Standing
from steelyard.identity.session import NotSignedInError, StepUpNeededError
from steelyard.services.entrance import LIFETIME, Entrance, Signed, SignInFailedError
from steelyard.services.factors import (
    FactorChanged,
    LastSecondFactorError,
    LastWayInError,
    get_own_factors,
    remove_password,
)
from steelyard.services.new_passkeys import (
    LabelError,
    NoPasskeyError,
    PasskeyTakenError,
    ask_to_register,
    register,
    remove,
    rename,
)
from steelyard.services.passkeys import (
    NoQuestionError,
    UnknownPasskeyError,
    ask_for_second_factor,
    ask_for_step_up,
    ask_to_sign_in,
    finish_with_passkey,
    sign_in_with_passkey,
    step_up_with_passkey,
)
from steelyard.services.sign_in import sign_in_with_password

LATE = NOON + LIFETIME


async def enrolled(
    entrance: Entrance, role: Role = Role.VIEWER, *, counts: bool = True
) -> tuple[Person, Actor, Device, FactorChanged]:
    """A person with a password and a passkey, signed in."""
    person = await make_person(entrance, role)
    actor = await sign_in(entrance, person)
    device = Device(ORIGIN, counts=counts)
    answer = device.make(await ask_to_register(entrance, actor, now=NOON))
    changed = await register(entrance, actor, answer, " My key ", now=NOON)
    return person, await actor_of(changed.signed), device, changed


async def use(entrance: Entrance, device: Device) -> Signed:
    """Sign in with a passkey alone."""
    question = await ask_to_sign_in(entrance, now=NOON)
    return await sign_in_with_passkey(
        entrance, HERE, question.secret, device.prove(question.options), now=NOON
    )


async def refused(entrance: Entrance, device: Device) -> PasskeyDefect:
    with pytest.raises(PasskeyError) as error:
        await use(entrance, device)
    return error.value.defect


async def test_a_passkey_alone_signs_in_and_counts_as_two_factors(entrance: Entrance) -> None:
    ada, _, device, _ = await enrolled(entrance, Role.OWNER)
    question = await ask_to_sign_in(entrance, now=NOON)
    signed = await sign_in_with_passkey(
        entrance, HERE, question.secret, device.prove(question.options), now=NOON
    )
    actor = await actor_of(signed)

    assert question.options["userVerification"] == "required"
    assert actor.user_id == ada.user_id
    assert (set(actor.factors), actor.standing) == ({"passkey"}, Standing.FULL)


@pytest.mark.parametrize("counts", [True, False])
async def test_a_proof_counts_once_however_often_it_is_sent(entrance: Entrance, *, counts: bool) -> None:
    _, _, device, _ = await enrolled(entrance, counts=counts)
    question = await ask_to_sign_in(entrance, now=NOON)
    answer = device.prove(question.options)
    signed, refusals = await at_once(
        *(sign_in_with_passkey(entrance, HERE, question.secret, answer, now=NOON) for _ in range(20))
    )

    assert len(signed) == 1
    assert set(refusals) == {NoQuestionError}


async def test_an_answer_from_another_browser_or_too_late_is_none(entrance: Entrance) -> None:
    _, _, device, _ = await enrolled(entrance)
    question, other = await ask_to_sign_in(entrance, now=NOON), await ask_to_sign_in(entrance, now=NOON)
    answer = device.prove(question.options)

    for secret, now in ((other.secret, NOON), (None, NOON), (question.secret, LATE)):
        with pytest.raises(NoQuestionError):
            await sign_in_with_passkey(entrance, HERE, secret, answer, now=now)
    await sign_in_with_passkey(entrance, HERE, question.secret, answer, now=NOON)


async def test_a_wrong_answer_takes_the_question_away(entrance: Entrance) -> None:
    _, _, device, _ = await enrolled(entrance)
    question = await ask_to_sign_in(entrance, now=NOON)
    device.verifies = False
    with pytest.raises(PasskeyError):
        await sign_in_with_passkey(entrance, HERE, question.secret, device.prove(question.options), now=NOON)
    device.verifies = True

    with pytest.raises(NoQuestionError):
        await sign_in_with_passkey(entrance, HERE, question.secret, device.prove(question.options), now=NOON)


async def test_what_is_not_believed_signs_nobody_in(entrance: Entrance) -> None:
    _, _, device, _ = await enrolled(entrance)
    device.verifies = False
    assert await refused(entrance, device) is PasskeyDefect.NOT_VERIFIED
    device.verifies, device.origin = True, "http://elsewhere.example"
    assert await refused(entrance, device) is PasskeyDefect.ORIGIN
    device.origin, device.handle = ORIGIN, b"another's handle"
    assert await refused(entrance, device) is PasskeyDefect.USER
    with pytest.raises(UnknownPasskeyError):
        await use(entrance, Device(ORIGIN))


async def test_a_copied_passkey_is_refused_and_its_user_told(entrance: Entrance) -> None:
    ada, _, device, _ = await enrolled(entrance)
    copy = Device(ORIGIN, credential_id=device.credential_id, key=device.key, handle=device.handle)
    await use(entrance, device)
    await use(entrance, device)

    assert await refused(entrance, copy) is PasskeyDefect.COUNTER
    assert (await notices_of(ada))[-1] == (await events_of(ada))[-1] == "passkey.copied"


async def test_who_was_disabled_is_not_let_in(entrance: Entrance) -> None:
    person, _, device, _ = await enrolled(entrance)
    await disable(person)

    with pytest.raises(SignInFailedError):
        await use(entrance, device)


async def test_a_passkey_is_a_second_factor(entrance: Entrance) -> None:
    ada, _, device, _ = await enrolled(entrance)
    half = half_done(await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON))
    options = await ask_for_second_factor(entrance, half.secret, now=NOON)
    answer = device.prove(options)
    signed, refusals = await at_once(
        *(finish_with_passkey(entrance, HERE, half.secret, answer, now=NOON) for _ in range(OF_A_SIGN_IN))
    )

    assert half.methods == ("passkey", "recovery_code")
    assert len(options["allowCredentials"]) == 1
    assert len(signed) == 1
    assert set(refusals) <= {NoQuestionError, NoSignInError}
    assert set((await actor_of(signed[0])).factors) == {"password", "passkey"}


async def test_anothers_passkey_is_no_second_factor(entrance: Entrance) -> None:
    ada, _, _, _ = await enrolled(entrance)
    eve, _, device, _ = await enrolled(entrance)
    half = half_done(await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON))
    own = half_done(await sign_in_with_password(entrance, HERE, eve.login, PASSWORD, now=NOON))
    options = await ask_for_second_factor(entrance, half.secret, now=NOON)
    with pytest.raises(UnknownPasskeyError):
        await finish_with_passkey(entrance, HERE, half.secret, device.prove(options), now=NOON)
    options = await ask_for_second_factor(entrance, own.secret, now=NOON)

    with pytest.raises(NoQuestionError):  # asked of Eve, answered in Ada's sign-in
        await finish_with_passkey(entrance, HERE, half.secret, device.prove(options), now=NOON)
    with pytest.raises(NoSignInError):
        await ask_for_second_factor(entrance, "A" * 43, now=NOON)


async def test_a_passkey_proves_again_who_one_is(entrance: Entrance) -> None:
    later = NOON.replace(minute=9)
    _, actor, device, _ = await enrolled(entrance)
    answer = device.prove(await ask_for_step_up(entrance, actor, now=later))
    signed, refusals = await at_once(
        *(step_up_with_passkey(entrance, actor, answer, now=later) for _ in range(10))
    )

    assert len(signed) == 1
    assert set(refusals) == {NoQuestionError}
    assert (await actor_of(signed[0], later)).auth_time == later
    with pytest.raises(NotSignedInError):  # the secret before is dead
        await step_up_with_passkey(
            entrance, actor, device.prove(await ask_for_step_up(entrance, actor, now=later)), now=later
        )


async def test_a_question_of_one_session_is_not_answered_in_another(entrance: Entrance) -> None:
    _, mine, device, _ = await enrolled(entrance)
    other = await actor_of(await use(entrance, device))
    answer = device.prove(await ask_for_step_up(entrance, mine, now=NOON))

    with pytest.raises(NoQuestionError):
        await step_up_with_passkey(entrance, other, answer, now=NOON)
    options = await ask_for_step_up(entrance, mine, now=NOON)
    with pytest.raises(NoQuestionError):  # nor is what was asked for one purpose good for another
        await sign_in_with_passkey(entrance, HERE, options["challenge"], device.prove(options), now=NOON)


async def test_a_new_passkey_is_told_and_ends_other_sessions(entrance: Entrance) -> None:
    ada = await make_person(entrance)
    mine = await sign_in(entrance, ada)
    other = session_of(await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON))
    device = Device(ORIGIN)
    answer = device.make(await ask_to_register(entrance, mine, now=NOON))
    changed = await register(entrance, mine, answer, "Phone", now=NOON)

    actor = await actor_of(changed.signed)
    with pytest.raises(NotSignedInError):
        await actor_of(other)
    assert set(actor.factors) == {"password", "passkey"}
    assert len(changed.recovery_codes) == 10
    assert await notices_of(ada) == await events_of(ada) == ["passkey.enrol"]
    with pytest.raises(NoQuestionError):
        await register(entrance, actor, answer, "Phone", now=NOON)


async def test_a_passkey_is_one_users(entrance: Entrance) -> None:
    _, _, device, _ = await enrolled(entrance)
    eve = await sign_in(entrance, await make_person(entrance))
    answer = device.make(await ask_to_register(entrance, eve, now=NOON))

    with pytest.raises(PasskeyTakenError):
        await register(entrance, eve, answer, "Mine", now=NOON)


async def test_a_change_needs_a_factor_shown_a_short_while_ago(entrance: Entrance) -> None:
    later = NOON.replace(minute=5)
    _, actor, device, _ = await enrolled(entrance)

    with pytest.raises(StepUpNeededError):
        await ask_to_register(entrance, actor, now=later)
    with pytest.raises(StepUpNeededError):
        await register(entrance, actor, "{}", "Mine", now=later)
    with pytest.raises(StepUpNeededError):
        await rename(actor, device.credential_id, "Mine", now=later)
    with pytest.raises(StepUpNeededError):
        await remove(entrance, actor, device.credential_id, now=later)


async def test_a_passkey_is_renamed_and_removed_by_its_user_alone(entrance: Entrance) -> None:
    ada, actor, device, _ = await enrolled(entrance)
    eve = await sign_in(entrance, await make_person(entrance))
    await rename(actor, device.credential_id, "Kitchen", now=NOON)
    for label in ("", "  ", "x" * 61, "two\nlines"):
        with pytest.raises(LabelError):
            await rename(actor, device.credential_id, label, now=NOON)
    assert [passkey.label for passkey in (await get_own_factors(actor)).passkeys] == ["Kitchen"]
    with pytest.raises(NoPasskeyError):
        await rename(eve, device.credential_id, "Eve's", now=NOON)
    with pytest.raises(NoPasskeyError):
        await remove(entrance, eve, device.credential_id, now=NOON)
    left = await actor_of(await remove(entrance, actor, device.credential_id, now=NOON))

    assert (await get_own_factors(left)).passkeys == []
    assert (await events_of(ada))[-2:] == ["passkey.rename", "passkey.remove"]


async def test_the_last_passkey_stays_where_nothing_else_would_be_left(entrance: Entrance) -> None:
    _, owner, needed, _ = await enrolled(entrance, Role.OWNER)
    _, viewer, only, _ = await enrolled(entrance)
    viewer = await actor_of(await remove_password(entrance, viewer, now=NOON))

    with pytest.raises(LastSecondFactorError):
        await remove(entrance, owner, needed.credential_id, now=NOON)
    with pytest.raises(LastWayInError):
        await remove(entrance, viewer, only.credential_id, now=NOON)
    assert len((await get_own_factors(owner)).passkeys) == len((await get_own_factors(viewer)).passkeys) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        "{}",
        '{"response": 7}',
        '{"response": {}}',
        '{"response": {"clientDataJSON": "%%%"}}',
        '{"response": {"clientDataJSON": "W10"}}',  # []
        '{"response": {"clientDataJSON": "e30"}}',  # {}
        '{"response": {"clientDataJSON": "eyJjaGFsbGVuZ2UiOiA3fQ"}}',  # {"challenge": 7}
        "x" * 70_000,
    ],
)
async def test_what_is_no_answer_is_refused(entrance: Entrance, answer: str) -> None:
    _, actor, _, _ = await enrolled(entrance)
    for attempt in (
        sign_in_with_passkey(entrance, HERE, None, answer, now=NOON),
        step_up_with_passkey(entrance, actor, answer, now=NOON),
        register(entrance, actor, answer, "Phone", now=NOON),
    ):
        with pytest.raises(PasskeyError) as error:
            await attempt
        assert error.value.defect is PasskeyDefect.MALFORMED
