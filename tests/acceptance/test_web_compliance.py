"""Pages about rules, without a script: written in a form, tried, found beyond, looked back at, ended."""

from uuid import uuid4

import pytest

from house import FOREIGN, HIDDEN, House
from small_book import DAYS
from steelyard.identity.permissions import Role
from web_visit import Form, Page, WebVisit, web_visit

HOSTILE = '<b onclick="x">Mandate</b> & "more"'

KINDS: dict[str, dict[str, str | list[str]]] = {
    "asset_concentration": {"limit": "12.5", "except_asset_classes": "ETF\nFund"},
    "issuer_concentration": {"limit": "40"},
    "sector_concentration": {"limit": "30", "only_sectors": "Tools"},
    "country_concentration": {"limit": "99.9"},
    "asset_class_concentration": {"limit": "80"},
    "restricted_list": {"sectors": "Tobacco\nWeapons", "forbids": ["buy"]},
    "minimum_cash": {"limit": "5000.50", "currency": "USD"},
    "maximum_turnover": {"limit": "150", "days": "90", "counts": "half"},
    "liquidity": {"limit": "10", "sessions": "5", "of": "trade"},
    "wash_sale": {"days": "30", "identical": "A, MINECO"},
}
SENTENCES = {
    "asset_concentration": "No asset is more than 12.5 % of an account; asset class ETF or Fund is not counted.",
    "issuer_concentration": "No issuer is more than 40 % of an account.",
    "sector_concentration": "No sector is more than 30 % of an account; only sector Tools is counted.",
    "country_concentration": "No country is more than 99.9 % of an account.",
    "asset_class_concentration": "No asset class is more than 80 % of an account.",
    "restricted_list": "Nothing of sector Tobacco or Weapons is bought.",
    "minimum_cash": "Cash is at least 5,000.5 USD.",
    "maximum_turnover": "No more than 150 % of an account is turned over in 90 days; half of purchases and sales "
    "together counts.",
    "liquidity": "No trade is more than 10 % of what is traded in a session, by the mean of the last 5.",
    "wash_sale": "No loss is made that does not count because the same is bought within 30 days.",
}

CHECKED = """
insert into steelyard.compliance_records (tenant_id, record_id, account_id, asset_id, check_date, status)
values (1, :id, 'MINE-3', 'MINECO', :day, 'VIOLATION') returning record_id
"""


@pytest.fixture
def officer(house: House) -> WebVisit:
    """Compliance, whose session is fresh."""
    return web_visit(house, house.people[1, Role.COMPLIANCE])


def new_id() -> str:
    return f"rule-{uuid4().hex[:10]}"


def begun(visit: WebVisit, kind: str, **typed: str | list[str] | None) -> Page:
    """The form of a new rule of a kind, filled in and sent to be tried."""
    page = visit.open(f"/compliance/new-rule?kind={kind}")
    form = page.form(button="Write the rule").fill(source_document="Mandate, section 3", **typed)
    return form.send("Try it", status=200)


def cash_rule(visit: WebVisit, rule_id: str, limit: str) -> Form:
    """The form of a rule about cash that is ready to be written; it only warns, so that nobody's orders are held."""
    page = begun(visit, "minimum_cash", id=rule_id, households="MINE-HOUSE", outcome="warn", limit=limit)
    return page.form(button="Write the rule")


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_of_each_kind_is_tried_written_read_and_stays_when_it_is_written_again(
    officer: WebVisit, kind: str
) -> None:
    rule_id = new_id()
    tried = begun(officer, kind, id=rule_id, outcome="warn", households="MINE-HOUSE", **KINDS[kind])
    assert any("2 accounts" in said or "nobody" in said.lower() for said in tried.texts("status")), tried.text
    assert officer.open(f"/compliance/rules/{rule_id}", 404).status == 404, "a try writes nothing"

    written = tried.form(button="Write the rule").send("Write the rule")
    assert (written.h1, written.path) == (f"Rule {rule_id}", f"/compliance/rules/{rule_id}?done=added")
    assert SENTENCES[kind] in written.texts("paragraph")
    assert "household MINE-HOUSE" in written.text

    again = written.follow("Change").form(button="Write the new version").send("Write the new version")
    assert again.path.endswith("done=unchanged")


def test_a_rule_that_cannot_be_used_keeps_what_was_typed_and_says_why_by_each_field(
    officer: WebVisit,
) -> None:
    typed = {"id": "no rule", "limit": "12,5", "source_document": HOSTILE, "accounts": "MINE-11\nMINE-2"}
    page = officer.open("/compliance/new-rule?kind=sector_concentration").form(button="Write the rule")
    refused = page.fill(valid_from="2026-02-31", **typed).send("Write the rule", status=422)

    assert refused.root.one(id="limit-wrong").text == "write it with a point: 12.5"
    assert refused.root.one(id="valid_from-wrong").text == "not a day of the calendar"
    assert "there is no account MINE-11 that you see; did you mean MINE-1" in refused.text
    assert {name: refused.form(button="Write the rule")[name] for name in typed} == typed
    assert refused.root.all("b", onclick="x") == []

    form = refused.form(button="Write the rule").fill(limit="12.5", valid_from="2026-02-28", accounts=None)
    assert "its id is not 1 to 64 letters" in form.send("Write the rule", status=422).text


