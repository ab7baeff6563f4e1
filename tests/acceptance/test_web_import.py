"""The page of imports: files are sent, looked at, asked about, booked as a whole and taken back as a whole."""

import gzip
import io
import json
import os
import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, expect

from browsing import sign_in, visiting
from house import House
from keyboard import press, reach
from page_looks import faults
from statement_upload import BOUNDARY, multipart
from steelyard.identity.permissions import Role
from steelyard.server.wiring import Limits
from web_visit import Page, WebVisit, read_html, web_visit

CHECK, RUN, FILES, DROP = "/import/check", "/import/run", "/import/files", "/import/drop"
HOSTILE = '<img src=x onerror="alert(1)"> =cmd|x {{7*7}}'
MEGABYTE = 2**20
GROWTH = 64 * MEGABYTE
BOMB = 200 * MEGABYTE


@pytest.fixture
def pages(house: House) -> WebVisit:
    """An owner of their own: files wait for whoever sent them."""
    return web_visit(house, house.do(house.person(Role.OWNER)))


@pytest.fixture
def account(house: House) -> str:
    return house.do(house.ledger_account(1))


def buy(**changes: object) -> dict[str, object]:
    return {
        "accountId": None,
        "currency": "USD",
        "dataSource": "YAHOO",
        "date": "2024-03-14T00:00:00.000Z",
        "fee": 1,
        "quantity": 5,
        "symbol": "A",
        "type": "BUY",
        "unitPrice": 10.5,
    } | changes


def export(*activities: dict[str, object], **members: Any) -> bytes:
    return json.dumps({"meta": {"version": "dev"}, "activities": activities} | members, indent=1).encode()


def post(pages: WebVisit, path: str, body: bytes, content_type: str, status: int = 200) -> Page:
    answer = pages.window.send("POST", path, body, content_type=content_type)
    if answer.status_code == 303:
        return pages.open(answer.headers["location"], status)
    assert answer.status_code == status, answer.text[:2000]
    return Page(pages, path, status, dict(answer.headers), answer.text, read_html(answer.text))


def send(pages: WebVisit, *files: tuple[str, bytes], status: int = 200) -> Page:
    return post(pages, FILES, *multipart(*files), status=status)


def booked(house: House, account: str) -> list[tuple[str, str]]:
    """What stands in an account: kind and units of what was not taken back."""
    statement = (
        "select kind, trim_scale(quantity)::text from steelyard.journal as one "
        "where account_id = :account and reverses is null and not exists "
        "(select from steelyard.journal as other where other.reverses = one.entry_id) order by entry_id"
    )
    return [tuple(row) for row in house.rows(statement, account=account)]


def counts(page: Page) -> dict[str, list[str]]:
    """By file its kind, and the numbers of its rows: bookings, new, there, refused, left out, skipped."""
    table = (
        page.root.one("table", class_="desk")
        if len(page.root.all("table")) == 1
        else page.root.all("table")[0]
    )
    return {
        row.all("th", scope="row")[0].text: [cell.text for cell in row.all("td")][:7]
        for row in table.one("tbody").all("tr")
    }


# ── The way through ─────────────────────────────────────────────────────────────────────────────────────


def test_who_looks_at_the_page_forgets_files_of_an_hour_ago(house: House, pages: WebVisit) -> None:
    kept = "select file_name from steelyard.import_uploads where file_name = 'forgotten.csv'"
    house.rows(
        "insert into steelyard.import_uploads (tenant_id, file_name, key_sealed, content, uploaded_at) "
        "values (1, 'forgotten.csv', 'key', 'rows', now() - interval '61 minutes') returning file_name"
    )
    assert house.rows(kept) == [("forgotten.csv",)]
    pages.open("/import")
    assert house.rows(kept) == []


