"""Trades of an account, worked out and not stored."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.market.port import Market
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Exact, Id, Name
from steelyard.server.market import AskedMarket
from steelyard.server.permits import permits
from steelyard.services.allocation import calculate_allocation
from steelyard.services.allocation_inputs import STORED, Asked, quote_for
from steelyard.statements.policy import read_policy

router = APIRouter(prefix="/accounts/{account_id}/allocation", tags=["allocation"])

AccountId = Annotated[Id, Path()]
MOST_TARGETS: Final = 5_000


class AllocationBody(Body):
    """What trades are wanted for: a policy with the keys of a policy file, and money that comes in or goes out.

    Targets (asset → fraction of the whole, cash under its currency) take the place of those of the account's model.
    """

    policy: Annotated[dict[str, Any], Field(default_factory=dict, max_length=20)]
    investment_amount: Exact | None = None
    stale_reason: Name | None = None
    prices: Literal["market", "stored"] = "market"
    targets: Annotated[dict[Id, Exact], Field(max_length=MOST_TARGETS)] | None = None

    def asked(self, account_id: str, market: Market | None) -> Asked:
        """Read it; raises PolicyFileError. Where no source is configured, the market is the store."""
        return Asked(
            account_id=account_id,
            policy=read_policy(self.policy, "policy"),
            investment_amount=self.investment_amount or Decimal(0),
            stale_reason=self.stale_reason or "",
            price_source=STORED if market is None else self.prices,
            targets=self.targets,
        )


@router.post(
    "",
    response_model=dict[str, Any],
    dependencies=[permits(Verb.PROPOSE, ObjectType.ORDER, account="account_id")],
)
async def calculate(
    browser: AskingBrowser, market: AskedMarket, account_id: AccountId, body: AllocationBody
) -> Answer:
    """Work out the trades that bring an account closest to its model; nothing is stored."""
    asked = body.asked(account_id, market)
    found = await calculate_allocation(
        account_id,
        policy=asked.policy,
        investment_amount=asked.investment_amount,
        stale_reason=asked.stale_reason,
        prices=await quote_for(asked, market, now=browser.now),
        targets=asked.targets,
    )
    shown = {
        "account_id": account_id,
        "as_of": found.portfolio.as_of,
        "prices": found.inputs.prices,
        "no_buy": found.inputs.no_buy,
        "no_sell": found.inputs.no_sell,
        "allocation": found.allocation,
        "findings": found.findings,
    }
    return Answer(shown)
