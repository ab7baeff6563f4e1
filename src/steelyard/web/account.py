"""Accounts and households: a list of those that are seen, and a page of each account."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from steelyard.domain.profile import EXCLUSIONS, PREFERENCES, Investor, InvestorProfile
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import AskedForm, Form
from steelyard.server.input import CursorError, Id, keys_of, write_cursor
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.services import account as service
from steelyard.services.account_list import SORTS, Place, get_account_list
from steelyard.services.drift import BAND_ABSOLUTE, BAND_RELATIVE
from steelyard.services.model import assign_model, get_models, get_offers
from steelyard.services.portfolio import NoMarketPricesError
from steelyard.services.profile import NoProfileError, get_profile, write_profile
from steelyard.services.version import ChangedMeanwhileError
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.dashboard import Chosen, get_household_lines
from steelyard.web.answer import go_to
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.templates import wants_part

MOST_CHOICES: Final = 200
MOST_TRANSACTIONS: Final = 12
LONGEST: Final = 200
MOST_DIGITS: Final = 9

COLUMNS: Final = {
    "name": "Account",
    "household": "Household",
    "model": "Model",
    "value": "Value",
    "return": "1 year",
    "drift": "Drift",
    "cash": "Cash",
}
"""What the list can be sorted by, and what stands above it."""

DONE: Final = {
    "model": "The account follows the model from now on.",
    "profile": "The profile is written.",
}

READ: Final = permits(Verb.READ, ObjectType.PORTFOLIO)
READ_ONE: Final = permits(Verb.READ, ObjectType.PORTFOLIO, account="account_id")
CHANGE_ONE: Final = permits(Verb.CHANGE, ObjectType.PROFILE, account="account_id")

AccountId = Annotated[Id, Path()]

router = APIRouter()


# ── The list ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of the list is asked for.

    Attributes:
        search: part of an id or a name.
        household: only its accounts; "" = of any.
        model: only those that follow it; "" = any, or none.
        outside: only those with assets outside the band.
        sort: one of SORTS.
        after: where the page before ended.
    """

    search: str
    household: str
    model: str
    outside: bool
    sort: str
    after: str

    @classmethod
    def read(cls, request: Request, shell: Shell) -> "Asked":
        """Read it; what cannot be used is as if it had not been said, for it was not typed."""
        query = request.query_params
        household = query.get("in") or (shell.scope.id if shell.scope.kind == "household" else "")
        sort = query.get("sort", "")
        return cls(
            search=query.get("q", "").strip()[:LONGEST].replace("\0", ""),
            household=household[:LONGEST].replace("\0", ""),
            model=query.get("model", "")[:LONGEST].replace("\0", ""),
            outside=query.get("outside") == "1",
            sort=sort if sort in SORTS else SORTS[0],
            after=query.get("after", ""),
        )

    @property
    def query(self) -> dict[str, str]:
        """The same for the address of another page of it."""
        outside = "1" if self.outside else ""
        return {
            "q": self.search,
            "in": self.household,
            "model": self.model,
            "outside": outside,
            "sort": self.sort,
        }

    @property
    def chosen(self) -> Chosen:
        """Which accounts."""
        return Chosen(self.household or None, self.model or None, self.search)

    @property
    def place(self) -> Place | None:
        """Where the page begins; raises CursorError."""
        if not self.after:
            return None
        try:
            size, word, account = keys_of(self.after, str, str, str)
            return _finite(size), word, account
        except (ValueError, ArithmeticError):
            raise CursorError from None


@router.get("/accounts", dependencies=[READ])
async def show_list(request: Request, shell: AskedShell) -> Response:
    """Show the accounts and households that are seen."""
    asked = Asked.read(request, shell)
    listed = await get_account_list(
        asked.chosen, sort=asked.sort, after=asked.place, outside_only=asked.outside
    )
    content: dict[str, Any] = {
        "asked": asked,
        "listed": listed,
        "columns": COLUMNS,
        "next": write_cursor(*map(str, listed.next)) if listed.next else "",
    }
    if wants_part(request):
        return shell.draw("account_part.html", title="Accounts", **content)
    async with get_db_session() as db:
        households = await get_household_lines(db, "", most=MOST_CHOICES)
        models = await get_models(db)
    return shell.draw(
        "accounts.html",
        title="Accounts",
        household_choices={"": "Every household"}
        | {one.household_id: one.household_name for one in households},
        model_choices={"": "Every model"} | {one.model_id: one.model_name for one in models},
        band=(float(BAND_ABSOLUTE), float(BAND_RELATIVE)),
        **content,
    )


# ── An account ──────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/accounts/{account_id}", dependencies=[READ_ONE])
async def show(request: Request, shell: AskedShell, account_id: AccountId) -> Response:
    """Show an account."""
    done = DONE.get(request.query_params.get("done", ""), "")
    return await _drawn(shell, account_id, done=done)


