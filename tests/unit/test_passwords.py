"""Passwords: one hash whoever asks, old hashes renewed, lengths before work, and no common ones."""

import asyncio
import re
import secrets
import threading
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError

from steelyard.identity.passwords import (
    ARGON2ID,
    CommonPasswordError,
    PasswordAnswer,
    Passwords,
    PasswordTooLongError,
    PasswordTooShortError,
    check_new_password,
    normalise,
)


class Counting:
    """The real hasher, with small parameters, and a count of its work."""

    def __init__(self, memory: int = 64) -> None:
        """Nothing was done yet."""
        self.real = PasswordHasher(time_cost=1, memory_cost=memory, parallelism=1)
        self.work: list[str] = []
        self.now, self.most = 0, 0
        self.lock = threading.Lock()

    def hash(self, password: str | bytes) -> str:
        with self.counted("hash"):
            return self.real.hash(password)

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - the library's name
        with self.counted("verify"):
            return self.real.verify(hash, password)

    def check_needs_rehash(self, hash: str | bytes) -> bool:  # noqa: A002 - the library's name
        return self.real.check_needs_rehash(hash)

    def counted(self, what: str) -> "Counted":
        self.work.append(what)
        return Counted(self)


class Counted:
    """Work under way."""

    def __init__(self, counting: Counting) -> None:
        """Know whose it is."""
        self.counting = counting

    def __enter__(self) -> None:
        with self.counting.lock:
            self.counting.now += 1
            self.counting.most = max(self.counting.most, self.counting.now)

    def __exit__(self, *_: object) -> None:
        with self.counting.lock:
            self.counting.now -= 1


@pytest.fixture
def hasher() -> Counting:
    return Counting()


@pytest.fixture
def passwords(hasher: Counting) -> Iterator[Passwords]:
    made = Passwords(at_once=2, hasher=hasher)
    hasher.work.clear()
    yield made
    made.close()


async def test_the_parameters_are_those_of_the_design() -> None:
    passwords = Passwords(at_once=1)
    kept = await passwords.hash("an otter juggles")

    assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", kept)
    assert await passwords.check("an otter juggles", kept) == PasswordAnswer(is_right=True)
    assert await passwords.hash("an otter juggles") != kept
    assert not ARGON2ID.check_needs_rehash(kept)
    passwords.close()


async def test_right_wrong_and_nobody_cost_one_hash_each(passwords: Passwords, hasher: Counting) -> None:
    kept = await passwords.hash("an otter juggles")
    for typed, stored in (("an otter juggles", kept), ("an otter sleeps", kept), ("an otter juggles", None)):
        hasher.work.clear()
        answer = await passwords.check(typed, stored)

        assert hasher.work == ["verify"]
        assert answer == PasswordAnswer(is_right=typed == "an otter juggles" and stored is not None)


async def test_nobody_has_no_password(passwords: Passwords) -> None:
    assert not (await passwords.check("the password of nobody", None)).is_right


async def test_what_old_parameters_made_is_made_anew(passwords: Passwords, hasher: Counting) -> None:
    old = Counting(memory=32).hash("an otter juggles")
    answer = await passwords.check("an otter juggles", old)

    assert answer.is_right
    assert answer.new_hash is not None
    assert not hasher.check_needs_rehash(answer.new_hash)
    assert await passwords.check("an otter juggles", answer.new_hash) == PasswordAnswer(is_right=True)
    assert await passwords.check("another", old) == PasswordAnswer(is_right=False)


async def test_a_broken_hash_is_nobodys_password_but_ours_to_mend(passwords: Passwords) -> None:
    with pytest.raises(InvalidHashError):
        await passwords.check("an otter juggles", "plain text")


async def test_a_long_password_is_refused_before_any_work(passwords: Passwords, hasher: Counting) -> None:
    for typed in ("x" * 257, "x" * 10_000_000, "\ufdfa" * 20):
        with pytest.raises(PasswordTooLongError):
            await passwords.check(typed, None)
        with pytest.raises(PasswordTooLongError):
            await passwords.hash(typed)

    assert hasher.work == []
    assert not (await passwords.check("x" * 256, None)).is_right


async def test_only_so_many_at_once(passwords: Passwords, hasher: Counting) -> None:
    await asyncio.gather(*[passwords.check(secrets.token_hex(), None) for _ in range(20)])

    assert len(hasher.work) == 20
    assert hasher.most <= 2


async def test_other_keyboards_write_the_same_password(passwords: Passwords) -> None:
    kept = await passwords.hash("cafe\u0301 and ﬁve otters")

    assert (await passwords.check("caf\u00e9 and five otters", kept)).is_right
    assert not (await passwords.check("cafe and five otters", kept)).is_right


async def test_a_half_character_is_hashed_all_the_same(passwords: Passwords) -> None:
    kept = await passwords.hash("an otter \ud800 juggles")

    assert (await passwords.check("an otter \ud800 juggles", kept)).is_right
    assert normalise("\ud800") == "?"


SOUND = [
    "an otter juggles tin",
    "Zw9!kq2#Lm7$Xc4&",
    "correct otter battery stapler",
    "sieben Ziegen zählen Zäune",
    "七つの山羊が柵を数えて夜を明かしている",
    "x79f3kq2pzw4vtn",
    "passwordpasswordxkvz",
]


@pytest.mark.parametrize("password", SOUND)
def test_what_nobody_guesses_first_is_accepted(password: str) -> None:
    check_new_password(password, has_second_factor=False, names=["Ada Lovelace", "ada@example.org"])


COMMON = [
    "passwordpassword",
    "passwordpasswordxkv",
    "Password1234567",
    "P@$$w0rdP@$$w0rd",
    "123456789012345",
    "987654321098765",
    "qwertyuiopasdfgh",
    "poiuytrewqlkjhgf",
    "aaaaaaaaaaaaaaa",
    "abcdefghijklmnop",
    "abxabxabxabxabx",
    "iloveyou-iloveyou",
    "correcthorsebatterystaple",
    "lovelace-ada-1234",
    "Steelyard2026!!",
    "dragonmonkeyshadow",
    "adaexampleadaexample",
]


@pytest.mark.parametrize("password", COMMON)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(CommonPasswordError):
        check_new_password(password, has_second_factor=False, names=["Ada Lovelace", "ada@example.org"])


def test_short_names_hide_nothing() -> None:
    check_new_password("an otter juggles", has_second_factor=False, names=["A. N. Ot", ""])


@pytest.mark.parametrize(("has_second_factor", "least"), [(True, 8), (False, 15)])
def test_how_long_a_password_is_at_least(*, has_second_factor: bool, least: int) -> None:
    check_new_password("kq2pzw4vtn7xjm9"[:least], has_second_factor=has_second_factor, names=[])
    with pytest.raises(PasswordTooShortError, match=f"at least {least} "):
        check_new_password("kq2pzw4vtn7xjm9"[: least - 1], has_second_factor=has_second_factor, names=[])
    with pytest.raises(PasswordTooLongError):
        check_new_password("kq2pzw4vtn7xjm9" * 18, has_second_factor=has_second_factor, names=[])


def test_characters_are_counted_and_not_bytes() -> None:
    with pytest.raises(PasswordTooShortError):
        check_new_password("山羊が柵を数え", has_second_factor=True, names=[])
    check_new_password("山羊が柵を数える", has_second_factor=True, names=[])
