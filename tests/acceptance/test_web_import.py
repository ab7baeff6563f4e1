"""The page of imports: files are sent, looked at, asked about, booked as a whole and taken back as a whole."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from house import House
from statement_upload import multipart
from steelyard.identity.permissions import Role
from web_visit import Page, WebVisit, web_visit

CHECK, RUN, FILES = "/import/check", "/import/run", "/import/files"
HOSTILE = '<img src=x onerror="alert(1)"> =cmd|x {{7*7}}'


@pytest.fixture
def pages(house: House) -> Iterator[WebVisit]:
    """An owner of their own: files wait for whoever sent them."""
    yield web_visit(house, house.do(house.person(Role.OWNER)))


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
    return json.dumps({"meta": {"version": "dev"}, "activities": activities} | members).encode()


def send(pages: WebVisit, *files: tuple[str, bytes], status: int = 200) -> Page:
    body, content_type = multipart(*files)
    answer = pages.window.send("POST", FILES, body, content_type=content_type)
    if answer.status_code == 303:
        assert status == 200
        return pages.open(answer.headers["location"])
    assert answer.status_code == status, answer.text[:2000]
    return page_of(pages, answer.text, status)


def page_of(pages: WebVisit, html: str, status: int) -> Page:
    from web_visit import read_html

    return Page(pages, FILES, status, {}, html, read_html(html))


def test_show(pages: WebVisit, account: str) -> None:
    page = send(pages, ("a.json", export(buy())))
    print(page.text)
    form = page.form(CHECK)
    print(form.fields, form.names)
    page = form.fill(**{"account-": account}).send()
    print(page.text)
    form = page.form(RUN)
    page = form.send()
    print(page.path, page.text)
    assert False
