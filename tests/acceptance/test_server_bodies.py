"""Bodies: too large, too slow, malformed or of another kind. What is sent decides nothing about memory or time."""

import os
import socket
import time
from collections.abc import Iterator

import psutil
import pytest

from serving import Served, everything_from, request
from statement_upload import multipart
from steelyard.server.wiring import Limits
from toys import BEARER, CANARY, JSON, Toys, serving_toys

MEGABYTE = 2**20
GROWTH = 64 * MEGABYTE


@pytest.fixture(scope="module")
def toys() -> Toys:
    return Toys()


@pytest.fixture(scope="module")
def server(toys: Toys) -> Iterator[Served]:
    with serving_toys(toys) as served:
        yield served


@pytest.fixture(scope="module")
def hasty() -> Iterator[Served]:
    """A server that does not wait."""
    with serving_toys(limits=Limits(body_seconds=0.2, upload_seconds=0.3, header_seconds=0.2)) as served:
        yield served


def make(server: Served, body: bytes, **headers: str) -> tuple[int, str]:
    answer = server.ask("POST", "/api/v1/toys", body, **({"authorization": BEARER} | JSON | headers))
    return answer.status, answer.body.decode()


def head(server: Served, **headers: str) -> bytes:
    sent = {"Host": server.host, "Authorization": BEARER, "Content-Type": "application/json"} | headers
    return request("POST /api/v1/toys", **sent)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


# ── Size ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(server: Served) -> None:
    answer = server.say(head(server, Content_Length=str(10 * 2**30), Expect="100-continue"))

    assert status_of(answer) == 413


def test_ten_gigabytes_in_chunks_are_refused_within_bounds(server: Served) -> None:
    chunk = b"%x\r\n%b\r\n" % (MEGABYTE, b" " * MEGABYTE)
    process = psutil.Process(os.getpid())  # the server runs in this process
    before = process.memory_info().rss
    sent = 0

    with server.connect() as connection:
        connection.sendall(head(server, Transfer_Encoding="chunked"))
        try:
            while sent < 10 * 2**30:
                connection.sendall(chunk)
                sent += MEGABYTE
        except (BrokenPipeError, ConnectionResetError):
            pass

    assert sent < GROWTH
    assert process.memory_info().rss - before < GROWTH
    assert server.ask("GET", "/healthz").status == 200


def test_the_largest_body_is_taken_and_one_byte_more_is_not(server: Served) -> None:
    def padded(size: int) -> bytes:
        return b"{" + b" " * (size - 2) + b"}"

    assert make(server, padded(65_536))[0] == 200
    assert make(server, padded(65_537))[0] == 413
    chunked = b"10001\r\n%b\r\n0\r\n\r\n" % padded(65_537)
    assert status_of(server.say(head(server, Transfer_Encoding="chunked") + chunked)) == 413


def test_a_route_may_take_more(server: Served) -> None:
    body = b'{"a": 1' + b" " * 900_000 + b"}"
    sent = {"authorization": BEARER} | JSON

    assert server.ask("PATCH", "/api/v1/large", body, **sent).status == 200
    assert server.ask("PATCH", "/api/v1/large", body * 2, **sent).status == 413


