"""Steelyard: the open platform for portfolio management and rebalancing.

The names below are functions of its floors, read when they are first used, so that `import steelyard` stays cheap.
Called without `db`, readers open the default store, which the environment names.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.services.asset_360 import (
        create_and_run_procedure,
        get_asset_allocation,
        get_compliance_summary,
        get_geographic_distribution,
        get_performance_dashboard,
        get_portfolio_overview,
        get_risk_metrics,
        get_sector_exposure,
        get_transaction_analysis,
    )
    from steelyard.storage.connection import get_db_session, init_connection_pool

    __version__: str

__all__ = [
    "__version__",
    "create_and_run_procedure",
    "get_asset_allocation",
    "get_compliance_summary",
    "get_db_session",
    "get_geographic_distribution",
    "get_performance_dashboard",
    "get_portfolio_overview",
    "get_risk_metrics",
    "get_sector_exposure",
    "get_transaction_analysis",
    "init_connection_pool",
]

_IN_STORAGE = ("get_db_session", "init_connection_pool")


def __getattr__(name: str) -> Any:
    """Import what is asked for, with a default store behind it."""
    if name == "__version__":
        return import_module("importlib.metadata").version("steelyard")
    if name not in __all__:
        raise AttributeError(f"module 'steelyard' has no attribute {name!r}")
    import_module("steelyard.app").use_default_store()
    place = "steelyard.storage.connection" if name in _IN_STORAGE else "steelyard.services.asset_360"
    return getattr(import_module(place), name)


def __dir__() -> list[str]:
    """List the names, those not read yet included."""
    return sorted({*globals(), *__all__})
