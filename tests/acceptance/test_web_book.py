"""Pages of the book: a run is counted before it begins, looked at with exceptions first, and decided as one."""

import json
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, expect

from browsing import add_passkey, sign_in, visiting
from house import House, Person
from house_trading import approved_run_for, as_operator, run_for, traded_account
from passkey_device import Device
from steelyard.identity.permissions import Role
from steelyard.services.hold import HoldKind, place_hold
from steelyard.services.run_worker import RunWorker
from web_visit import WebVisit, web_visit

LIMITS = "update steelyard.tenants set approval_limit = :limit, code_limit = :limit where tenant_id = 1 returning 1"


@pytest.fixture
def owner(house: House) -> Person:
    return house.do(house.person(Role.OWNER))


@pytest.fixture
def pages(house: House, owner: Person) -> WebVisit:
    return web_visit(house, owner)


def made(house: House) -> None:
    house.do(as_operator(RunWorker(house.clock).work()))


def test_a_run_is_counted_begun_and_withdrawn(house: House, owner: Person, pages: WebVisit) -> None:
    accounts = [traded_account(house, owner) for _ in range(2)]
    alone = house.do(house.ledger_account(1))  # no model
    asked = pages.open("/book/new").form("/book", button="Begin the run")
    asked.fill(scope="accounts", accounts=" ".join([*accounts, alone]), name="", band="1,5", mode="buy_only")
    counted = asked.send("Count again")
    assert "3 accounts will be worked out" in counted.text
    assert "1 follows no model" in counted.text
    refused = counted.form("/book", button="Begin the run").send("Begin the run", status=422)
    assert refused.texts("alert")[0].startswith("Correct 2 fields")
    form = refused.form("/book", button="Begin the run")
    assert form["accounts"].split() == [*accounts, alone]
    idle = form.fill(name="<b>Quarter</b> end", band="1.5").send("Begin the run", status=422)
    assert "What is traded: the band would not count" in idle.texts("alert")[0]
    begun = idle.form("/book", button="Begin the run").fill(band_rule="target").send("Begin the run")
    assert (begun.h1, "0 of 3 accounts are answered" in begun.text) == ("<b>Quarter</b> end", True)
    made(house)
    path = begun.path.partition("?")[0]
    shown = pages.open(path)
    assert "1 account needs a look" in shown.texts("heading")
    assert shown.links()[alone] == f"/rebalance?account={alone}"
    withdrawn = shown.form(f"{path}/withdraw").send()
    assert "The run is withdrawn" in withdrawn.text
    assert "Leave the chosen out" not in withdrawn.text


def test_exceptions_come_first_and_totals_are_of_what_trades(
    house: House, owner: Person, pages: WebVisit
) -> None:
    alone = house.do(house.ledger_account(1))  # no model
    run = run_for(house, owner, traded_account(house, owner), alone)
    page = pages.open(f"/book/{run.run_id}")
    headings = page.texts("heading")
    assert headings.index("1 account needs a look") < headings.index("What it does as a whole")
    text = page.text
    assert "No model" in text
    assert "7,500.00 USD" in text
    assert "2,500.00 USD" in text
    assert "25.00 %" in text  # 2,500 of 10,000 is sold
    only = pages.open(f"/book/{run.run_id}?kind=made")
    assert alone not in only.root.one("section", id="accounts").text
    none = pages.open(f"/book/{run.run_id}?words=nobody&kind=nonsense")
    assert "No account of this kind" in none.text


def test_accounts_are_left_out_and_the_hash_is_another(house: House, owner: Person, pages: WebVisit) -> None:
    first, second = (traded_account(house, owner) for _ in range(2))
    run = run_for(house, owner, first, second)
    path = f"/book/{run.run_id}"
    form = pages.open(path).form(f"{path}/drop", button="Leave the chosen out")
    assert "choose those that are to be left out" in form.send(status=422).texts("alert")[0]
    left = form.fill(account=[first]).send()
    assert "They are left out" in left.text
    assert "Left out" in left.text
    [(now,)] = house.rows("select content_hash from steelyard.runs where run_id = :id", id=run.run_id)
    assert bytes(now) != run.content_hash


def test_a_code_approves_below_its_limit_and_the_run_is_executed_once(
    house: House, owner: Person, pages: WebVisit
) -> None:
    house.do(house.enrol(owner))
    run = run_for(house, owner)
    path = f"/book/{run.run_id}"
    house.rows(LIMITS, limit=100)
    assert "somebody else has to approve it, too" in pages.open(path).text
    assert "/approve/code" not in pages.open(path).html
    house.rows(LIMITS, limit=1_000_000)
    form = pages.open(path).form(f"{path}/approve/code", button="Approve with the code")
    assert "this is needed" in form.send(status=422).texts("alert")[0]
    wrong = form.fill(code="000000", key=uuid4().hex).send(status=403)
    assert wrong.texts("alert")
    approved = form.fill(code=owner.code(house.clock()), key=uuid4().hex).send()
    assert "The run is approved" in approved.text
    execution = approved.form(f"{path}/execute", button="Execute 3 orders")
    executed = execution.send()
    assert "workers send its orders" in executed.text
    assert "0 of 3 orders have ended" in executed.text
    assert execution.send().path == executed.path  # a second press leads to what the first one did
    late = execution.fill(key=uuid4().hex).send(status=409)
    assert "this takes one that is approved" in late.texts("alert")[0]


