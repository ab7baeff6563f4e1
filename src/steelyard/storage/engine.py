"""Engines: how many connections of one login are kept, and what a value from them is."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

RECYCLE_SECONDS: Final = 1800
POOL_WAIT_SECONDS: Final = 10


def make_engine(
    connect: Callable[[], Awaitable[asyncpg.Connection]], *, pool_size: int | None = None
) -> AsyncEngine:
    """Make an engine that keeps `pool_size` connections, or none. JSON stays text for its reader."""
    pooling: dict[str, Any] = {"poolclass": NullPool}
    if pool_size is not None:
        pooling = {"pool_size": pool_size, "pool_timeout": POOL_WAIT_SECONDS}
        pooling |= {"pool_pre_ping": True, "pool_recycle": RECYCLE_SECONDS}
    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, json_deserializer=str, **pooling
    )
