"""The schema as first published."""  # noqa: INP001 - Alembic reads it by its path

from steelyard.storage.migration import run_script

revision = "0001_base"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    run_script("migrations/0001_base.sql")
