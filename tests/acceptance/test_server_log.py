"""What a server writes down: enough to find a defect or an attack, and nothing that anybody entrusted to it."""

import io
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from serving import SECONDS, Served, request
from steelyard.server.logs import KEYS, logged
from toys import ADVISOR, BEARER, CANARY, COOKIE, JSON, SAME_SITE, serving_toys


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, as it is and read as JSON."""

    stream: io.StringIO

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many lines, since they are written after the answer was sent, and read all there are."""
        deadline = time.monotonic() + SECONDS
        while self.text.count("\n") < count and time.monotonic() < deadline:
            time.sleep(0.005)
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def written() -> Iterator[Written]:
    stream = io.StringIO()
    with logged(stream):
        yield Written(stream)


@pytest.fixture
def server(written: Written) -> Iterator[Served]:
    del written  # whatever the server does is written
    with serving_toys() as served:
        yield served


def test_a_line_tells_a_request_by_its_route(server: Served, written: Written) -> None:
    answer = server.ask("GET", "/api/v1/accounts/A-1/toys?page=2", cookie=COOKIE)

    [line] = written.lines(1)
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": answer.headers["x-request-id"],
        "method": "GET",
        "route": "/api/v1/accounts/{account_id}/toys",
        "status": 200,
        "address": "127.0.0.0",
        "actor": f"user:{ADVISOR}",
        "tenant_id": 1,
    }


def test_a_defect_is_found_by_the_requests_id(server: Served, written: Written) -> None:
    answer = server.ask("GET", "/api/v1/defect", cookie=COOKIE)

    [line] = written.lines(1)
    assert line["request_id"] == answer.json["request_id"]
    assert (line["level"], line["error"]) == ("error", "ToyError")
    assert line["at"].split()[-1].startswith("toys:")


def test_an_error_of_ours_is_told_by_its_type(server: Served, written: Written) -> None:
    server.ask("GET", "/api/v1/store", cookie=COOKIE)

    [line] = written.lines(1)
    assert (line["level"], line["error"], line["status"]) == ("info", "DatabaseUnreachableError", 503)


SECRETS: dict[str, tuple[str, str, dict[str, str], bytes | None]] = {
    "a session": ("GET", "/api/v1/me", {"cookie": COOKIE}, None),
    "a session that is none": ("GET", "/api/v1/me", {"cookie": f"sid={CANARY}; {CANARY}=1"}, None),
    "a token": ("GET", "/api/v1/me", {"authorization": BEARER}, None),
    "a password of another kind": ("GET", "/api/v1/me", {"authorization": f"Basic {CANARY}"}, None),
    "a path": ("GET", f"/api/v1/accounts/{CANARY}/toys", {"cookie": COOKIE}, None),
    "a path that is none": ("GET", f"/{CANARY}", {}, None),
    "a query": ("GET", f"/api/v1/toys?limit={CANARY}&{CANARY}=1", {"cookie": COOKIE}, None),
    "a method": (CANARY.upper(), "/healthz", SAME_SITE, None),
    "a host": ("GET", "/healthz", {"host": CANARY}, None),
    "headers": ("GET", "/healthz", {"user_agent": CANARY, "referer": CANARY, "x_request_id": CANARY}, None),
    "forwarded": ("GET", "/healthz", {"x_forwarded_for": CANARY, "x_forwarded_proto": CANARY}, None),
    "an origin": ("POST", "/api/v1/open", {"origin": f"https://{CANARY}"}, None),
    "a body": ("POST", "/api/v1/sign-in", SAME_SITE | JSON, b'{"password": "%b"}' % CANARY.encode()),
    "a body that is none": ("POST", "/api/v1/sign-in", SAME_SITE | JSON, CANARY.encode()),
    "a type": ("POST", "/api/v1/sign-in", SAME_SITE | {"content_type": CANARY}, b"{}"),
    "a field": ("POST", "/api/v1/toys", {"authorization": BEARER} | JSON, b'{"%b": 1}' % CANARY.encode()),
    "a value": (
        "POST",
        "/api/v1/toys",
        {"authorization": BEARER} | JSON,
        b'{"symbol": "%b", "quantity": "%b", "name": ["%b"]}' % ((CANARY.encode(),) * 3),
    ),
    "a defect": ("GET", "/api/v1/defect", {"cookie": COOKIE}, None),
    "the store": ("GET", "/api/v1/store", {"cookie": COOKIE}, None),
}


def test_no_secret_is_in_logs_metrics_or_errors(server: Served, written: Written) -> None:
    answers = {
        name: server.ask(method, path, body, **headers)
        for name, (method, path, headers, body) in SECRETS.items()
    }
    server.say(request(f"GET /healthz {CANARY}", Host=server.host))
    figures = server.ask("GET", "/metrics").body.decode()

    # what somebody may see of theirs is in the answer, and what they sent in no error
    told = {name for name, answer in answers.items() if CANARY in f"{answer.headers}{answer.body.decode()}"}
    assert told <= {"a path"}  # the account that is not there is named
    assert CANARY.lower() not in figures.lower()
    assert len(written.lines(len(SECRETS))) >= len(SECRETS)
    assert CANARY.lower() not in written.text.lower()


def test_a_careless_line_tells_nothing(written: Written) -> None:
    ours, theirs = logging.getLogger("steelyard.services.toy"), logging.getLogger("somebody.else")
    try:
        json.loads(CANARY)
    except ValueError:
        ours.exception("failed", extra={"password": CANARY, "error": {"secret": CANARY}, "status": 7})
        theirs.exception("cannot use %s", CANARY)
    theirs.warning("the password is %s", CANARY, extra={"actor": "nobody"})
    theirs.info("nothing to see")

    lines = written.lines(3)
    assert CANARY not in written.text
    assert [line["event"] for line in lines] == ["failed", "from somebody.else", "from somebody.else"]
    assert lines[0]["status"] == 7
    assert [line.get("error") for line in lines] == ["JSONDecodeError", "JSONDecodeError", None]
    assert all(set(line) <= set(KEYS) for line in lines)


def test_figures_have_few_labels(server: Served, written: Written) -> None:
    for number in range(30):
        server.ask("GET", f"/api/v1/accounts/A-{number}/toys", cookie=COOKIE)
        server.ask(f"BREW{number}", f"/nowhere/{number}", sec_fetch_site="none")
    assert len(written.lines(60)) == 60
    lines = server.ask("GET", "/metrics").body.decode().splitlines()

    counted = [line for line in lines if line.startswith("steelyard_requests_total")]
    assert sorted(counted) == [
        'steelyard_requests_total{method="GET",route="/api/v1/accounts/{account_id}/toys",status="200"} 1.0',
        'steelyard_requests_total{method="GET",route="/api/v1/accounts/{account_id}/toys",status="404"} 29.0',
        'steelyard_requests_total{method="other",route="",status="404"} 30.0',
    ]
