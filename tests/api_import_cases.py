"""Examples of the routes of imports."""

import json
import tempfile
from base64 import b64encode
from pathlib import Path

from api_visit import Ask, Case, Visit, plainly
from house import transaction
from steelyard.services.statement_import import run_import
from steelyard.services.statement_plan import Choices, Imported, StatementFile

CONTENT = json.dumps(
    {
        "activities": [
            {
                "currency": "USD",
                "dataSource": "YAHOO",
                "date": "2024-03-14",
                "fee": 0,
                "quantity": 1,
                "symbol": "A",
                "type": "BUY",
                "unitPrice": 1,
            }
        ]
    }
)


def an_import(visit: Visit) -> str:
    """An import that an owner made in an account of their own."""
    house, account = visit.house, visit.house.do(visit.house.ledger_account(visit.me.tenant_id))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.json")
        path.write_text(CONTENT, "utf-8")
        files, choices = [StatementFile("a.json", path)], Choices(account=account)
        made = house.do(_imported(visit, files, choices))
    assert made.import_id is not None
    return str(made.import_id)


async def _imported(visit: Visit, files: list[StatementFile], choices: Choices) -> Imported:
    async with transaction(visit.me.acting) as db:
        return await run_import(files, choices, today=visit.house.clock().date(), db=db)


def new_import(visit: Visit) -> Ask:
    account = visit.house.do(visit.house.ledger_account(visit.me.tenant_id))
    file = {"name": "a.json", "content": b64encode(CONTENT.encode()).decode()}
    return Ask(body={"files": [file], "account": account})


CASES: dict[str, Case] = {
    "POST /imports": new_import,
    "GET /imports": plainly,
    "GET /imports/{import_id}": lambda visit: Ask({"import_id": an_import(visit)}),
    "POST /imports/{import_id}/undo": lambda visit: Ask({"import_id": an_import(visit)}),
}
