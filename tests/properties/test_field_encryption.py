"""S47: a sealed field opens in its own place and whole, and tells nothing else."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory
from traceback import format_exception

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.identity.field_encryption import (
    HEADER,
    NONCE_LENGTH,
    TAG_LENGTH,
    DataKey,
    Field,
    SealedFieldError,
    UnencodableTextError,
    join_context,
    key_id_of,
    seal,
    unseal,
)
from steelyard.identity.key_file import (
    KeyFile,
    KeyFileError,
    MasterKeyMissingError,
    MasterKeys,
    WrappedKey,
    WrappedKeyError,
    key_line,
    make_key_file,
    parse_keys,
)
from steelyard.identity.vault import Vault

KEYS = st.builds(DataKey, st.integers(1, 2**31 - 1), st.binary(min_size=32, max_size=32))
NAMES = st.text(st.characters(codec="utf-8"), max_size=12)
PLACES = st.builds(Field, st.integers(1, 2**31 - 1), NAMES, NAMES, NAMES)
NONCES = st.binary(min_size=NONCE_LENGTH, max_size=NONCE_LENGTH)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
CANARY = "CANARY-a7f3-Ünal"
CANARY_KEY = b"CANARY-key-0123456789-0123456789"


def fixed(data: bytes) -> Callable[[int], bytes]:
    return lambda length: data[:length]


@given(text=TEXTS, key=KEYS, place=PLACES, nonce=NONCES)
def test_what_was_sealed_opens_in_its_place(text: str, key: DataKey, place: Field, nonce: bytes) -> None:
    sealed = seal(text, key, place, fixed(nonce))
    assert unseal(sealed, key, place) == text
    assert key_id_of(sealed, place) == key.key_id
    assert sealed[HEADER.size :][:NONCE_LENGTH] == nonce
    assert len(sealed) == HEADER.size + NONCE_LENGTH + len(text.encode()) + TAG_LENGTH


@settings(max_examples=20)
@given(text=TEXTS, key=KEYS, place=PLACES, nonce=NONCES)
def test_every_bit_matters(text: str, key: DataKey, place: Field, nonce: bytes) -> None:
    sealed = seal(text, key, place, fixed(nonce))
    for bit in range(8 * len(sealed)):
        broken = bytearray(sealed)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealedFieldError):
            unseal(bytes(broken), key, place)
    for length in range(len(sealed)):
        with pytest.raises(SealedFieldError):
            unseal(sealed[:length], key, place)
    with pytest.raises(SealedFieldError):
        unseal(sealed + b"\0", key, place)


@given(text=TEXTS, key=KEYS, places=st.tuples(PLACES, PLACES), other=KEYS, nonce=NONCES)
def test_it_opens_nowhere_else(
    text: str, key: DataKey, places: tuple[Field, Field], other: DataKey, nonce: bytes
) -> None:
    here, there = places
    sealed = seal(text, key, here, fixed(nonce))
    moved = [
        replace(here, **{name: getattr(there, name)}) for name in ("tenant_id", "table", "column", "row_id")
    ]
    for place in (there, *moved):
        if place != here:
            with pytest.raises(SealedFieldError):
                unseal(sealed, key, place)
    for wrong in (other, replace(key, secret=other.secret), replace(key, key_id=other.key_id)):
        if wrong != key:
            with pytest.raises(SealedFieldError):
                unseal(sealed, wrong, here)
    relabelled = HEADER.pack(1, other.key_id) + sealed[HEADER.size :]
    if other.key_id != key.key_id:
        with pytest.raises(SealedFieldError):
            unseal(relabelled, replace(key, key_id=other.key_id), here)


@given(st.lists(NAMES, max_size=5), st.lists(NAMES, max_size=5))
def test_other_parts_never_join_to_the_same_bytes(parts: list[str], others: list[str]) -> None:
    assert (join_context(*parts) == join_context(*others)) == (parts == others)


@given(text=TEXTS, kinds=st.tuples(NAMES, NAMES), keys=st.tuples(NONCES, NONCES))
def test_a_keyed_hash_is_of_one_text_kind_and_key(
    text: str, kinds: tuple[str, str], keys: tuple[bytes, bytes]
) -> None:
    ours, theirs = (vault_with(key + bytes(20)) for key in keys)
    found = ours.index(kinds[0], text)
    assert len(found) == 32
    assert found == vault_with(keys[0] + bytes(20)).index(kinds[0], text)
    assert (found == ours.index(kinds[1], text)) == (kinds[0] == kinds[1])
    assert found != ours.index(kinds[0], text + "x")
    assert (found == theirs.index(kinds[0], text)) == (keys[0] == keys[1])
    assert (ours.cookie_key == theirs.cookie_key) == (keys[0] == keys[1])
    assert ours.cookie_key not in {found, keys[0] + bytes(20)}


@settings(max_examples=5)
@given(secret=st.binary(min_size=32, max_size=32), tenant_id=st.integers(1, 9), key_id=st.integers(1, 9))
async def test_a_wrapped_key_opens_for_its_tenant_and_number(
    secret: bytes, tenant_id: int, key_id: int
) -> None:
    with a_key_file() as path:
        file = KeyFile(path, token_bytes)
        wrapped = await file.wrap(secret, tenant_id, key_id)
        assert await file.unwrap(wrapped, tenant_id, key_id) == secret
        wrong = [(wrapped, tenant_id + 1, key_id), (wrapped, tenant_id, key_id + 1)]
        wrong += [(replace(wrapped, data=data), tenant_id, key_id) for data in spoilt(wrapped.data)]
        for key, tenant, number in wrong:
            with pytest.raises(WrappedKeyError):
                await file.unwrap(key, tenant, number)
        with pytest.raises(MasterKeyMissingError, match="k-other"):
            await file.unwrap(replace(wrapped, name="k-other"), tenant_id, key_id)


def spoilt(data: bytes) -> Iterator[bytes]:
    """The same with a bit changed, or cut off anywhere."""
    for bit in range(8 * len(data)):
        yield bytes(byte ^ ((1 << bit % 8) if place == bit // 8 else 0) for place, byte in enumerate(data))
    yield from (data[:length] for length in range(len(data)))


@contextmanager
def a_key_file() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "keys", "master.key")
        make_key_file(path, token_bytes)
        yield path


def vault_with(index_key: bytes) -> Vault:
    """A vault whose keyed hashes have this key."""
    return Vault.open(Masters(index_key))


@dataclass(frozen=True)
class Masters:
    """Knows no tenant's key."""

    index_key: bytes

    async def wrap(self, key: bytes, tenant_id: int, key_id: int) -> WrappedKey:
        raise NotImplementedError

    async def unwrap(self, wrapped: WrappedKey, tenant_id: int, key_id: int) -> bytes:
        raise NotImplementedError


