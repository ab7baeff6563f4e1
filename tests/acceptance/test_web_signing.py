"""Signing in and out on pages, without a script."""

import pytest

from entrances import PASSWORD
from house import House
from steelyard.identity.permissions import Role
from web_visit import web_visit

NOT_IT = "no such lamp under this bridge"


def test_who_signs_in_comes_to_the_page_they_wanted_and_leaves_again(house: House) -> None:
    viewer = house.people[1, Role.VIEWER]
    page = web_visit(house).open("/dashboard?account=MINE-1")
    assert (page.h1, page.came_by) == ("Sign in", ("/dashboard?account=MINE-1",))

    refused = page.form("/login").fill(login=viewer.login, password=NOT_IT).send("Sign in", status=401)
    assert refused.form("/login")["login"] == viewer.login
    assert refused.form("/login")["password"] == ""

    page = refused.form("/login").fill(password=PASSWORD).send("Sign in")
    assert (page.h1, page.path) == ("Dashboard", "/dashboard?account=MINE-1")
    assert page.texts("navigation") != []
    assert page.visit.post("/logout", {}).h1 == "Sign in"
    assert page.visit.open("/dashboard").h1 == "Sign in"


def test_the_first_page_is_one_that_whoever_asks_may_open(house: House) -> None:
    assert web_visit(house).open("/").path == "/login?next=%2F"
    for role, first in ((Role.OWNER, "/dashboard"), (Role.VIEWER, "/dashboard"), (Role.ADMIN, "/admin")):
        assert web_visit(house, house.people[1, role]).open("/").path == first

    admin = web_visit(house, house.people[1, Role.ADMIN])
    assert admin.open("/admin/settings").links()["Steelyard"] == "/admin"
    assert admin.open("/dashboard", 403).follow("Go to the first page").path == "/admin"


@pytest.mark.parametrize(
    ("place", "h1"),
    [("/login", "Sign in"), ("/step-up", "Prove again who you are"), ("/settings/security", "Signing in")],
)
def test_a_provider_that_cannot_be_asked_is_said_where_it_was_chosen(
    house: House, place: str, h1: str
) -> None:
    visit = web_visit(house, None if place == "/login" else house.people[1, Role.VIEWER])
    page = visit.post(f"{place}/at/nobody", {"next": "/settings"}, 404)
    assert page.h1 == h1
    assert any(page.texts("alert"))