def test_a_run_whose_accounts_changed_offers_to_leave_them_out(
    house: House, owner: Person, pages: WebVisit
) -> None:
    house.do(house.enrol(owner))
    house.rows(LIMITS, limit=1_000_000)
    first, second = (traded_account(house, owner) for _ in range(2))
    run = run_for(house, owner, first, second)
    path = f"/book/{run.run_id}"
    form = pages.open(path).form(f"{path}/approve/code", button="Approve with the code")
    house.rows("update steelyard.accounts set model_id = null where account_id = :id returning 1", id=first)
    refused = form.fill(code=owner.code(house.clock())).send(status=409)
    assert "1 account changed meanwhile" in refused.texts("heading")
    left = refused.form(f"{path}/drop", button="Leave it out and go on").send()
    assert "They are left out" in left.text


def test_what_holds_an_account_or_an_order_back_holds_the_block_that_it_is_in(
    house: House, owner: Person, pages: WebVisit
) -> None:
    first, second = (traded_account(house, owner) for _ in range(2))
    path = f"/book/{approved_run_for(house, owner, first, second).run_id}"
    pages.open(path).form(f"{path}/execute", button="Execute 6 orders").send()
    of_run = "select order_id from steelyard.orders where run_id = :id and account_id"
    [(block, *_)] = house.rows(f"{of_run} is null limit 1", id=path.rpartition("/")[2])
    behind = "select order_id from steelyard.orders where block_id = :block and account_id = :account"
    [(own, *_)] = house.rows(behind, block=block, account=first)
    for held in ({"account_id": first}, {"order_id": own}):
        reason = f"asked to, {uuid4()}"
        house.do(house.write(1, place_hold, HoldKind.MANUAL, reason, **held))
        assert reason in pages.open(f"/orders/order/{own}").text
        assert reason in pages.open(f"/orders/order/{block}").text


def test_who_is_asked_for_a_passkey_signs_the_hash_of_the_run(
    house: House, owner: Person, pages: WebVisit
) -> None:
    device = Device(house.served.wiring.place.public_url)
    house.do(house.give_passkey(owner, device))
    house.rows(LIMITS, limit=1_000_000)
    run = run_for(house, owner)
    path = f"/book/{run.run_id}"
    form = pages.open(path).form(f"{path}/approve/passkey", button="Approve with a passkey")
    bad = pages.post(f"{path}/approve/question", {"content_hash": "1"}, 422)
    assert "content_hash" in bad.html
    question = json.loads(pages.post(f"{path}/approve/question", {"content_hash": form["content_hash"]}).html)
    signed = form.fill(nonce=question["nonce"], credential=device.prove(question["options"])).send()
    assert "The run is approved" in signed.text
    assert "by passkey" in signed.text


def test_a_page_follows_a_run_while_it_is_made(house: House, browser: Browser, origin: str) -> None:
    owner = house.people[1, Role.OWNER]
    account = traded_account(house, owner)
    with visiting(browser, origin) as window:
        sign_in(window, house, owner)
        page = window.open("/book/new")
        page.get_by_role("radio", name="Named accounts").check()
        page.get_by_label("Named accounts", exact=False).last.fill(account)
        page.get_by_label("Name of the run").fill("Watched")
        expect(page.locator("#covered")).to_contain_text("1 account will be worked out")
        page.get_by_role("button", name="Begin the run").click()
        expect(page.get_by_text("0 of 1 accounts are answered")).to_be_visible()
        made(house)
        expect(page.get_by_role("heading", name="What it does as a whole")).to_be_visible()
        expect(page.locator("#live")).to_contain_text("The run is made")
        page.get_by_role("radio", name="Exceptions").check()
        expect(page.get_by_text("No account of this kind")).to_be_visible()
        assert UUID(page.url.rpartition("/")[2])


def test_a_run_that_was_watched_is_approved_with_a_passkey_of_the_browser(
    house: House, owner: Person, pages: WebVisit, browser: Browser, origin: str
) -> None:
    """The form that signs came with a part of the page, after its script had looked around."""
    house.rows(LIMITS, limit=1_000_000)
    asked = pages.open("/book/new").form("/book", button="Begin the run")
    begun = asked.fill(scope="accounts", accounts=traded_account(house, owner), name="Watched").send(
        "Begin the run"
    )
    with visiting(browser, origin) as window:
        sign_in(window, house, owner)
        page = window.open(begun.path.partition("?")[0])
        add_passkey(window, house, owner)
        expect(page.get_by_text("0 of 1 accounts are answered")).to_be_visible()
        made(house)
        page.get_by_role("button", name="Approve with a passkey").click()
        expect(page.get_by_role("status").first).to_have_text(
            "The run is approved. It trades when somebody executes it."
        )
        expect(page.get_by_text("by passkey")).to_be_visible()
        page.get_by_text("Execute it…").click()
        expect(page.get_by_role("button", name="Execute 3 orders")).to_be_visible()


def test_the_list_has_every_run_and_how_far_it_is(house: House, owner: Person, pages: WebVisit) -> None:
    run = approved_run_for(house, owner)
    page = pages.open("/book")
    assert f"/book/{run.run_id}" in page.links().values() or "Approved, not executed" in page.text
    assert pages.open(f"/book/{uuid4()}", 404).h1
