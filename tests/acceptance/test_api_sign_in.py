"""Signing in through the interface: at providers, with passwords and codes, with recovery codes and passkeys."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

import openid
from api_identity_cases import begin_half
from api_visit import Visit, asked, device_of
from entrances import PASSWORD
from evil_lies import CASES
from house import House, Person, Window
from openid import LOOPBACK, TLS, certified_provider
from passkey_device import Device, encode
from steelyard.api.routes import redirect_uri
from steelyard.identity.oauth import RelyingParty
from steelyard.identity.permissions import Role
from steelyard.identity.provider import Provider
from steelyard.identity.provider_settings import SignInProvider
from steelyard.network.outbound import Outbound

SESSIONS = "select count(*) from steelyard.sessions"


def begun(window: Window, name: str, **body: str) -> str:
    """Begin at a provider; where it is."""
    answer = window.ask("POST", f"/sign-in/providers/{name}", body)
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["url"]
    return url


def come_back(window: Window, name: str, query: str) -> httpx.Response:
    """Follow the provider back to us, as another site's redirect does."""
    return window.ask("GET", f"/sign-in/providers/{name}/callback?{query}", sec_fetch_site="cross-site")


def me_in(window: Window) -> Any:
    answer = window.ask("GET", "/me")
    return answer.json() if answer.status_code == 200 else answer.status_code


def sessions_of(house: House) -> int:
    return sum(house.rows(SESSIONS, tenant_id)[0][0] for tenant_id in (1, 2))


# ── At the certified provider ───────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def home(house: House) -> str:
    return redirect_uri(house.served.wiring.place.public_url, "certified")


@pytest.fixture(scope="module")
def issuer(home: str) -> Iterator[str]:
    with certified_provider(home) as started:
        yield started


@pytest.fixture
def certified(house: House, home: str, issuer: str) -> Iterator[Provider]:
    """The certified provider, which our server knows for as long as the test takes."""
    provider, before = (
        Provider("certified", issuer, "steelyard-RS256", "a secret: + / %", home),
        house.entrance,
    )
    way = Outbound(LOOPBACK, tls=TLS)
    house.served.app.state.entrance = replace(
        before,
        relying=RelyingParty([provider], way, clock=house.clock, random=before.random),
        providers={"certified": SignInProvider(provider, "The certified one")},
    )
    yield provider
    house.served.app.state.entrance = before
    house.do(way.close())


@pytest.fixture
def viewer(house: House, certified: Provider) -> Person:
    """Who is ada at the certified provider."""
    person = house.do(house.person(Role.VIEWER))
    house.do(house.link_identity(person, certified.issuer))
    return person


def at_certified(window: Window, certified: Provider, **body: str) -> str:
    """Sign in there; the query that the browser comes back with."""
    return openid.sign_in(begun(window, "certified", **body), "ada", certified.redirect_uri)


def test_a_person_signs_in_at_the_certified_provider(
    house: House, certified: Provider, viewer: Person
) -> None:
    window = Window(house)
    back = come_back(window, "certified", at_certified(window, certified, return_to="/accounts?page=2"))

    assert (back.status_code, back.headers["location"]) == (303, "/accounts?page=2")
    assert set(window.cookies) == {"sid"}
    assert me_in(window)["user_id"] == str(viewer.user_id)
    assert me_in(window)["factors"] == ["oidc"]


@pytest.mark.usefixtures("viewer")
def test_a_callback_in_another_browser_is_refused(house: House, certified: Provider) -> None:
    window, other = Window(house), Window(house)
    query = at_certified(window, certified)
    begun(other, "certified")
    before = sessions_of(house)

    assert [come_back(one, "certified", query).status_code for one in (Window(house), other)] == [400, 400]
    assert sessions_of(house) == before


@pytest.mark.usefixtures("viewer")
def test_a_replay_is_refused(house: House, certified: Provider) -> None:
    window = Window(house)
    query = at_certified(window, certified)
    kept = dict(window.cookies)
    assert come_back(window, "certified", query).status_code == 303
    before = sessions_of(house)

    assert come_back(Window(house, kept), "certified", query).status_code == 400
    assert sessions_of(house) == before


@pytest.mark.usefixtures("viewer")
@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "/%2f/x", "/@x"]
)
def test_afterwards_one_only_comes_to_a_page_of_ours(house: House, path: str) -> None:
    answer = Window(house).ask("POST", "/sign-in/providers/certified", {"return_to": path})

    assert answer.status_code in {400, 422}
    assert path not in answer.text


# ── At providers that lie ───────────────────────────────────────────────────────────────────────────────


