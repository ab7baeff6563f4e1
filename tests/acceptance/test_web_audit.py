"""The page of the audit: events in words, filtered, checked, exported."""

import json
from dataclasses import replace

from house import OTHERS as OTHER_TENANT
from house import House
from steelyard.domain.audit import NO_HASH, AuditEvent, hash_of
from steelyard.identity.permissions import Role
from steelyard.web.audit import find_flaws
from web_visit import web_visit

SEQUENCE = "select max(sequence) from steelyard.audit_events"


def event(sequence: int, before: bytes) -> AuditEvent:
    made = AuditEvent(
        1,
        sequence,
        "2026-11-21T09:30:00.000000Z",
        "operator",
        "rule.write",
        "rule",
        "cap",
        {},
        "",
        before,
        NO_HASH,
    )
    return replace(made, hash=hash_of(made))


def test_events_stand_in_words_with_names_for_who_may_know_them(house: House) -> None:
    owner, officer = house.people[1, Role.OWNER], house.people[1, Role.COMPLIANCE]
    page = web_visit(house, owner).open(f"/audit?actor=user:{owner.user_id}&action=session.start")
    assert "owner of 1 signed in" in page.root.one(id="events").all("li")[0].text
    assert "✓ every hash on this page fits" in page.text
    assert page.form(button="Filter")["action"] == "session.start"

    seen = web_visit(house, officer).open(f"/audit?actor=user:{owner.user_id}")
    assert "owner of 1" not in seen.root.one(id="events").text
    assert f"User {str(owner.user_id)[:8]}" in seen.text


def test_events_go_on_from_page_to_page_without_a_gap(house: House) -> None:
    owner = web_visit(house, house.people[1, Role.OWNER])
    for _ in range(60):
        house.do(house.session_of(house.people[1, Role.OWNER]))
    newest = house.rows(SEQUENCE)[0][0]
    first = owner.open("/audit")
    second = first.follow("Earlier")

    shown = [one.attributes["id"] for page in (first, second) for one in page.root.one(id="events").all("li")]
    assert shown[:60] == [f"event-{number}" for number in range(newest, newest - 60, -1)]
    assert second.follow("Newest").path == "/audit"


def test_what_nobody_did_is_said_and_what_cannot_be_read_stands_by_its_field(house: House) -> None:
    owner = web_visit(house, house.people[1, Role.OWNER])
    nothing = owner.open("/audit?actor=%3Cscript%3E&object_type=user&object_id=none")
    assert "Nothing was recorded that fits" in nothing.texts("heading")
    assert nothing.form(button="Filter")["actor"] == "<script>"
    assert owner.open("/audit?since=soon").root.one(id="since-wrong").text == "not a day such as 2024-03-28"


def test_an_export_is_a_file_of_what_was_asked_for_and_of_no_other_tenant(house: House) -> None:
    owner = web_visit(house, house.people[OTHER_TENANT, Role.OWNER])
    page = owner.open("/audit?action=session.start").form(button="Export these").send("Export these")

    events = [json.loads(line) for line in page.html.splitlines()]
    assert page.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    assert {(one["tenant_id"], one["action"]) for one in events} == {(OTHER_TENANT, "session.start")}
    assert "exported the audit" in owner.open("/audit").root.one(id="events").all("li")[0].text


def test_an_event_that_was_changed_is_marked() -> None:
    first = event(1, NO_HASH)
    second = event(2, first.hash)
    edited = replace(first, object_id="other")
    remade = replace(edited, hash=hash_of(edited))

    assert find_flaws([second, first]) == set()
    assert find_flaws([second, edited]) == {1}
    assert find_flaws([second, remade]) == {2}
