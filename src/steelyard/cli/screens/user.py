"""The screens of users: who there is, and links that are printed once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from rich.console import Group
from rich.text import Text

from steelyard.cli.desk import PrintedLink
from steelyard.cli.screens.cells import UNKNOWN, Listing, money, note, title
from steelyard.services.people import People
from steelyard.storage.grant import Grant
from steelyard.storage.recovery import RecoveryRequest


def listed(people: People) -> Group:
    """Show the users, what they were granted, and what waits for a second person."""
    if not people.users:
        return Group(
            title("Users"),
            note("There is nobody. Next: steelyard user invite ada@example.org --role owner"),
        )
    logins = {user.user_id: user.login for user in people.users}
    return Group(
        title("Users"), "", _users(people), *_grants(people.grants, logins), *_waiting(people, logins)
    )


def link(printed: PrintedLink) -> Group:
    """Show a link whole, so that it can be copied however wide the terminal is."""
    return Group(
        f"The {printed.purpose} of {printed.login}:",
        "",
        Text(printed.url, "bold", no_wrap=True, overflow="ignore"),
        "",
        note(
            f"It is opened in a browser, counts once, until {moment(printed.expires_at)}, and is shown this "
            "once. Hand it to them alone."
        ),
    )


def asked(request: RecoveryRequest) -> Group:
    """Say who must act next."""
    return Group(
        "Asked for. Nothing changes until another person approves.",
        note(f"A user approves it, who is an owner or admin, until {moment(request.expires_at)}."),
    )


def moment(when: datetime | None) -> str:
    """Return a moment to the minute, UTC."""
    return UNKNOWN if when is None else f"{when:%Y-%m-%d %H:%M} UTC"


def _users(people: People) -> Listing:
    listing = Listing(
        "Login", "?Name", "!Role", "!Status", "?Second factor", "?>Approves up to", "?!Last sign-in"
    )
    for user in people.users:
        listing.add_row(
            user.login,
            user.name,
            user.role.value,
            user.status,
            "yes" if user.has_second_factor else "no",
            UNKNOWN if user.approval_limit is None else money(user.approval_limit),
            moment(user.last_sign_in_at),
        )
    return listing


def _grants(grants: Sequence[Grant], logins: dict[UUID, str]) -> list[Group]:
    if not grants:
        return []
    listing = Listing("Login", "Sees", "May", "?Granted by")
    for grant in grants:
        scope = f"account {grant.account_id}" if grant.account_id else f"household {grant.household_id}"
        rights = ", ".join(right.lower() for right in grant.rights)
        listing.add_row(logins.get(grant.user_id, UNKNOWN), scope, rights, grant.granted_by)
    return [Group("", title("Grants"), "", listing)]


def _waiting(people: People, logins: dict[UUID, str]) -> list[Group]:
    if not people.waiting:
        return []
    listing = Listing("Login", "Asked by", "!Until")
    for request in people.waiting:
        listing.add_row(logins.get(request.user_id, UNKNOWN), request.asked_by, moment(request.expires_at))
    return [Group("", title("Waiting for a second person"), "", listing)]
