"""Each role, verb and object type against a table written by hand; tokens, second factors and grants."""

from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import (
    EVERYTHING,
    PERMISSIONS,
    TOKENS_MAY,
    AccountHiddenError,
    Actor,
    ForbiddenError,
    ObjectType,
    Permission,
    Right,
    Role,
    ScopeError,
    SecondFactorNeededError,
    Standing,
    Verb,
    authorize,
    needs_second_factor,
    permissions_of,
    read_scopes,
    scope_text,
)
from steelyard.storage.acting import Acting

PAGE = Path(__file__).parents[2] / "docs/reference/permissions.md"
USER, TOKEN = UUID(int=7), UUID(int=8)

# o owner, a advisor, v viewer, c compliance, d admin, s service. What is not here, nobody may.
BY_HAND = """
portfolio      read oavcs, change o, export oc
profile        change oa
model          change o
asset          read oavcds
order          read oavcs, propose oas, approve oa, execute o, hold oc
rule           change oc
user           read od, create od, change od, end od
grant          read od, create od, end od
link           read od, create od, approve od, end od
token          read od, create o, end od
setting        read od, change od
audit          read ocd, export ocd
key            read od, change od, erase o
personal_data  export od, erase od, hold od
broker_link    read o, create o, change o, end o
own_session    read oavcd, create oavcd, change oavcd, end oavcd
own_token      read oavcd, create oavcd, end oavcd
"""
LETTERS = dict(
    zip(
        "oavcds",
        (Role.OWNER, Role.ADVISOR, Role.VIEWER, Role.COMPLIANCE, Role.ADMIN, Role.SERVICE),
        strict=True,
    )
)


def by_hand() -> set[tuple[Role, Verb, ObjectType]]:
    found = set()
    for line in BY_HAND.strip().splitlines():
        object_type, cells = line.split(maxsplit=1)
        for cell in cells.split(", "):
            verb, letters = cell.split()
            found |= {(LETTERS[letter], Verb(verb), ObjectType(object_type)) for letter in letters}
    return found


def person(role: Role, **others: object) -> Actor:
    return Actor(1, USER, role, **others)  # type: ignore[arg-type]  # each test names fields of an actor


def allows(actor: Actor, verb: Verb, object_type: ObjectType, account_id: str | None = None) -> bool:
    try:
        authorize(actor, verb, object_type, account_id)
    except SteelyardError:
        return False
    return True


roles = st.sampled_from(Role)
permissions = st.sampled_from(sorted(EVERYTHING))
standings = st.sampled_from(Standing)
rights = st.frozensets(st.sampled_from(Right))
scopes = st.frozensets(permissions)


@pytest.mark.parametrize("role", Role)
def test_a_role_may_what_the_table_says_and_nothing_else(role: Role) -> None:
    may = {(role, verb, kind) for verb, kind in product(Verb, ObjectType) if allows(person(role), verb, kind)}

    assert may == {row for row in by_hand() if row[0] is role}


def test_an_admin_cannot_read_positions_and_compliance_cannot_trade() -> None:
    for object_type in (ObjectType.PORTFOLIO, ObjectType.ORDER):
        for verb in Verb:
            assert not allows(person(Role.ADMIN), verb, object_type)
    for verb in (Verb.PROPOSE, Verb.APPROVE, Verb.EXECUTE):
        assert not allows(person(Role.COMPLIANCE), verb, ObjectType.ORDER)


def test_the_operator_may_all() -> None:
    assert all(allows(Actor(1), verb, kind, "A") for verb, kind in product(Verb, ObjectType))


@pytest.mark.parametrize("nobody", [Actor(1, USER), Actor(1, token_id=TOKEN), Actor(1, role=Role.OWNER)])
def test_who_is_neither_a_user_nor_the_operator_may_nothing(nobody: Actor) -> None:
    assert permissions_of(nobody) == frozenset()


def test_a_refusal_names_what_is_refused() -> None:
    with pytest.raises(ForbiddenError) as refused:
        authorize(person(Role.VIEWER), Verb.ERASE, ObjectType.PERSONAL_DATA)

    assert str(refused.value) == (
        "You may not erase this personal data. Ask whoever administers your users for the role or the grant."
    )
    assert (refused.value.verb, refused.value.object_type) == (Verb.ERASE, ObjectType.PERSONAL_DATA)