def test_a_file_is_sent_asked_about_shown_booked_and_taken_back(
    house: House, pages: WebVisit, account: str
) -> None:
    asked = send(pages, ("mine.json", export(buy(), buy(type="SELL", quantity=2, date="2024-05-02"))))
    assert asked.path == CHECK
    assert counts(asked) == {"mine.json": ["Ghostfolio, JSON", "2", "0", "0", "0", "0", "0"]}
    assert "Which account is the statement of?" in asked.text
    assert RUN not in [form.action for form in asked.forms()]
    assert booked(house, account) == []

    shown = asked.form(CHECK).fill(**{"account-": account}).send("Check again")
    assert counts(shown) == {"mine.json": ["Ghostfolio, JSON", "2", "2", "0", "0", "0", "0"]}
    effect = shown.root.one("section", aria_labelledby="effect-1")
    assert [cell.text for cell in effect.all("tbody")[0].all("tr")[0].all()] == ["A", "A", "0", "+3", "3"]
    assert "USD cash" in effect.text
    assert "−33.50" in effect.text  # 52.50 and 1 out, 21 less 1 in
    lots = effect.all("tbody")[1].all("tr")[0]
    assert [cell.text for cell in lots.all("td")] == ["0", "1", "0.00 USD", "32.10 USD"]
    assert (
        "steelyard prices backfill"
        in shown.root.one("section", aria_labelledby="prices-heading").one("code").text
    )
    assert booked(house, account) == []

    done = shown.form(RUN).send("Import")
    assert done.path.startswith("/import/")
    assert "The import is booked." in done.texts("status")
    assert sorted(booked(house, account)) == [("BUY", "5"), ("SELL", "2")]
    ledger = done.follow(f"Transactions of {account}")
    assert "Buy" in ledger.text

    listed = pages.open("/import")
    assert "mine.json" in listed.text
    sure = done.follow("Take it back")
    assert "Nothing was changed" not in sure.text
    back = sure.form(button="Take it back").send()
    assert "The import is taken back: all that it booked is reversed." in back.texts("status")
    assert booked(house, account) == []
    again = sure.form(button="Take it back").send(status=409)
    assert "was taken back already" in again.texts("alert")[0]


def test_the_same_file_again_changes_nothing(house: House, pages: WebVisit, account: str) -> None:
    content = export(buy())
    send(pages, ("a.json", content)).form(CHECK).fill(**{"account-": account}).send().form(RUN).send()

    page = send(pages, ("copy.json", content)).form(CHECK).fill(**{"account-": account}).send()
    assert counts(page) == {"copy.json": ["Ghostfolio, JSON", "1", "0", "1", "0", "0", "0"]}
    assert "Nothing is new" in page.texts("heading")
    front = page.form(RUN).send("Finish")
    assert "Everything in these files was booked already. Nothing was changed." in front.texts("status")
    assert booked(house, account) == [("BUY", "5")]
    assert "Waiting to be imported" not in front.text


def test_an_asset_that_nobody_knows_is_asked_about_and_made(
    house: House, pages: WebVisit, account: str
) -> None:
    symbol = f"NEW{account[-4:].upper()}"
    asked = (
        send(pages, ("a.json", export(buy(symbol=symbol, currency="SEK"))))
        .form(CHECK)
        .fill(**{"account-": account})
        .send()
    )
    field = next(name for name in asked.form(CHECK).names if name.startswith("asset-"))
    made = next(one for one in asked.root.all("option") if one.text.startswith("Make it:"))

    wrong = asked.form(CHECK).fill(**{field: "NOWHERE"}).send(status=422)
    assert "'NOWHERE'" in wrong.texts("alert")[0]
    shown = asked.form(CHECK).fill(**{field: made.attributes["value"]}).send()
    rates = shown.root.one("section", aria_labelledby="rates-heading")
    assert ("SEK" in rates.text, "USD" in rates.text) == (True, True)
    assert rates.one("code").text == "steelyard prices backfill --source ecb --from 2024-03-04"
    shown.form(RUN).send("Import")
    assert booked(house, account) == [("BUY", "5")]
    ((kept,),) = house.rows("select asset_id from steelyard.asset_master where asset_id = :id", id=symbol)
    assert kept == symbol


def test_all_that_nobody_knows_is_made_by_one_tick(house: House, pages: WebVisit, account: str) -> None:
    symbols = [f"N{number}{account[-4:].upper()}" for number in range(3)]
    asked = send(pages, ("a.json", export(*(buy(symbol=one) for one in symbols))))
    shown = asked.form(CHECK).fill(**{"account-": account, "new_assets": "yes"}).send()

    shown.form(RUN).send("Import")
    assert len(booked(house, account)) == 3


