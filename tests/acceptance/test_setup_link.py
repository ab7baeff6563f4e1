"""The first user's link, from the terminal: made anew as often as asked for, until somebody opened one."""

import json
import re

from terminal import Terminal


def test_the_terminal_prints_the_first_users_link(blank: Terminal) -> None:
    blank.run("init")
    shown = blank.run("user", "setup-link", "--url", "https://book.example/")
    again = json.loads(blank.run("user", "setup-link", "--json").stdout)

    assert re.search(r"^https://book\.example/setup#[A-Za-z0-9_-]{43}$", shown.stdout, re.MULTILINE)
    assert again["purpose"] == "set-up"
    assert again["url"].startswith("http://localhost:8000/setup#")
    assert again["url"][-43:] not in shown.stdout

    blank.run("user", "add", "ada@example.org", "--role", "owner")
    refused = blank.run("user", "setup-link")
    assert refused.returncode == 1
    assert "This installation is set up already." in refused.stderr
