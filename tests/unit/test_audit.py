"""The audit's chain without a database: its bytes, its hashes, and what a check finds."""

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from secrets import token_bytes

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chains import chain, flaws_of, head_of
from steelyard.domain.audit import (
    NO_HASH,
    AuditEvent,
    AuditHead,
    ChainCheck,
    FlawKind,
    canonical_bytes,
    hash_of,
)
from steelyard.identity.audit import (
    AuditKeyError,
    PublicKeyError,
    describe_head,
    is_signed_by,
    make_audit_key,
    parse_public_key,
    public_bytes,
    read_audit_key,
    read_head,
    sign_head,
)

ROOT = Path(__file__).parents[2]
MOMENT = "2026-11-21T09:30:00Z"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HEAD = AuditHead(1, 57, bytes(range(32)))


# ── Bytes and hashes ────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_has_an_example_to_check_by_hand() -> None:
    page = (ROOT / "docs/reference/audit.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith('["0000'))
    items = json.loads(line)
    values = [*items[1:], bytes.fromhex(items[0]), NO_HASH]
    event = AuditEvent(**dict(zip(AuditEvent.__slots__, values, strict=True)))
    assert canonical_bytes(event) == line.encode()
    assert hash_of(event).hex() == hashlib.sha256(line.encode()).hexdigest()
    assert f"{hash_of(event).hex()}  -" in page


def test_facts_stand_in_the_order_of_their_names_and_texts_as_rfc_8785_writes_them() -> None:
    event = replace(chain(1)[0], facts={"b": '"\\\n\x07\x7fü€🂡', "a_b": None, "a": True, "ab": -5})
    assert b'{"a":true,"a_b":null,"ab":-5,"b":"\\"\\\\\\n\\u0007\x7f' + "ü€🂡".encode() in canonical_bytes(
        event
    )


@pytest.mark.parametrize(
    "other",
    [
        {"tenant_id": 2}, {"sequence": 2}, {"recorded_at": "2026-11-21T09:30:00.000002Z"}, {"actor": "user:1"},
        {"action": "a"}, {"object_type": "a"}, {"object_id": "a"}, {"facts": {"number": 2}}, {"facts": {"number": "1"}},
        {"request_id": "a"}, {"previous_hash": b"\x01" + bytes(31)},
    ],
)  # fmt: skip
def test_every_part_of_an_event_counts(other: dict[str, object]) -> None:
    event = chain(1)[0]
    assert hash_of(replace(event, **other)) != hash_of(event)  # type: ignore[arg-type]  # names of fields


def test_text_does_not_slip_from_one_part_into_the_next() -> None:
    event = chain(1)[0]
    one, two = (
        replace(event, action='a","b', object_type="c"),
        replace(event, action="a", object_type='b","c'),
    )
    assert hash_of(one) != hash_of(two)


# ── The check ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_chain_has_no_flaw_and_agrees_with_its_heads() -> None:
    events = chain(9)
    check = ChainCheck(
        1, [head_of(events[:3]), head_of(events), head_of(events, tenant_id=2), AuditHead(1, 0, NO_HASH)]
    )
    assert [flaw for event in events for flaw in check.see(event)] == []
    assert list(check.end(head_of(events))) == []
    assert (check.events, check.agreeing, check.held_at) == (9, 2, 9)


def test_an_empty_chain_is_whole() -> None:
    assert flaws_of([]) == []


@pytest.mark.parametrize(
    ("changed", "kinds", "reason"),
    [
        (lambda e: [*e[:3], replace(e[3], actor="x"), *e[4:]], [("edited", 4)],
         "Event 4 is not what was recorded: its content has another hash."),
        (lambda e: [*e[:3], *e[4:]], [("missing", 4)], "Event 4 is missing: event 5 comes next."),
        (lambda e: [*e[:3], *e[6:]], [("missing", 4)], "Events 4 to 6 are missing: event 7 comes next."),
        (lambda e: e[1:], [("missing", 1)], "Event 1 is missing: event 2 comes next."),
        (lambda e: [*e[:3], e[4], e[3], *e[5:]], [("missing", 4), ("out_of_order", 4), ("missing", 5)],
         "Event 4 is missing: event 5 comes next."),
        (lambda e: [*e[:4], e[3], *e[4:]], [("inserted", 4)], "Event 4 stands there twice."),
        (lambda e: e[:7], [("cut_off", 8)],
         "The chain ends with event 7, and its head says event 9: events 8 to 9 were taken away."),
        (lambda e: e[:8], [("cut_off", 9)],
         "The chain ends with event 8, and its head says event 9: event 9 was taken away."),
        (lambda e: [*e, *chain(10)[9:]], [("head_differs", 10)],
         "The chain ends with event 10, and its head names another: 9."),
        (lambda _: chain(9, tenant_id=2), [("foreign", n) for n in range(1, 10)] + [("head_differs", 9)],
         "Event 1 belongs to tenant 2."),
        (lambda e: [*chain(9, actor="else")[:4], *e[4:]], [("unlinked", 5)],
         "Event 5 does not follow event 4 as it stands: it names another hash before it."),
        (lambda e: [replace(e[0], previous_hash=b"\x01" * 32), *e[1:]], [("unlinked", 1), ("edited", 1)],
         "Event 1 does not begin the chain: it names a hash before it."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(changed: object, kinds: list[tuple[str, int]], reason: str) -> None:
    events = chain(9)
    assert callable(changed)
    found = flaws_of(changed(events), head=head_of(events))
    assert [(flaw.kind, flaw.sequence) for flaw in found] == kinds
    assert found[0].reason == reason


def test_a_chain_rewritten_whole_agrees_with_itself_and_with_no_kept_head() -> None:
    events, forged = chain(9), chain(9, actor="else")
    assert flaws_of(forged) == []
    found = flaws_of(forged, kept=[head_of(events[:2]), head_of(events[:7])])
    assert [(flaw.kind, flaw.sequence) for flaw in found] == [
        (FlawKind.REWRITTEN, 2),
        (FlawKind.REWRITTEN, 7),
    ]
    assert (
        found[0].reason == "Event 2 is not the one that a kept head names: the chain was rewritten, anywhere."
    )


def test_a_kept_head_beyond_the_end_says_what_was_taken_away() -> None:
    events = chain(9)
    (flaw,) = flaws_of(events[:5], kept=[head_of(events), head_of(events[:7])])
    assert (
        flaw.reason
        == "The chain ends with event 5, and a kept head says event 9: events 6 to 9 were taken away."
    )
    (flaw,) = flaws_of([], kept=[head_of(events[:1])])
    assert (
        flaw.reason == "The chain ends before event 1, and a kept head says event 1: event 1 was taken away."
    )


def test_a_kept_head_of_what_is_missing_is_passed_over() -> None:
    events = chain(9)
    found = flaws_of(
        [*events[:3], *events[5:]], head=head_of(events), kept=[head_of(events[:4]), head_of(events[:8])]
    )
    assert [flaw.kind for flaw in found] == [FlawKind.MISSING]


# ── Signed heads ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_kept_head_reads_as_it_was_signed() -> None:
    signed = sign_head(HEAD, MOMENT, KEY)
    line = json.dumps(describe_head(signed) | {"level": "info", "event": "audit head"}).encode()
    assert read_head(line) == signed
    assert is_signed_by(signed, {public_bytes(KEY)})


def test_the_signed_bytes_are_those_of_the_page() -> None:
    signed = sign_head(HEAD, "at nine – ü", KEY)
    text = f'["steelyard audit head",1,57,"{HEAD.hash.hex()}","at nine – ü"]'
    KEY.public_key().verify(signed.signature, text.encode())


def test_a_head_with_half_a_character_is_none() -> None:
    line = json.dumps(describe_head(sign_head(HEAD, MOMENT, KEY)) | {"signed_at": "\ud800"}).encode()
    with pytest.raises(ValueError, match="not one plain JSON object"):
        read_head(line)


def test_a_head_that_was_changed_or_signed_by_another_is_not_genuine() -> None:
    signed, ours = sign_head(HEAD, MOMENT, KEY), {public_bytes(KEY)}
    for head in (replace(HEAD, sequence=58), replace(HEAD, tenant_id=2), replace(HEAD, hash=bytes(32))):
        assert not is_signed_by(replace(signed, head=head), ours)
    assert not is_signed_by(replace(signed, signed_at="2026-11-21T09:30:01Z"), ours)
    assert not is_signed_by(replace(signed, signature=bytes(64)), ours)
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert not is_signed_by(sign_head(HEAD, MOMENT, other), ours)
    assert not is_signed_by(replace(signed, public_key=public_bytes(other)), {*ours, public_bytes(other)})
    assert not is_signed_by(replace(signed, public_key=b"short"), {b"short"})


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"tenant_id": "1"}, "its tenant_id is no whole number"),
        ({"sequence": True}, "its sequence is no whole number"),
        ({"hash": "xyz"}, "its hash is no hexadecimal number"),
        ({"hash": "abc"}, "its hash is no hexadecimal number"),
        ({"signature": None}, "its signature is no hexadecimal number"),
        ({"signed_at": 3}, "its signed_at is no text"),
    ],
)
def test_a_line_that_is_no_head_says_why(changes: dict[str, object], fault: str) -> None:
    line = json.dumps(describe_head(sign_head(HEAD, MOMENT, KEY)) | changes).encode()
    with pytest.raises(ValueError, match=f"^{fault}$"):
        read_head(line)