def test_who_sends_too_much_hears_why(server: Served) -> None:
    """A connection closed on bytes that nobody read takes the answer with it: they are read and thrown away."""
    part = b" " * (MEGABYTE // 2)

    with server.connect() as connection:
        connection.sendall(head(server, Content_Length=str(4 * len(part))))
        for _ in range(4):
            connection.sendall(part)
            time.sleep(0.05)
        assert status_of(everything_from(connection)) == 413


def test_a_compressed_body_is_no_json(server: Served) -> None:
    assert make(server, b"\x1f\x8b\x08\x00", content_encoding="gzip")[0] == 400


def test_a_question_has_no_body(server: Served) -> None:
    assert server.ask("GET", "/api/v1/toys", b"{}", authorization=BEARER).status == 400


def test_nothing_is_read_of_who_is_nobody(hasty: Served) -> None:
    """The answer comes before the body: a stranger keeps nothing waiting."""
    sent = request("POST /api/v1/toys", Host=hasty.host, Content_Length="60000")

    with hasty.connect() as connection:
        connection.sendall(sent)
        assert b"401 Unauthorized" in connection.recv(65_536)


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────


def files_head(server: Served, boundary: str = "x", **headers: str) -> bytes:
    sent = {"Host": server.host, "Authorization": BEARER} | headers
    return request("POST /api/v1/files", Content_Type=f"multipart/form-data; boundary={boundary}", **sent)


def test_files_are_taken_where_they_are_expected(server: Served) -> None:
    body, content_type = multipart(("a.csv", b"x" * 900_000), ("b.csv", b"y"))
    sent = {"authorization": BEARER, "content_type": content_type}

    assert server.ask("POST", "/api/v1/files", body, **sent).body == b'["a.csv","b.csv"]'
    assert server.ask("POST", "/api/v1/files", b"{}", **sent).status == 400
    assert server.ask("POST", "/api/v1/files", b"{}", authorization=BEARER, **JSON).body == b"[]"
    assert server.ask("POST", "/api/v1/toys", body, **sent).status == 413
    assert server.ask("POST", "/api/v1/toys", *multipart(("a", b"b"))[:1], **sent).status == 415


def test_ten_gigabytes_of_files_are_refused_within_bounds(server: Served) -> None:
    """What comes in excess is read for a moment, so that the answer is heard, and kept nowhere."""
    chunk = b"%x\r\n%b\r\n" % (MEGABYTE, b" " * MEGABYTE)
    process = psutil.Process(os.getpid())
    before, sent = process.memory_info().rss, 0
    with server.connect() as connection:
        connection.sendall(files_head(server, Transfer_Encoding="chunked"))
        try:
            while sent < 10 * 2**30:
                connection.sendall(chunk)
                sent += MEGABYTE
        except (BrokenPipeError, ConnectionResetError):
            pass

    assert sent < 2 * GROWTH
    assert process.memory_info().rss - before < GROWTH
    said = server.say(files_head(server, Content_Length=str(10 * 2**30), Expect="100-continue"))
    assert status_of(said) == 413


def test_slow_files_are_not_waited_for(hasty: Served) -> None:
    with hasty.connect() as connection:
        connection.sendall(files_head(hasty, Content_Length="500"))
        answer = drip(connection, b" " * 500)

    assert status_of(answer) == 408


# ── Time ────────────────────────────────────────────────────────────────────────────────────────────────


def drip(connection: socket.socket, data: bytes) -> bytes:
    """Send a byte now and then, for as long as the other side listens."""
    for byte in data:
        try:
            connection.sendall(bytes([byte]))
        except (BrokenPipeError, ConnectionResetError):
            break
        time.sleep(0.02)
    return everything_from(connection)


def test_a_slow_body_is_not_waited_for(hasty: Served) -> None:
    with hasty.connect() as connection:
        connection.sendall(head(hasty, Content_Length="500"))
        answer = drip(connection, b" " * 500)

    assert status_of(answer) == 408


def test_slow_headers_are_not_waited_for(hasty: Served) -> None:
    with hasty.connect() as connection:
        assert drip(connection, b"GET /healthz HTTP/1.1\r\n" + b"X-A: b\r\n" * 100) == b""


def test_slow_headers_after_an_answer_are_not_waited_for(hasty: Served) -> None:
    with hasty.connect() as connection:
        connection.sendall(request("GET /healthz", Host=hasty.host))
        answers = drip(connection, b"GET /healthz HTTP/1.1\r\n" + b"X-A: b\r\n" * 100)

    assert answers.count(b"alive") == 1


def test_slow_ones_hinder_nobody(server: Served) -> None:
    waiting = [server.connect() for _ in range(50)]
    try:
        for connection in waiting:
            connection.sendall(b"GET /healthz HT")
        assert server.ask("GET", "/healthz").status == 200
    finally:
        for connection in waiting:
            connection.close()


@pytest.mark.parametrize("limits", [Limits(connections=2), Limits(address_connections=2)])
def test_more_connections_than_there_may_be_are_closed(limits: Limits) -> None:
    with serving_toys(limits=limits) as server:
        first, second, third = (server.connect() for _ in range(3))
        with first, second, third:
            assert third.recv(1) == b""
            second.close()
            first.sendall(request("GET /healthz", Host=server.host, Connection="close"))
            assert b"alive" in everything_from(first)


def test_a_body_that_breaks_off_changes_nothing(server: Served, toys: Toys) -> None:
    made = len(toys.made)
    with server.connect() as connection:
        connection.sendall(head(server, Content_Length="40") + b'{"quantity": "1"')
    assert make(server, b'{"quantity": "2"}')[0] == 200

    assert [str(toy.quantity) for toy in toys.made[made:]] == ["2"]


def test_broken_chunks_are_answered_once(server: Served) -> None:
    answer = server.say(head(server, Transfer_Encoding="chunked") + b"zz\r\nabc\r\n")

    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.1 ") == 1


def test_many_requests_in_a_row_are_answered_in_their_order(server: Served) -> None:
    good = request("GET /healthz", Host=server.host)
    last = request("GET /nowhere", Host=server.host, Connection="close")

    answers = server.say(good * 20 + last)

    assert answers.count(b"HTTP/1.1 200 ") == 20
    assert b"HTTP/1.1 404 " in answers.rpartition(b"alive")[2]


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────

BOMBS = {
    "deep lists": b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "33 deep": b'{"a":' * 33 + b"1" + b"}" * 33,
    "never closed": b"[" * 60_000,
    "a key twice": b'{"name": "a", "name": "b"}',
    "a key twice, written otherwise": b'{"name": "a", "n\\u0061me": "b"}',
    "a number too large": b'{"quantity": 1e999999}',
    "a number too small": b'{"quantity": 1e-999999}',
    "a long number": b'{"quantity": ' + b"9" * 60_000 + b"}",
    "NaN": b'{"quantity": NaN}',
    "infinity": b'{"quantity": -Infinity}',
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a surrogate of no pair": b'{"name": "\\udc00\\ud800"}',
    "a lone surrogate in a key": b'{"\\ud800": 1}',
    "a NUL": b'{"name": "a\\u0000b"}',
    "a bare NUL": b'{"name": "a\0b"}',
    "no UTF-8": b'{"name": "\xff"}',
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "a list": b"[]",
    "a text": b'"a"',
    "nothing": b" ",
    "two objects": b"{}{}",
    "a comma too many": b'{"name": "a",}',
    "a comment": b'{"name": "a"} // why',
    "one quote": b"{\"name\": 'a'}",
    "escaped quotes, never closed": b'{"' + b'\\"' * 30_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_json_that_is_none_is_refused(server: Served, toys: Toys, name: str) -> None:
    made = len(toys.made)

    status, body = make(server, BOMBS[name])

    assert status == 400
    assert "malformed-json" in body
    assert len(toys.made) == made


def test_a_million_keys_are_refused_within_bounds(server: Served) -> None:
    keys = b",".join(b'"%d":1' % number for number in range(130_000))
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss

    answer = server.ask("PATCH", "/api/v1/large", b"{%b}" % keys[:990_000], authorization=BEARER, **JSON)

    assert answer.status == 400
    assert process.memory_info().rss - before < GROWTH


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "application/json; charset=utf-16",
        "application/jsonp",
        "application/problem+json",
        "text/json",
        "",
    ],
)
def test_what_changes_something_is_json(server: Served, toys: Toys, content_type: str) -> None:
    made = len(toys.made)

    assert make(server, b"{}", content_type=content_type)[0] == 415
    assert len(toys.made) == made


