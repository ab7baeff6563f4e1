"""Every router of the interface, under one prefix."""

from typing import Final

from fastapi import APIRouter

from steelyard.api import (
    account,
    allocation,
    asset_360,
    audit,
    book_export,
    broker_link,
    factor,
    fill,
    grant,
    hold,
    link,
    model,
    notice,
    order,
    order_limit,
    override,
    personal_data,
    portfolio,
    price,
    progress,
    proposal,
    provider,
    reconciliation_break,
    rule,
    run,
    session,
    sign_in,
    statement_import,
    tenant,
    token,
    user,
)

PREFIX: Final = "/api/v1"


def redirect_uri(public_url: str, name: str) -> str:
    """Say where a provider sends people back to; each provider has an address of its own.

    >>> redirect_uri("https://book.example", "office")
    'https://book.example/api/v1/sign-in/providers/office/callback'
    """
    return f"{public_url}{PREFIX}/sign-in/providers/{name}/callback"


def make_router() -> APIRouter:
    """Make the routes of the interface; the application's state holds what they need.

    Its `entrance` is what signing in needs, its `market` where prices are asked for (None = the store), its
    `retention_years` for how long it stays known who did what, its `broker_tools` what brokers are given.
    """
    everything = APIRouter(prefix=PREFIX)
    for router in (
        provider.router,
        sign_in.router,
        sign_in.leaving,
        link.router,
        session.router,
        factor.router,
        notice.router,
        token.own,
        user.router,
        token.others,
        grant.router,
        personal_data.router,
        tenant.router,
        audit.router,
        book_export.router,
        broker_link.router,
        portfolio.router,
        price.router,
        statement_import.router,
        account.router,
        model.router,
        override.router,
        rule.router,
        order_limit.router,
        allocation.router,
        proposal.accounts,
        proposal.router,
        run.router,
        asset_360.router,
        order.router,
        order.stops,
        fill.router,
        hold.router,
        reconciliation_break.router,
        progress.router,
    ):
        everything.include_router(router)
    return everything
