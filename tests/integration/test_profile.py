"""Investor profiles: versions, what they may say, and what of them stands in the audit."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from investors import ACCOUNT, INVESTOR, furnish
from people import NOON, add_account, run
from steelyard.domain.profile import Investor, InvestorProfile, ProfileError
from steelyard.services.profile import NoProfileError, UnknownTraitError, get_profile, write_profile
from steelyard.services.scope import UnknownScopeError
from steelyard.services.version import ChangedMeanwhileError
from steelyard.storage.connection import get_write_session

pytestmark = pytest.mark.usefixtures("store", "furnished")


@pytest.fixture
async def furnished(store: object) -> None:
    del store  # opening it is what matters
    await furnish()


async def write(account_id: str, investor: Investor = INVESTOR, *, expected: int = 0) -> InvestorProfile:
    async with get_write_session() as db:
        return await write_profile(db, account_id, investor, expected=expected, now=NOON)


async def test_a_profile_is_kept_as_it_was_written_and_each_change_is_a_version() -> None:
    await add_account("VERSIONS")
    first = await write("VERSIONS")
    second = await write("VERSIONS", replace(INVESTOR, risk_tolerance=4, goals=()), expected=1)

    assert first == InvestorProfile("VERSIONS", 1, INVESTOR, "operator", NOON)
    assert second.version == 2
    assert await get_profile("VERSIONS") == second
    assert second.investor == replace(INVESTOR, risk_tolerance=4, goals=())


async def test_the_audit_says_that_it_was_written_and_nothing_of_what_it_says() -> None:
    await add_account("TOLD")
    await write("TOLD")

    assert await run(
        "select actor, facts from steelyard.audit_events where action = 'profile.write' and object_id = 'TOLD'"
    ) == [("operator", '{"version": 1, "exclusions": 1}')]


@pytest.mark.parametrize(("version", "expected"), [(0, 1), (1, 0), (1, 2)])
async def test_who_has_read_another_version_changes_nothing(version: int, expected: int) -> None:
    account_id = f"OTHER-{version}-{expected}"
    await add_account(account_id)
    if version:
        await write(account_id)
    with pytest.raises(ChangedMeanwhileError):
        await write(account_id, replace(INVESTOR, risk_tolerance=5), expected=expected)

    if version:
        assert (await get_profile(account_id)).investor == INVESTOR


async def test_of_many_who_change_one_version_one_does() -> None:
    await add_account("RACE")
    await write("RACE")
    ended = await asyncio.gather(
        *(write("RACE", replace(INVESTOR, horizon_years=years), expected=1) for years in range(8)),
        return_exceptions=True,
    )

    assert [type(one) for one in ended].count(ChangedMeanwhileError) == 7
    assert (await get_profile("RACE")).version == 2


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"risk_tolerance": 0}, "risk_tolerance is 0; it goes from 1 to 5"),
        ({"risk_tolerance": 6}, "risk_tolerance is 6"),
        ({"horizon_years": -1}, "horizon_years is -1; it goes from 0 to 100"),
        ({"horizon_years": 101}, "horizon_years is 101"),
        ({"goals": ("",)}, "goals hold a text that is blank"),
        ({"goals": ("a", "a")}, "goals hold a name twice"),
        ({"goals": ("x" * 201,)}, "longer than 200"),
        ({"goals": ("a\u202eb",)}, "not printable"),
        ({"goals": tuple(map(str, range(21)))}, "are 21; there may be 20"),
        (
            {"preferences": {"assets": ["VTI"]}},
            "preferences have no kind 'assets'; there are sectors, countries",
        ),
        ({"exclusions": {"colours": ["red"]}}, "exclusions have no kind 'colours'"),
    ],
)
async def test_what_breaks_a_rule_is_refused_with_the_part_and_the_rule(
    parts: dict[str, Any], says: str
) -> None:
    with pytest.raises(ProfileError, match=says):
        await write(ACCOUNT, replace(INVESTOR, **parts))


@pytest.mark.parametrize(
    ("exclusions", "says"),
    [
        ({"sectors": ["Enrgy"]}, "No asset has 'Enrgy' among its sectors; did you mean Energy"),
        ({"assets": ["VTI", "VTX"]}, "'VTX' among its assets; did you mean VTI"),
        ({"asset_types": ["Bond"]}, "'Bond' among its asset types; correct the name"),
        ({"countries": ["germany"]}, "did you mean Germany"),
        ({"issuers": ["SAP"]}, "did you mean SAP SE"),
    ],
)
async def test_an_exclusion_that_would_exclude_nothing_is_refused(
    exclusions: dict[str, list[str]], says: str
) -> None:
    with pytest.raises(UnknownTraitError, match=says):
        await write(ACCOUNT, replace(INVESTOR, exclusions=exclusions))
    with pytest.raises(NoProfileError):
        await get_profile(ACCOUNT)


async def test_where_there_is_no_account_or_profile_it_says_so() -> None:
    with pytest.raises(UnknownScopeError):
        await write("NOBODY")
    with pytest.raises(UnknownScopeError):
        await get_profile("NOBODY")
    await add_account("UNKNOWN")
    with pytest.raises(NoProfileError, match="steelyard profile set UNKNOWN"):
        await get_profile("UNKNOWN")