# ── Grants ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("verb", "object_type", "needed"),
    [
        (Verb.READ, ObjectType.PORTFOLIO, Right.READ),
        (Verb.READ, ObjectType.ORDER, Right.READ),
        (Verb.PROPOSE, ObjectType.ORDER, Right.PROPOSE),
        (Verb.APPROVE, ObjectType.ORDER, Right.APPROVE),
    ],
)
def test_a_granted_account_is_used_as_far_as_its_rights_go(
    verb: Verb, object_type: ObjectType, needed: Right
) -> None:
    everything = frozenset(Right)
    for granted in (
        everything,
        frozenset({Right.READ}),
        frozenset({Right.READ, needed}),
        everything - {needed},
    ):
        advisor = person(Role.ADVISOR, grants={"A": granted})
        assert allows(advisor, verb, object_type, "A") is (needed in granted and Right.READ in granted)


def test_an_account_that_is_not_granted_answers_as_one_that_is_not_there() -> None:
    advisor = person(Role.ADVISOR, grants={"A": frozenset(Right)})
    with pytest.raises(AccountHiddenError) as refused:
        authorize(advisor, Verb.READ, ObjectType.PORTFOLIO, "B")

    assert str(refused.value).startswith("There is no account 'B' that you may see")
    with pytest.raises(ForbiddenError):  # the role is asked first: it tells nothing of the account
        authorize(person(Role.ADMIN), Verb.READ, ObjectType.PORTFOLIO, "B")


def test_a_right_that_a_grant_lacks_is_forbidden_and_not_hidden() -> None:
    advisor = person(Role.ADVISOR, grants={"A": frozenset({Right.READ})})
    with pytest.raises(ForbiddenError):
        authorize(advisor, Verb.APPROVE, ObjectType.ORDER, "A")


@pytest.mark.parametrize("role", [Role.OWNER, Role.COMPLIANCE])
def test_owners_and_compliance_need_no_grant(role: Role) -> None:
    assert allows(person(role), Verb.READ, ObjectType.PORTFOLIO, "A")


@given(roles, permissions, st.dictionaries(st.sampled_from("AB"), rights))
def test_a_grant_adds_nothing_to_a_role(
    role: Role, permission: Permission, grants: dict[str, frozenset[Right]]
) -> None:
    actor = person(role, grants=grants)

    assert not allows(actor, *permission, "A") or permission in PERMISSIONS[role]
    assert not allows(actor, *permission, "C") or role in {Role.OWNER, Role.COMPLIANCE}


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────────


@given(roles, scopes, permissions, standings)
def test_a_token_never_may_more_than_its_user(
    role: Role, scopes: frozenset[Permission], permission: Permission, standing: Standing
) -> None:
    token = person(role, token_id=TOKEN, scopes=scopes, standing=standing)

    assert not allows(token, *permission) or (allows(person(role), *permission) and permission in scopes)


@given(roles, scopes)
def test_no_token_approves_executes_holds_or_manages(role: Role, scopes: frozenset[Permission]) -> None:
    may = permissions_of(person(role, token_id=TOKEN, scopes=scopes))

    assert {verb for verb, _ in may} <= {Verb.READ, Verb.PROPOSE, Verb.EXPORT}
    assert {kind for _, kind in may} <= {
        ObjectType.PORTFOLIO,
        ObjectType.ASSET,
        ObjectType.ORDER,
        ObjectType.AUDIT,
    }


def test_a_token_without_scopes_may_nothing() -> None:
    assert permissions_of(person(Role.OWNER, token_id=TOKEN)) == frozenset()


def test_scopes_are_those_that_a_token_of_the_role_can_have() -> None:
    both = read_scopes(["read:portfolio", "propose:order"], Role.SERVICE)

    assert both == {(Verb.READ, ObjectType.PORTFOLIO), (Verb.PROPOSE, ObjectType.ORDER)}
    assert read_scopes([scope_text(each) for each in TOKENS_MAY], Role.OWNER) == TOKENS_MAY


