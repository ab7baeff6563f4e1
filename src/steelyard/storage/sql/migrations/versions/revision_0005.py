"""Imports."""  # noqa: INP001 - Alembic reads it by its path

from steelyard.storage.migration import run_script

revision = "0005_imports"
down_revision = "0004_trading"


def upgrade() -> None:
    """Create what is kept of imported statements, and of what people said their names mean."""
    run_script("migrations/0005_imports.sql")
