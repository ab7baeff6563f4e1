"""Every reader there is."""

from functools import cache

from steelyard.statements.beancount_ledger import BeancountLedger
from steelyard.statements.broker_csv.reader import get_csv_readers
from steelyard.statements.camt import CamtReader
from steelyard.statements.flex import FlexReader
from steelyard.statements.ghostfolio import GhostfolioReader
from steelyard.statements.ofx import OfxReader
from steelyard.statements.port import Reader
from steelyard.statements.portfolio_performance import PortfolioPerformance


@cache
def get_readers() -> tuple[Reader, ...]:
    """Return the readers, in the order in which they look."""
    return (
        OfxReader(),
        FlexReader(),
        CamtReader(),
        GhostfolioReader(),
        PortfolioPerformance(),
        BeancountLedger(),
        *get_csv_readers(),
    )