@pytest.mark.parametrize("line", [b"", b"[]", b"\xff", b"nonsense"])
def test_a_line_that_is_no_object_is_no_head(line: bytes) -> None:
    with pytest.raises(ValueError, match="not one plain JSON object"):
        read_head(line)


def test_a_public_key_is_64_digits() -> None:
    assert parse_public_key(public_bytes(KEY).hex().upper()) == public_bytes(KEY)
    for text in ("", "zz" * 32, "ab" * 31, "ab" * 33):
        with pytest.raises(PublicKeyError) as refused:
            parse_public_key(text)
        assert str(refused.value) == (
            f"{text!r} is no public key; give the 64 hexadecimal digits that `steelyard audit key` prints."
        )


# ── The key's file ──────────────────────────────────────────────────────────────────────────────────────────


def refused_for(path: Path) -> str:
    with pytest.raises(AuditKeyError) as refused:
        make_audit_key(path, token_bytes)
    return str(refused.value).removeprefix(f"The audit's key file {path} ")


def test_the_key_is_made_once_for_its_owner_alone_and_openssl_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "some" / "keys" / "audit.key"
    assert read_audit_key(path) is None
    made = make_audit_key(path, token_bytes)
    again = make_audit_key(path, token_bytes)
    assert public_bytes(made) == public_bytes(again)
    assert [path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777] == [0o600, 0o700]
    assert [*path.parent.iterdir()] == [path]
    told = subprocess.run(
        ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], capture_output=True, check=True
    )
    assert told.stdout.endswith(public_bytes(made))


