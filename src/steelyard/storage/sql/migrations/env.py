"""What Alembic runs: the revisions, in the transaction `storage.migration` has opened."""  # noqa: INP001 - Alembic runs it by its path

from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationInfo

attributes = context.config.attributes


def note(*, step: MigrationInfo, **_: Any) -> None:
    """Remember a revision that was applied."""
    attributes["applied"].append(step.up_revision_id)


context.configure(
    connection=attributes["connection"],
    version_table_schema="steelyard",
    on_version_apply=note,  # type: ignore[arg-type]  # Alembic passes keywords only
)
context.run_migrations()
