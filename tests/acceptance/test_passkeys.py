"""Passkeys in Chromium's virtual authenticator: a right answer counts once, a wrong one is refused by name."""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Frame, Page

from chromium import CREATE, GET, opened_browser, page_server, page_with_authenticator
from steelyard.identity.passkeys import (
    Options,
    Passkey,
    PasskeyDefect,
    PasskeyError,
    Site,
    approval_challenge,
    authentication_options,
    check_passkey,
    new_challenge,
    read_credential_id,
    register_passkey,
    registration_options,
)

HANDLE = b"h" * 32


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    with page_server() as ours, page_server() as theirs:
        yield ours, theirs


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def site(ports: tuple[int, int]) -> Site:
    return Site("localhost", "Steelyard", (f"http://localhost:{ports[0]}",))


@dataclass(frozen=True, slots=True)
class Device:
    """A browser's page with an authenticator of its own."""

    page: Page
    site: Site

    def visit(self, origin: str) -> None:
        self.page.goto(f"{origin}/")

    def make(self, options: Options) -> str:
        return str(self.page.evaluate(CREATE, options))

    def prove(self, options: Options, frame: Frame | None = None) -> str:
        return str((frame or self.page).evaluate(GET, options))

    def enrol(self, site: Site | None = None, user_handle: bytes = HANDLE) -> Passkey:
        at = site or self.site
        self.visit(at.origins[0])
        challenge = new_challenge(secrets.token_bytes)
        options = registration_options(
            at, challenge=challenge, user_handle=user_handle, user_name="ada", existing=[]
        )
        return register_passkey(at, self.make(options), challenge=challenge, user_handle=user_handle)


@contextmanager
def device_with(browser: Browser, site: Site, *, verifies: bool) -> Iterator[Device]:
    with page_with_authenticator(browser, verifies=verifies) as page:
        yield Device(page, site)


@pytest.fixture
def device(browser: Browser, site: Site) -> Iterator[Device]:
    with device_with(browser, site, verifies=True) as made:
        yield made


def discouraged(options: Options) -> Options:
    """The same, from a page that does not ask to unlock."""
    changed = json.loads(json.dumps(options).replace('"required"', '"discouraged"'))
    if "authenticatorSelection" in changed:
        changed["authenticatorSelection"] = {"userVerification": "discouraged", "residentKey": "required"}
    return dict(changed)


def refused(act: Callable[[], object]) -> PasskeyDefect:
    with pytest.raises(PasskeyError) as error:
        act()
    assert str(error.value.defect) in str(error.value)
    return error.value.defect


def test_a_passkey_is_made_and_proves_who_it_is(device: Device, site: Site) -> None:
    passkey = device.enrol()
    challenge = new_challenge(secrets.token_bytes)
    answer = device.prove(authentication_options(site, challenge=challenge, passkeys=[passkey]))
    used = check_passkey(site, answer, challenge=challenge, passkey=passkey)

    assert read_credential_id(answer) == passkey.credential_id
    assert used.sign_count > passkey.sign_count
    assert replace(used, sign_count=passkey.sign_count) == passkey


def test_a_passkey_says_by_itself_whose_it_is(device: Device, site: Site) -> None:
    passkey = device.enrol()
    challenge = new_challenge(secrets.token_bytes)
    answer = device.prove(authentication_options(site, challenge=challenge))

    assert json.loads(answer)["response"]["userHandle"] == urlsafe_b64encode(HANDLE).decode().rstrip("=")
    assert check_passkey(site, answer, challenge=challenge, passkey=passkey)


def test_an_answer_counts_once(device: Device, site: Site) -> None:
    passkey = device.enrol()
    challenge = new_challenge(secrets.token_bytes)
    answer = device.prove(authentication_options(site, challenge=challenge))
    used = check_passkey(site, answer, challenge=challenge, passkey=passkey)
    replay = partial(check_passkey, site, answer, challenge=challenge, passkey=used)

    assert refused(replay) == PasskeyDefect.COUNTER


