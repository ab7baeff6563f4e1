"""Drafts: what was typed into a form when it turned out that nobody was signed in any more.

A draft travels as a hidden field through the pages of signing in, and nowhere else: it is kept by the browser that
typed it. When they are signed in again they see it, and send it with one press, or let it go. Secrets are left out.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from steelyard.errors import SteelyardError
from steelyard.identity.pending import check_return_path
from steelyard.server.form import Form

FIELD: Final = "draft"
SECRETS: Final = frozenset(
    {"password", "new_password", "code", "secret", "credential", "key_id", "secret_key", "access_token"}
)
"""Fields that are typed anew: no page shows them again."""

NOT_SHOWN: Final = frozenset({"key", "content_hash"})
MOST: Final = 60_000


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed.

    Attributes:
        path: where the form goes, with its query.
        fields: name and value, in their order.
        misses: names of the secrets that were left out.
    """

    path: str
    fields: Sequence[tuple[str, str]]
    misses: Sequence[str] = ()

    @classmethod
    def of(cls, path: str, form: Form) -> Self:
        """Take what was typed into a form, without its secrets; of a form that carries a draft, that one."""
        if (carried := cls.read(form.text(FIELD))) is not None:
            return carried
        kept = tuple((name, value) for name, value in form if name not in SECRETS)
        return cls(path, kept, tuple(sorted({name for name, _ in form if name in SECRETS})))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read what `written` wrote; None = it is something else."""
        try:
            content = urlsafe_b64decode(text[:MOST] + "=" * (-len(text) % 4))
            draft = msgspec.convert(msgspec.json.decode(content), cls)
            check_return_path(draft.path)
        except (ValueError, SteelyardError):
            return None
        return draft

    @property
    def written(self) -> str:
        """The same for a hidden field; "" = it is too long for one."""
        text = urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")
        return text if len(text) < MOST else ""

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What a person recognises of it."""
        return [(name.replace("_", " "), value) for name, value in self.fields if name not in NOT_SHOWN]
