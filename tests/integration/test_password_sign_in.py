"""Signing in with a password: counted before it is computed, one answer and one hash whoever it is."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from entrances import HERE, NOON, PASSWORD, CountingHasher, actor_of, make_entrance, make_person
from steelyard.errors import SteelyardError
from steelyard.identity.attempts import OF_AN_ACCOUNT, OF_AN_ADDRESS, TooManyTriesError
from steelyard.identity.passwords import Passwords, PasswordTooLongError
from steelyard.identity.pending import NoSignInError
from steelyard.identity.permissions import Role, Standing
from steelyard.services.entrance import Entrance, SecondFactorNeeded, Signed, SignInFailedError, Visitor
from steelyard.services.sign_in import finish_with_totp, sign_in_with_password
from steelyard.storage.connection import Pool


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture
def entrance(store: Pool, tmp_path: Path, hasher: CountingHasher) -> Entrance:
    del store  # opening it is what matters
    return make_entrance(tmp_path, hasher)


async def test_a_person_signs_in(entrance: Entrance) -> None:
    ada = await make_person(entrance)
    signed = await sign_in_with_password(entrance, HERE, ada.login.upper(), PASSWORD, now=NOON)

    assert isinstance(signed, Signed)
    actor = await actor_of(signed)
    assert (actor.user_id, actor.factors, actor.standing) == (ada.user_id, {"password"}, Standing.FULL)