def test_of_two_who_make_the_key_at_once_both_have_the_same(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    others: list[Ed25519PrivateKey] = []

    def meanwhile(length: int) -> bytes:
        if not others:
            others.append(make_audit_key(path, token_bytes))
        return token_bytes(length)

    assert public_bytes(make_audit_key(path, meanwhile)) == public_bytes(others[0])
    assert [*tmp_path.iterdir()] == [path]


def test_a_key_file_that_others_read_or_that_holds_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    make_audit_key(path, token_bytes)
    for mode in (0o640, 0o604, 0o610):
        path.chmod(mode)
        assert refused_for(path) == f"is open to other users (mode {mode:04o}). Run `chmod 600 {path}`."
    path.chmod(0o600)
    path.write_text("-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n", encoding="utf-8")
    assert refused_for(path) == "holds no Ed25519 key. Put it back from where you keep its copy."


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "X25519", "-out", path], capture_output=True, check=True
    )
    path.chmod(0o600)
    assert refused_for(path) == "holds no Ed25519 key. Put it back from where you keep its copy."


def test_a_place_where_no_key_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert refused_for(tmp_path / "file" / "audit.key") == (
        "cannot be read (Not a directory). Make it this user's own."
    )
    (tmp_path / "dangling").symlink_to(tmp_path / "gone" / "audit.key")
    assert refused_for(tmp_path / "dangling" / "audit.key") == (
        "cannot be made (File exists). Name a place for the keys in STEELYARD_KEY_FILE."
    )