def test_a_list_that_forbids_nothing_and_names_nothing_is_refused(officer: WebVisit) -> None:
    page = officer.open("/compliance/new-rule?kind=restricted_list").form(button="Write the rule")
    refused = page.fill(id=new_id(), forbids=None).send("Write the rule", status=422)

    assert refused.root.one(id="forbids-wrong").text == "choose what is forbidden"
    assert refused.root.one(id="assets-wrong").text.startswith("name at least one")


def test_a_new_rule_never_takes_the_place_of_one_that_stands(officer: WebVisit) -> None:
    rule_id = new_id()
    cash_rule(officer, rule_id, "1").send("Write the rule")
    second = cash_rule(officer, rule_id, "2")

    refused = second.send("Write the rule", status=422)
    assert "a rule of this id stands already" in refused.root.one(id="id-wrong").text
    assert refused.form(button="Write the rule")["limit"] == "2"


def test_who_changes_a_rule_that_somebody_else_changed_meanwhile_sees_theirs_first(officer: WebVisit) -> None:
    rule_id, button = new_id(), "Write the new version"
    cash_rule(officer, rule_id, "1").send("Write the rule")
    mine, theirs = (officer.open(f"/compliance/rules/{rule_id}/edit").form(button=button) for _ in range(2))
    theirs.fill(limit="2").send(button)
    late = mine.fill(limit="3").send(button, status=412)
    assert f"Rule {rule_id} is at version 2, and this was about version 1" in late.texts("alert")[0]
    assert "It now says: Cash is at least 2 % of an account." in late.text
    assert late.form(button=button)["limit"] == "3"
    assert late.form(button=button).send(button).path.endswith("done=changed")


def test_what_a_rule_finds_stands_on_the_page_until_the_rule_is_ended(
    officer: WebVisit,
) -> None:
    rule_id = new_id()
    form = begun(
        officer, "asset_concentration", id=rule_id, limit="1", outcome="block", households="MINE-HOUSE"
    )
    form.form(button="Write the rule").send("Write the rule")

    page = officer.open(f"/compliance?rule={rule_id}")
    assert page.texts("cell")[0] == "Blocks"
    assert "MINE-1 of MINE-HOUSE MINE-1" in page.texts("rowheader")
    assert any("against at most 1 %" in cell for cell in page.texts("cell"))
    none = officer.open(f"/compliance?rule={rule_id}&severity=warnings")
    assert "Nothing of that kind" in none.texts("heading")

    checked = officer.open("/compliance?account=MINE-1").form(button="Record a check").send()
    assert checked.path == "/compliance?account=MINE-1&done=checked"
    assert "Accounts were judged anew" in checked.texts("status")[0]

    sure = officer.open(f"/compliance/rules/{rule_id}").follow("End …")
    ended = sure.form(button="End the rule").send("End the rule")
    assert "The rule is ended. What it decided stays." in ended.texts("status")
    assert rule_id not in officer.open("/compliance").text
    assert rule_id in officer.open("/compliance/rules").text
    assert rule_id in officer.open("/compliance/history?account=MINE-1").text


def test_the_books_own_checks_count_and_who_sees_some_accounts_sees_theirs(house: House) -> None:
    house.rows(CHECKED, id=uuid4().hex, day=house.clock().date())
    viewer = web_visit(house, house.people[1, Role.VIEWER])
    page = viewer.open("/compliance")
    assert "New rule" not in page.links()
    assert "MINE-3 of MIXED-HOUSE MINE-3" in page.texts("rowheader")
    assert HIDDEN not in page.text
    assert FOREIGN not in page.text

    history = viewer.open(f"/compliance/history?since={DAYS[0]}&until={DAYS[-1]}&severity=violations")
    assert "Violation still open" in history.texts("cell")
    assert "A check of your books" in history.text
    assert HIDDEN not in history.text
    faulty = viewer.open("/compliance/history?since=yesterday")
    assert faulty.root.one(id="since-wrong").text == "not a day such as 2024-03-28"


def test_a_file_of_rules_is_written_whole_or_comes_back_as_it_was(officer: WebVisit) -> None:
    one, other = new_id(), new_id()
    text = "\n".join(
        f'[[rules]]\nid = "{rule_id}"\nkind = "minimum_cash"\nbound = "0.01"\noutcome = "warn"\n'
        f'valid_from = 2026-01-01\nsource_document = "Mandate"'
        for rule_id in (one, other)
    )
    page = officer.open("/compliance/rule-file")
    refused = page.form(button="Write the rules").fill(rules=text + '\nbond = "1"').send(status=422)
    assert "The file rule 2: unknown key 'bond'" in refused.texts("alert")[0]
    assert refused.form(button="Write the rules")["rules"] == text + '\nbond = "1"'
    officer.open(f"/compliance/rules/{one}", 404)

    assert other in refused.form(button="Write the rules").fill(rules=text).send().text
