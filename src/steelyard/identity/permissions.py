"""Who may do what: a table of roles, verbs and object types; what it does not say is refused.

A role says what kind of thing a person may do, a grant which accounts with. Beneath both, the database shows an
ungranted account to nobody, whatever is decided here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import product
from typing import Final
from uuid import UUID

from steelyard.errors import InvalidInputError, NotFoundError, NotPermittedError
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
    RULE = "rule"
    """What accounts may hold and trade, and what no order may exceed; who may read orders may read it."""
    PROFILE = "profile"
    """What the investor of an account wants and bears, and which model it follows."""
    MODEL = "model"
    """Model portfolios of the firm."""
    USER = "user"
    GRANT = "grant"
    LINK = "link"
    """Links that let a person in once: invitations, and recoveries, which another person approves."""
    TOKEN = "token"  # noqa: S105 - the name of a type, not a password
    """API tokens of others: of services, say."""
    SETTING = "setting"
    AUDIT = "audit"
    KEY = "key"
    PERSONAL_DATA = "personal_data"
    BROKER_LINK = "broker_link"
    """Ways to brokers, by which orders go out."""
    OWN_SESSION = "own_session"
    """One's own sessions, factors and notices. To create is to enrol a factor, to change is to take one away."""
    OWN_TOKEN = "own_token"  # noqa: S105 - the name of a type, not a password
    """One's own API tokens."""


class Right(StrEnum):
    """What a grant lets its user do with an account."""

    READ = "READ"
    PROPOSE = "PROPOSE"
    APPROVE = "APPROVE"
    EXECUTE = "EXECUTE"


class Standing(StrEnum):
    """How far a session has proved who it is."""

    FULL = "full"
    """As far as role, tenant and factors ask."""
    MUST_SHOW = "must_show"
    """The user has a second factor, and has yet to show it."""
    MUST_ENROL = "must_enrol"
    """The user needs a second factor, and has none yet."""


Permission = tuple[Verb, ObjectType]

EVERYTHING: Final = frozenset(product(Verb, ObjectType))

_PORTFOLIO = (Role.OWNER, Role.ADVISOR, Role.VIEWER, Role.COMPLIANCE, Role.SERVICE)
_PEOPLE = tuple(role for role in Role if role is not Role.SERVICE)
_USERS = (Role.OWNER, Role.ADMIN)

WHO_MAY: Final[Mapping[Permission, Collection[Role]]] = {
    (Verb.READ, ObjectType.PORTFOLIO): _PORTFOLIO,
    (Verb.CHANGE, ObjectType.PORTFOLIO): (Role.OWNER,),
    (Verb.EXPORT, ObjectType.PORTFOLIO): (Role.OWNER, Role.COMPLIANCE),  # who see every account
    (Verb.CHANGE, ObjectType.PROFILE): (Role.OWNER, Role.ADVISOR),
    (Verb.CHANGE, ObjectType.MODEL): (Role.OWNER,),
    (Verb.READ, ObjectType.ASSET): tuple(Role),
    (Verb.READ, ObjectType.ORDER): _PORTFOLIO,
    (Verb.PROPOSE, ObjectType.ORDER): (Role.OWNER, Role.ADVISOR, Role.SERVICE),
    (Verb.APPROVE, ObjectType.ORDER): (Role.OWNER, Role.ADVISOR),
    (Verb.EXECUTE, ObjectType.ORDER): (Role.OWNER,),
    (Verb.HOLD, ObjectType.ORDER): (Role.OWNER, Role.COMPLIANCE),
    (Verb.CHANGE, ObjectType.RULE): (Role.OWNER, Role.COMPLIANCE),
    (Verb.READ, ObjectType.USER): _USERS,
    (Verb.CREATE, ObjectType.USER): _USERS,
    (Verb.CHANGE, ObjectType.USER): _USERS,
    (Verb.END, ObjectType.USER): _USERS,
    (Verb.READ, ObjectType.GRANT): _USERS,
    (Verb.CREATE, ObjectType.GRANT): _USERS,
    (Verb.END, ObjectType.GRANT): _USERS,
    (Verb.READ, ObjectType.LINK): _USERS,
    (Verb.CREATE, ObjectType.LINK): _USERS,
    (Verb.APPROVE, ObjectType.LINK): _USERS,
    (Verb.END, ObjectType.LINK): _USERS,
    (Verb.READ, ObjectType.TOKEN): _USERS,
    (Verb.CREATE, ObjectType.TOKEN): (Role.OWNER,),  # an admin's hands would see what it opens
    (Verb.END, ObjectType.TOKEN): _USERS,
    (Verb.READ, ObjectType.SETTING): _USERS,
    (Verb.CHANGE, ObjectType.SETTING): _USERS,
    (Verb.READ, ObjectType.AUDIT): (Role.OWNER, Role.COMPLIANCE, Role.ADMIN),
    (Verb.EXPORT, ObjectType.AUDIT): (Role.OWNER, Role.COMPLIANCE, Role.ADMIN),
    (Verb.READ, ObjectType.KEY): _USERS,
    (Verb.CHANGE, ObjectType.KEY): _USERS,
    (Verb.ERASE, ObjectType.KEY): (Role.OWNER,),  # it erases all that the tenant has encrypted
    (Verb.EXPORT, ObjectType.PERSONAL_DATA): _USERS,
    (Verb.ERASE, ObjectType.PERSONAL_DATA): _USERS,
    (Verb.HOLD, ObjectType.PERSONAL_DATA): _USERS,
    (Verb.READ, ObjectType.BROKER_LINK): (Role.OWNER,),
    (Verb.CREATE, ObjectType.BROKER_LINK): (Role.OWNER,),
    (Verb.CHANGE, ObjectType.BROKER_LINK): (Role.OWNER,),
    (Verb.END, ObjectType.BROKER_LINK): (Role.OWNER,),
    (Verb.READ, ObjectType.OWN_SESSION): _PEOPLE,
    (Verb.CREATE, ObjectType.OWN_SESSION): _PEOPLE,
    (Verb.CHANGE, ObjectType.OWN_SESSION): _PEOPLE,
    (Verb.END, ObjectType.OWN_SESSION): _PEOPLE,
    (Verb.READ, ObjectType.OWN_TOKEN): _PEOPLE,
    (Verb.CREATE, ObjectType.OWN_TOKEN): _PEOPLE,
    (Verb.END, ObjectType.OWN_TOKEN): _PEOPLE,
}
"""The table; docs/reference/permissions.md shows it by role."""

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    role: frozenset(permission for permission, roles in WHO_MAY.items() if role in roles) for role in Role
}