LINES = st.lists(
    st.one_of(
        st.builds(
            lambda name, key: key_line(name, key).encode(),
            st.sampled_from(["index", "k-1", "k-2", "K 1", ""]),
            st.sampled_from([CANARY_KEY, CANARY_KEY[::-1], bytes(32), CANARY_KEY[:31], CANARY_KEY * 2]),
        ),
        st.sampled_from(
            [CANARY.encode(), b"k-3 " + CANARY.encode(), b"# remark\n", b"\xff\xfe\n", b"k-4 =\n", b"\n"]
        ),
        st.binary(max_size=20),
    ),
    max_size=5,
)


@given(LINES)
def test_a_key_file_is_read_whole_or_refused_without_a_word_of_it(lines: list[bytes]) -> None:
    content = b"".join(lines)
    found = read_or_refuse(content)
    tells_nothing(found)
    if isinstance(found, MasterKeys):
        assert found.newest in found.masters
        assert all(len(key) == 32 for key in (found.index_key, *found.masters.values()))
        assert len({found.index_key, *found.masters.values()}) == 1 + len(found.masters)


def read_or_refuse(content: bytes) -> MasterKeys | KeyFileError:
    try:
        return parse_keys(content, Path("master.key"))
    except KeyFileError as error:
        return error


@given(place=PLACES, nonce=NONCES)
def test_no_object_and_no_error_tells_a_secret(place: Field, nonce: bytes) -> None:
    key = DataKey(1, CANARY_KEY)
    sealed = seal(CANARY, key, place, fixed(nonce))
    tells_nothing(key)
    tells_nothing(WrappedKey("k-1", CANARY_KEY))
    tells_nothing(vault_with(CANARY_KEY))
    for failing in (
        lambda: seal(CANARY + "\udcff", key, place, fixed(nonce)),
        lambda: unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), key, place),
        lambda: unseal(sealed, DataKey(1, CANARY_KEY[::-1]), place),
        lambda: vault_with(CANARY_KEY).index("login", CANARY + "\udcff"),
    ):
        with pytest.raises((SealedFieldError, UnencodableTextError)) as refusal:
            failing()
        tells_nothing(refusal.value)


def tells_nothing(thing: object) -> None:
    """See that neither what a thing says nor the errors it came of hold the canaries, in any usual form."""
    said = f"{thing!r} {thing!s}"
    if isinstance(thing, BaseException):
        said += "".join(format_exception(thing)) + f"{vars(thing)}"
    for secret in (CANARY.encode(), CANARY_KEY, CANARY_KEY[::-1]):
        for form in (
            secret.decode("latin-1"),
            secret.decode("utf-8", "replace"),
            secret.hex(),
            b64encode(secret).decode()[:16],
            repr(secret)[2:-1],
        ):
            assert form not in said


def test_the_form_is_what_the_decision_says() -> None:
    key, place = DataKey(7, bytes(range(32))), Field(3, "users", "name_sealed", "42")
    nonce = bytes(range(100, 112))
    parts = ("steelyard: sealed field, 1", "3", "users", "name_sealed", "42", "7")
    bound = b"".join(len(part).to_bytes(4, "big") + part.encode() for part in parts)
    sealed = b"\x01\x00\x00\x00\x07" + nonce + AESGCM(key.secret).encrypt(nonce, b"Ada", bound)
    assert seal("Ada", key, place, fixed(nonce)) == sealed
    assert unseal(sealed, key, place) == "Ada"


def test_an_error_names_the_field() -> None:
    key, place = DataKey(7, bytes(32)), Field(3, "users", "name_sealed", "42")
    sealed = seal("Ada", key, place, fixed(bytes(12)))
    for broken, opener in (
        (sealed[:-1] + b"x", key),
        (b"", key),
        (b"\2" + sealed[1:], key),
        (sealed, DataKey(8, bytes(32))),
    ):
        with pytest.raises(
            SealedFieldError, match=r"^users\.name_sealed of 42 does not open: it was damaged, or moved"
        ):
            unseal(broken, opener, place)
    with pytest.raises(SealedFieldError, match=r"of \udc80 does not open"):
        unseal(sealed, key, replace(place, row_id="\udc80"))
    with pytest.raises(
        UnencodableTextError, match=r"^The text for users\.name_sealed of 42 holds half of a character"
    ):
        seal("\udc80", key, place, fixed(bytes(12)))
    with pytest.raises(UnencodableTextError, match=r"^The text for login holds"):
        vault_with(bytes(32)).index("login", "\udc80")
