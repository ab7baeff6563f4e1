"""Every router of the interface, under one prefix."""

from typing import Final

from fastapi import APIRouter

from steelyard.api import (
    asset_360,
    audit,
    factor,
    grant,
    link,
    notice,
    portfolio,
    provider,
    session,
    sign_in,
    tenant,
    token,
    user,
)

PREFIX: Final = "/api/v1"


def make_router() -> APIRouter:
    """Make the routes of the interface; the application's state holds the `entrance` that signing in needs."""
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
        tenant.router,
        audit.router,
        portfolio.router,
        asset_360.router,
    ):
        everything.include_router(router)
    return everything
