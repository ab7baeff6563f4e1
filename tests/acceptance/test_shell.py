"""The shell on a real socket."""

from serving import serving


def test_a_server_answers_and_ends() -> None:
    with serving() as server:
        answer = server.ask("GET", "/healthz")
    assert answer.status == 200
    assert answer.json == {"status": "alive"}