@pytest.mark.parametrize(
    "scope", ["execute:order", "read:user", "propose:order", "read", "", "READ:portfolio"]
)
def test_a_scope_beyond_the_role_or_unknown_is_refused_by_name(scope: str) -> None:
    with pytest.raises(ScopeError) as refused:
        read_scopes(["read:asset", scope], Role.VIEWER)

    assert str(refused.value) == (
        f"A token of this user cannot have the scope {scope!r}. There are: read:asset, read:order, read:portfolio."
    )


def test_a_token_for_nothing_is_not_made() -> None:
    with pytest.raises(ScopeError, match="cannot have the scope ''"):
        read_scopes([], Role.OWNER)


# ── The second factor ───────────────────────────────────────────────────────────────────────────────────


def test_who_decides_over_money_people_or_evidence_needs_a_second_factor() -> None:
    always = {role for role in Role if needs_second_factor(role, tenant_requires=False)}

    assert always == {Role.OWNER, Role.ADVISOR, Role.COMPLIANCE, Role.ADMIN}
    assert all(needs_second_factor(role, tenant_requires=True) for role in Role)


@given(roles, permissions)
def test_who_approves_executes_or_holds_needs_a_second_factor(role: Role, permission: Permission) -> None:
    if (
        permission[0] in {Verb.APPROVE, Verb.EXECUTE, Verb.HOLD, Verb.ERASE}
        and permission in PERMISSIONS[role]
    ):
        assert needs_second_factor(role, tenant_requires=False)


def test_without_a_second_factor_a_session_enrols_and_nothing_else() -> None:
    may = permissions_of(person(Role.OWNER, standing=Standing.MUST_ENROL))

    assert may == {(verb, ObjectType.OWN_SESSION) for verb in (Verb.READ, Verb.CREATE, Verb.END)}


def test_who_has_yet_to_show_a_second_factor_cannot_enrol_another() -> None:
    may = permissions_of(person(Role.OWNER, standing=Standing.MUST_SHOW))

    assert may == {(verb, ObjectType.OWN_SESSION) for verb in (Verb.READ, Verb.END)}


def test_a_refusal_says_whether_to_enrol_or_to_show_it() -> None:
    said = {}
    for standing in (Standing.MUST_ENROL, Standing.MUST_SHOW):
        with pytest.raises(SecondFactorNeededError) as refused:
            authorize(person(Role.OWNER, standing=standing), Verb.READ, ObjectType.USER)
        assert refused.value.standing is standing
        said[standing] = str(refused.value)

    assert said[Standing.MUST_ENROL].startswith("Your role needs a second factor: enrol")
    assert said[Standing.MUST_SHOW].startswith("Show your second factor first")
    with pytest.raises(ForbiddenError):  # a second factor would not help
        authorize(person(Role.VIEWER, standing=Standing.MUST_SHOW), Verb.READ, ObjectType.USER)
    with pytest.raises(ForbiddenError):  # a token has none to show
        authorize(person(Role.OWNER, token_id=TOKEN, standing=Standing.MUST_SHOW), Verb.READ, ObjectType.USER)


# ── Names ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_audit_names_users_tokens_and_the_operator() -> None:
    assert Actor(1).name == "operator"
    assert person(Role.OWNER).name == f"user:{USER}"
    assert person(Role.OWNER, token_id=TOKEN).name == f"token:{TOKEN}"


def test_the_database_works_for_the_actor() -> None:
    actor = person(Role.OWNER, request_id="r", auth_time=datetime(2026, 1, 2, tzinfo=UTC))

    assert actor.acting == Acting(1, f"user:{USER}", USER, "r")


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────


def table() -> str:
    lines = [f"| | {' | '.join(Role)} |", f"|---|{'---|' * len(Role)}"]
    for kind in ObjectType:
        cells = [", ".join(verb for verb in Verb if (verb, kind) in PERMISSIONS[role]) for role in Role]
        lines.append(f"| {kind.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def test_the_page_shows_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert table() in page
    assert "\n".join(f"- `{scope_text(permission)}`" for permission in sorted(TOKENS_MAY)) in page