def test_a_passkey_that_counts_backwards_is_refused(device: Device, site: Site) -> None:
    kept = replace(device.enrol(), sign_count=1000)
    challenge = new_challenge(secrets.token_bytes)
    answer = device.prove(authentication_options(site, challenge=challenge))

    assert (
        refused(partial(check_passkey, site, answer, challenge=challenge, passkey=kept))
        == PasskeyDefect.COUNTER
    )


def test_another_challenge_is_refused(device: Device, site: Site) -> None:
    passkey = device.enrol()
    answer = device.prove(authentication_options(site, challenge=new_challenge(secrets.token_bytes)))
    other = partial(
        check_passkey, site, answer, challenge=new_challenge(secrets.token_bytes), passkey=passkey
    )

    assert refused(other) == PasskeyDefect.CHALLENGE


def test_an_approval_is_of_one_proposal(device: Device, site: Site) -> None:
    passkey, nonce = device.enrol(), secrets.token_bytes(32)
    shown = approval_challenge(b"buy 3 ABC", nonce)
    answer = device.prove(authentication_options(site, challenge=shown, passkeys=[passkey]))
    check = partial(check_passkey, site, answer, passkey=passkey)

    assert (
        refused(partial(check, challenge=approval_challenge(b"buy 9 ABC", nonce))) == PasskeyDefect.CHALLENGE
    )
    assert (
        refused(partial(check, challenge=approval_challenge(b"buy 3 ABC", bytes(32))))
        == PasskeyDefect.CHALLENGE
    )
    assert check(challenge=shown).sign_count > passkey.sign_count


def test_another_origin_is_refused(device: Device, site: Site, ports: tuple[int, int]) -> None:
    passkey = device.enrol()
    challenge = new_challenge(secrets.token_bytes)
    device.visit(f"http://localhost:{ports[1]}")
    answer = device.prove(authentication_options(site, challenge=challenge))

    assert (
        refused(partial(check_passkey, site, answer, challenge=challenge, passkey=passkey))
        == PasskeyDefect.ORIGIN
    )


def test_a_passkey_of_another_site_is_refused(device: Device, site: Site, ports: tuple[int, int]) -> None:
    origin = f"http://other.localhost:{ports[0]}"
    theirs = Site("other.localhost", "Other", (origin,))
    ours = replace(site, origins=(*site.origins, origin))
    passkey = device.enrol(theirs)
    challenge = new_challenge(secrets.token_bytes)
    answer = device.prove(authentication_options(theirs, challenge=challenge))

    assert (
        refused(partial(check_passkey, ours, answer, challenge=challenge, passkey=passkey))
        == PasskeyDefect.SITE
    )


def test_a_frame_in_another_site_is_refused(device: Device, site: Site, ports: tuple[int, int]) -> None:
    passkey = device.enrol()
    device.visit(f"http://localhost:{ports[1]}")
    device.page.evaluate(
        """url => new Promise(loaded => document.body.append(Object.assign(document.createElement("iframe"),
            {src: url, allow: "publickey-credentials-get *", onload: loaded})))""",
        f"{site.origins[0]}/",
    )
    challenge = new_challenge(secrets.token_bytes)
    answer = device.prove(authentication_options(site, challenge=challenge), device.page.frames[1])

    assert (
        refused(partial(check_passkey, site, answer, challenge=challenge, passkey=passkey))
        == PasskeyDefect.FRAME
    )


@pytest.mark.parametrize(
    ("added", "defect"),
    [
        ({"topOrigin": "http://localhost"}, PasskeyDefect.FRAME),
        ({"crossOrigin": True}, PasskeyDefect.FRAME),
        ({"type": "webauthn.create"}, PasskeyDefect.MALFORMED),
        ({"unheardOf": 1}, PasskeyDefect.PROOF),
    ],
)
def test_what_a_page_adds_is_noticed(
    answers: tuple[Passkey, bytes, str, str], site: Site, added: dict[str, Any], defect: PasskeyDefect
) -> None:
    passkey, challenge, _, proved = answers
    answer = json.loads(proved)
    data = answer["response"]["clientDataJSON"]
    stated = json.loads(urlsafe_b64decode(data + "=" * (-len(data) % 4))) | added
    answer["response"]["clientDataJSON"] = urlsafe_b64encode(json.dumps(stated).encode()).decode()

    assert (
        refused(partial(check_passkey, site, json.dumps(answer), challenge=challenge, passkey=passkey))
        == defect
    )


