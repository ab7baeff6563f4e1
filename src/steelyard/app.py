"""The composition root: reads the settings once, wires the store to them, and hands both to the faces."""

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from secrets import token_bytes
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from steelyard.config import Settings
from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from steelyard.cli.shell import SampleBook
    from steelyard.server.application import Application
    from steelyard.server.place import Place
    from steelyard.services.entrance import Entrance
    from steelyard.storage.acting import Acting
    from steelyard.storage.cloud_sql import CloudSqlInstance
    from steelyard.storage.connection import Pool


def main() -> None:
    """Run the command `steelyard`."""
    from steelyard.cli.main import run
    from steelyard.cli.shell import Shell

    try:
        settings = Settings.from_environment()
    except SteelyardError as error:
        sys.exit(f"steelyard: {error}")
    sys.exit(run(Shell(settings, open_pool, _sample_book, date.today, make_server)))


def use_default_store() -> None:
    """Let readers called without a session open the store that the environment names."""
    from steelyard.storage.connection import set_default

    set_default(_open_default_pool)


async def open_pool(
    settings: Settings, report: Callable[[str], None] = lambda _: None, *, acts_as: "Acting | None" = None
) -> "Pool":
    """Open the pool of the store that the settings name; `report` is told what takes more than a moment.

    It works for the operator where `acts_as` does not say otherwise.

    Raises:
        SteelyardError: the store cannot be reached or started; see `init_connection_pool`.
    """
    from steelyard.storage.acting import OPERATOR
    from steelyard.storage.connection import init_connection_pool

    return await init_connection_pool(
        settings.database_url,
        migrator_url=settings.migrator_url,
        cloud_sql=_cloud_sql(settings),
        data_dir=settings.data_dir,
        postgres_bin=settings.postgres_bin,
        pool_size=settings.pool_size,
        trusts_network=settings.trusts_network,
        acts_as=acts_as or OPERATOR,
        report=report,
    )


async def make_server(settings: Settings, place: "Place", pool: "Pool") -> "Application":
    """Put the server together that serves the open store at a place.

    Raises:
        SteelyardError: the key file or the file of the providers cannot be used, or the price sources are none.
    """
    from steelyard.api.routes import make_router
    from steelyard.cli.sources import make_sources
    from steelyard.demo import book_path
    from steelyard.server.application import make_application
    from steelyard.server.wiring import Wiring
    from steelyard.services.broker_link import make_tools
    from steelyard.services.first_book import FirstBook
    from steelyard.services.reception import Reception
    from steelyard.web.problem import draw_problem
    from steelyard.web.routes import make_pages

    wiring = Wiring(
        place=place,
        find_actor=Reception(_now),
        check_ready=_check_store,
        clock=_now,
        seconds=time.monotonic,
        random=token_bytes,
    )
    app = make_application(wiring, [make_router(), make_pages()], draw_problem=draw_problem)
    app.state.retention_years = settings.retention_years
    app.state.market = market = make_sources(settings).market
    app.state.entrance = entrance = await _make_entrance(settings, place, pool)
    app.state.broker_tools = make_tools(
        settings.private_networks, settings.data_dir, pool, clock=_now, market=market
    )
    app.state.first_book = FirstBook(book_path(), entrance.vault, app.state.broker_tools)
    return app


async def _make_entrance(settings: Settings, place: "Place", pool: "Pool") -> "Entrance":
    """Gather what signing in needs."""
    from steelyard.api.routes import redirect_uri
    from steelyard.identity.oauth import RelyingParty
    from steelyard.identity.passkeys import Site
    from steelyard.identity.passwords import Passwords
    from steelyard.identity.provider_settings import ProviderSettings, read_provider_file
    from steelyard.network.outbound import Outbound, OutboundRules
    from steelyard.services.entrance import Entrance
    from steelyard.services.key import open_vault
    from steelyard.storage.acting import OPERATOR, acting_as

    known = ProviderSettings({})
    if settings.provider_file is not None:
        known = read_provider_file(settings.provider_file, partial(redirect_uri, place.public_url))
    outbound = Outbound(OutboundRules(known.private_networks))
    providers = [one.provider for one in known.providers.values()]
    with acting_as(OPERATOR):
        vault = await open_vault(settings.key_file, pool)
    return Entrance(
        vault=vault,
        passwords=Passwords(at_once=os.cpu_count() or 1),
        random=token_bytes,
        site=Site(urlsplit(place.public_url).hostname or "", "Steelyard", tuple(sorted(place.origins))),
        relying=RelyingParty(providers, outbound, clock=_now, random=token_bytes),
        providers=known.providers,
    )


async def _check_store() -> None:
    from steelyard.storage.connection import get_db_session
    from steelyard.storage.migration import check_schema

    async with get_db_session() as db:
        await check_schema(db)


def _now() -> datetime:
    return datetime.now(UTC)


async def _open_default_pool() -> "Pool":
    return await open_pool(Settings.from_environment())


def _cloud_sql(settings: Settings) -> "CloudSqlInstance | None":
    if settings.instance_connection_name is None:
        return None
    from steelyard.storage.cloud_sql import CloudSqlInstance

    return CloudSqlInstance(
        settings.instance_connection_name,
        settings.db_user,
        settings.db_name,
        settings.db_pass,
        iam=settings.db_iam,
        ip_type=settings.db_ip_type,
    )


def _sample_book() -> "SampleBook":
    from steelyard.cli.shell import SampleBook
    from steelyard.demo import MADE, REAL, book_path

    return SampleBook(book_path(), REAL, MADE)
