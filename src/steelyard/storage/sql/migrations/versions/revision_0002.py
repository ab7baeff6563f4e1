"""The ledger."""  # noqa: INP001 - Alembic reads it by its path

from steelyard.storage.migration import run_script

revision = "0002_ledger"
down_revision = "0001_base"


def upgrade() -> None:
    """Create the journal, its postings and balances, and the columns they are booked from."""
    run_script("migrations/0002_ledger.sql")
