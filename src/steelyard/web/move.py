"""What moves money by a page: done once, however often its form is sent.

A route declares `permits(…, moves_money=True)`, takes `move: AskedMove`, and does all of its work in the effect:

    path = await move(lambda db: placed(db, …))
    return go_to(path)

The form has a hidden field `key`, made with the page (`new_key()` in a template), so that a form that is sent twice, by
a second press or after a lost answer, leads to what the first one did.
"""

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Request

from steelyard.errors import ConflictError
from steelyard.server.form import AskedForm, Form
from steelyard.server.identity import IDEMPOTENCY_KEY
from steelyard.server.refusals import KeyNeededError
from steelyard.services.idempotency import KeyReusedError, once
from steelyard.storage.connection import WriteSession
from steelyard.storage.idempotency import KeptAnswer, KeyedRequest

NEVER_KEPT: Final = frozenset({"key", "code", "credential"})
"""Fields that do not say what is asked for: a code that is typed anew asks for the same."""


class SentBeforeError(ConflictError):
    """A form was sent before, went back to, and sent again with something else in it."""

    def __init__(self) -> None:
        """Say what counts, and what to do."""
        super().__init__(
            "This form was sent before, with something else in it, and that was done. What is in it now is not done "
            "yet: look it over, and send it again."
        )


class Move:
    """A form that moves money, and may come again."""

    def __init__(self, request: Request, form: Form) -> None:
        """Read the request."""
        self.form = form
        self._request = request

    async def __call__(
        self,
        effect: Callable[[WriteSession], Awaitable[str]],
        *,
        first: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Do what the form asks for, or answer as the first time.

        Args:
            effect: does it in the transaction it is given, with no other connection, and returns the path of the page
                that shows what came of it.
            first: see `services.idempotency.once`.

        Raises:
            KeyNeededError: the form has no key.
            SentBeforeError: its key was used for another request.
        """

        async def kept(db: WriteSession) -> KeptAnswer:
            return KeptAnswer(HTTPStatus.OK, json.dumps({"path": await effect(db)}))

        try:
            answer = await once(self._asked(), kept, first=first)
        except KeyReusedError:
            raise SentBeforeError from None
        return str(json.loads(answer.text)["path"])

    def _asked(self) -> KeyedRequest:
        key = self.form.text("key")
        if not IDEMPOTENCY_KEY.fullmatch(key):
            raise KeyNeededError
        url = self._request.url
        route = f"{self._request.method} {url.path}" + (f"?{url.query}" if url.query else "")
        said = sorted((name, value) for name, value in self.form if name not in NEVER_KEPT)
        return KeyedRequest(key, route, sha256(json.dumps(said).encode()).digest())


async def _move(request: Request, form: AskedForm) -> Move:
    return Move(request, form)


AskedMove = Annotated[Move, Depends(_move)]
"""The form that a request sends, in a route that moves money."""
