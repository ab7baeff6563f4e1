"""Models: what accounts follow, edited with sums that are worked out while somebody types."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from steelyard.charts.pie import Slice, pie_by_value
from steelyard.domain.asset import AssetIdError, normalize_asset_id
from steelyard.domain.money import EXACT
from steelyard.domain.profile import HORIZON_YEARS, RISK, Model
from steelyard.errors import InvalidInputError, SteelyardError
from steelyard.identity.permissions import ObjectType, Verb, authorize
from steelyard.server.form import AskedForm, Form
from steelyard.server.input import read_id
from steelyard.server.permits import CurrentActor, permits
from steelyard.server.problem import status_of
from steelyard.services import desk
from steelyard.services import model as service
from steelyard.services.version import ChangedMeanwhileError
from steelyard.storage.connection import get_write_session
from steelyard.storage.desk import AssetName
from steelyard.web.answer import go_to
from steelyard.web.query import PAGE
from steelyard.web.reading import REQUIRED, Reading
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.templates import wants_part

DONE: Final = {
    "saved": "The model is kept. Accounts that follow it want these weights from now on.",
    "assigned": "The account follows this model now.",
}
RESERVED: Final = frozenset({"new", "sums"})
"""Ids that are addresses of pages."""

MOST_ROWS: Final = 400
"""Members that one form holds; a larger model is written by the interface or the terminal."""

NEW_ROWS: Final = 3
HUNDRED: Final = Decimal(100)
MEMBER, WEIGHT = "member-", "weight-"

READ: Final = permits(Verb.READ, ObjectType.PORTFOLIO)
CHANGE: Final = permits(Verb.CHANGE, ObjectType.MODEL)

router = APIRouter(prefix="/models")


@dataclass(frozen=True, slots=True)
class Row:
    """A member as it is typed; `number` is that of its fields."""

    number: int
    member: str
    weight: str


@dataclass(frozen=True, slots=True)
class Sums:
    """What the members of a form come to.

    Attributes:
        total: of their weights, a fraction.
        kinds: member → "asset", "model", or "" = neither.
        names: of assets.
        weights: of the assets, models resolved, the largest first; empty where they cannot be.
        error: why they cannot be; None = they can.
    """

    total: Decimal
    kinds: Mapping[str, str]
    names: Mapping[str, AssetName]
    weights: Mapping[str, Decimal]
    error: InvalidInputError | None

    @property
    def missing(self) -> Decimal:
        """What is missing to the whole, a fraction; negative = so much is too much."""
        return 1 - self.total

    @property
    def asset_names(self) -> dict[str, str]:
        """What assets are called, by id."""
        return {asset_id: one.asset_name for asset_id, one in self.names.items()}

    @property
    def figure(self) -> dict[str, Any]:
        """The weights as a ring, in percent."""
        slices = [Slice(asset_id, weight * HUNDRED, 1) for asset_id, weight in self.weights.items()]
        return pie_by_value("Look-through weights", slices, unit="%")


# ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────


@router.get("", dependencies=[READ])
async def show_models(shell: AskedShell) -> Response:
    """Show every model."""
    models, followers = await service.get_models(), await desk.count_followers()
    return shell.draw("models.html", title="Models", models=models, followers=followers)


@router.get("/new", dependencies=[CHANGE])
async def ask_for_model(shell: AskedShell) -> Response:
    """Show an empty editor."""
    rows = [Row(number, "", "") for number in range(1, NEW_ROWS + 1)]
    return await _editor(shell, Reading(Form({}), shell.region), rows)


@router.get("/{model_id}", dependencies=[READ])
async def show_model(request: Request, shell: AskedShell, model_id: str) -> Response:
    """Show a model, who follows it, and for who may change it the editor."""
    model = await service.get_model(model_id)
    query = request.query_params
    reading = Reading(_typed(shell, model), shell.region)
    rows = _rows(reading.form)
    done = DONE.get(query.get("done", ""), "")
    return await _editor(shell, reading, rows, model=model, said=done, after=query.get("after"))


# ── Editing ─────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/sums", dependencies=[CHANGE])
async def show_sums(shell: AskedShell, form: AskedForm) -> Response:
    """Work out what typed members come to: the part of the editor that follows what is typed."""
    reading = Reading(form, shell.region)
    sums = await _sums(form.text("model_id"), _members(reading, _rows(form)))
    return shell.draw("model_sums.html", title="", sums=sums, is_part=True)


@router.post("/new", dependencies=[CHANGE])
async def make_model(request: Request, shell: AskedShell, form: AskedForm) -> Response:
    """Make a model, or change the rows of its form."""
    return await _edited(request, shell, form, None)


@router.post("/{model_id}", dependencies=[CHANGE])
async def write_model(request: Request, shell: AskedShell, model_id: str, form: AskedForm) -> Response:
    """Write another version of a model, or change the rows of its form."""
    return await _edited(request, shell, form, await service.get_model(model_id))


@router.post("/{model_id}/assign", dependencies=[permits(Verb.CHANGE, ObjectType.PROFILE)])
async def assign(shell: AskedShell, actor: CurrentActor, model_id: str, form: AskedForm) -> Response:
    """Let an account follow a model."""
    model = await service.get_model(model_id)
    own = Reading(_typed(shell, model), shell.region)
    reading = Reading(form, shell.region)
    account_id = reading.key("account")
    reason = reading.note("reason", longest=service.LONGEST_REASON, is_needed=False)
    error: SteelyardError | None = None
    if account_id is not None and not reading.faults:
        try:
            authorize(actor, Verb.CHANGE, ObjectType.PROFILE, account_id)
            async with get_write_session() as db:
                await service.assign_model(db, account_id, model_id, reason=reason or "")
            return go_to(shell.link(f"/models/{model_id}", done="assigned"))
        except SteelyardError as refused:
            error = refused
    own.faults |= reading.faults
    return await _editor(shell, own, _rows(own.form), model=model, error=error, assigning=form)


async def _edited(request: Request, shell: Shell, form: Form, model: Model | None) -> Response:
    reading, rows = Reading(form, shell.region), _rows(form)
    removed = form.text("remove")
    if removed or "add" in form.fields:
        kept = [row for row in rows if f"{row.number}" != removed]
        if not removed:
            kept.append(Row(max((row.number for row in rows), default=0) + 1, "", ""))
        if wants_part(request):
            return await _editor(shell, reading, kept, model=model, template="model_rows.html")
        return await _editor(shell, reading, kept, model=model)
    if "check" in form.fields:
        return await _editor(shell, reading, rows, model=model)
    return await _saved(shell, reading, rows, model)


async def _saved(shell: Shell, reading: Reading, rows: list[Row], model: Model | None) -> Response:
    """Write a model as it is typed, or show the form again with what is wrong."""
    model_id = model.model_id if model else reading.read("model_id", _read_new_id)
    name = reading.text("name")
    risk_level = _whole(reading, "risk_level", RISK)
    horizon = _whole(reading, "min_horizon_years", HORIZON_YEARS)
    expected = _whole(reading, "expected", range(2**31)) or 0
    members = _members(reading, rows, is_whole=True)
    sums = await _sums(model_id or "", members)
    _judge(reading, rows, sums)
    if reading.faults or sums.error or model_id is None or name is None:
        return await _editor(shell, reading, rows, model=model, error=sums.error, status=422)
    try:
        async with get_write_session() as db:
            await service.write_model(
                db,
                model_id,
                name=name,
                weights=sums.weights,
                risk_level=risk_level,
                min_horizon_years=horizon,
                expected=expected,
            )
    except SteelyardError as error:
        is_late = isinstance(error, ChangedMeanwhileError)
        now = await service.get_model(model_id) if is_late and model else model
        return await _editor(shell, reading, rows, model=now, error=error, is_late=is_late)
    return go_to(shell.link(f"/models/{model_id}", done="saved"))


def _judge(reading: Reading, rows: list[Row], sums: Sums) -> None:
    """Say what of the members is nothing that a model can hold, and how far they are from the whole."""
    for row in rows:
        name = row.member
        if name and not sums.kinds.get(name):
            reading.faults.setdefault(f"{MEMBER}{row.number}", "neither an asset nor a model")
    if not any(row.member for row in rows) and rows:
        reading.faults.setdefault(f"{MEMBER}{rows[0].number}", "a model has at least one member")
    elif sums.missing and rows and not reading.faults:
        way = "is missing" if sums.missing > 0 else "too much"
        amount = reading.typed(abs(sums.missing) * HUNDRED)
        reading.faults[f"{WEIGHT}{rows[-1].number}"] = f"{amount} % {way}: weights sum to 100 %"


# ── Members ─────────────────────────────────────────────────────────────────────────────────────────────


def _rows(form: Form) -> list[Row]:
    """Return the members of a form, in their order."""
    numbers = sorted(
        int(name.removeprefix(MEMBER))
        for name in form.fields
        if name.startswith(MEMBER) and name.removeprefix(MEMBER).isdecimal()
    )
    return [
        Row(number, form.text(f"{MEMBER}{number}"), form.text(f"{WEIGHT}{number}"))
        for number in numbers[:MOST_ROWS]
    ]


def _members(reading: Reading, rows: list[Row], *, is_whole: bool = False) -> dict[str, Decimal]:
    """Read the weights of the members that are named, as fractions; a weight that cannot be read is a fault.

    Args:
        reading: of the form.
        rows: its members.
        is_whole: whether an empty weight is a fault, too.
    """
    members: dict[str, Decimal] = {}
    for row in rows:
        name, field = row.member, f"{WEIGHT}{row.number}"
        weight = reading.number(field, is_needed=is_whole and bool(name))
        if weight is not None and not 0 <= weight <= HUNDRED:
            reading.faults[field] = "from 0 to 100"
        elif weight is not None and not name:
            reading.faults[f"{MEMBER}{row.number}"] = REQUIRED
        elif name in members:
            reading.faults[f"{MEMBER}{row.number}"] = "it is there twice"
        elif weight is not None:
            with localcontext(EXACT):
                members[name] = weight / HUNDRED
    return members


async def _sums(model_id: str, members: Mapping[str, Decimal]) -> Sums:
    models = {model.model_id: model for model in await service.get_models()}
    normal = {name: _normal(name) for name in members}
    names = await desk.get_names([*normal.values()])
    kinds = {
        name: "asset" if normal[name] in names else "model" if name in models or name == model_id else ""
        for name in members
    }
    plain: dict[str, Decimal] = {}
    with localcontext(EXACT):
        for name, weight in members.items():
            key = normal[name] if kinds[name] == "asset" else name
            plain[key] = plain.get(key, Decimal(0)) + weight
    total = sum(members.values(), Decimal(0))
    weights, error = _looked_through(model_id, plain, models, names)
    more = await desk.get_names([asset for asset in weights if asset not in names])
    return Sums(total, kinds, {**names, **more}, weights, error)


def _looked_through(
    model_id: str,
    members: Mapping[str, Decimal],
    models: Mapping[str, Model],
    known: Mapping[str, AssetName],
) -> tuple[dict[str, Decimal], InvalidInputError | None]:
    if sum(members.values(), Decimal(0)) > 1:
        return {}, None  # the sum says so
    try:
        weights = service.look_through(model_id, members, models, known)
    except InvalidInputError as error:
        return {}, error
    return dict(sorted(weights.items(), key=lambda pair: (-pair[1], pair[0]))), None


def _normal(name: str) -> str:
    try:
        return normalize_asset_id(name)
    except AssetIdError:
        return name


def _typed(shell: Shell, model: Model) -> Form:
    """Return what the form of a model holds when nobody has typed anything."""
    largest = sorted(model.weights.items(), key=lambda pair: (-pair[1], pair[0]))
    fields = {
        "name": model.model_name,
        "risk_level": f"{model.risk_level or ''}",
        "min_horizon_years": "" if model.min_horizon_years is None else f"{model.min_horizon_years}",
        "expected": f"{model.version}",
    }
    for number, (asset_id, weight) in enumerate(largest[:MOST_ROWS], 1):
        fields[f"{MEMBER}{number}"] = asset_id
        fields[f"{WEIGHT}{number}"] = shell.region.typed(weight * HUNDRED)
    return Form({name: (value,) for name, value in fields.items()})


def _read_new_id(typed: str) -> str:
    if typed in RESERVED:
        raise ValueError("an address of ours: choose another")
    if "/" in typed or len(typed) > PAGE:
        raise ValueError(f"at most {PAGE} characters, and no /")
    return read_id(typed)


def _whole(reading: Reading, name: str, bounds: range) -> int | None:
    def reader(typed: str) -> int:
        if not typed.isascii() or not typed.isdigit() or int(typed[:12]) not in bounds:
            raise ValueError(f"a whole number from {bounds[0]} to {bounds[-1]}")
        return int(typed)

    return reading.read(name, reader, is_needed=False)


# ── Drawing ─────────────────────────────────────────────────────────────────────────────────────────────


async def _editor(
    shell: Shell,
    reading: Reading,
    rows: list[Row],
    *,
    model: Model | None = None,
    template: str = "model.html",
    error: SteelyardError | None = None,
    status: int = 0,
    said: str = "",
    after: str | None = None,
    is_late: bool = False,
    assigning: Form | None = None,
) -> Response:
    model_id = model.model_id if model else reading.form.text("model_id")
    sums = await _sums(model_id, _members(Reading(reading.form, shell.region), rows))
    followers = await desk.get_followers(model_id, after=after, limit=PAGE + 1) if model else []
    return shell.draw(
        template,
        title=model.model_name if model else "New model",
        status=status or (status_of(error) if error else 422 if reading.faults else 200),
        model=model,
        is_too_large=bool(model and len(model.weights) > MOST_ROWS),
        rows=rows,
        sums=sums,
        is_part=False,
        followers=followers[:PAGE],
        more_after=followers[PAGE - 1].account_id if len(followers) > PAGE else "",
        suggestions=await desk.suggest_assets(),
        models={one.model_id: one.model_name for one in await service.get_models()},
        accounts=await desk.suggest_accounts(),
        form=reading.form,
        assigning=assigning or Form({}),
        faults=reading.faults,
        error=error,
        is_late=is_late,
        said=said,
    )
