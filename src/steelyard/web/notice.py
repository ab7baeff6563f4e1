"""Notices: what needs somebody, and where it is handled."""

from typing import Final

from fastapi import APIRouter, Response

from steelyard.errors import InvalidInputError
from steelyard.identity.permissions import ObjectType, Standing, Verb, permissions_of
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import AskedForm
from steelyard.server.input import read_moment
from steelyard.server.own import OwnId
from steelyard.server.permits import CurrentActor, permits
from steelyard.services import notice
from steelyard.services.attention import get_attention
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.web.answer import go_to
from steelyard.web.shell import AskedShell

KINDS: Final = {
    "activity.refuse": ("A broker said something that could not be booked", "/orders"),
    "break.find": ("The ledger and a broker differ", "/orders"),
    "fill.refuse": ("A broker reported a trade that could not be booked", "/orders"),
    "fill.suspend": ("A trade waits to be assigned by somebody", "/orders"),
    "hold.place": ("Trading is held back", "/orders"),
    "order.raise": ("An order waits for a decision", "/orders"),
    "stop.pull": ("All trading was stopped", "/orders"),
    "grant.create": ("You were given accounts to see", "/accounts"),
    "grant.end": ("Accounts that you saw were taken from you", "/accounts"),
    "user.change_limit": ("The value that you may approve alone was changed", "/settings"),
    "user.change_role": ("Your role was changed", "/settings"),
    "user.disable": ("You were locked out", "/settings/security"),
    "user.enable": ("You were let in again", "/settings/security"),
    "identity.link": ("A sign-in at a provider was linked to you", "/settings/connections"),
    "identity.unlink": ("A sign-in at a provider was taken from you", "/settings/connections"),
    "link.accept": ("A link let you in", "/settings/security"),
    "passkey.add": ("A passkey was added", "/settings/security"),
    "passkey.copied": ("A passkey of yours may have been copied", "/settings/security"),
    "passkey.remove": ("A passkey was removed", "/settings/security"),
    "password.change": ("Your password was changed", "/settings/security"),
    "password.remove": ("Your password was removed", "/settings/security"),
    "recovery.approve": ("Your way back in was approved", "/settings/security"),
    "recovery.ask": ("Somebody asked for a way back in for you", "/settings/security"),
    "recovery_code.renew": ("Your recovery codes were made anew", "/settings/security"),
    "recovery_code.use": ("A recovery code of yours was used", "/settings/security"),
    "second_factor.fail": ("Somebody had your password and a wrong second factor", "/settings/security"),
    "totp.enrol": ("An authenticator app was added", "/settings/security"),
    "totp.remove": ("The authenticator app was removed", "/settings/security"),
    "token.create": ("An API token was made in your name", "/settings/tokens"),
    "token.end": ("An API token of yours was ended", "/settings/tokens"),
}
"""What a notice says, and where it is handled."""

DONE: Final = {"read": "All notices count as read."}

router = APIRouter(prefix="/notices", dependencies=[permits(Verb.READ, ObjectType.OWN_SESSION)])


@router.get("")
async def show(
    shell: AskedShell, browser: AskingBrowser, actor: CurrentActor, me: OwnId, done: str = ""
) -> Response:
    """Show what needs whoever looks."""
    may = permissions_of(actor)
    sees = actor.standing is Standing.FULL and (Verb.READ, ObjectType.ORDER) in may
    async with get_db_session() as db:
        found = await get_attention(db, me, now=browser.now, sees_accounts=sees)
    return shell.draw(
        "notices.html", title="Notices", found=found, kinds=KINDS, done=DONE.get(done, ""), sees=sees
    )


@router.post("/seen")
async def note_seen(browser: AskingBrowser, me: OwnId, form: AskedForm) -> Response:
    """Note that all was seen up to the newest notice of the page: what came since is still new."""
    try:
        until = read_moment(form.text("until"))
    except ValueError as error:
        raise UntilError from error
    async with get_write_session() as db:
        await notice.read_notices(db, me, until=until, now=browser.now)
    return go_to("/notices?done=read")


class UntilError(InvalidInputError):
    """A form does not say up to when notices were seen."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("This is not a moment up to which notices were seen: load the page and press again.")
