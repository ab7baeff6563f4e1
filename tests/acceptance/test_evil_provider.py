"""A provider that lies in one way at a time signs nobody in, and each lie has its name."""

import secrets
from collections.abc import Iterator

import pytest

from evil_lies import ACCEPTED, CASES, IMPATIENT, resolve
from evil_provider import (
    ACCESS_TOKEN,
    CLIENT,
    SECRET,
    EvilProvider,
    started,
)
from openid import LOOPBACK, TLS
from steelyard.identity.id_token import Identity
from steelyard.identity.oauth import (
    CallbackError,
    RelyingParty,
)
from steelyard.identity.provider import Provider
from steelyard.network.outbound import (
    AddressRefusedError,
    AnswerRefusedError,
    Outbound,
    UnreachableError,
)

NAME_NO_PROVIDER = (AddressRefusedError, AnswerRefusedError, CallbackError, UnreachableError)


@pytest.fixture(scope="module")
def evil() -> Iterator[EvilProvider]:
    with started(ACCEPTED | {name: case.lies for name, case in CASES.items()}) as provider:
        yield provider


def provider_of(evil: EvilProvider, defect: str) -> Provider:
    return Provider(
        name=defect.replace("_", "-"),
        issuer=f"{evil.root}/{defect}",
        client_id=CLIENT,
        client_secret=SECRET,
        redirect_uri=f"https://us.example/{defect}",
    )


async def sign_in(evil: EvilProvider, defect: str) -> Identity:
    provider = provider_of(evil, defect)
    outbound = Outbound(IMPATIENT if "stall" in defect else LOOPBACK, resolve=resolve, tls=TLS)
    relying = RelyingParty([provider], outbound, clock=lambda: evil.now, random=secrets.token_bytes)
    try:
        begun = await relying.begin_sign_in(provider.name)
        return await relying.finish_sign_in(provider.name, evil.sign_in(begun.url), begun.pending)
    finally:
        await outbound.close()


@pytest.mark.parametrize("defect", ACCEPTED)
async def test_what_is_right_is_accepted(evil: EvilProvider, defect: str) -> None:
    identity = await sign_in(evil, defect)

    assert (identity.issuer, identity.subject) == (f"{evil.root}/{defect}", "ada")


@pytest.mark.parametrize("defect", CASES)
async def test_every_lie_is_refused_by_name(evil: EvilProvider, defect: str) -> None:
    case = CASES[defect]

    with pytest.raises(case.error) as refused:
        await sign_in(evil, defect)

    assert type(refused.value) is case.error
    assert case.says in str(refused.value)
    assert case.error in NAME_NO_PROVIDER or defect.replace("_", "-") in str(refused.value)
    assert getattr(refused.value, "defect", case.says) == case.says
    assert not [secret for secret in (SECRET, ACCESS_TOKEN, "a code") if secret in str(refused.value)]


def test_there_are_enough_lies() -> None:
    assert len(CASES) >= 22
