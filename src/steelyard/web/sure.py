"""Asking before something that cannot be taken back, or that ends something, is done: on a page of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import Response

from steelyard.errors import SteelyardError
from steelyard.server.problem import status_of
from steelyard.web.shell import Shell


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that somebody is about to do.

    Attributes:
        title: the question.
        about: whom or what it is about, in the words of others.
        happens: what it does, a sentence each.
        stays: what it leaves as it is, a sentence each.
        button: what the button says.
        path: where the form goes.
        back: the page to go back to.
        fields: what the form carries, by name.
        is_grave: whether it cannot be taken back.
    """

    title: str
    happens: Sequence[str]
    button: str
    path: str
    back: str
    about: str = ""
    stays: Sequence[str] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    is_grave: bool = False


def ask_first(shell: Shell, act: Act, *, error: SteelyardError | None = None) -> Response:
    """Draw the page that asks; with an error, why it was not done."""
    status = HTTPStatus.OK if error is None else status_of(error)
    return shell.draw("sure.html", title=act.title, status=status, act=act, error=error)
