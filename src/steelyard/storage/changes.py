"""What differs between two versions of asset 360."""

from dataclasses import dataclass
from decimal import Decimal

from steelyard.storage.connection import ReadSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class Difference:
    """An asset of the tenant in two versions; what a version does not have is None.

    Attributes:
        was_there: whether the version before has it.
        is_there: whether the version after has it.
        amount: by how much its value moved, of the biggest moves only; None for the others.
    """

    asset_id: str
    asset_name: str
    was_there: bool
    is_there: bool
    value_before: Decimal | None
    value_after: Decimal | None
    risk_before: str | None
    risk_after: str | None
    performance_before: str | None
    performance_after: str | None
    size_before: str | None
    size_after: str | None
    amount: Decimal | None


async def get_version_differences(db: ReadSession, *, before: int, after: int, most: int) -> list[Difference]:
    """Return the assets that came, went, changed a category or are among the `most` biggest moves of value.

    The biggest moves come first, in their order; a version that does not exist has no assets.
    """
    values = {"before": before, "after": after, "most": most}
    rows = await db.execute(query("get_version_differences"), values)
    return [Difference(**row) for row in rows.mappings()]
