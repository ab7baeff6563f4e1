"""The commands that answer the eight questions: `answer_NAME` of the service, shown by the screen `NAME`."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.options import Reading, examples, reading_options
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell

if TYPE_CHECKING:
    from steelyard.storage.asset_360 import Document


def _reader(name: str, purpose: str, *uses: str, answer: str = "") -> click.Command:
    """Make the command of a question; `uses` are the options of its examples, `answer` the reader's own name."""

    @click.command(
        name, help=purpose, epilog=examples(*(f"steelyard {name} {use}".rstrip() for use in ("", *uses)))
    )
    @reading_options
    @pass_shell
    def command(shell: Shell, reading: Reading) -> None:
        from steelyard.cli.screens import answers as screens
        from steelyard.services import asset_360

        document = asyncio.run(read_document(shell, reading))
        answered: Any = getattr(asset_360, f"answer_{answer or name}")(document)
        tell(answered, partial(getattr(screens, name), document=document), as_json=reading.as_json)

    return command


async def read_document(shell: Shell, reading: Reading) -> "Document":
    """Return the published answers the options ask for."""
    from steelyard.services.asset_360 import get_document
    from steelyard.services.scope import require_scope
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        await require_scope(db, reading.scope)
        return await get_document(db, **reading.which())


overview = _reader(
    "overview", "Show value, return and risk in a few figures.", "--household RIVERA", "--json"
)
allocation = _reader("allocation", "Show the value of each asset type.", "--account RIVERA-IRA")
risk = _reader("risk", "Show the ten assets with the highest value at risk.", "--as-of 2022-12-28")
performers = _reader(
    "performers", "Show the five best performers of one year.", "--json", answer="performance"
)
compliance = _reader("compliance", "Show the assets with violations in six months.", "--json")
transactions = _reader(
    "transactions", "Show the amount traded in each of twelve months.", "--account RIVERA-JOINT"
)
sectors = _reader("sectors", "Show the value and number of assets of each sector.", "--version-number 1")
countries = _reader("countries", "Show the value and number of assets of each issuing country.", "--json")
