"""Identity."""  # noqa: INP001 - Alembic reads it by its path

from steelyard.storage.migration import run_script

revision = "0003_identity"
down_revision = "0002_ledger"


def upgrade() -> None:
    """Create users, sessions, tokens, grants, the audit's chain and the keys, and see to who sees which row."""
    run_script("migrations/0003_identity.sql")