def test_a_device_that_was_not_unlocked_is_refused(browser: Browser, site: Site) -> None:
    with device_with(browser, site, verifies=False) as careless:
        careless.visit(site.origins[0])
        challenge = new_challenge(secrets.token_bytes)
        options = registration_options(
            site, challenge=challenge, user_handle=HANDLE, user_name="ada", existing=[]
        )
        made = careless.make(discouraged(options))
        kept = Passkey(read_credential_id(made), b"", 0, HANDLE, is_backed_up=False)
        wanted = authentication_options(site, challenge=challenge, passkeys=[kept])
        answer = careless.prove(discouraged(wanted))

    register = partial(register_passkey, site, made, challenge=challenge, user_handle=HANDLE)
    assert refused(register) == PasskeyDefect.NOT_VERIFIED
    check = partial(check_passkey, site, answer, challenge=challenge, passkey=kept)
    assert refused(check) == PasskeyDefect.NOT_VERIFIED


def test_a_passkey_of_somebody_else_is_refused(device: Device, site: Site) -> None:
    passkey = device.enrol()
    challenge = new_challenge(secrets.token_bytes)
    answer = device.prove(authentication_options(site, challenge=challenge))
    check = partial(check_passkey, site, answer, challenge=challenge)

    assert refused(partial(check, passkey=replace(passkey, user_handle=b"x" * 32))) == PasskeyDefect.USER
    assert refused(partial(check, passkey=replace(passkey, credential_id=b"x"))) == PasskeyDefect.USER


def test_what_another_key_signed_is_refused(browser: Browser, device: Device, site: Site) -> None:
    passkey = device.enrol()
    challenge = new_challenge(secrets.token_bytes)
    answer = device.prove(authentication_options(site, challenge=challenge))
    with device_with(browser, site, verifies=True) as other:
        forged = replace(passkey, public_key=other.enrol().public_key)

    assert (
        refused(partial(check_passkey, site, answer, challenge=challenge, passkey=forged))
        == PasskeyDefect.PROOF
    )


def test_a_new_passkey_answers_its_own_question(device: Device, site: Site, ports: tuple[int, int]) -> None:
    device.visit(site.origins[0])
    challenge = new_challenge(secrets.token_bytes)
    options = registration_options(
        site, challenge=challenge, user_handle=HANDLE, user_name="ada", existing=[]
    )
    made = device.make(options)
    register = partial(register_passkey, answer=made, challenge=challenge, user_handle=HANDLE)
    elsewhere = replace(site, origins=(f"http://localhost:{ports[1]}",))

    assert refused(partial(register, site, challenge=bytes(32))) == PasskeyDefect.CHALLENGE
    assert refused(partial(register, elsewhere)) == PasskeyDefect.ORIGIN
    assert refused(partial(register, replace(site, rp_id="example"))) == PasskeyDefect.SITE
    assert refused(partial(check_passkey, site, made, challenge=challenge, passkey=register(site))) == (
        PasskeyDefect.MALFORMED
    )
    assert register(site).user_handle == HANDLE


def test_a_device_makes_one_passkey(device: Device, site: Site) -> None:
    passkey = device.enrol()
    options = registration_options(
        site, challenge=bytes(32), user_handle=HANDLE, user_name="ada", existing=[passkey]
    )
    outcome = device.page.evaluate(
        """options => navigator.credentials.create(
            {publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)})
            .then(() => "made", error => error.name)""",
        options,
    )

    assert outcome == "InvalidStateError"


