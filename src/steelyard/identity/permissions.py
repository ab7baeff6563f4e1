"""Who may do what: a table of roles, verbs and object types; what it does not say is refused.

A role says what kind of thing a person may do, a grant which accounts with. Beneath both, the database shows an
ungranted account to nobody, whatever is decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from steelyard.errors import NotPermittedError
from steelyard.storage.acting import Acting


class Role(StrEnum):
    """What a user is in the tenant."""

    OWNER = "owner"
    ADVISOR = "advisor"
    VIEWER = "viewer"
    COMPLIANCE = "compliance"
    ADMIN = "admin"
    SERVICE = "service"


class Verb(StrEnum):
    """What is done."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    END = "end"
    PROPOSE = "propose"
    APPROVE = "approve"
    EXECUTE = "execute"
    HOLD = "hold"
    EXPORT = "export"
    ERASE = "erase"


class ObjectType(StrEnum):
    """What it is done to."""

    PORTFOLIO = "portfolio"
    """Accounts with their positions, transactions, figures and asset 360."""
    ASSET = "asset"
    """What an asset is and what it costs: the same for every tenant."""
    ORDER = "order"
    USER = "user"
    GRANT = "grant"
    LINK = "link"
    SETTING = "setting"
    AUDIT = "audit"
    KEY = "key"
    PERSONAL_DATA = "personal_data"
    OWN_SESSION = "own_session"
    """One's own sessions, factors, tokens and notices."""


class Right(StrEnum):
    """What a grant lets its user do with an account."""

    READ = "READ"
    PROPOSE = "PROPOSE"
    APPROVE = "APPROVE"
    EXECUTE = "EXECUTE"


Permission = tuple[Verb, ObjectType]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, as the session or token says at this moment.

    Attributes:
        tenant_id: whose rows.
        user_id: the user; None = the operator.
        role: the user's role; None = the operator, who may all.
        session_id: the session; None = a token or the operator.
        token_id: the token; None = a session or the operator.
        factors: what was shown: password, totp, passkey, recovery_code, oidc.
        auth_time: when a factor was last shown; None = a token or the operator.
        scopes: what a token may do of what its user may; None = no token.
        grants: account → rights, of the granted accounts; who sees every account needs none.
        approval_limit: the largest order value the user may approve alone.
        request_id: the request that asks; "" for the terminal.
    """

    tenant_id: int
    user_id: UUID | None = None
    role: Role | None = None
    session_id: UUID | None = None
    token_id: UUID | None = None
    factors: frozenset[str] = frozenset()
    auth_time: datetime | None = None
    scopes: frozenset[Permission] | None = None
    grants: Mapping[str, frozenset[Right]] = field(default_factory=dict)
    approval_limit: Decimal | None = None
    request_id: str = ""

    @property
    def name(self) -> str:
        """What the audit calls them."""
        if self.token_id is not None:
            return f"token:{self.token_id}"
        return "operator" if self.user_id is None else f"user:{self.user_id}"

    @property
    def acting(self) -> Acting:
        """For whom the database works, when it works for them."""
        return Acting(self.tenant_id, self.name, self.user_id, self.request_id)


class ForbiddenError(NotPermittedError):
    """The role, the token or the grant does not let them."""

    def __init__(self, verb: Verb, object_type: ObjectType) -> None:
        """Name what is not allowed; never whether the object exists."""
        what = object_type.value.replace("_", " ")
        super().__init__(
            f"You may not {verb.value} this {what}. Ask whoever administers your users for the role or the grant."
        )
        self.verb, self.object_type = verb, object_type