TOKENS_MAY: Final = frozenset(
    {
        (Verb.READ, ObjectType.PORTFOLIO),
        (Verb.EXPORT, ObjectType.PORTFOLIO),
        (Verb.READ, ObjectType.ASSET),
        (Verb.READ, ObjectType.ORDER),
        (Verb.PROPOSE, ObjectType.ORDER),
        (Verb.READ, ObjectType.AUDIT),
        (Verb.EXPORT, ObjectType.AUDIT),
    }
)
"""What an API token can be made for: never to approve, execute or hold, nor to manage users, keys or itself."""

SESSIONS_MAY: Final[Mapping[Standing, frozenset[Permission]]] = {
    Standing.FULL: EVERYTHING,
    Standing.MUST_ENROL: frozenset(
        {
            (Verb.READ, ObjectType.OWN_SESSION),
            (Verb.CREATE, ObjectType.OWN_SESSION),
            (Verb.END, ObjectType.OWN_SESSION),
        }
    ),
    # Who has shown a password alone enrols nothing where a second factor stands.
    Standing.MUST_SHOW: frozenset({(Verb.READ, ObjectType.OWN_SESSION), (Verb.END, ObjectType.OWN_SESSION)}),
}

SEES_EVERY_ACCOUNT: Final = frozenset({Role.OWNER, Role.COMPLIANCE})
"""Roles that need no grants; the others see the accounts granted to them, and admins none."""

RIGHT_FOR: Final[Mapping[Verb, Right]] = {
    Verb.READ: Right.READ,
    Verb.CHANGE: Right.PROPOSE,
    Verb.PROPOSE: Right.PROPOSE,
    Verb.APPROVE: Right.APPROVE,
    Verb.EXECUTE: Right.EXECUTE,
}
"""What a grant must say for what is done with its account; what else is done needs no grant but the role."""

ALWAYS_SECOND_FACTOR: Final = frozenset({Role.OWNER, Role.ADVISOR, Role.COMPLIANCE, Role.ADMIN})


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
        approval_limit: the largest order value the user may approve alone; None = none.
        standing: how far the session has proved who it is.
        request_id: the request that asks; "" for the terminal.
        session_hash: of what opens the session, so that of two who change it only one does.
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
    standing: Standing = Standing.FULL
    request_id: str = ""
    session_hash: bytes | None = field(default=None, repr=False)

    @property
    def is_operator(self) -> bool:
        """Whether it is who holds the machine the store is on, or its passwords."""
        return self.user_id is None and self.role is None and self.token_id is None

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
        super().__init__(
            f"You may not {verb.value} this {_words(object_type)}. Ask whoever administers your users for the role or "
            "the grant."
        )
        self.verb, self.object_type = verb, object_type


class SecondFactorNeededError(NotPermittedError):
    """The role lets them, but a second factor is to be enrolled or shown first."""

    def __init__(self, standing: Standing) -> None:
        """Say which of the two."""
        if standing is Standing.MUST_ENROL:
            todo = "Your role needs a second factor: enrol an authenticator app or a passkey, then go on."
        else:
            todo = "Show your second factor first: a code of your app, a passkey or a recovery code."
        super().__init__(todo)
        self.standing = standing