def test_what_is_asked_of_a_device(site: Site) -> None:
    wanted: dict[str, Any] = dict(
        registration_options(site, challenge=b"c", user_handle=b"u", user_name="ada", existing=[])
    )
    proof = authentication_options(site, challenge=b"c")

    assert wanted["rp"] == {"id": "localhost", "name": "Steelyard"}
    assert wanted["user"] == {"id": "dQ", "name": "ada", "displayName": "ada"}
    assert wanted["attestation"] == "none"
    assert wanted["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert wanted["timeout"] == proof["timeout"] == 120_000
    assert (proof["rpId"], proof["challenge"], proof["userVerification"]) == ("localhost", "Yw", "required")


@pytest.fixture(scope="module")
def answers(browser: Browser, site: Site) -> tuple[Passkey, bytes, str, str]:
    """A passkey, a challenge, and the answers to both ceremonies."""
    challenge = bytes(range(32))
    with device_with(browser, site, verifies=True) as device:
        device.visit(site.origins[0])
        options = registration_options(
            site, challenge=challenge, user_handle=HANDLE, user_name="ada", existing=[]
        )
        made = device.make(options)
        proved = device.prove(authentication_options(site, challenge=challenge))
    return register_passkey(site, made, challenge=challenge, user_handle=HANDLE), challenge, made, proved


ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.integers()))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_mangled_proof_is_refused(
    answers: tuple[Passkey, bytes, str, str], site: Site, data: st.DataObject
) -> None:
    """Text changed, cut or put in; the fields also as anything that JSON knows. No field may be left out but one."""
    passkey, challenge, _, proved = answers
    answer = json.loads(proved)
    field = data.draw(st.sampled_from(["clientDataJSON", "authenticatorData", "signature", "userHandle"]))
    answer["response"][field] = data.draw(st.one_of(mangled(answer["response"][field]), ANYTHING))
    assume(answer["response"]["userHandle"] is not None)

    with pytest.raises(PasskeyError):
        check_passkey(site, json.dumps(answer), challenge=challenge, passkey=passkey)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_mangled_passkey_is_refused_or_another(
    answers: tuple[Passkey, bytes, str, str], site: Site, data: st.DataObject
) -> None:
    """Nobody signs a new passkey, so that some changes make another; no other error comes of it."""
    _, challenge, made, _ = answers
    answer = json.loads(made)
    field = data.draw(st.sampled_from(["clientDataJSON", "attestationObject"]))
    answer["response"][field] = data.draw(st.one_of(mangled(answer["response"][field]), ANYTHING))

    with suppress(PasskeyError):
        assert register_passkey(
            site, json.dumps(answer), challenge=challenge, user_handle=HANDLE
        ).credential_id


def mangled(text: str) -> st.SearchStrategy[str]:
    """Another text of base64url, near the one given."""
    place = st.integers(0, len(text) - 2)
    return (
        st.tuples(place, place, st.text("Ab9-_", max_size=4))
        .map(lambda at: text[: min(at[:2])] + at[2] + text[max(at[:2]) :])
        .filter(lambda changed: changed != text)
    )


@pytest.mark.parametrize(
    "answer",
    ["", "[]", "null", "{}", '{"response": []}', '{"response": {}}', "[" * 60_000, "x" * 70_000, "\ud800"],
)
def test_an_answer_that_is_none_is_refused(site: Site, answer: str) -> None:
    nobody = Passkey(b"", b"", 0, HANDLE, is_backed_up=False)

    assert refused(partial(read_credential_id, answer)) == PasskeyDefect.MALFORMED
    check = partial(check_passkey, site, answer, challenge=bytes(32), passkey=nobody)
    assert refused(check) == PasskeyDefect.MALFORMED
    register = partial(register_passkey, site, answer, challenge=bytes(32), user_handle=HANDLE)
    assert refused(register) == PasskeyDefect.MALFORMED


def test_a_challenge_is_256_bits() -> None:
    assert new_challenge(bytes) == bytes(32)


def test_the_nonce_of_an_approval_has_one_length() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        approval_challenge(b"buy 3 ABC", b"short")
