"""Sessions through the interface: what the browser keeps, when it ends, and what a change in one does to the others."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from api_visit import NEW_PASSWORD, Visit
from entrances import PASSWORD
from house import House, Window, opened_house
from steelyard.identity.permissions import Role
from steelyard.storage.embedded import EmbeddedServer


def signed_in(house: House, login: str) -> Window:
    window = Window(house)
    assert window.ask("POST", "/sign-in/password", {"login": login, "password": PASSWORD}).status_code == 200
    return window


def knows(window: Window) -> int:
    return window.ask("GET", "/me").status_code


@pytest.fixture
def visit(house: House) -> Visit:
    """A viewer, signed in by password."""
    me = house.do(house.person(Role.VIEWER))
    return Visit(house, me, signed_in(house, me.login))


@pytest.fixture
def moved(house: House) -> Iterator[Callable[[timedelta], None]]:
    """Moves the server's clock, until the end of the test."""

    def move(ahead: timedelta) -> None:
        house.clock.ahead += ahead

    yield move
    house.clock.ahead = timedelta()


def test_over_https_the_cookie_is_for_this_host_alone(
    shared_database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    house: House,
) -> None:
    me = house.do(house.person(Role.VIEWER))
    proxy = {"proxies": ["127.0.0.1"], "public_url": "https://book.example"}
    with opened_house(shared_database, urls(shared_database), house.folder, **proxy) as elsewhere:
        answer = elsewhere.ask(
            "POST",
            "/sign-in/password",
            {"login": me.login, "password": PASSWORD},
            host="book.example",
            x_forwarded_proto="https",
        )
    name, _, rest = answer.headers["set-cookie"].partition("=")

    assert answer.status_code == 200, answer.text
    assert name == "__Host-sid"
    assert rest.split("; ")[1:] == ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"]
    assert len(rest.partition(";")[0]) == 43
    assert "max-age=31536000" in answer.headers["strict-transport-security"]


def test_what_the_browser_keeps_is_not_what_we_keep(visit: Visit) -> None:
    rows = visit.house.rows("select row_to_json(s)::text from steelyard.sessions as s")

    assert rows
    assert not [row for (row,) in rows if visit.window.cookies["sid"] in row]


def test_the_old_secret_is_dead_after_signing_in_anew(visit: Visit) -> None:
    old = Window(visit.house, dict(visit.window.cookies))
    body = {"login": visit.me.login, "password": PASSWORD}
    assert visit.window.ask("POST", "/sign-in/password", body).status_code == 200

    assert visit.window.cookies != old.cookies
    assert (knows(visit.window), knows(old)) == (200, 401)


def test_the_old_secret_is_dead_after_a_step_up(visit: Visit) -> None:
    old = Window(visit.house, dict(visit.window.cookies))
    assert visit.window.ask("POST", "/step-up/password", {"password": PASSWORD}).status_code == 200

    assert (knows(visit.window), knows(old)) == (200, 401)


def test_the_old_secret_is_dead_after_signing_out(visit: Visit) -> None:
    old = Window(visit.house, dict(visit.window.cookies))
    assert visit.window.ask("POST", "/sign-out").status_code == 204

    assert visit.window.cookies == {}
    assert knows(old) == 401


def test_a_session_ends_when_nobody_uses_it(visit: Visit, moved: Callable[[timedelta], None]) -> None:
    moved(timedelta(minutes=29))
    assert knows(visit.window) == 200
    moved(timedelta(minutes=29))
    assert knows(visit.window) == 200
    moved(timedelta(minutes=31))
    assert knows(visit.window) == 401


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(
    visit: Visit, moved: Callable[[timedelta], None]
) -> None:
    for _ in range(28):
        moved(timedelta(minutes=25))
        assert knows(visit.window) == 200
    moved(timedelta(minutes=25))
    assert knows(visit.window) == 401


def test_one_sees_and_ends_ones_own_sessions(visit: Visit) -> None:
    other, third = signed_in(visit.house, visit.me.login), signed_in(visit.house, visit.me.login)
    listed = visit.window.ask("GET", "/sessions").json()
    [this] = [one for one in listed if one["is_this"]]
    [that] = [one for one in other.ask("GET", "/sessions").json() if one["is_this"]]

    assert len(listed) == 3
    assert this["address"] == "127.0.0.1"
    assert visit.window.ask("DELETE", f"/sessions/{that['session_id']}").status_code == 204
    assert (knows(visit.window), knows(other), knows(third)) == (200, 401, 200)
    assert visit.window.ask("DELETE", "/sessions").json() == {"ended": 1}
    assert (knows(visit.window), knows(third)) == (200, 401)


