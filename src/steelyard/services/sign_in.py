"""Signing in with a login name and a password, and the second factors that are typed."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from steelyard.identity.attempts import OF_A_SIGN_IN
from steelyard.identity.mfa import WrongCodeError, check_code, find_recovery_code
from steelyard.identity.passwords import normalise
from steelyard.identity.session import Factor
from steelyard.services.entrance import (
    Entrance,
    HalfDone,
    SecondFactorNeeded,
    Signed,
    SignInFailedError,
    Visitor,
    act_for,
    act_for_active,
    count_password_try,
    find_half_done,
    fold_login,
    forget_code_tries,
    forget_password_tries,
    go_on,
    let_in,
    second_factors_of,
    take_half_done,
    try_second_factor,
)
from steelyard.storage import factors as store
from steelyard.storage.acting import NOBODY, act_as
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.factors import Factors, FoundLogin
from steelyard.storage.notice import add_notice

CheckFactor = Callable[[WriteSession, Entrance, Factors, str, datetime], Awaitable[None]]
"""Lets a second factor count, in the transaction of what it lets happen; raises WrongCodeError."""


async def sign_in_with_password(
    entrance: Entrance, visitor: Visitor, login: str, password: str, *, now: datetime
) -> Signed | SecondFactorNeeded:
    """Sign in with a login name and a password.

    The try is counted, and that committed, before anything is computed. Unknown login name, disabled user, no password
    and wrong password are one answer after one hash each.

    Args:
        entrance: what signing in needs.
        visitor: where the request comes from.
        login: as typed; case and width do not matter.
        password: as typed.
        now: the time, with its zone.

    Raises:
        PasswordTooLongError: nobody has such a password; nothing is counted.
        TooManyTriesError: of this login name or from this address, of late; nothing is computed.
        SignInFailedError: the password is not this user's, or there is no such user.
    """
    normalise(password)
    folded = fold_login(login)
    found = await _count_and_find(entrance, visitor, folded, now)
    kept = None if found is None else found.password_hash
    answer = await entrance.passwords.check(password, kept)
    if found is None or not answer.is_right:
        raise SignInFailedError
    async with get_write_session() as db:
        user = await act_for_active(db, (found.tenant_id, found.user_id))
        if user.epoch != found.epoch:
            raise SignInFailedError  # the password was changed while we computed
        if answer.new_hash is not None:
            await store.set_password_hash(db, user.user_id, answer.new_hash)
        await forget_password_tries(db, entrance, folded, visitor, now=now)
        return await go_on(db, entrance, visitor, user, frozenset({Factor.PASSWORD}), now=now)


async def _count_and_find(
    entrance: Entrance, visitor: Visitor, folded: str, now: datetime
) -> FoundLogin | None:
    """Count the try, and find whose it is; None = nobody's, or somebody's who may not sign in."""
    async with get_write_session() as db:
        await act_as(db, NOBODY)
        await count_password_try(db, entrance, folded, visitor, now=now)
        found = await store.find_login(db, entrance.vault.index("login", folded))
        return found if found is not None and found.status == "active" else None


async def get_second_factors(secret: str | None, *, now: datetime) -> tuple[str, ...]:
    """Return what whoever is half signed in may show: totp, passkey, recovery_code.

    Args:
        secret: of `SecondFactorNeeded`, from the browser's cookie; None = it has none.
        now: the time, with its zone.

    Raises:
        NoSignInError: nothing is half done there, or it is older than ten minutes.
        SignInFailedError: the user may not sign in any more.
    """
    async with get_write_session() as db:
        return second_factors_of(await find_half_done(db, secret, now=now))


async def finish_with_totp(
    entrance: Entrance, visitor: Visitor, secret: str | None, typed: str, *, now: datetime
) -> Signed:
    """End a sign-in that waits for its second factor with a code of an authenticator app.

    Args:
        entrance: what signing in needs.
        visitor: where the request comes from.
        secret: of `SecondFactorNeeded`, from the browser's cookie; None = it has none.
        typed: six digits, spaces aside.
        now: the time, with its zone.

    Raises:
        NoSignInError: nothing is half done there, it is older than ten minutes, or had five tries.
        TooManyTriesError: too many codes of this user were wrong of late.
        WrongCodeError: it is not the code, or it was used.
        SignInFailedError: the user may not sign in any more.
    """
    return await _finish(entrance, visitor, secret, (Factor.TOTP, typed), now)


async def finish_with_recovery_code(
    entrance: Entrance, visitor: Visitor, secret: str | None, typed: str, *, now: datetime
) -> Signed:
    """End a sign-in that waits for its second factor with a recovery code, which counts once; as `finish_with_totp`."""
    return await _finish(entrance, visitor, secret, (Factor.RECOVERY_CODE, typed), now)


async def _finish(
    entrance: Entrance, visitor: Visitor, secret: str | None, answer: tuple[Factor, str], now: datetime
) -> Signed:
    factor, typed = answer
    half = await try_second_factor(entrance, secret, now=now)
    try:
        async with get_write_session() as db:
            user = await take_half_done(db, half, now=now)
            await TYPED[factor](db, entrance, user, typed, now)
            await forget_code_tries(db, entrance, user.user_id, now=now)
            return await let_in(db, entrance, visitor, user, half.asked.factors | {factor}, now=now)
    except WrongCodeError:
        if half.asked.tries >= OF_A_SIGN_IN:
            await tell_of_wrong_codes(half)
        raise


async def tell_of_wrong_codes(half: HalfDone) -> None:
    """Tell a user that somebody who knows their password went through all tries of a second factor."""
    async with get_write_session() as db:
        if await act_for(db, half.tenant_id, half.user_id) is not None:
            await add_notice(db, half.user_id, "second_factor.fail")
            facts = {"tries": half.asked.tries}
            await record_event(db, "second_factor.fail", "user", str(half.user_id), facts)


async def check_totp(db: WriteSession, entrance: Entrance, user: Factors, typed: str, now: datetime) -> None:
    """Let a code of the user's app count, once whoever else shows it at the same moment; raises WrongCodeError."""
    if user.totp_seed_sealed is None:
        raise WrongCodeError
    place = ("users", "totp_seed_sealed", str(user.user_id))
    seed = bytes.fromhex(await entrance.vault.unseal(db, *place, user.totp_seed_sealed))
    step = check_code(seed, typed, now=now, last_step=user.totp_last_step)
    if not await store.use_step(db, user.user_id, step):
        raise WrongCodeError


async def check_recovery_code(
    db: WriteSession, entrance: Entrance, user: Factors, typed: str, now: datetime
) -> None:
    """Let a recovery code count, once, and tell the user; raises WrongCodeError."""
    del entrance  # a hash of 120 random bits needs no key
    code_hash = find_recovery_code(typed, await store.get_recovery_hashes(db, user.user_id))
    if not await store.use_recovery_code(db, user.user_id, code_hash, now):
        raise WrongCodeError
    left = user.recovery_codes - 1
    await add_notice(db, user.user_id, "recovery_code.use")
    await record_event(db, "recovery_code.use", "user", str(user.user_id), {"left": left})


TYPED: dict[Factor, CheckFactor] = {Factor.TOTP: check_totp, Factor.RECOVERY_CODE: check_recovery_code}
