"""Passwords: what may be one, and how one is kept and compared (argon2id, RFC 9106)."""

import asyncio
import re
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final, Protocol, TypeVar, TypeVarTuple

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from steelyard.errors import InvalidInputError

Texts = TypeVarTuple("Texts")
Result = TypeVar("Result")

ARGON2ID: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""19 MiB, two passes, one lane: what OWASP asks for at least."""

SHORTEST_ALONE: Final = 15
SHORTEST_WITH_SECOND_FACTOR: Final = 8
LONGEST: Final = 256
"""Characters, after normalisation (NIST SP 800-63B-4, 3.1.1.2)."""

SHORTEST_RUN: Final = 3
LEAST_UNCOMMON: Final = 4
"""So many different characters at least stand outside of common words, names and runs."""

ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
LOOKALIKES: Final = str.maketrans("@4831!05$7", "aabeiiosst")


class PasswordTooShortError(InvalidInputError):
    """A new password has too few characters."""

    def __init__(self, shortest: int) -> None:
        """Name the least."""
        super().__init__(f"A password here has at least {shortest} characters: take a few words more.")


class PasswordTooLongError(InvalidInputError):
    """A password has more characters than anybody types."""

    def __init__(self) -> None:
        """Name the most."""
        super().__init__(f"A password here has at most {LONGEST} characters.")


class CommonPasswordError(InvalidInputError):
    """A new password is among the first that are guessed."""

    def __init__(self) -> None:
        """Say why; the password is not repeated."""
        super().__init__(
            "This password is made of common words, names or runs such as 12345, which are guessed first: take words "
            "that only you would put together."
        )


class Hasher(Protocol):
    """Hashes and compares with parameters of its own; argon2-cffi's `PasswordHasher` is one."""

    def hash(self, password: str | bytes) -> str:
        """Hash, with a salt of its own."""

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - the library's name
        """Compare; raises VerifyMismatchError where they differ."""

    def check_needs_rehash(self, hash: str | bytes) -> bool:  # noqa: A002 - the library's name
        """Whether other parameters made it."""


@dataclass(frozen=True, slots=True)
class PasswordAnswer:
    """Whether a password is the one kept.

    Attributes:
        is_right: whether it is.
        new_hash: to be kept instead of the old one, where the parameters have changed since; None = keep the old.
    """

    is_right: bool
    new_hash: str | None = None


class Passwords:
    """Hashes and compares passwords, so many at a time: each takes 19 MiB and a core for some 20 ms."""

    def __init__(self, *, at_once: int, hasher: Hasher = ARGON2ID) -> None:
        """Make the hash that is compared with where there is no user.

        Args:
            at_once: how many are worked on at once; the others wait.
            hasher: with the parameters in force.
        """
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(
            at_once, "passwords"
        )  # of its own: who gives up waiting frees no turn
        self._nobodys = hasher.hash("the password of nobody")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    async def hash(self, password: str) -> str:
        """Hash a password that `check_new_password` has seen; raises PasswordTooLongError."""
        return await self._in_turn(self._hasher.hash, normalise(password))

    async def check(self, password: str, kept: str | None) -> PasswordAnswer:
        """Compare a password with what is kept of it.

        Whether there is such a user or not, one hash is computed: nobody learns from the time who is a user here.

        Args:
            password: as it was typed.
            kept: the hash; None = there is no such user, or they have no password. The answer is no.

        Raises:
            PasswordTooLongError: before anything is computed or looked at.
        """
        is_right = await self._in_turn(self._is_right, normalise(password), kept or self._nobodys)
        if not is_right or kept is None:
            return PasswordAnswer(is_right=False)
        is_old = self._hasher.check_needs_rehash(kept)
        return PasswordAnswer(is_right=True, new_hash=await self.hash(password) if is_old else None)

    async def _in_turn(self, work: Callable[[*Texts], Result], *texts: *Texts) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *texts)

    def _is_right(self, text: str, kept: str) -> bool:
        try:
            return self._hasher.verify(kept, text)
        except VerifyMismatchError:
            return False


def normalise(password: str) -> str:
    """Give the one form of a password that keyboards and systems write in several (NFKC).

    Raises:
        PasswordTooLongError: it is longer than 256 characters, before or after.

    >>> normalise("ﬁve") == "five"
    True
    """
    if len(password) > LONGEST:
        raise PasswordTooLongError
    text = unicodedata.normalize("NFKC", password)
    if len(text) > LONGEST:
        raise PasswordTooLongError
    return text.encode("utf-8", "replace").decode()


def check_new_password(password: str, *, has_second_factor: bool, names: Sequence[str]) -> None:
    """Refuse a password that would be guessed (NIST SP 800-63B-4, 3.1.1.2). No rule of kinds of characters.

    Args:
        password: as it was typed.
        has_second_factor: whether it never suffices alone: then 8 characters do, else 15.
        names: of the person and the firm, their e-mail address.

    Raises:
        PasswordTooShortError, PasswordTooLongError: by characters.
        CommonPasswordError: but for three different characters at most it is common words, these names, and runs.

    >>> check_new_password("an otter juggles tin", has_second_factor=False, names=["Ada"])
    >>> check_new_password("P4ssword-12345-ada", has_second_factor=False, names=["Ada"])
    Traceback (most recent call last):
    ...
    steelyard.identity.passwords.CommonPasswordError: This password is made of common words, ...
    """
    text = normalise(password)
    shortest = SHORTEST_WITH_SECOND_FACTOR if has_second_factor else SHORTEST_ALONE
    if len(text) < shortest:
        raise PasswordTooShortError(shortest)
    if _uncommon(text.lower(), names) < LEAST_UNCOMMON:
        raise CommonPasswordError


def _uncommon(text: str, names: Sequence[str]) -> int:
    """Count the different characters outside of common words, names and runs."""
    own = {part for name in names for part in re.split(r"[\W_]+", name.lower()) if len(part) >= SHORTEST_RUN}
    common = [False] * len(text)
    for spelling in (text, text.translate(LOOKALIKES)):
        for word in _common_words() | own:
            for found in re.finditer(re.escape(word), spelling):
                common[found.start() : found.end()] = [True] * len(word)
    for start, end in _runs(text):
        common[start:end] = [True] * (end - start)
    return len({character for character, is_common in zip(text, common, strict=True) if not is_common})


def _runs(text: str) -> Sequence[tuple[int, int]]:
    """Find years, and where characters repeat or follow each other in the alphabet or on a keyboard, either way."""
    steps = [a == b or any(a + b in row or b + a in row for row in ROWS) for a, b in pairwise(text)]
    marks = "".join("x" if step else "." for step in steps)
    found = [(run.start(), run.end() + 1) for run in re.finditer(f"x{{{SHORTEST_RUN - 1},}}", marks)]
    return found + [year.span() for year in re.finditer(r"(?:19|20)\d\d", text)]


@cache
def _common_words() -> frozenset[str]:
    listed = files("steelyard.identity").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(listed.split())
