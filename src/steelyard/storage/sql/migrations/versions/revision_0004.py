"""Trading."""  # noqa: INP001 - Alembic reads it by its path

from steelyard.storage.migration import run_script

revision = "0004_trading"
down_revision = "0003_identity"


def upgrade() -> None:
    """Create what is between a proposal and the ledger: orders, fills, what holds them back, who approved them."""
    run_script("migrations/0004_trading.sql")
