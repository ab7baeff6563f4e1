"""Pages of orders: what is to be decided first, what is done about one, holds, limits, fills, breaks, the switch."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, expect

from api_order_cases import APPROVED, broken, foundling, held, my_order
from api_visit import Visit
from browsing import sign_in, visiting
from house import HIDDEN, MINE, House
from steelyard.identity.permissions import Role
from web_visit import Page, WebVisit, query_of, web_visit

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def visit(house: House) -> Visit:
    owner = house.people[1, Role.OWNER]
    return Visit(house, owner, house.window_of(owner))


@pytest.fixture
def pages(house: House) -> WebVisit:
    return web_visit(house, house.people[1, Role.OWNER])


def listed(page: Page) -> list[str]:
    """The orders of the list, in their order."""
    rows = page.root.one("section", id="list").one("tbody").all("tr")
    return [row.all("a")[0].attributes["href"].rpartition("/")[2] for row in rows]


def test_orders_that_a_person_has_to_decide_about_come_first(visit: Visit, pages: WebVisit) -> None:
    unknown = my_order(visit, *APPROVED, "sending", "unknown").names["order_id"]
    page = pages.open("/orders")
    assert page.texts("heading").index("To decide") < page.texts("heading").index("All orders")
    first = page.root.one("section", id="decide").all("a")[0]
    assert first.attributes["href"].startswith("/orders/order/")
    assert unknown in page.html


def test_orders_are_filtered_by_kind_asset_and_day(visit: Visit, pages: WebVisit) -> None:
    order_id = my_order(visit, *APPROVED).names["order_id"]
    made = "select cast(made_at at time zone 'UTC' as date) from steelyard.orders where order_id = :id"
    [(day,)] = visit.house.rows(made, id=order_id)
    found = pages.open("/orders?kind=open&asset=A")
    assert order_id in found.root.one("section", id="list").one("table").all("a")[0].attributes["href"]
    assert order_id not in pages.open(f"/orders?to={day - timedelta(1)}").html
    assert order_id in pages.open(f"/orders?from={day}&to={day}").html
    refused = pages.open("/orders?from=yesterday&asset=MINECO", 422)
    assert "not a day such as 2024-03-28" in refused.text
    assert refused.form("/orders", button="Show")["asset"] == "MINECO"


def test_pages_of_orders_follow_each_other_without_a_gap(
    visit: Visit, pages: WebVisit, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {my_order(visit).names["order_id"] for _ in range(3)}
    monkeypatch.setattr("steelyard.web.order.PAGE", 2)
    first = pages.open("/orders?kind=planned")
    seen = [order for page in (first, first.follow("Older orders")) for order in listed(page)]
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


def test_an_order_shows_every_state_and_is_cancelled_once(visit: Visit, pages: WebVisit) -> None:
    order_id = my_order(visit, *APPROVED).names["order_id"]
    page = pages.open(f"/orders/order/{order_id}?account={MINE}-1")
    assert page.texts("listitem")[-1].startswith("Approved") or "Approved" in page.text
    form = page.form(f"/orders/order/{order_id}/cancel", button="Cancel the order")
    done = form.send()
    assert "The order is cancelled" in done.text
    assert query_of(done.path)["account"] == f"{MINE}-1"
    assert form.send().path == done.path  # a second press leads to what the first one did
    again = page.form(f"/orders/order/{order_id}/cancel", button="Cancel the order").fill(key=uuid4().hex)
    assert "is no longer at version" in again.send(status=409).texts("alert")[0]


def test_an_order_that_moved_on_is_not_replaced_and_what_was_typed_stays(
    visit: Visit, pages: WebVisit
) -> None:
    order_id = my_order(visit, *APPROVED).names["order_id"]
    form = pages.open(f"/orders/order/{order_id}").form(
        f"/orders/order/{order_id}/replace", button="Cancel it and send this instead"
    )
    form.fill(quantity="4", limit_price="99.5")
    wrong = form.fill(quantity="4,5").send(status=422)
    assert "write it with a point: 4.5" in wrong.texts("alert")[0]
    assert (
        wrong.form(f"/orders/order/{order_id}/replace", button="Cancel it and send this instead")[
            "limit_price"
        ]
        == "99.5"
    )
    visit.house.rows(
        "update steelyard.orders set version = version + 1 where order_id = :id returning 1", id=order_id
    )
    moved = form.fill(quantity="4", key=uuid4().hex).send(status=409)
    assert "is no longer at version" in moved.texts("alert")[0]
    replaced = moved.form(
        f"/orders/order/{order_id}/replace", button="Cancel it and send this instead"
    ).send()
    assert "takes the place of the other" in replaced.text
    assert f"/orders/order/{order_id}" in replaced.links().values()


def test_an_unknown_order_is_resolved_with_how_one_knows(visit: Visit, pages: WebVisit) -> None:
    order_id = my_order(visit, *APPROVED, "sending", "unknown").names["order_id"]
    path = f"/orders/order/{order_id}/resolve"
    form = pages.open(f"/orders/order/{order_id}").form(path, button="Record it")
    refused = form.fill(resolution="found", reason=HOSTILE).send(status=422)
    assert "this is needed" in refused.texts("alert")[0]
    assert HOSTILE not in refused.html
    assert refused.form(path, button="Record it")["reason"] == HOSTILE
    done = refused.form(path, button="Record it").fill(resolution="never", reason="the desk\nsays so").send()
    assert "never had the order" in done.text
    [(state,)] = visit.house.rows("select state from steelyard.orders where order_id = :id", id=order_id)
    assert state == "cancelled"


def test_the_kill_switch_takes_a_reason_and_says_so_on_every_page_of_orders(
    visit: Visit, pages: WebVisit
) -> None:
    visit.house.rows(
        "update steelyard.trading_holds set released_at = now(), released_by = 'operator' "
        "where kind = 'kill_switch' and released_at is null returning 1"
    )
    form = pages.open("/orders/stop").form("/orders/stop", button="Stop trading now")
    assert "this is needed" in form.send(status=422).texts("alert")[0]
    stopped = form.fill(reason=f"a wrong price {HOSTILE}").send()
    assert stopped.h1 == "Trading is stopped"
    assert HOSTILE not in stopped.html
    assert "a wrong price" in pages.open("/orders").text
    released = stopped.form("/orders/stop/release").fill(reason="it is right again").send()
    assert released.h1 == "Stop trading"


def test_an_account_is_held_and_let_go(visit: Visit, pages: WebVisit) -> None:
    form = pages.open(f"/orders/holds?account={MINE}-1").form("/orders/holds", button="Hold it back")
    assert form["account"] == f"{MINE}-1"
    unnamed = form.fill(account="", reason="asked to").send(status=422)
    assert "name an account, or an order" in unnamed.texts("alert")[0]
    reason = f"asked to, {uuid4()}"
    placed = (
        unnamed.form("/orders/holds", button="Hold it back").fill(account=f"{MINE}-1", reason=reason).send()
    )
    assert "It is held" in placed.texts("status")[0]
    [(hold_id,)] = visit.house.rows("select hold_id from steelyard.trading_holds where reason = :r", r=reason)
    let_go = placed.form(f"/orders/holds/{hold_id}/release").fill(**{f"why-{hold_id}": "settled"}).send()
    assert "It is let go" in let_go.text


def test_a_hold_that_somebody_let_go_before_says_so(visit: Visit, pages: WebVisit) -> None:
    hold_id = held(visit).names["hold_id"]
    form = pages.open("/orders/holds").form(f"/orders/holds/{hold_id}/release")
    form.fill(**{f"why-{hold_id}": "settled"}).send()
    late = form.fill(key=uuid4().hex).send(status=409)
    assert "was released by" in late.texts("alert")[0]


def test_limits_are_set_in_percent_and_taken_away(visit: Visit, pages: WebVisit) -> None:
    form = pages.open("/orders/limits").form("/orders/limits", button="Keep these limits")
    form.fill(whose=f"{MINE}-1", max_order_value="25000", price_collar="2.5", max_participation="150")
    refused = form.send(status=422)
    assert "Of the usual volume at most: above 0, and at most 100" in refused.texts("alert")[0]
    kept = refused.form("/orders/limits", button="Keep these limits").fill(max_participation="10").send()
    assert "The limits are kept" in kept.text
    statement = "select price_collar, max_participation from steelyard.order_limits where account_id = :a"
    [(collar, share)] = visit.house.rows(statement, a=f"{MINE}-1")
    assert (f"{collar:f}".rstrip("0"), f"{share:f}".rstrip("0")) == ("0.025", "0.1")
    own = pages.open(f"/orders/limits?whose={MINE}-1")
    assert own.form("/orders/limits", button="Keep these limits")["price_collar"] == "2.5"
    assert "taken away" in own.form("/orders/limits/end").send().text


def test_a_fill_in_suspense_is_given_to_an_account_or_an_order(visit: Visit, pages: WebVisit) -> None:
    body = foundling(visit).body
    page = pages.open("/orders/fills")
    form = next(form for form in page.forms() if ("execution", body["execution_id"]) in form.fields)
    place = form["place"]
    both = form.fill(**{f"order-{place}": str(uuid4()), f"account-{place}": f"{MINE}-1"}).send(status=422)
    assert "leave it out where an order is named" in both.texts("alert")[0]
    named = {f"order-{place}": "", f"account-{place}": body["account"], f"asset-{place}": "A"}
    assert "The fill is booked" in form.fill(**named).send().text


def test_what_is_of_another_household_is_left_out_and_not_counted(visit: Visit, pages: WebVisit) -> None:
    own, other = f"household={MINE}-HOUSE", f"household={HIDDEN}-HOUSE"
    before = pages.open(f"/orders?{other}").root.one("nav", aria_label="What to look after").text
    hold_id, break_id = held(visit).names["hold_id"], broken(visit).names["break_id"]
    given_away(pages, foundling(visit).body)
    for path, mark in (("holds", hold_id), ("breaks", break_id)):
        assert mark in pages.open(f"/orders/{path}?{own}").html
        assert mark not in pages.open(f"/orders/{path}?{other}").html
    assert f"{MINE}-1" in pages.open(f"/orders/fills?{own}").texts("cell")
    assert f"{MINE}-1" not in pages.open(f"/orders/fills?{other}").texts("cell")
    assert pages.open(f"/orders?{other}").root.one("nav", aria_label="What to look after").text == before


def given_away(pages: WebVisit, body: dict[str, str]) -> None:
    """Say of a fill that nobody ordered whose it is."""
    forms = pages.open("/orders/fills").forms()
    form = next(one for one in forms if ("execution", body["execution_id"]) in one.fields)
    place = form["place"]
    form.fill(**{f"account-{place}": body["account"], f"asset-{place}": body["asset"]}).send()


def test_a_break_is_explained(visit: Visit, pages: WebVisit) -> None:
    break_id = broken(visit).names["break_id"]
    form = pages.open("/orders/breaks").form(f"/orders/breaks/{break_id}/explain")
    name = f"explanation-{break_id}"
    assert "this is needed" in form.send(status=422).texts("alert")[0]
    explained = form.fill(**{name: "their rounding"}).send()
    assert break_id not in explained.html
    assert "their rounding" in pages.open("/orders/breaks?all=yes").text


def test_filters_exchange_the_list_alone(house: House, browser: Browser, origin: str, visit: Visit) -> None:
    my_order(visit)
    with visiting(browser, origin) as window:
        sign_in(window, house, house.people[1, Role.OWNER])
        page = window.open("/orders")
        page.get_by_role("radio", name="Not executed yet").check()
        expect(page.get_by_role("heading", name="Not executed yet")).to_be_visible()
        expect(page.get_by_role("radio", name="Not executed yet")).to_be_focused()
        assert UUID(f"{page.locator('#list tbody a').first.get_attribute('href')}".rpartition("/")[2])