def test_no_provider_that_lies_begins_a_session(house: House) -> None:
    """Somebody is the person whom each of them names; only what is wrong keeps them out."""
    provider = house.provider
    person = house.do(house.person(Role.VIEWER))
    provider.now = house.clock()
    for name in provider.lies:
        house.do(house.link_identity(person, f"{provider.root}/{name}"))
    before, statuses = sessions_of(house), {}
    for name in CASES:
        window, known = Window(house), name.replace("_", "-")
        answer = window.ask("POST", f"/sign-in/providers/{known}", {})
        if answer.status_code == 200:
            answer = come_back(window, known, provider.sign_in(answer.json()["url"]))
        statuses[name] = answer.status_code
        assert "sid" not in window.cookies

    assert len(statuses) >= 22
    assert set(statuses.values()) <= {400, 403, 503}, statuses
    assert sessions_of(house) == before

    window = Window(house)
    assert come_back(window, "right", provider.sign_in(begun(window, "right"))).status_code == 303
    assert sessions_of(house) == before + 1


# ── Passwords and second factors ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def visit(house: House) -> Visit:
    """Somebody with a password, in front of a window."""
    return Visit(house, house.do(house.person(Role.OWNER)), Window(house))


def test_a_code_signs_in_once(visit: Visit) -> None:
    begin_half(visit)
    code = visit.me.code(visit.house.clock())
    assert me_in(visit.window) == 401
    assert visit.window.ask("POST", "/sign-in/totp", {"code": code}).json()["is_signed_in"]
    assert me_in(visit.window)["standing"] == "full"

    again = Window(visit.house)
    again.ask("POST", "/sign-in/password", {"login": visit.me.login, "password": PASSWORD})
    assert again.ask("POST", "/sign-in/totp", {"code": code}).status_code == 403
    assert me_in(again) == 401


def test_a_recovery_code_signs_in_once(visit: Visit) -> None:
    begin_half(visit)
    code = visit.me.recovery_codes[0]
    assert visit.window.ask("POST", "/sign-in/recovery-code", {"code": code}).json()["is_signed_in"]

    again = Window(visit.house)
    again.ask("POST", "/sign-in/password", {"login": visit.me.login, "password": PASSWORD})
    assert again.ask("POST", "/sign-in/recovery-code", {"code": code}).status_code == 403


def test_what_the_browser_keeps_skips_no_second_factor(visit: Visit) -> None:
    """Whatever it makes of its cookies: they name what is half done, and do not say how far it is."""
    begin_half(visit)
    half_done = visit.window.cookies["half-done"]
    for cookies in ({"sid": half_done}, {"half-done": half_done, "sid": "A" * 43}, {"half-done": "B" * 43}):
        window = Window(visit.house, cookies)
        assert me_in(window) == 401
    wrong = Window(visit.house, {"half-done": "B" * 43})

    assert wrong.ask("POST", "/sign-in/totp", {"code": visit.me.code(visit.house.clock())}).status_code == 400


# ── Passkeys ────────────────────────────────────────────────────────────────────────────────────────────


def answered(visit: Visit, device: Device, **changed: Any) -> httpx.Response:
    """Sign in with a device that lies about what is changed."""
    options = asked(visit, "/sign-in/passkey/question") | changed
    body = {"credential": json.loads(device.prove(options))}
    return visit.window.ask("POST", "/sign-in/passkey", body)


def test_a_passkey_signs_in_alone_and_its_answer_counts_once(visit: Visit) -> None:
    device = device_of(visit)
    body = {"credential": json.loads(device.prove(asked(visit, "/sign-in/passkey/question")))}
    kept = dict(visit.window.cookies)

    assert visit.window.ask("POST", "/sign-in/passkey", body).json()["is_signed_in"]
    assert me_in(visit.window)["standing"] == "full"
    assert Window(visit.house, kept).ask("POST", "/sign-in/passkey", body).status_code == 422


def wrong_origin(device: Device) -> dict[str, Any]:
    device.origin = "http://localhost:1"
    return {}


def wrong_site(device: Device) -> dict[str, Any]:
    del device
    return {"rpId": "evil.example"}


def wrong_challenge(device: Device) -> dict[str, Any]:
    del device
    return {"challenge": encode(bytes(32))}


def copied(device: Device) -> dict[str, Any]:
    """As old as the copy that somebody made of it."""
    device.count -= 1
    return {}


def not_unlocked(device: Device) -> dict[str, Any]:
    device.verifies = False
    return {}


@pytest.mark.parametrize("lie", [wrong_origin, wrong_site, wrong_challenge, copied, not_unlocked])
def test_a_passkeys_answer_that_is_wrong_signs_nobody_in(visit: Visit, lie: Any) -> None:
    device = device_of(visit)
    assert answered(visit, device).status_code == 200
    visit.window.cookies.clear()

    refused = answered(visit, device, **lie(device))
    assert refused.status_code in {403, 422}, refused.text
    assert me_in(visit.window) == 401
