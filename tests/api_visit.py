"""What the examples of the routes are made of: who asks, what they send, and what they stand on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from house import FOREIGN, LEFT_OUT, House, Person, Window
from passkey_device import Device
from steelyard.identity.permissions import Role

NEW_PASSWORD = "seven lamps under a bridge"  # noqa: S105 - of nobody

ELSEWHERE = {
    "another site": {"sec_fetch_site": "cross-site"},
    "a sister's site": {"sec_fetch_site": "same-site"},
    "who does not say": {"sec_fetch_site": LEFT_OUT},
    "another origin": {"sec_fetch_site": LEFT_OUT, "origin": "https://evil.example"},
    "an origin that is hidden": {"sec_fetch_site": LEFT_OUT, "origin": "null"},
    "another site from our origin": {"sec_fetch_site": "cross-site", "origin": "OURS"},
    "our host over https": {"sec_fetch_site": LEFT_OUT, "origin": "https://localhost"},
}
"""Where a request comes from that is not from a page of ours; OURS stands for our origin."""


@dataclass(slots=True)
class Visit:
    """Who asks, in which window."""

    house: House
    me: Person
    window: Window

    def somebody(self, role: Role = Role.VIEWER, **state: Any) -> Person:
        """Make another user of the same tenant."""
        return self.house.do(self.house.person(role, self.me.tenant_id, **state))

    def as_operator(self, work: Callable[..., Any], about: Any, **more: Any) -> Any:
        """Let the operator of the tenant do something about a user, or about something else of a name."""
        return self.house.do(self.house.operate(self.me.tenant_id, work, about, **more))


@dataclass(frozen=True, slots=True)
class Ask:
    """What to send where the braces of the path and the query are; and the status of success.

    Attributes:
        names: of the path.
        query: what stands behind the question mark.
        body: as JSON; None = none.
        status: when it succeeds.
        headers: beside those of every request; an underscore is a hyphen.
    """

    names: dict[str, str] = field(default_factory=dict)
    query: str = ""
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def path(self, template: str) -> str:
        return template.format(**self.names) + (f"?{self.query}" if self.query else "")


Case = Callable[[Visit], Ask]


def plainly(visit: Visit) -> Ask:
    """Ask for what needs no argument."""
    del visit
    return Ask()


def device_of(visit: Visit) -> Device:
    """Give the user a passkey."""
    device = Device(visit.house.served.wiring.place.public_url)
    visit.house.do(visit.house.give_passkey(visit.me, device))
    return device


def asked(visit: Visit, path: str, body: Any = None) -> dict[str, Any]:
    """The question of a passkey."""
    answer = visit.window.ask("POST", path, body)
    assert answer.status_code == 200, answer.text
    question: dict[str, Any] = answer.json()
    return question


def some_account(visit: Visit) -> str:
    return "MINE-1" if visit.me.tenant_id == 1 else f"{FOREIGN}-1"


def paper_link(visit: Visit) -> str:
    return str(visit.house.do(visit.house.link_paper(visit.me.tenant_id)))


def author_of(visit: Visit) -> str:
    """Who asks, as the audit names them."""
    token = visit.window.bearer.split("_")
    return f"token:{UUID(token[1])}" if len(token) > 1 else f"user:{visit.me.user_id}"
