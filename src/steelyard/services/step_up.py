"""Proving again who one is by what is typed; the session goes on with a new secret."""

from datetime import datetime

from steelyard.identity.passwords import normalise
from steelyard.identity.permissions import Actor, SecondFactorNeededError, Standing
from steelyard.identity.session import Factor
from steelyard.services.entrance import (
    Entrance,
    Signed,
    SignInFailedError,
    count_code_try,
    forget_code_tries,
)
from steelyard.services.factors import own_factors
from steelyard.services.session import step_up
from steelyard.services.sign_in import TYPED
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.factors import Factors


async def step_up_with_totp(entrance: Entrance, actor: Actor, typed: str, *, now: datetime) -> Signed:
    """Prove again who one is with a code of an authenticator app.

    Raises:
        TooManyTriesError: too many second factors of this user were wrong of late.
        WrongCodeError: it is not the code, or it was used.
        NotSignedInError: the session has ended.
    """
    return await _with_code(entrance, actor, typed, Factor.TOTP, now=now)


async def step_up_with_recovery_code(
    entrance: Entrance, actor: Actor, typed: str, *, now: datetime
) -> Signed:
    """Prove again who one is with a recovery code, which counts once; raises as `step_up_with_totp`."""
    return await _with_code(entrance, actor, typed, Factor.RECOVERY_CODE, now=now)


async def step_up_with_password(entrance: Entrance, actor: Actor, password: str, *, now: datetime) -> Signed:
    """Prove again who one is with a password: for who has no second factor, such as who is about to enrol one.

    Raises:
        PasswordTooLongError: nobody has such a password; nothing is counted.
        TooManyTriesError: too many tries of this user failed of late; nothing is computed.
        SecondFactorNeededError: they have a second factor, and are to show that.
        SignInFailedError: it is not the password.
        NotSignedInError: the session has ended.
    """
    normalise(password)
    user = await _count(entrance, actor, now)
    if user.has_second:
        raise SecondFactorNeededError(Standing.MUST_SHOW)
    answer = await entrance.passwords.check(password, user.password_hash)
    if not answer.is_right:
        raise SignInFailedError
    async with get_write_session() as db:
        await own_factors(db, actor)  # whoever changed password or factors meanwhile ended this session
        return await _go_on(db, entrance, actor, Factor.PASSWORD, now)


async def _with_code(
    entrance: Entrance, actor: Actor, typed: str, factor: Factor, *, now: datetime
) -> Signed:
    await _count(entrance, actor, now)
    async with get_write_session() as db:
        await TYPED[factor](db, entrance, await own_factors(db, actor), typed, now)
        return await _go_on(db, entrance, actor, factor, now)


async def _count(entrance: Entrance, actor: Actor, now: datetime) -> Factors:
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        await count_code_try(db, entrance, user.user_id, now=now)
        return user


async def _go_on(db: WriteSession, entrance: Entrance, actor: Actor, factor: Factor, now: datetime) -> Signed:
    if actor.user_id is not None:
        await forget_code_tries(db, entrance, actor.user_id, now=now)
    opened = await step_up(db, actor, {factor}, now=now, random=entrance.random)
    return Signed(opened.secret, opened.session)
