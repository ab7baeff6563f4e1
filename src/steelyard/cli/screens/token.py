"""The screens of API tokens."""

from collections.abc import Sequence

from rich.console import Group
from rich.text import Text

from steelyard.cli.screens.cells import Listing, note, title
from steelyard.cli.screens.user import moment
from steelyard.cli.token import PrintedToken
from steelyard.storage.token import Token


def printed(made: PrintedToken) -> Group:
    """Show a token whole, so that it can be copied however wide the terminal is."""
    return Group(
        Text(made.token, "bold", no_wrap=True, overflow="ignore"),
        "",
        note(f"Until {moment(made.expires_at)}. It is shown this once: keep it where its program reads it."),
        note(f"Back: steelyard token revoke {made.token_id}"),
    )


def listed(tokens: Sequence[Token]) -> Group:
    """Show the tokens that count; none of this opens anything."""
    if not tokens:
        return Group(title("Tokens"), "There is none.")
    listing = Listing("!Token", "Name", "Scopes", "!Until", "?!Last used")
    for token in tokens:
        listing.add_row(
            f"{token.token_id}",
            token.token_name,
            ", ".join(token.scopes),
            moment(token.expires_at),
            moment(token.last_used_at),
        )
    return Group(title("Tokens"), "", listing)
