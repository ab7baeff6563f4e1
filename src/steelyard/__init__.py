"""Steelyard: the open platform for portfolio management and rebalancing.

The names below are functions of its floors, read when they are first used, so that `import steelyard` stays cheap.
Called without `db`, readers open the default store, which the environment names.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.rebalancing.allocation import calculate_investment_allocation
    from steelyard.services.account import Accounts, select_account
    from steelyard.services.allocation import calculate_allocation
    from steelyard.services.approval import approve
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
    from steelyard.services.journal import get_journal
    from steelyard.services.market import get_current_price, get_current_prices
    from steelyard.services.performance import explain_figure, get_performance
    from steelyard.services.position import get_lots, get_positions
    from steelyard.services.proposal import execute, review
    from steelyard.services.session import start_session
    from steelyard.storage.connection import get_db_session, init_connection_pool

    __version__: str

__all__ = [
    "Accounts",
    "__version__",
    "approve",
    "calculate_allocation",
    "calculate_investment_allocation",
    "create_and_run_procedure",
    "execute",
    "explain_figure",
    "get_asset_allocation",
    "get_compliance_summary",
    "get_current_price",
    "get_current_prices",
    "get_db_session",
    "get_geographic_distribution",
    "get_journal",
    "get_lots",
    "get_performance",
    "get_performance_dashboard",
    "get_portfolio_overview",
    "get_positions",
    "get_risk_metrics",
    "get_sector_exposure",
    "get_transaction_analysis",
    "init_connection_pool",
    "review",
    "select_account",
    "start_session",
]

_PLACES = {
    "Accounts": "services.account",
    "approve": "services.approval",
    "calculate_allocation": "services.allocation",
    "calculate_investment_allocation": "rebalancing.allocation",
    "execute": "services.proposal",
    "explain_figure": "services.performance",
    "get_current_price": "services.market",
    "get_current_prices": "services.market",
    "get_db_session": "storage.connection",
    "get_journal": "services.journal",
    "get_lots": "services.position",
    "get_performance": "services.performance",
    "get_positions": "services.position",
    "init_connection_pool": "storage.connection",
    "review": "services.proposal",
    "select_account": "services.account",
    "start_session": "services.session",
}
"""Where names stand; those not listed answer from asset 360."""


def __getattr__(name: str) -> Any:
    """Import what is asked for, with a default store behind it."""
    if name == "__version__":
        return import_module("importlib.metadata").version("steelyard")
    if name not in __all__:
        raise AttributeError(f"module 'steelyard' has no attribute {name!r}")
    place = _PLACES.get(name, "services.asset_360")
    if not place.startswith("rebalancing"):  # engines know no store
        import_module("steelyard.app").use_default_store()
    return getattr(import_module(f"steelyard.{place}"), name)


def __dir__() -> list[str]:
    """List the names, those not read yet included."""
    return sorted({*globals(), *__all__})
