"""Model portfolios: what their weights must be, their versions, whom they suit, and who follows them."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from investors import ACCOUNT, INVESTOR, furnish, written
from people import NOON, run
from steelyard.domain.amount import AmountError
from steelyard.domain.model_portfolio import ModelWeightError
from steelyard.domain.profile import Investor
from steelyard.services.model import (
    ModelAssetError,
    ModelBoundError,
    NoSuchModelError,
    NotOfferedError,
    Offer,
    OverrideReasonError,
    assign_model,
    get_model,
    get_models,
    get_offers,
)
from steelyard.services.profile import write_profile
from steelyard.services.scope import UnknownScopeError
from steelyard.services.version import ChangedMeanwhileError
from steelyard.storage.connection import get_write_session
from steelyard.storage.profile import get_profile

pytestmark = pytest.mark.usefixtures("store", "furnished")


@pytest.fixture
async def furnished(store: object) -> None:
    del store  # opening it is what matters
    await furnish()


async def know(investor: Investor) -> None:
    async with get_write_session() as db:
        before = await get_profile(db, ACCOUNT)
        expected = 0 if before is None else before.version
        await write_profile(db, ACCOUNT, investor, expected=expected, now=NOON)


async def follow(model_id: str, reason: str = "") -> Offer:
    async with get_write_session() as db:
        return await assign_model(db, ACCOUNT, model_id, reason=reason)


async def offer_of(model_id: str) -> Offer:
    [found] = [offer for offer in await get_offers(ACCOUNT) if offer.model_id == model_id]
    return found


async def events(action: str, object_id: str) -> list[tuple[object, ...]]:
    return await run(
        "select actor, facts from steelyard.audit_events where action = :action and object_id = :id "
        "order by sequence",
        action=action,
        id=object_id,
    )


async def test_a_model_is_kept_as_it_was_written_and_each_change_is_a_version() -> None:
    first = await written(
        "KEPT", weights={"VTI": "0.6", "SAP": Decimal("0.4")}, risk_level=3, min_horizon_years=5
    )
    second = await written("KEPT", first.version, weights={"SAP": 1}, name="Other")

    assert first.version == 1
    assert first.weights == {"SAP": Decimal("0.4"), "VTI": Decimal("0.6")}
    assert (first.risk_level, first.min_horizon_years) == (3, 5)
    assert second == await get_model("KEPT")
    assert (second.version, second.model_name, second.weights) == (2, "Other", {"SAP": Decimal(1)})
    assert second in await get_models()
    assert [facts for _, facts in await events("model.write", "KEPT")] == [
        '{"version": 1, "weights": 2}',
        '{"version": 2, "weights": 1}',
    ]


@pytest.mark.parametrize("expected", [0, 2])
async def test_who_has_read_another_version_changes_nothing(expected: int) -> None:
    await written(f"CHANGED-{expected}")
    with pytest.raises(ChangedMeanwhileError, match="is at version 1"):
        await written(f"CHANGED-{expected}", expected, weights={"SAP": 1})

    assert (await get_model(f"CHANGED-{expected}")).weights == {
        "USD": Decimal("0.05"),
        "VTI": Decimal("0.95"),
    }


async def test_a_model_that_is_not_there_is_not_changed() -> None:
    with pytest.raises(ChangedMeanwhileError, match="is not there"):
        await written("GONE", 1)


@pytest.mark.parametrize(
    ("weights", "error", "says"),
    [
        ({"VTI": "0.6", "SAP": "0.399999"}, ModelWeightError, "sum to 0.999999, 0.000001 less than 1"),
        ({"VTI": "0.6", "SAP": "0.400001"}, ModelWeightError, "sum to 1.000001, 0.000001 more than 1"),
        ({"VTI": "1.1", "SAP": "-0.1"}, ModelWeightError, "below 0 for SAP"),
        ({}, ModelWeightError, "are 0"),
        ({"VTI": "NaN"}, AmountError, "VTI"),
        ({"VTI": "1e0"}, AmountError, "VTI"),
        ({"VTI": 0.5, "SAP": 0.5}, AmountError, "a float"),
        ({"VTI": "0.5", "VTY": "0.5"}, ModelAssetError, "did you mean VTI"),
        ({"VTI": "0.3333333333333", "SAP": "0.6666666666667"}, AmountError, "12 decimals"),
    ],
)
async def test_weights_that_are_not_what_a_whole_is_made_of_are_refused_by_name(
    weights: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        await written("BAD", weights=weights)
    with pytest.raises(NoSuchModelError):
        await get_model("BAD")


@pytest.mark.parametrize(
    "weights", [{"USD": "1"}, {"VTI": 1, "SAP": 0}, {"SAP": "0.000000000001", "VTI": "0.999999999999"}]
)
async def test_all_cash_one_asset_and_the_finest_weight_are_models(weights: dict[str, Any]) -> None:
    model_id = f"FINE-{'-'.join(map(str, weights.values()))}"

    assert (await written(model_id, weights=weights)).weights == {
        asset: Decimal(weight) for asset, weight in weights.items()
    }


@pytest.mark.parametrize("parts", [{"risk_level": 0}, {"risk_level": 6}, {"min_horizon_years": 101}])
async def test_a_risk_or_a_horizon_out_of_range_is_refused(parts: dict[str, int]) -> None:
    with pytest.raises(ModelBoundError):
        await written("BOUND", **parts)


async def test_a_model_that_is_not_there_is_named_with_those_most_like_it() -> None:
    await written("BALANCED")
    with pytest.raises(NoSuchModelError, match="did you mean BALANCED"):
        await get_model("BALANCD")


async def test_models_up_to_the_tolerance_and_the_horizon_are_offered_and_no_further() -> None:
    await know(replace(INVESTOR, exclusions={}))
    await written("RISK-3", risk_level=3, min_horizon_years=10)
    await written("RISK-4", risk_level=4)
    await written("YEARS-11", risk_level=1, min_horizon_years=11)
    await written("NOBODY-SAID", risk_level=None)

    assert (await offer_of("RISK-3")).is_offered
    assert (await offer_of("RISK-4")).reasons == ("its risk is 4, above the tolerance of 3",)
    assert (await offer_of("YEARS-11")).reasons == ("it needs 11 years, and the horizon is 10",)
    assert (await offer_of("NOBODY-SAID")).reasons == ("nobody said how risky it is",)


@pytest.mark.parametrize(
    ("exclusions", "says"),
    [
        ({"assets": ["XOM"]}, "the asset"),
        ({"issuers": ["Exxon Mobil"]}, "issuer Exxon Mobil"),
        ({"sectors": ["Energy"]}, "sector Energy"),
        ({"countries": ["United States"]}, "country United States"),
        ({"asset_types": ["Equity"]}, "asset type Equity"),
    ],
)
async def test_a_model_with_what_is_excluded_is_not_offered(
    exclusions: dict[str, list[str]], says: str
) -> None:
    await know(replace(INVESTOR, exclusions=exclusions))
    model_id = f"OIL-{next(iter(exclusions))}"
    await written(model_id, weights={"XOM": "0.5", "USD": "0.5"})
    await written(f"{model_id}-SOLD", weights={"XOM": "0", "USD": "1"})

    assert (await offer_of(model_id)).reasons == (f"it holds XOM, excluded by {says}",)
    assert (await offer_of(f"{model_id}-SOLD")).is_offered  # a weight of 0 says that it is to be sold


async def test_preferred_models_come_first() -> None:
    await know(replace(INVESTOR, exclusions={}))
    await written("A-BROAD", weights={"VTI": 1})
    await written("Z-SOFTWARE", weights={"SAP": "0.7", "VTI": "0.3"})
    offers = await get_offers(ACCOUNT)
    names = [offer.model_id for offer in offers]

    assert names.index("Z-SOFTWARE") < names.index("A-BROAD")
    assert (await offer_of("Z-SOFTWARE")).preferred_weight == Decimal("0.7")
    assert [offer.is_offered for offer in offers] == sorted(
        [offer.is_offered for offer in offers], reverse=True
    )


async def test_an_account_follows_what_is_offered_and_anything_else_for_a_reason_only() -> None:
    await know(replace(INVESTOR, exclusions={}))
    await written("SUITS")
    await written("TOO-MUCH", risk_level=5)
    with pytest.raises(NotOfferedError, match="its risk is 5, above the tolerance of 3"):
        await follow("TOO-MUCH")
    assert (await follow("SUITS")).is_followed
    assert [offer.model_id for offer in await get_offers(ACCOUNT) if offer.is_followed] == ["SUITS"]

    await follow("TOO-MUCH", reason="  the mandate of 2026-01-02 says so ")
    assert (await offer_of("TOO-MUCH")).is_followed
    assert (await events("model.assign", ACCOUNT))[-1] == (
        "operator",
        '{"model": "TOO-MUCH", "reason": "the mandate of 2026-01-02 says so", "version": 1}',
    )


async def test_a_reason_is_given_where_it_is_needed_and_not_longer_than_it_may_be() -> None:
    await know(replace(INVESTOR, exclusions={}))
    await written("PLAIN")
    await written("RISKY", risk_level=5)
    with pytest.raises(OverrideReasonError, match="not needed"):
        await follow("PLAIN", reason="because")
    with pytest.raises(OverrideReasonError, match="longer than 2,000"):
        await follow("RISKY", reason="x" * 2001)


async def test_where_there_is_no_account_or_model_nothing_follows() -> None:
    await written("FOLLOWED")
    with pytest.raises(NoSuchModelError):
        await follow("NOWHERE")
    async with get_write_session() as db:
        with pytest.raises(UnknownScopeError):
            await assign_model(db, "NOBODY", "FOLLOWED")
    with pytest.raises(UnknownScopeError):
        await get_offers("NOBODY")
