"""What a person chooses about an import, as fields of a form: read from it, and found again in it."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from uuid import UUID

from steelyard.server.form import Form
from steelyard.server.refusals import MalformedRequestError
from steelyard.services.statement_plan import Choices, ImportPlan, Question, Subject

ACCOUNT: Final = "account-"
ASSET: Final = "asset-"
ANSWERS: Final = (ACCOUNT, ASSET, "new_assets", "opening")
"""What the names of fields that answer questions begin with."""

UPLOAD: Final = "upload"
LEAVE_OUT: Final = "leave_out"
LEAVE_ALL: Final = "leave_all"
DIGEST: Final = "digest"
MAX_LINE: Final = 10**10


def field_of(question: Question) -> str:
    """Return the name of the field that answers a question: its key, in letters that any field may be called by."""
    prefix = ACCOUNT if question.subject is Subject.ACCOUNT else ASSET
    return prefix + urlsafe_b64encode(question.key.encode()).decode().rstrip("=")


def read_choices(form: Form) -> Choices:
    """Read what was chosen; what is left empty is not chosen.

    Raises:
        MalformedRequestError: a field is none that a page of ours has.

    >>> choices = read_choices(Form({"account-": ("MINE-1",), "asset-Vk9E": ("VOD.L",), "leave_out": ("7:a.csv",)}))
    >>> choices.account, choices.assets, sorted(choices.leave_out)
    ('MINE-1', {'VOD': 'VOD.L'}, [('a.csv', 7)])
    """
    accounts = dict(_answers(form, ACCOUNT))
    return Choices(
        account=accounts.pop("", None),
        accounts=accounts,
        assets=dict(_answers(form, ASSET)),
        new_assets=bool(form.text("new_assets")),
        reader=form.text("reader") or None,
        opening=bool(form.text("opening")),
        leave_out=frozenset(_place(text) for text in form.texts(LEAVE_OUT)),
    )


def with_whole_files(choices: Choices, form: Form, plan: ImportPlan) -> Choices:
    """Return the choices with every refused row of the files whose refused rows are all left out."""
    files = set(form.texts(LEAVE_ALL))
    rows = {(row.file_name, row.line) for row in plan.refused if row.file_name in files}
    return replace(choices, leave_out=choices.leave_out | rows)


def uploads_in(form: Form) -> list[UUID]:
    """Return the files that a form is about.

    Raises:
        MalformedRequestError: one is no key of a file.
    """
    try:
        return [UUID(text) for text in dict.fromkeys(form.texts(UPLOAD))]
    except ValueError:
        raise MalformedRequestError("a file of its form has no key") from None


def _answers(form: Form, prefix: str) -> Iterator[tuple[str, str]]:
    for name in form.fields:
        if name.startswith(prefix) and (chosen := form.text(name)):
            yield _key(name.removeprefix(prefix)), chosen


def _key(written: str) -> str:
    try:
        return b64decode(written + "=" * (-len(written) % 4), b"-_", validate=True).decode()
    except ValueError:
        raise MalformedRequestError("a field of its form has no name of ours") from None


def _place(text: str) -> tuple[str, int]:
    line, _, name = text.partition(":")
    if not (line.isascii() and line.isdigit() and name and int(line[:12]) < MAX_LINE):
        raise MalformedRequestError("a row of its form has no place")
    return name, int(line)
