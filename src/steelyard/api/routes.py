"""Every router of the interface, under one prefix."""

from typing import Final

from fastapi import APIRouter

from steelyard.api import (
    asset_360,
    audit,
    broker_link,
    factor,
    grant,
    link,
    notice,
    personal_data,
    portfolio,
    price,
    progress,
    provider,
    session,
    sign_in,
    tenant,
    token,
    user,
)

PREFIX: Final = "/api/v1"


def redirect_uri(public_url: str, name: str) -> str:
    """Say where a provider sends people back to; each provider has an address of its own.

    >>> redirect_uri("https://book.example", "work")
    'https://book.example/api/v1/sign-in/providers/work/callback'
    """
    return f"{public_url}{PREFIX}/sign-in/providers/{name}/callback"


def make_router() -> APIRouter:
    """Make the routes of the interface; the application's state holds what they need.

    Its `entrance` is what signing in needs, its `retention_years` for how long it stays known who did what, its
    `broker_tools` what brokers are given.
    Its `entrance` is what signing in needs, its `market` where prices are asked for (None = the store), its
    `retention_years` for how long it stays known who did what.
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
        broker_link.router,
        portfolio.router,
        price.router,
        asset_360.router,
        progress.router,
    ):
        everything.include_router(router)
    return everything
