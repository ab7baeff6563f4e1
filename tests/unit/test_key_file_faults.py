"""A key file that is not as it must be is refused, with its name and the reason, and never replaced."""

import os
import stat
from pathlib import Path
from secrets import token_bytes

import pytest

from steelyard.identity.key_file import (
    MAX_FILE_LENGTH,
    KeyFile,
    KeyFileError,
    KeyFileMissingError,
    MasterKeyMissingError,
    WrappedKey,
    WrappedKeyError,
    key_line,
    make_key_file,
    parse_keys,
    read_key_file,
)

INDEX, FIRST, SECOND = (bytes([number]) * 32 for number in (1, 2, 3))
WHOLE = key_line("index", INDEX) + key_line("k-1", FIRST)
WAYS_OUT = {
    "has no line": "Put it back from where you keep its copy",
    "has no master": "Put it back from where you keep its copy",
    "has the key": "Delete one of the two lines",
    "has a key of": "A key is 32 bytes long",
    "has no key": "Write a name and 32 bytes in base64 there",
    "has no base64": "Write 32 bytes in base64 there",
    "is longer": "Name the right file",
}


def write(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def test_what_is_made_is_private_whole_and_made_once(tmp_path: Path) -> None:
    path = tmp_path / "a" / "keys" / "master.key"
    make_key_file(path, token_bytes)
    before = path.read_bytes()
    make_key_file(path, token_bytes)
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["master.key"]
    keys = read_key_file(path)
    assert len({keys.index_key, *keys.masters.values()}) == 2


def test_the_last_key_encrypts_and_remarks_are_left_out() -> None:
    text = f"# a remark\n\n{WHOLE}{key_line('k-2', SECOND).rstrip()}   # the new one\r\n"
    keys = parse_keys(text.encode(), Path("f"))
    assert (keys.index_key, dict(keys.masters), keys.newest) == (INDEX, {"k-1": FIRST, "k-2": SECOND}, "k-2")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "has no line `index`"),
        (key_line("k-1", FIRST), "has no line `index`"),
        (key_line("index", INDEX), "has no master key"),
        (WHOLE + key_line("k-1", SECOND), "has the key of line 3 twice"),
        (WHOLE + key_line("k-2", FIRST), "has the key of line 3 twice"),
        (WHOLE + key_line("k-2", INDEX), "has the key of line 3 twice"),
        (WHOLE + key_line("index", SECOND), "has the key of line 3 twice"),
        (key_line("k-1", FIRST[:31]) + WHOLE, "has a key of 31 bytes in line 1"),
        (WHOLE + key_line("k-2", SECOND * 2), "has a key of 64 bytes in line 3"),
        (WHOLE + "k-2\n", "has no key in line 3"),
        (WHOLE + "k-2 a b\n", "has no key in line 3"),
        (WHOLE + key_line("K-2", SECOND), "has no key in line 3"),
        (WHOLE + "k-2 not!base64\n", "has no base64 in line 3"),
        (WHOLE + "k-2 YWJj=YWJj\n", "has no base64 in line 3"),
        (b"\xff\xfe\x00 abc\n", "has no key in line 1"),
        (WHOLE + "# " + "x" * 70_000, "is longer than 65536 bytes"),
    ],
)
def test_each_fault_is_named_with_its_line_and_the_way_out(
    tmp_path: Path, content: str | bytes, fault: str
) -> None:
    path = write(tmp_path / "master.key", content)
    with pytest.raises(KeyFileError) as refusal:
        read_key_file(path)
    (way_out,) = (way_out for start, way_out in WAYS_OUT.items() if fault.startswith(start))
    assert str(refusal.value) == f"The key file {path} {fault}. {way_out}."


def test_a_file_may_be_as_long_as_the_limit_and_no_longer() -> None:
    longest = WHOLE.encode() + b"#" * (MAX_FILE_LENGTH - len(WHOLE))
    assert parse_keys(longest, Path("f")).newest == "k-1"
    with pytest.raises(KeyFileError, match=r"f is longer than 65536 bytes\. Name the right file\."):
        parse_keys(longest + b"#", Path("f"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o610, 0o602, 0o644, 0o777])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "master.key", WHOLE, mode)
    with pytest.raises(
        KeyFileError, match=f"is open to other users .mode {mode:04o}.. Run `chmod 600 {path}`"
    ):
        read_key_file(path)


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileMissingError) as missing:
        read_key_file(tmp_path / "gone")
    assert str(missing.value) == (
        f"There is no key file {tmp_path}/gone. Put it back from where you keep its copy, or name it in "
        "STEELYARD_KEY_FILE."
    )
    with pytest.raises(
        KeyFileError, match=f"^The key file {tmp_path} cannot be read .Is a directory.. Make it"
    ):
        read_key_file(tmp_path)
    write(tmp_path / "file", "")
    with pytest.raises(KeyFileError, match=r"cannot be read \(Not a directory\)"):
        read_key_file(tmp_path / "file" / "master.key")
    there = tmp_path / "file" / "keys" / "master.key"
    with pytest.raises(
        KeyFileError, match=f"^The key file {there} cannot be made .Not a directory.*_KEY_FILE.$"
    ):
        make_key_file(there, token_bytes)
    with pytest.raises(KeyFileError, match=f"^The key file {os.devnull} is no file. Name a file.$"):
        read_key_file(Path(os.devnull))


def test_a_new_master_key_is_added_whole_and_the_file_stays_what_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "master.key", WHOLE.rstrip())
    link = tmp_path / "link"
    link.symlink_to(path)
    file = KeyFile(link, token_bytes)
    assert list(file.names) == ["k-1"]
    name = file.add_master_key()
    assert list(file.names) == ["k-1", name]
    assert path.read_text().startswith(WHOLE)
    assert (link.is_symlink(), stat.S_IMODE(path.stat().st_mode)) == (True, 0o600)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link", "master.key"]
    assert repr(file) == f"KeyFile('{link}')"
    path.unlink()
    with pytest.raises(
        KeyFileError, match=f"^The key file {path} cannot be written .No such file.*its folder.$"
    ):
        file.add_master_key()


async def test_errors_about_keys_name_them_and_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "master.key", WHOLE)
    file = KeyFile(path, token_bytes)
    wrapped = await file.wrap(bytes(32), 3, 4)
    assert wrapped.name == "k-1"
    with pytest.raises(WrappedKeyError) as refusal:
        await file.unwrap(wrapped, 3, 5)
    assert str(refusal.value) == (
        f"Key 5 of tenant 3 does not open with the master key k-1 of {path}: the row in tenant_keys was damaged or "
        "moved, or the file is another database's. Restore the one or the other."
    )
    with pytest.raises(MasterKeyMissingError) as missing:
        await file.unwrap(WrappedKey("k-9", wrapped.data), 3, 4)
    assert str(missing.value) == (
        f"The database needs the master key k-9, which is not in {path}. Name the key file that belongs to this "
        "database in STEELYARD_KEY_FILE, or put that key's line back from where you keep its copy."
    )


def test_every_key_is_as_long_as_it_must_be(tmp_path: Path) -> None:
    asked: list[int] = []

    def random(length: int) -> bytes:
        asked.append(length)
        return token_bytes(length)

    make_key_file(tmp_path / "master.key", random)
    KeyFile(tmp_path / "master.key", random).add_master_key()
    assert sorted(asked) == [4, 4, 8, 32, 32, 32]