def test_json_may_name_its_charset(server: Served) -> None:
    for content_type in ("application/json; charset=utf-8", "Application/JSON;charset=UTF-8"):
        assert make(server, b'{"name": "Zo\xc3\xab"}', content_type=content_type)[0] == 200


# ── Fields ──────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = [
    ("quantity", "1e999999", "not a plain number"),
    ("quantity", "1" * 16, "out of range"),
    ("quantity", "0.1234567890123", "finer than 12 decimals"),
    ("quantity", "1,000.5", "not a plain number"),
    ("quantity", "\\u0661\\u0662", "not a plain number"),
    ("symbol", "\\u0410\\u0410PL", "not a symbol"),
    ("symbol", "../etc", "not a symbol"),
    ("asset_id", "A\\u202eB", "not allowed"),
    ("day", "2024-02-30", "not a day of the calendar"),
    ("moment", "2024-03-10T02:30:00", "no offset"),
    ("moment", "2024-03-10T24:00:00Z", "not a moment"),
    ("moment", "2016-12-31T23:59:60Z", "not a moment"),
    ("name", "a\\u202eb", "U+202E"),
]


@pytest.mark.parametrize(("field", "text", "why"), REFUSED)
def test_a_field_that_breaks_a_rule_is_named_with_the_rule(
    server: Served, field: str, text: str, why: str
) -> None:
    status, body = make(server, f'{{"{field}": "{text}"}}'.encode())

    assert status == 422
    assert f'"at": "body.{field}"' in body
    assert why in body


def test_what_was_sent_is_not_repeated(server: Served) -> None:
    bodies = [
        f'{{"quantity": "{CANARY}", "day": "{CANARY}", "moment": {{"{CANARY}": 1}}}}',
        f'{{"symbol": ["{CANARY}"], "name": {{"a": "{CANARY}"}}}}',
    ]

    for body in bodies:
        status, said = make(server, body.encode())
        assert status == 422
        assert CANARY not in said


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=0", "limit=1000000000", "limit=2.5", "after=%7b", "limit=9" + "9" * 3_000]
)
def test_pages_are_bounded(server: Served, query: str) -> None:
    assert server.ask("GET", f"/api/v1/toys?{query}", authorization=BEARER).status == 422
