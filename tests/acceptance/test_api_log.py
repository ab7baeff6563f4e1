"""What people sign in with is in no log, no metric, no audit and no notice."""

import io
from collections.abc import Iterator
from secrets import token_hex

import pytest

from api_visit import NEW_PASSWORD
from entrances import PASSWORD
from house import House, Window
from steelyard.identity.permissions import Role
from steelyard.server.logs import logged

WRITTEN = "select coalesce(string_agg(e::text, ' '), '') from steelyard.{} as e"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    with logged(stream):
        yield stream


def sign_in_and_change_everything(house: House) -> set[str]:
    """Do what shows and makes secrets, rightly and wrongly; gives them."""
    me = house.do(house.person(Role.OWNER))
    house.do(house.enrol(me))
    window, wrong = Window(house), f"wrong {token_hex(8)}"
    for password in (wrong, PASSWORD):
        window.ask("POST", "/sign-in/password", {"login": me.login, "password": password})
    code, session = me.code(house.clock()), window.cookies.copy()
    signed = window.ask("POST", "/sign-in/totp", {"code": code})
    assert signed.status_code == 200, signed.text
    changed = window.ask("PUT", "/factors/password", {"new_password": NEW_PASSWORD, "password": PASSWORD})
    codes = window.ask("POST", "/factors/recovery-codes", {})
    token = house.do(house.token_of(me))
    Window(house, bearer=token).ask("GET", "/me")
    assert changed.status_code < 500
    assert codes.status_code < 500
    made = {text for text in codes.json().get("codes", []) if isinstance(text, str)}
    return {
        *{wrong, PASSWORD, NEW_PASSWORD, me.login, me.seed.hex(), token, *me.recovery_codes},
        *session.values(),
        *window.cookies.values(),
        *made,
    }


def test_what_people_sign_in_with_is_told_nowhere(house: House, log: io.StringIO) -> None:
    secrets = sign_in_and_change_everything(house)
    told = [
        house.ask("GET", "/metrics").text,
        log.getvalue(),
        *(house.rows(WRITTEN.format(table))[0][0] for table in ("audit_events", "notices", "sessions")),
    ]

    assert len(secrets) > 10
    assert all(told)
    assert [secret for secret in secrets for text in told if secret in text] == []
