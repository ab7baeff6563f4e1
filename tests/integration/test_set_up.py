"""One-time links: the first user, invitations and recoveries; each opens once, and leads to an enrolment."""

from datetime import timedelta
from secrets import token_bytes
from typing import Any

import pytest

from entrances import (
    HERE,
    NOON,
    ORIGIN,
    PASSWORD,
    Person,
    actor_of,
    at_once,
    events_of,
    make_person,
    notices_of,
    session_of,
    sign_in,
)
from passkey_device import Device
from steelyard.errors import NotPermittedError
from steelyard.identity.link import LIFETIMES, LinkEndedError, LinkPurpose, NewLink
from steelyard.identity.passkeys import PasskeyError
from steelyard.identity.passwords import CommonPasswordError, PasswordTooShortError
from steelyard.identity.permissions import Role, Standing
from steelyard.identity.session import NotSignedInError
from steelyard.identity.user import UnusableNameError
from steelyard.services.acceptance import (
    Newcomer,
    NewcomerError,
    SetUpDoneError,
    accept_with_password,
    look_at_link,
)
from steelyard.services.entrance import Entrance, SignInFailedError
from steelyard.services.factors import get_own_factors
from steelyard.services.link import make_link
from steelyard.services.new_passkeys import accept_with_passkey, ask_to_accept, ask_to_register, register
from steelyard.services.passkeys import NoQuestionError
from steelyard.services.set_up import is_set_up, make_set_up_link
from steelyard.services.sign_in import sign_in_with_password
from steelyard.storage.acting import OPERATOR, acting_as
from steelyard.storage.connection import get_write_session
from steelyard.storage.factors import add_identity

ADA = Newcomer("ada@example.org", "Ada Byron")
NEW = "seven quiet lobsters hum"


async def set_up_link() -> NewLink:
    with acting_as(OPERATOR):
        return await make_set_up_link(now=NOON, random=token_bytes)


async def link_for(person: Person, purpose: LinkPurpose) -> str:
    with acting_as(OPERATOR):
        async with get_write_session() as db:
            return (await make_link(db, purpose, person.user_id, now=NOON, random=token_bytes)).secret


async def accept(entrance: Entrance, secret: str, password: str = NEW, **more: Any) -> Any:
    return await accept_with_password(entrance, HERE, secret, password, now=NOON, **more)


async def test_the_first_user_is_the_owner_and_must_enrol(own_entrance: Entrance) -> None:
    link = await set_up_link()
    seen = await look_at_link(own_entrance, link.secret, now=NOON)
    signed = await accept(own_entrance, link.secret, newcomer=ADA)
    actor = await actor_of(signed)

    assert (seen.purpose, seen.login, seen.expires_at) == (LinkPurpose.SETUP, "", link.expires_at)
    assert (actor.role, actor.standing) == (Role.OWNER, Standing.MUST_ENROL)
    session_of(await sign_in_with_password(own_entrance, HERE, "ADA@example.org", NEW, now=NOON))
    with acting_as(OPERATOR):
        assert await is_set_up()
    with pytest.raises(SetUpDoneError):
        await set_up_link()
    with pytest.raises(LinkEndedError):
        await accept(own_entrance, link.secret, newcomer=ADA)


async def test_there_is_no_user_until_the_link_is_opened(own_entrance: Entrance) -> None:
    """No default account, and a link that was renewed is dead."""
    old, link = await set_up_link(), await set_up_link()
    for login in ("admin", "owner", "ada@example.org", ""):
        with pytest.raises(SignInFailedError):
            await sign_in_with_password(own_entrance, HERE, login, "admin", now=NOON)
    with pytest.raises(LinkEndedError):
        await accept(own_entrance, old.secret, newcomer=ADA)
    with pytest.raises(LinkEndedError):
        await accept_with_password(
            own_entrance, HERE, link.secret, NEW, now=NOON + LIFETIMES[LinkPurpose.SETUP], newcomer=ADA
        )
    with acting_as(OPERATOR):
        assert not await is_set_up()


async def test_of_many_who_open_it_at_once_one_is_the_owner(own_entrance: Entrance) -> None:
    link = await set_up_link()
    newcomers = [Newcomer(f"{number}@example.org", "Ada") for number in range(10)]
    signed, refused = await at_once(*(accept(own_entrance, link.secret, newcomer=who) for who in newcomers))

    assert len(signed) == 1
    assert set(refused) <= {LinkEndedError, SetUpDoneError}


async def test_what_is_refused_uses_nothing_up(own_entrance: Entrance) -> None:
    link = await set_up_link()
    for newcomer, password, error in (
        (None, NEW, NewcomerError),
        (Newcomer(" ", "Ada"), NEW, UnusableNameError),
        (Newcomer("ada", "A\nda"), NEW, UnusableNameError),
        (ADA, "short", PasswordTooShortError),
        (ADA, "ada@example.org", CommonPasswordError),
        (ADA, "Ada Byron", CommonPasswordError),
    ):
        with pytest.raises(error):
            await accept(own_entrance, link.secret, password, newcomer=newcomer)
    with pytest.raises(LinkEndedError):
        await accept(own_entrance, link.secret[:-1] + "-", newcomer=ADA)

    await accept(own_entrance, link.secret, newcomer=ADA)