def test_rows_that_cannot_be_booked_are_left_out_one_by_one_or_all(
    house: House, pages: WebVisit, account: str
) -> None:
    content = export(buy(), buy(quantity=0), buy(type="LIABILITY"), buy(currency="?"))
    asked = send(pages, ("a.json", content)).form(CHECK).fill(**{"account-": account}).send()
    boxes = [one.attributes["value"] for one in asked.root.all("input", name="leave_out")]
    assert len(boxes) == 3
    assert "as BUY has no quantity above 0" in asked.text
    assert not [form for form in asked.forms() if form.action == RUN]

    some = asked.form(CHECK).fill(leave_out=boxes[:1]).send()
    assert counts(some)["a.json"][4:] == ["2", "1", "0"]
    assert [
        one.attributes["value"]
        for one in some.root.all("input", name="leave_out")
        if "checked" in one.attributes
    ]
    every = some.form(CHECK).fill(leave_all=["a.json"]).send()
    assert counts(every)["a.json"][4:] == ["0", "3", "0"]
    every.form(RUN).send("Import")
    assert booked(house, account) == [("BUY", "5")]


def test_the_opening_of_a_history_that_starts_in_the_middle_is_offered(
    house: House, pages: WebVisit, account: str
) -> None:
    """It buys with money that nothing brought."""
    asked = send(pages, ("a.json", export(buy()))).form(CHECK).fill(**{"account-": account}).send()
    assert "The history starts in the middle" in asked.texts("heading")
    assert "53.50" in asked.root.one("section", aria_labelledby="openings-heading").text

    shown = asked.form(CHECK).fill(opening="yes").send()
    effect = shown.root.one("section", aria_labelledby="effect-1").all("tbody")[0]
    assert [cell.text for row in effect.all("tr") for cell in row.all("td")] == ["0", "+5", "5"]
    done = shown.form(RUN).send("Import")
    assert "an opening" in done.texts("cell")
    assert sorted(booked(house, account)) == [("BUY", "5"), ("OPENING", "0")]


def test_several_files_go_together_and_one_can_be_forgotten(
    house: House, pages: WebVisit, account: str
) -> None:
    asked = send(
        pages, ("a.json", export(buy())), ("b.json", export(buy(quantity=7))), ("c.txt", b"Date;Amount\n")
    )
    assert list(counts(asked)) == ["a.json", "b.json", "c.txt"]
    assert "c.txt cannot be read" in asked.texts("heading")
    assert "It is of no kind that is known here." in asked.text
    misses = asked.root.one("section", aria_labelledby=re.search(r'id="(why-[^"]+)"', asked.html)[1])  # type: ignore[index]  # it is there
    assert "ghostfolio_json: it lacks a JSON object" in misses.text

    forget = next(form for form in asked.forms() if form.action == DROP and form.said == ["Forget c.txt"])
    rest = forget.send()
    shown = rest.form(CHECK).fill(**{"account-": account}).send()
    shown.form(RUN).send("Import")
    assert sorted(booked(house, account)) == [("BUY", "5"), ("BUY", "7")]


def test_what_was_shown_is_what_is_booked(house: House, pages: WebVisit, account: str) -> None:
    """Somebody books the same meanwhile: it would do something else than was shown."""
    shown = send(pages, ("a.json", export(buy(id="x1")))).form(CHECK).fill(**{"account-": account}).send()
    other = web_visit(house, house.do(house.person(Role.OWNER)))
    send(other, ("a.json", export(buy(id="x1")))).form(CHECK).fill(**{"account-": account}).send().form(
        RUN
    ).send()

    late = shown.form(RUN).send("Import", status=409)
    assert "Something was booked, or changed, since you looked" in late.texts("alert")[0]
    assert booked(house, account) == [("BUY", "5")]
    assert "Nothing is new" in late.texts("heading")


def test_a_second_press_finds_nothing_to_do(house: House, pages: WebVisit, account: str) -> None:
    form = send(pages, ("a.json", export(buy()))).form(CHECK).fill(**{"account-": account}).send().form(RUN)
    form.send("Import")

    second = form.send("Import", status=404)
    assert "A file is not there any more" in second.texts("alert")[0]
    assert booked(house, account) == [("BUY", "5")]


def test_files_of_somebody_else_are_not_there(house: House, pages: WebVisit) -> None:
    form = send(pages, ("secret.json", export(buy()))).form(CHECK)
    stranger = web_visit(house, house.do(house.person(Role.OWNER)))

    answer = stranger.post(CHECK, [*form.fields], 404)
    assert "A file is not there any more" in answer.texts("alert")[0]
    assert "secret.json" not in answer.text
    assert "Waiting to be imported" not in stranger.open("/import").text