def test_another_password_ends_the_other_client_and_is_told(visit: Visit) -> None:
    other = signed_in(visit.house, visit.me.login)
    token = visit.house.do(visit.house.token_of(visit.me))
    old = Window(visit.house, dict(visit.window.cookies))
    assert visit.window.ask("PUT", "/factors/password", {"password": NEW_PASSWORD}).status_code == 204

    assert (knows(visit.window), knows(old), knows(other)) == (200, 401, 401)
    assert knows(Window(visit.house, bearer=token)) == 401
    assert "password.change" in [one["kind"] for one in visit.window.ask("GET", "/notices").json()]


def test_another_password_takes_a_factor_shown_a_short_while_ago(
    visit: Visit, moved: Callable[[timedelta], None]
) -> None:
    moved(timedelta(minutes=6))
    refused = visit.window.ask("PUT", "/factors/password", {"password": NEW_PASSWORD})
    assert refused.status_code == 401
    assert 'error="insufficient_user_authentication", max_age=300' in refused.headers["www-authenticate"]

    assert visit.window.ask("POST", "/step-up/password", {"password": PASSWORD}).status_code == 200
    assert visit.window.ask("PUT", "/factors/password", {"password": NEW_PASSWORD}).status_code == 204


def test_a_second_factor_ends_the_other_client_and_comes_with_recovery_codes(visit: Visit) -> None:
    other = signed_in(visit.house, visit.me.login)
    visit.me.learn_seed(visit.window.ask("POST", "/factors/totp").json()["seed"])
    body = {"code": visit.me.code(visit.house.clock())}
    added = visit.window.ask("PUT", "/factors/totp", body)

    assert len(added.json()["recovery_codes"]) == 10
    assert (knows(visit.window), knows(other)) == (200, 401)
    assert visit.window.ask("GET", "/me").json()["factors"] == ["password", "totp"]
    own = visit.window.ask("GET", "/factors").json()
    assert (own["has_totp"], own["recovery_codes"]) == (True, 10)


# ── What others change counts at the next request ───────────────────────────────────────────────────────


def managing(house: House) -> Window:
    return house.window_of(house.people[1, Role.OWNER])


def test_a_grant_taken_back_hides_the_account_at_the_next_request(visit: Visit) -> None:
    path = f"/users/{visit.me.user_id}/grants"
    seen = [visit.window.ask("GET", "/positions?account=MINE-3").status_code]
    assert managing(visit.house).ask("DELETE", f"{path}?account=MINE-3").status_code == 204
    seen.append(visit.window.ask("GET", "/positions?account=MINE-3").status_code)
    body = {"account": "MINE-3", "rights": []}
    assert managing(visit.house).ask("PUT", path, body).status_code == 204
    seen.append(visit.window.ask("GET", "/positions?account=MINE-3").status_code)

    assert seen == [200, 404, 200]


@pytest.mark.parametrize(("what", "body"), [("role", {"role": "advisor"}), ("disabled", None)])
def test_another_role_or_none_ends_every_session_and_token(
    visit: Visit, what: str, body: dict[str, str] | None
) -> None:
    program = Window(visit.house, bearer=visit.house.do(visit.house.token_of(visit.me)))
    assert knows(program) == 200
    assert managing(visit.house).ask("PUT", f"/users/{visit.me.user_id}/{what}", body).status_code == 204

    assert (knows(visit.window), knows(program)) == (401, 401)


def test_a_rule_of_the_tenant_counts_at_the_next_request(visit: Visit) -> None:
    owner = managing(visit.house)
    assert visit.window.ask("GET", "/accounts").status_code == 200
    try:
        assert owner.ask("PUT", "/tenant/requires-mfa", {"requires_mfa": True}).status_code == 204
        refused = visit.window.ask("GET", "/accounts")
        assert (refused.status_code, visit.window.ask("GET", "/me").json()["standing"]) == (403, "must_enrol")
    finally:
        assert owner.ask("PUT", "/tenant/requires-mfa", {"requires_mfa": False}).status_code == 204
    assert visit.window.ask("GET", "/accounts").status_code == 200
