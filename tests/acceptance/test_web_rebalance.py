"""Rebalancing on pages: targets, a review, its approval and execution, and the orders until they are filled."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Route, expect
from playwright.sync_api import Page as BrowserPage

from browsing import add_passkey, sign_in, visiting
from chromium import add_authenticator
from house import House, Person, opened_house
from house_trading import as_operator, let_work, traded_account
from steelyard.identity.permissions import Role
from steelyard.storage.embedded import EmbeddedServer
from web_visit import Form, Page, web_visit

BOUGHT = {"AAA": ("sell", "50"), "BBB": ("buy", "250"), "CCC": ("buy", "250")}
"""What the model of a traded account takes, as tests/trading.py says."""
WHAT_IF = "**/rebalance/what-if**"


@dataclass(frozen=True, slots=True)
class Firm:
    """A house of its own, where nothing waits for a worker but what these tests execute, and its owner."""

    house: House
    owner: Person

    def account(self) -> str:
        return traded_account(self.house, self.owner)

    def linked_account(self) -> str:
        """One whose orders a broker on paper takes."""
        account, window = self.account(), self.house.window_of(self.owner)
        wanted = {"broker": "paper", "environment": "paper", "name": f"the broker of {account}"}
        link_id = window.ask("POST", "/brokers", wanted).json()["link_id"]
        assert window.ask("PUT", f"/brokers/{link_id}/accounts/{account}").status_code == 204
        return account

    def targets(self, account: str) -> Page:
        return web_visit(self.house, self.owner).open(f"/rebalance?account={account}")

    def code(self) -> str:
        """Return a code that nobody used: a code counts once, so the app is set up anew."""
        self.house.do(self.house.enrol(self.owner))
        return self.owner.code(self.house.clock())


@pytest.fixture(scope="module")
def firm(
    database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Firm]:
    with opened_house(database, urls(database), tmp_path_factory.mktemp("firm")) as house:
        owner = house.do(house.person(Role.OWNER))
        house.do(house.enrol(owner))
        limits = (
            "update steelyard.tenants set approval_limit = 1000000, code_limit = 1000000 where tenant_id = 1"
        )
        house.rows(f"{limits} returning 1")
        yield Firm(house, owner)


def form_of(page: Page) -> Form:
    return page.form(button="Recalculate")


def proposals(firm: Firm, account: str) -> int:
    statement = "select count(*) from steelyard.proposals where account_id = :account"
    count: int = firm.house.rows(statement, account=account)[0][0]
    return count


def reviewed(firm: Firm, account: str) -> Page:
    return form_of(firm.targets(account)).send("Review 3 trades")


# ── Targets ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_each_position_its_target_and_the_trade_that_leads_there(firm: Firm) -> None:
    page = firm.targets(firm.account())
    row = {element.one("th").text: element.text for element in page.root.all("tr") if element.all("td")}
    assert "Sell 50 2,500.00 USD" in row["AAA AAA Inc."]
    assert "Buy 250 5,000.00 USD" in row["BBB BBB Inc."]
    assert form_of(page)["t.BBB"] == "50"
    assert "100.00 %" in row["Total"]
    assert form_of(page)["t.USD"] == "0"


def test_who_names_no_account_chooses_one_and_the_farthest_stands_first(firm: Firm) -> None:
    account = firm.account()
    page = web_visit(firm.house, firm.owner).open("/rebalance")
    shown = page.root.one("table", class_="choosing").one("tbody").all("tr")[0]
    assert "Outside" in shown.text
    assert any(link.endswith(account) for link in page.links().values())


def test_what_is_typed_is_worked_out_and_not_stored(firm: Firm) -> None:
    account = firm.account()
    page = form_of(firm.targets(account)).fill(**{"t.BBB": "25", "t.CCC": "50"}).send("Recalculate")
    assert form_of(page)["t.CCC"] == "50"
    assert "Buy 500" in page.text
    part = form_of(page).send("Recalculate", hx_request="true")
    assert part.root.all("html") == []
    assert part.root.one("p", id="live").text == "3 trades, drift 75.00 % → 0.00 %."
    assert proposals(firm, account) == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"t.BBB": "48.5"}, "Targets sum to 98.50 %; add 1.50 %."),
        ({"t.BBB": "50.005"}, "Targets sum to 100.005 %; take 0.005 %."),
        ({"t.BBB": "fifty"}, "not a plain number"),
        ({"t.BBB": "-5"}, "from 0 to 100"),
        ({"investment": "-999999"}, "is missing"),
        ({"hold": "AAA BBB CCC"}, "There is nothing to trade"),
    ],
)
def test_what_cannot_be_reviewed_is_refused_by_the_server_and_kept_with_the_reason(
    firm: Firm, typed: dict[str, str], said: str
) -> None:
    account = firm.account()
    page = form_of(firm.targets(account)).fill(**typed).send("Review 3 trades", status=422)
    assert any(said in alert for alert in page.texts("alert")), page.texts("alert")
    assert {name: form_of(page)[name] for name in typed} == typed
    assert proposals(firm, account) == 0


def test_the_rest_goes_into_cash(firm: Firm) -> None:
    page = form_of(firm.targets(firm.account())).fill(**{"t.BBB": "40"}).send("Put the rest into cash")
    assert form_of(page)["t.USD"] == "10"
    assert "Not ready" not in page.text


def test_an_asset_is_added_by_its_id_and_one_that_is_none_is_named(firm: Firm) -> None:
    page = form_of(firm.targets(firm.account()))
    hostile = page.fill(add='"><b>x').send("Add")
    assert form_of(hostile)["add"] == '"><b>x'
    unknown = form_of(hostile).fill(add="AAAA").send("Add")
    assert "did you mean AAA?" in unknown.root.one("p", id="add-wrong").text
    form = form_of(unknown).fill(**{"t.AAA": "", "add": ""})
    without = form.send("Recalculate")
    assert "No target" in without.text


def test_numbers_are_typed_as_the_reader_writes_them(firm: Firm) -> None:
    visit = web_visit(firm.house, firm.owner)
    path = f"/rebalance?account={firm.account()}"
    page = visit.open(path, accept_language="de-DE")
    german = form_of(page).fill(**{"t.BBB": "49,5", "t.USD": "0,5"})
    good = german.send("Recalculate", accept_language="de-DE")
    assert "100,00 %" in good.text
    wrong = form_of(good).fill(**{"t.BBB": "49.5"}).send("Recalculate", accept_language="de-DE")
    assert "write it with a comma: 49,5" in wrong.text


def limited(firm: Firm, account: str, outcome: str) -> None:
    """Let an account hold no asset that is more than 30 % of it."""
    insert = (
        "insert into steelyard.compliance_rules (tenant_id, rule_id, version, kind, scope, bound, settings, outcome, "
        "valid_from, source_document, made_by) values (1, :rule, 1, 'asset_concentration', "
        "cast(:scope as jsonb), 0.3, '{}', :outcome, '2020-01-01', 'a paper', 'operator') returning 1"
    )
    scope = f'{{"accounts": ["{account}"]}}'
    firm.house.rows(insert, rule=f"MOST-{account}", scope=scope, outcome=outcome)


def test_a_rule_that_blocks_is_said_and_nothing_is_stored(firm: Firm) -> None:
    account = firm.account()
    limited(firm, account, "block")
    page = firm.targets(account)
    assert "Blocks" in page.text
    refused = form_of(page).send("Review 3 trades", status=422)
    assert any(f"Rule MOST-{account} blocks these trades" in alert for alert in refused.texts("alert"))
    assert proposals(firm, account) == 0


# ── Review, approval, execution ─────────────────────────────────────────────────────────────────────────


def test_a_review_that_is_sent_twice_is_stored_once(firm: Firm) -> None:
    account = firm.account()
    form = form_of(firm.targets(account)).fill(**{"t.BBB": "30", "t.CCC": "45"})
    first, second = form.send("Review 3 trades"), form.send("Review 3 trades")
    assert first.path == second.path
    assert urlsplit(first.path).path.startswith("/rebalance/")
    assert proposals(firm, account) == 1
    assert "with targets of its own" in first.text
    again = first.follow("New review")
    assert (form_of(again)["t.BBB"], form_of(again)["t.CCC"]) == ("30", "45")
    checked = first.follow("Check it again")
    assert "the same to the last byte" in checked.text


def test_who_goes_back_and_changes_the_form_is_told_that_it_was_sent(firm: Firm) -> None:
    account = firm.linked_account()
    form = form_of(firm.targets(account))
    form.send("Review 3 trades")
    changed = form.fill(**{"t.BBB": "30", "t.CCC": "45"}).send("Review 3 trades", status=409)
    assert any("was sent before" in alert for alert in changed.texts("alert"))
    assert (form_of(changed)["t.BBB"], proposals(firm, account)) == ("30", 1)
    form_of(changed).send("Review 3 trades")
    assert proposals(firm, account) == 2


def test_a_rule_that_holds_is_let_pass_with_a_reason_that_is_kept_when_it_is_refused(firm: Firm) -> None:
    account = firm.account()
    limited(firm, account, "hold")
    review = reviewed(firm, account)
    assert "Approve…" not in review.links()
    form = review.form(button="Let it pass").fill(reason="agreed\u0007 by phone")
    refused = form.send(status=422)
    assert any("say why it may pass" in alert for alert in refused.texts("alert"))
    again = refused.form(button="Let it pass")
    assert (again["reason"], again["rule_id"]) == ("agreed\u0007 by phone", f"MOST-{account}")
    passed = again.fill(reason="agreed by phone").send()
    assert "The rule was let pass" in passed.text
    assert "agreed by phone" in passed.text
    assert "Approve…" in passed.links()


def test_from_targets_over_a_code_to_filled_orders(firm: Firm) -> None:
    account = firm.linked_account()
    review = reviewed(firm, account)
    assert review.h1 == "Review"
    confirm = review.follow("Approve…")
    path = urlsplit(confirm.path).path.removesuffix("/confirm")
    wrong = with_code(confirm, "000000").send("Approve with the code", status=403)
    assert wrong.texts("alert")
    approved = with_code(confirm, firm.code()).send("Approve with the code")
    assert "It is approved." in approved.text
    assert "Approved by you with a code of an app" in approved.text
    orders = approved.follow("Execute…").form(f"{path}/execute").send("Send 3 orders")
    assert urlsplit(orders.path).path == f"/orders/{path.removeprefix('/rebalance/')}"
    progress = orders.root.one("div", id="progress").attributes
    assert progress["hx-trigger"] == "every 2s"
    firm.house.do(as_operator(let_work(firm.house)))
    part = orders.visit.open(progress["hx-get"])
    assert "All 3 orders have ended: 3 filled." in part.root.one("p", id="live").text
    assert "hx-get" not in part.root.one("div", id="progress").attributes
    done = orders.visit.open(orders.path)
    for asset, (side, quantity) in BOUGHT.items():
        row = next(one.text for one in done.root.all("tr") if f"{side.capitalize()} {asset}" in one.text)
        assert f"Filled {quantity}" in row
    assert "0.00 USD" in done.text


def with_code(confirm: Page, code: str) -> Form:
    [form] = [form for form in confirm.forms() if "code" in form.names]
    return form.fill(code=code)


def test_what_changed_meanwhile_is_named_with_the_way_on(firm: Firm) -> None:
    account = firm.account()
    review = reviewed(firm, account)
    tell = "update steelyard.model_portfolios set version = version + 1 where model_id = 'M' returning 1"
    firm.house.rows(tell)
    refused = with_code(review.follow("Approve…"), firm.code()).send("Approve with the code", status=409)
    assert any("the version of its model is" in alert for alert in refused.texts("alert"))
    assert "again=" in refused.links()["Make a new review with the same targets"]


def test_a_review_is_withdrawn_and_nothing_more_is_offered(firm: Firm) -> None:
    review = reviewed(firm, firm.account())
    gone = review.form(button="Withdraw").send("Withdraw")
    assert "It is withdrawn" in gone.text
    assert "Approve…" not in gone.links()


def test_what_was_seen_must_be_what_is_approved(firm: Firm) -> None:
    review = reviewed(firm, firm.account())
    form = with_code(review.follow("Approve…"), firm.code())
    form.fill(content_hash="00" * 32)
    refused = form.send("Approve with the code", status=409)
    assert any("its hash is another one than you saw" in alert for alert in refused.texts("alert"))


# ── In a browser ────────────────────────────────────────────────────────────────────────────────────────


def test_an_edit_is_worked_out_while_the_focus_stays_in_the_field(firm: Firm, browser: Browser) -> None:
    account, origin = firm.account(), firm.house.served.wiring.place.public_url
    with visiting(browser, origin) as visit:
        sign_in(visit, firm.house, firm.owner)
        page = visit.open(f"/rebalance?account={account}")
        field = page.get_by_label("Target of BBB, percent")
        field.fill("48.5")
        expect(page.locator("#live")).to_contain_text("Targets sum to 98.50")
        expect(field).to_be_focused()
        expect(field).to_have_value("48.5")
        page.get_by_role("button", name="Put the rest into cash").click()
        expect(page.get_by_label("Target of USD, percent")).to_have_value("1.5")
        expect(page.get_by_role("button", name="Review 3 trades")).to_be_visible()


def test_who_is_on_the_button_already_stays_there_when_the_answer_comes(firm: Firm, browser: Browser) -> None:
    account, origin = firm.account(), firm.house.served.wiring.place.public_url
    with visiting(browser, origin) as visit:
        sign_in(visit, firm.house, firm.owner)
        page = visit.open(f"/rebalance?account={account}")
        button = page.locator("#review-act button")
        page.get_by_label("Target of AAA, percent").fill("50")
        page.get_by_label("Target of BBB, percent").fill("25")
        button.focus()
        expect(button).to_have_text("Review 2 trades")
        expect(button).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Review")


def never_answer(route: Route) -> None:
    del route


def test_what_is_worked_out_is_what_was_typed_last_however_slow_an_answer_is(
    firm: Firm, browser: Browser
) -> None:
    account, origin = firm.account(), firm.house.served.wiring.place.public_url
    with visiting(browser, origin) as visit:
        sign_in(visit, firm.house, firm.owner)
        page = visit.open(f"/rebalance?account={account}")
        page.route(WHAT_IF, never_answer, times=1)
        with page.expect_request(WHAT_IF) as slow:
            page.get_by_label("Target of AAA, percent").fill("50")
        with page.expect_event("requestfailed", lambda request: request == slow.value):
            page.get_by_label("Target of BBB, percent").fill("30")
        page.get_by_label("Target of CCC, percent").fill("20")
        expect(page.locator("#live")).to_contain_text("2 trades")


def test_a_button_is_not_undone_by_the_answer_to_what_was_typed_before_it(
    firm: Firm, browser: Browser
) -> None:
    account, origin = firm.account(), firm.house.served.wiring.place.public_url
    with visiting(browser, origin) as visit:
        sign_in(visit, firm.house, firm.owner)
        page = visit.open(f"/rebalance?account={account}")
        page.route(WHAT_IF, never_answer, times=1)
        with page.expect_event("requestfailed"):
            page.get_by_label("Target of BBB, percent").fill("48.5")
            page.get_by_role("button", name="Put the rest into cash").click()
        expect(page.get_by_label("Target of USD, percent")).to_have_value("1.5")


def test_by_keyboard_alone_and_a_passkey_from_targets_to_execution(firm: Firm, browser: Browser) -> None:
    account, origin = firm.linked_account(), firm.house.served.wiring.place.public_url
    with visiting(browser, origin) as visit:
        sign_in(visit, firm.house, firm.owner)
        page = visit.open(f"/rebalance?account={account}")
        add_passkey(visit, firm.house, firm.owner)
        page.get_by_role("button", name="Review 3 trades").focus()
        page.keyboard.press("Enter")
        approve = with_its_script(page, "Approve…")
        approve.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        expect(approve).to_be_focused()
        page.keyboard.press("Enter")
        dialog.get_by_role("button", name="Approve with a passkey").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Approved", exact=True)).to_be_visible()
        with_its_script(page, "Execute…").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Send 3 orders").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="3 orders", exact=False).first).to_be_visible()
        order = page.get_by_role("row").filter(has_text="CCC").get_by_role("link")
        order.focus()
        firm.house.do(as_operator(let_work(firm.house)))
        expect(page.get_by_role("heading", name="All 3 orders have ended: 3 filled.")).to_be_visible()
        expect(order).to_be_focused()
        expect(page.locator("#live")).to_have_text("All 3 orders have ended: 3 filled.")


def with_its_script(page: BrowserPage, name: str) -> Locator:
    """Return a link once it opens a dialog: until the script is there, it leads to the page of the same form."""
    link = page.get_by_role("link", name=name)
    link.wait_for()
    page.wait_for_load_state()
    return link


def test_who_signed_in_long_ago_proves_it_before_the_passkey_signs(
    firm: Firm, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, origin = firm.account(), firm.house.served.wiring.place.public_url
    with visiting(browser, origin) as visit:
        sign_in(visit, firm.house, firm.owner)
        page = visit.open(f"/rebalance?account={account}")
        add_authenticator(page)
        page.get_by_role("button", name="Review 3 trades").click()
        review = page.url
        clock = firm.house.clock
        monkeypatch.setattr(clock, "ahead", clock.ahead + timedelta(minutes=6))
        with_its_script(page, "Approve…").click()
        page.get_by_role("dialog").get_by_role("button", name="Approve with a passkey").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Prove again who you are")
        assert parse_qs(urlsplit(page.url).query)["next"] == [review.removeprefix(origin)]


def test_without_scripts_the_same_forms_lead_to_the_same_end(firm: Firm, browser: Browser) -> None:
    account, origin = firm.account(), firm.house.served.wiring.place.public_url
    with visiting(browser, origin, javascript=False) as visit:
        sign_in(visit, firm.house, firm.owner)
        page = visit.open(f"/rebalance?account={account}")
        page.get_by_label("Target of BBB, percent").fill("40")
        page.get_by_role("button", name="Recalculate").click()
        expect(page.get_by_text("add 10.00")).to_be_visible()
        page.get_by_role("button", name="Put the rest into cash").click()
        page.get_by_role("button", name="Review 3 trades").click()
        page.get_by_role("link", name="Approve…").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Approve these orders?")
        page.get_by_label("Code").fill(firm.code())
        page.get_by_role("button", name="Approve with the code").click()
        expect(page.get_by_role("status").first).to_have_text("It is approved.")
