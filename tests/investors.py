"""An account with an investor, and assets to make models of: with plain SQL, so that tests of services stand alone."""

from typing import Any

from people import add_account, run
from steelyard.domain.profile import Investor, Model
from steelyard.services.model import write_model
from steelyard.storage.connection import get_write_session

ACCOUNT = "INVESTED"
ASSETS = (
    # id, type, sector, country, issuer
    ("VTI", "ETF", "Broad", "United States", "Vanguard"),
    ("XOM", "Equity", "Energy", "United States", "Exxon Mobil"),
    ("SAP", "Equity", "Software", "Germany", "SAP SE"),
    ("USD", "Cash", None, None, None),
)
INVESTOR = Investor(3, 10, ("a house",), {"sectors": ["Software"]}, {"sectors": ["Energy"]})


async def furnish() -> None:
    """See that the assets and the account are there."""
    for asset_id, kind, sector, country, issuer in ASSETS:
        await run(
            "insert into steelyard.asset_master "
            "(asset_id, asset_name, asset_type, currency, sector, issuing_country, issuer) "
            "values (:id, :id, :kind, 'USD', :sector, :country, :issuer) on conflict do nothing",
            id=asset_id,
            kind=kind,
            sector=sector,
            country=country,
            issuer=issuer,
        )
    await add_account(ACCOUNT)


async def written(model_id: str, expected: int = 0, **parts: Any) -> Model:
    """Write a model that suits everybody, unless its parts say otherwise."""
    usual = {"name": model_id, "weights": {"VTI": "0.95", "USD": "0.05"}, "risk_level": 1}
    async with get_write_session() as db:
        return await write_model(db, model_id, expected=expected, **usual | parts)  # type: ignore[arg-type]  # its parts