@router.post("/accounts/{account_id}/model", dependencies=[CHANGE_ONE])
async def follow_model(shell: AskedShell, form: AskedForm, account_id: AccountId) -> Response:
    """Let it follow a model."""
    reading = Reading(form, shell.region)
    model = reading.key("model")
    reason = reading.text("reason", longest=2000, is_needed=False) or ""

    async def follow() -> None:
        async with get_write_session() as db:
            await assign_model(db, account_id, f"{model}", reason=reason)

    return await _done(shell, account_id, reading, follow, "model")


@router.post("/accounts/{account_id}/profile", dependencies=[CHANGE_ONE])
async def change_profile(
    browser: AskingBrowser, shell: AskedShell, form: AskedForm, account_id: AccountId
) -> Response:
    """Write what its investor wants and bears."""
    reading = Reading(form, shell.region)
    risk = reading.read("risk_tolerance", _count)
    horizon = reading.read("horizon_years", _count)
    expected = reading.read("version", _count)
    investor = Investor(
        risk or 0,
        horizon or 0,
        tuple(_lines(form, "goals")),
        _named(form, "prefer", PREFERENCES),
        _named(form, "exclude", EXCLUSIONS),
    )

    async def write() -> None:
        async with get_write_session() as db:
            await write_profile(db, account_id, investor, expected=expected or 0, now=browser.now)

    return await _done(shell, account_id, reading, write, "profile")


async def _done(
    shell: Shell, account_id: str, reading: Reading, work: Callable[[], Awaitable[None]], word: str
) -> Response:
    """Do what a form asks for and show the account; or draw it again with what was typed and what is wrong."""
    error: SteelyardError | None = None
    if not reading.faults:
        try:
            await work()
        except SteelyardError as caught:
            error = caught
        else:
            return go_to(f"{shell.link(shell.path.rpartition('/')[0], done=word)}")
    return await _drawn(shell, account_id, reading=reading, error=error, wrong=word)


async def _drawn(
    shell: Shell,
    account_id: str,
    *,
    done: str = "",
    reading: Reading | None = None,
    error: SteelyardError | None = None,
    wrong: str = "",
) -> Response:
    information = await service.get_account_information(account_id)
    try:
        balances = await service.get_balances(account_id)
    except NoMarketPricesError:
        balances = None
    profile = await _profile(account_id)
    status = 200 if reading is None else 422 if error is None else status_of(error)
    return shell.draw(
        "account.html",
        title=information.account.account_name or account_id,
        status=status,
        information=information,
        balances=balances,
        profile=profile,
        offers=await get_offers(account_id),
        transactions=await service.get_transactions(account_id, limit=MOST_TRANSACTIONS),
        form=_typed(profile) if reading is None or wrong != "profile" else reading.form,
        version=_version(profile, reading, error),
        chosen=reading.form if reading is not None and wrong == "model" else Form({}),
        faults={} if reading is None else reading.faults,
        error=error,
        wrong=wrong,
        done=done,
        preferences=PREFERENCES,
        exclusions=EXCLUSIONS,
    )


def _version(profile: InvestorProfile | None, reading: Reading | None, error: SteelyardError | None) -> str:
    """Say which version a form replaces: the one that was read; after somebody else wrote one, theirs, as was told."""
    if reading is None or "version" not in reading.form.fields or isinstance(error, ChangedMeanwhileError):
        return f"{profile.version}" if profile else "0"
    return reading.form.text("version")


async def _profile(account_id: str) -> InvestorProfile | None:
    try:
        return await get_profile(account_id)
    except NoProfileError:
        return None


def _typed(profile: InvestorProfile | None) -> Form:
    """Return a profile as a form has it, one name a line."""
    if profile is None:
        return Form({"version": ("0",), "risk_tolerance": ("3",)})
    investor = profile.investor
    fields = {
        "version": f"{profile.version}",
        "risk_tolerance": f"{investor.risk_tolerance}",
        "horizon_years": f"{investor.horizon_years}",
        "goals": "\n".join(investor.goals),
        **{f"prefer_{kind}": "\n".join(names) for kind, names in investor.preferences.items()},
        **{f"exclude_{kind}": "\n".join(names) for kind, names in investor.exclusions.items()},
    }
    return Form({name: (value,) for name, value in fields.items()})


def _finite(written: str) -> Decimal:
    number = Decimal(written)
    if not number.is_finite() or len(written) > LONGEST:
        raise ValueError("no number of a page")
    return number


def _count(typed: str) -> int:
    if not typed.isdecimal() or len(typed) > MOST_DIGITS:
        raise ValueError("a whole number, such as 10")
    return int(typed)


def _lines(form: Form, name: str) -> list[str]:
    return [line.strip() for line in form.text(name).split("\n") if line.strip()]


def _named(form: Form, prefix: str, kinds: tuple[str, ...]) -> dict[str, list[str]]:
    return {kind: names for kind in kinds if (names := _lines(form, f"{prefix}_{kind}"))}