def test_which_of_two_kinds_a_file_is_is_asked(house: House, pages: WebVisit, account: str) -> None:
    """A line that beancount would read, in a comment of a bank's file."""
    entry = "<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20240314<TRNAMT>5.00<FITID>1<NAME>Rent</STMTTRN>"
    content = (
        "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO"
        "</STATUS><DTSERVER>20240315<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>\n<BANKMSGSRSV1><STMTTRNRS><TRNUID>1"
        "<STATUS><CODE>0<SEVERITY>INFO<MESSAGE>see\n2024-01-02 open Assets:Cash\n</STATUS><STMTRS><CURDEF>USD"
        "<BANKACCTFROM><BANKID>1<ACCTID>2<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20240301"
        f"<DTEND>20240315{entry}</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )
    page = send(pages, ("bank.ofx", content.encode()))
    assert "It could be of more than one kind." in page.text
    asked = page.form(button="Read it so").fill(reader="ofx").send()
    assert counts(asked)["bank.ofx"][0] == "OFX or QFX"
    field = next(name for name in asked.form(CHECK).names if name.startswith("account-"))
    asked.form(CHECK).fill(**{field: account}).send().form(RUN).send("Import")
    assert [kind for kind, _ in booked(house, account)] == ["DEPOSIT"]


# ── What is sent ────────────────────────────────────────────────────────────────────────────────────────


def test_hostile_names_and_texts_are_shown_as_they_are(house: House, pages: WebVisit, account: str) -> None:
    name = f"../..\\{HOSTILE}.json"
    content = export(buy(comment=HOSTILE), buy(type=HOSTILE), buy(accountId=HOSTILE))
    page = send(pages, (name, content))
    assert page.root.all("img") == []
    assert f"{HOSTILE}.json" in counts(page)
    asked = page.form(CHECK)
    answers = {one: account for one in asked.names if one.startswith("account-")}
    shown = asked.fill(
        **answers, leave_out=[page.root.one("input", name="leave_out").attributes["value"]]
    ).send()
    done = shown.form(RUN).send("Import")
    assert done.root.all("img") == []
    assert HOSTILE in done.text
    assert len(booked(house, account)) == 2


@pytest.mark.parametrize(
    ("files", "status", "why"),
    [
        ([], 422, "No file was chosen"),
        ([("", b"")], 422, "No file was chosen"),
        ([("a.csv", b"")], 422, "it is empty"),
        ([("a.csv", b"x" * (16 * MEGABYTE + 1))], 422, "it is larger than 16 MiB"),
        ([(f"{number}.csv", b"x") for number in range(11)], 422, "10 files wait already"),
    ],
)
def test_files_that_cannot_be_kept_are_refused_with_all_that_came_with_them(
    pages: WebVisit, files: list[tuple[str, bytes]], status: int, why: str
) -> None:
    page = send(pages, *files, status=status)

    assert why in page.texts("alert")[0]
    assert "Waiting to be imported" not in page.text


def test_more_than_there_may_be_together_is_refused(pages: WebVisit) -> None:
    page = send(pages, *((f"{number}.csv", b"x" * (9 * MEGABYTE)) for number in range(4)), status=413)

    assert "The body is larger than 33619968 bytes" in page.text
    assert "Waiting to be imported" not in pages.open("/import").text


def test_as_much_as_there_may_be_is_taken_within_bounds(pages: WebVisit) -> None:
    """By Python's own count, for the C library keeps what was freed; what the client holds is part of it."""
    files = [("a.csv", b"x" * (16 * MEGABYTE)), ("b.csv", b"y" * (15 * MEGABYTE))]
    body, content_type = multipart(*files)
    tracemalloc.start()
    page = post(pages, FILES, body, content_type)
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert list(counts(page)) == ["a.csv", "b.csv"]
    assert kept < 8 * MEGABYTE  # neither of the files; the first import of a process brings its code along
    assert most < 3 * len(body)


def test_a_file_that_was_damaged_in_the_store_is_said_to_be_and_can_be_forgotten(
    house: House, pages: WebVisit
) -> None:
    send(pages, ("damaged.json", export(buy())))
    assert house.rows(
        "update steelyard.import_uploads set content = set_byte(content, 0, 255 - get_byte(content, 0)) "
        "where file_name = 'damaged.json' returning file_name"
    ) == [("damaged.json",)]

    assert "does not open: it was damaged. Forget it, and give it again." in pages.open(CHECK, 409).text
    assert "damaged.json" in pages.open("/import").text
    assert "damaged.json" not in pages.open("/import").form(DROP).send().text


@pytest.mark.parametrize("form", ["zip", "gzip"])
def test_a_bomb_is_refused_by_name(pages: WebVisit, form: str) -> None:
    packed = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            archive.writestr("statement.csv", bytes(BOMB))
    else:
        packed.write(gzip.compress(bytes(BOMB)))
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss
    page = send(pages, (f"bomb.{form}", packed.getvalue()))

    assert f"bomb.{form} cannot be read" in page.texts("heading")
    assert "Unpacks to more than" in page.text
    assert process.memory_info().rss - before < GROWTH


def test_a_file_that_breaks_in_the_middle_books_nothing(pages: WebVisit) -> None:
    page = send(pages, ("a.json", export(buy())[:-20]), status=422)

    assert "the file ends" in page.texts("alert")[0]
    assert not [form for form in page.forms() if form.action == RUN]


def test_what_is_no_form_with_files_is_refused(pages: WebVisit) -> None:
    for body in (b"", b"nothing", f"--{BOUNDARY}\r\n".encode()):
        page = post(pages, FILES, body, f"multipart/form-data; boundary={BOUNDARY}", 400)
        assert "not one plain form" in page.text
    post(pages, FILES, b"{}", "application/json", 415)
    body, content_type = multipart(("a.json", b"x"))
    assert "Pages take forms" in post(pages, CHECK, body, content_type, 415).text


def test_fields_that_are_none_of_ours_are_refused(pages: WebVisit) -> None:
    waiting = send(pages, ("a.json", export(buy()))).form(CHECK).fields
    for field in (("upload", "x"), ("leave_out", "x"), ("leave_out", "1e9:a.json"), ("account-!", "MINE-1")):
        assert "The request is refused" in pages.post(CHECK, [*waiting, field], 400).text


def test_who_may_not_book_sees_no_import(house: House) -> None:
    for role in (Role.ADVISOR, Role.VIEWER, Role.COMPLIANCE, Role.ADMIN):
        visit = web_visit(house, house.do(house.person(role)))
        assert "You may not do this" in visit.open("/import", 403).h1
        send(visit, ("a.json", export(buy())), status=403)


def test_who_is_signed_out_meanwhile_is_told_so(house: House) -> None:
    page = send(web_visit(house), ("a.json", export(buy())), status=401)

    assert page.h1 == "Your session has ended"


def test_uploads_have_a_time_of_their_own() -> None:
    limits = Limits()

    assert limits.body_seconds < limits.upload_seconds < limits.answer_seconds


# ── In a browser ────────────────────────────────────────────────────────────────────────────────────────


def test_an_import_needs_no_mouse(
    house: House, browser: Browser, origin: str, account: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(export(buy(), buy(quantity=0)))
    with visiting(browser, origin) as visit:
        sign_in(visit, house, house.do(house.person(Role.OWNER)))
        page = visit.open("/import")
        reach(page, page.get_by_label("Statements"))
        page.get_by_label("Statements").set_input_files(path)
        press(page, page.get_by_role("button", name="Send, and look at them"))
        expect(page.get_by_role("heading", name="Check the import")).to_be_visible()
        reach(page, page.get_by_label("Which account is the statement of?"))
        page.keyboard.type(account)
        press(page, page.get_by_role("checkbox", name="as BUY has no quantity above 0"), "Space")
        assert faults(page, "import-check-asked") == []
        press(page, page.get_by_role("button", name="Check again"))
        expect(page.get_by_role("heading", name=f"Effect on {account}")).to_be_visible()
        assert faults(page, "import-check") == []
        press(page, page.get_by_role("button", name="Import"))
        expect(page.get_by_role("status").filter(has_text="The import is booked.")).to_be_visible()

    assert booked(house, account) == [("BUY", "5")]


def test_an_import_needs_no_script(
    house: House, browser: Browser, origin: str, account: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(export(buy()))
    with visiting(browser, origin, javascript=False, width=320) as visit:
        sign_in(visit, house, house.do(house.person(Role.OWNER)))
        page = visit.open("/import")
        page.get_by_label("Statements").set_input_files(path)
        page.get_by_role("button", name="Send, and look at them").click()
        page.get_by_label("Which account is the statement of?").select_option(account)
        page.get_by_role("button", name="Check again").click()
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_text("The import is booked.")).to_be_visible()

    assert booked(house, account) == [("BUY", "5")]
