"""What users may be called, what they may approve, and who changes whom."""

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.amount import AmountError
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import Actor, Role
from steelyard.identity.user import (
    GRANTED,
    JOINERS,
    MANAGERS,
    OneselfError,
    OwnersOnlyError,
    UnusableNameError,
    check_limit,
    check_may_manage,
    check_name,
)

ME, YOU = UUID(int=7), UUID(int=8)
roles = st.sampled_from(Role)


@pytest.mark.parametrize("name", ["Ada", "Ada Lovelace", "Zoë", "山田太郎", "x" * 200, "O'Brien-Müller"])
def test_a_name_that_people_have_is_kept(name: str) -> None:
    assert check_name("name", f" {name} ") == name


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "is empty"),
        (" \t", "is empty"),
        ("x" * 201, "has 201 characters; 200 is the most"),
        ("a\0b", "has characters that cannot be seen"),
        ("a\u202eb", "has characters that cannot be seen"),
        ("a\u200bb", "has characters that cannot be seen"),
        ("a\u2028b", "has characters that cannot be seen"),
        ("a\u2029b", "has characters that cannot be seen"),
        ("a\ud800b", "has characters that cannot be seen"),
        ("a\ue000b", "has characters that cannot be seen"),
        ("a\u0378b", "has characters that cannot be seen"),
    ],
)
def test_a_name_that_nobody_could_type_is_refused(name: str, rule: str) -> None:
    with pytest.raises(UnusableNameError) as refused:
        check_name("login name", name)
    assert str(refused.value).startswith(f"The login name {rule}")


def test_a_name_may_hold_the_joiners_of_its_script_where_they_are_allowed() -> None:
    assert (
        check_name("name", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", allowed=JOINERS).count("\u200c") == 1
    )
    with pytest.raises(UnusableNameError):
        check_name("name", "a\u202eb", allowed=JOINERS)


@pytest.mark.parametrize(
    "limit", [None, Decimal(0), Decimal("0.00000001"), Decimal("999999999999999.99999999")]
)
def test_a_limit_is_none_or_an_amount(limit: Decimal | None) -> None:
    check_limit(limit)


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("-0.01", "below 0"),
        ("0.000000001", "more than 8 decimals"),
        ("NaN", ""),
        ("1e15", ""),
        ("Infinity", ""),
    ],
)
def test_what_is_no_limit_is_refused(limit: str, why: str) -> None:
    with pytest.raises(AmountError, match=f"^approval limit is .*{why}"):
        check_limit(Decimal(limit))


def test_managers_and_the_granted_are_told_apart() -> None:
    assert {Role.OWNER, Role.ADMIN} == MANAGERS
    assert {Role.ADVISOR, Role.VIEWER, Role.SERVICE} == GRANTED


def may(actor: Actor, user_id: UUID | None, *roles: Role) -> bool:
    try:
        check_may_manage(actor, user_id, *roles)
    except SteelyardError:
        return False
    return True


@given(roles, st.lists(roles))
def test_nobody_changes_themselves(role: Role, changed: list[Role]) -> None:
    with pytest.raises(OneselfError):
        check_may_manage(Actor(1, ME, role), ME, *changed)


@given(roles, st.lists(roles), st.sampled_from([YOU, None]))
def test_only_owners_make_and_change_owners(role: Role, changed: list[Role], user_id: UUID | None) -> None:
    assert may(Actor(1, ME, role), user_id, *changed) == (role is Role.OWNER or Role.OWNER not in changed)


@given(st.lists(roles), st.sampled_from([YOU, None]))
def test_the_operator_changes_everybody(changed: list[Role], user_id: UUID | None) -> None:
    assert may(Actor(1), user_id, *changed)


def test_a_refusal_says_who_can() -> None:
    with pytest.raises(OneselfError, match="Ask another owner or admin"):
        check_may_manage(Actor(1, ME, Role.OWNER), ME)
    with pytest.raises(OwnersOnlyError, match="Only an owner, or the operator"):
        check_may_manage(Actor(1, ME, Role.ADMIN), YOU, Role.OWNER)