class AccountHiddenError(NotFoundError):
    """There is no such account, or it is not granted: one answer, so that nobody learns which accounts exist."""

    def __init__(self, account_id: str) -> None:
        """Name what was asked for."""
        super().__init__(
            f"There is no account {account_id!r} that you may see; ask whoever administers your users for a grant."
        )


class ScopeError(InvalidInputError):
    """A token cannot be made for that."""

    def __init__(self, scope: str, possible: Collection[Permission]) -> None:
        """Name the scope and those there are."""
        known = ", ".join(scope_text(permission) for permission in sorted(possible)) or "none"
        super().__init__(f"A token of this user cannot have the scope {scope!r}. There are: {known}.")


def authorize(actor: Actor, verb: Verb, object_type: ObjectType, account_id: str | None = None) -> None:
    """Return where the actor may; raise where nothing says so.

    Args:
        actor: who asks.
        verb: what they want to do.
        object_type: what they want to do it to.
        account_id: the account it is about; None = it is about none, or about all that they see.

    Raises:
        ForbiddenError: the role, the token or the grant does not let them.
        SecondFactorNeededError: the role would, when a second factor was enrolled or shown.
        AccountHiddenError: there is no such account, or it is not granted.

    >>> authorize(Actor(1, UUID(int=7), Role.OWNER), Verb.READ, ObjectType.PORTFOLIO)
    >>> authorize(Actor(1, UUID(int=7), Role.ADMIN), Verb.READ, ObjectType.PORTFOLIO)
    Traceback (most recent call last):
    ...
    steelyard.identity.permissions.ForbiddenError: You may not read this portfolio. Ask whoever ...
    """
    if (verb, object_type) not in permissions_of(actor):
        raise _refusal(actor, verb, object_type)
    if account_id is None or actor.is_operator or actor.role in SEES_EVERY_ACCOUNT:
        return
    rights = actor.grants.get(account_id, frozenset())
    if Right.READ not in rights:
        raise AccountHiddenError(account_id)
    if RIGHT_FOR.get(verb) not in rights:
        raise ForbiddenError(verb, object_type)


def permissions_of(actor: Actor) -> frozenset[Permission]:
    """Give what an actor may do at this moment, with the accounts that they see.

    >>> token = Actor(1, UUID(int=7), Role.VIEWER, token_id=UUID(int=8), scopes=TOKENS_MAY)
    >>> [scope_text(permission) for permission in sorted(permissions_of(token))]
    ['read:asset', 'read:order', 'read:portfolio']
    """
    if actor.is_operator:
        return EVERYTHING
    if actor.user_id is None or actor.role is None:
        return frozenset()
    roles = PERMISSIONS[actor.role]
    if actor.token_id is not None:
        return roles & TOKENS_MAY & (actor.scopes or frozenset())
    return roles & SESSIONS_MAY[actor.standing]


def needs_second_factor(role: Role, *, tenant_requires: bool) -> bool:
    """Whether whoever has the role must have a second factor: those who decide over money, people or evidence do.

    >>> needs_second_factor(Role.VIEWER, tenant_requires=False)
    False
    """
    return tenant_requires or role in ALWAYS_SECOND_FACTOR


def read_scopes(scopes: Collection[str], role: Role) -> frozenset[Permission]:
    """Read the scopes of a token to be made for a user.

    Args:
        scopes: each as verb:object_type.
        role: the user's, which no scope goes beyond.

    Raises:
        ScopeError: a scope is not among what a token of the role can be made for, or there is none.

    >>> read_scopes(["read:portfolio"], Role.VIEWER) == {(Verb.READ, ObjectType.PORTFOLIO)}
    True
    """
    possible = {scope_text(permission): permission for permission in PERMISSIONS[role] & TOKENS_MAY}
    for scope in scopes or [""]:
        if scope not in possible:
            raise ScopeError(scope, possible.values())
    return frozenset(possible[scope] for scope in scopes)


def scope_text(permission: Permission) -> str:
    """Write a permission as the scope of a token.

    >>> scope_text((Verb.READ, ObjectType.PORTFOLIO))
    'read:portfolio'
    """
    return ":".join(permission)


def _refusal(actor: Actor, verb: Verb, object_type: ObjectType) -> NotPermittedError:
    role_may = actor.role is not None and (verb, object_type) in PERMISSIONS[actor.role]
    if role_may and actor.token_id is None and actor.standing is not Standing.FULL:
        return SecondFactorNeededError(actor.standing)
    return ForbiddenError(verb, object_type)


def _words(object_type: ObjectType) -> str:
    return object_type.value.replace("_", " ")