async def test_the_first_user_may_come_with_a_passkey(own_entrance: Entrance) -> None:
    link, device = await set_up_link(), Device(ORIGIN)
    options = await ask_to_accept(own_entrance, link.secret, ADA.login, now=NOON)
    changed = await accept_with_passkey(
        own_entrance, HERE, link.secret, device.make(options), "Phone", now=NOON, newcomer=ADA
    )
    actor = await actor_of(changed.signed)

    assert (actor.role, actor.standing, set(actor.factors)) == (Role.OWNER, Standing.FULL, {"passkey"})
    assert options["user"]["name"] == ADA.login
    assert len(changed.recovery_codes) == 10
    assert (await get_own_factors(actor)).has_password is False


async def test_an_invitation_gives_a_way_in_once(entrance: Entrance) -> None:
    ada = await make_person(entrance, Role.ADVISOR, status="invited", password=None)
    secret = await link_for(ada, LinkPurpose.INVITATION)
    seen = await look_at_link(entrance, secret, now=NOON)
    signed, refused = await at_once(*(accept(entrance, secret) for _ in range(5)))

    assert (seen.purpose, seen.login) == (LinkPurpose.INVITATION, ada.login)
    assert len(signed) == 1
    assert set(refused) == {LinkEndedError}
    assert (await actor_of(signed[0])).standing is Standing.MUST_ENROL
    assert await events_of(ada) == ["link.create", "link.accept"]
    assert await notices_of(ada) == ["link.accept"]


async def test_an_invitation_of_who_is_here_opens_nothing(entrance: Entrance) -> None:
    """It would put a password beside the factors that somebody has."""
    ada = await make_person(entrance, Role.OWNER, totp=True)
    secret = await link_for(ada, LinkPurpose.INVITATION)

    with pytest.raises(LinkEndedError):
        await accept(entrance, secret)
    await sign_in(entrance, ada)


async def test_a_recovery_takes_all_old_factors_away(entrance: Entrance) -> None:
    ada = await make_person(entrance, Role.OWNER, totp=True)
    actor, device = await sign_in(entrance, ada), Device(ORIGIN)
    answer = device.make(await ask_to_register(entrance, actor, now=NOON))
    session = await actor_of((await register(entrance, actor, answer, "Phone", now=NOON)).signed)
    with acting_as(OPERATOR):
        async with get_write_session() as db:
            await add_identity(db, ada.user_id, "https://login.example.com", "ada")
    secret = await link_for(ada, LinkPurpose.RECOVERY)
    before = await get_own_factors(session)  # until the link is opened nothing changes
    left = await get_own_factors(await actor_of(await accept(entrance, secret)))

    assert (before.has_totp, len(before.passkeys), len(before.identities)) == (True, 1, 1)
    assert (left.has_totp, left.recovery_codes, left.passkeys, left.identities) == (False, 0, [], [])
    with pytest.raises(SignInFailedError):
        await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON)
    signed = session_of(await sign_in_with_password(entrance, HERE, ada.login, NEW, now=NOON))
    assert (await actor_of(signed)).standing is Standing.MUST_ENROL
    assert (await notices_of(ada))[-1] == (await events_of(ada))[-1] == "link.accept"


async def test_a_recovery_ends_every_session(entrance: Entrance) -> None:
    ada = await make_person(entrance)
    before = session_of(await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=NOON))
    await accept(entrance, await link_for(ada, LinkPurpose.RECOVERY))

    with pytest.raises(NotSignedInError):
        await actor_of(before)


async def test_a_link_is_accepted_with_a_passkey_made_for_it(entrance: Entrance) -> None:
    ada = await make_person(entrance, status="invited", password=None)
    eve = await make_person(entrance, status="invited", password=None)
    mine = await link_for(ada, LinkPurpose.INVITATION)
    other = await link_for(eve, LinkPurpose.INVITATION)
    device = Device(ORIGIN)
    answer = device.make(await ask_to_accept(entrance, mine, "", now=NOON))
    with pytest.raises(NoQuestionError):
        await accept_with_passkey(entrance, HERE, other, answer, "Phone", now=NOON)
    device.verifies = False
    answer = device.make(await ask_to_accept(entrance, mine, "", now=NOON))
    with pytest.raises(PasskeyError):
        await accept_with_passkey(entrance, HERE, mine, answer, "Phone", now=NOON)
    device.verifies = True
    answer = device.make(await ask_to_accept(entrance, mine, "", now=NOON))
    changed = await accept_with_passkey(entrance, HERE, mine, answer, "Phone", now=NOON)

    assert (await actor_of(changed.signed)).user_id == ada.user_id
    with pytest.raises(NotPermittedError):
        await ask_to_accept(entrance, mine, "", now=NOON)


async def test_a_link_ends(entrance: Entrance) -> None:
    ada = await make_person(entrance, status="invited", password=None)
    secret = await link_for(ada, LinkPurpose.INVITATION)
    late = NOON + LIFETIMES[LinkPurpose.INVITATION]

    with pytest.raises(LinkEndedError):
        await accept_with_password(entrance, HERE, secret, NEW, now=late)
    await accept_with_password(entrance, HERE, secret, NEW, now=late - timedelta(seconds=1))
