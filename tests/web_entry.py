"""What tests of getting in by pages share: links as people are handed them, and time that passes."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from house import House, Person, transaction
from steelyard.identity.link import LinkPurpose
from steelyard.identity.permissions import Role
from steelyard.services.link import make_link
from steelyard.storage.acting import Acting

HOSTILE = '<script>alert(1)</script> "quoted" & {{ 7*7 }}'


def link_for(house: House, person: Person, purpose: LinkPurpose) -> str:
    """A link of a person, as they are handed it."""

    async def made() -> str:
        async with transaction(Acting(1, "operator")) as db:
            link = await make_link(db, purpose, person.user_id, now=house.clock(), random=secrets.token_bytes)
        return link.address(house.served.wiring.place.public_url)

    return house.do(made())


def invited(house: House, role: Role) -> Person:
    """Somebody who has no way in yet."""
    return house.do(house.person(role, status="invited"))


@contextmanager
def later(house: House, by: timedelta) -> Iterator[None]:
    """Let time pass at the server."""
    house.clock.ahead += by
    try:
        yield
    finally:
        house.clock.ahead -= by
