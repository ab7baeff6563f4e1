"""The whole flow over HTTP: from sign-in with two factors to filled and reconciled, at each kind of broker."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from alpaca_server import KEYS, AlpacaServer, alpaca_in_thread
from entrances import PASSWORD
from house import House, Person, Window, opened_house, transaction
from house_trading import as_operator, let_work, traded_account
from passkey_device import Device
from steelyard.identity.permissions import Actor, Role
from steelyard.services.broker_link import link_broker
from steelyard.storage.acting import OPERATOR
from steelyard.storage.embedded import EmbeddedServer
from trading import PRICES

BEFORE = {"AAA": "100", "USD": "5000"}
AFTER = {"AAA": "50", "BBB": "250", "CCC": "250", "USD": "0"}
TRADES = {("AAA", "sell"): "50", ("BBB", "buy"): "250", ("CCC", "buy"): "250"}


@dataclass(frozen=True, slots=True)
class Market:
    """A broker to link: what the request says, and what the broker does between two looks of the worker."""

    link: Mapping[str, Any]
    work: Callable[[House], None]


def at_once(house: House) -> None:
    """Whatever is sent is filled by itself."""
    del house


@contextmanager
def on_paper(house: House, folder: Path) -> Iterator[Market]:
    del house, folder
    yield Market({"broker": "paper", "environment": "paper"}, at_once)


@contextmanager
def at_alpaca(house: House, folder: Path) -> Iterator[Market]:
    """A server built from the published description, which holds every request against it."""
    del folder
    prices = {symbol: Decimal(price) for symbol, price in PRICES.items()}
    there = AlpacaServer(
        prices=dict(prices),
        cash=Decimal(BEFORE["USD"]),
        positions={"AAA": Decimal(BEFORE["AAA"])},
        now=house.clock(),
    )
    with alpaca_in_thread(there) as alpaca:
        link = {"broker": "alpaca", "environment": "live", "address": alpaca.address, "credentials": KEYS}
        yield Market(link, at_once)


@contextmanager
def by_files(house: House, folder: Path) -> Iterator[Market]:
    """A custodian who takes order files, and answers with files of fills and of holdings."""
    custodian = folder / "custodian"

    def work(house: House) -> None:
        for path in sorted((custodian / "orders").glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                [order] = csv.DictReader(file)
            fill = {
                "client_order_id": order["client_order_id"],
                "execution_id": f"X-{path.stem}",
                "asset": order["asset"],
                "action": order["action"],
                "quantity": order["quantity"],
                "price": PRICES[order["asset"]],
                "currency": order["currency"],
                "executed_at": house.clock().isoformat(),
            }
            write(custodian / "fills" / path.name, [fill])
        moment = (house.clock() + timedelta(minutes=1)).isoformat()
        held = [
            {
                "account": "",
                "kind": "cash" if name == "USD" else "position",
                "name": name,
                "quantity": quantity,
                "as_of": moment,
            }
            for name, quantity in AFTER.items()
        ]
        write(custodian / "holdings.csv", held)

    del house
    yield Market({"broker": "file", "environment": "live", "address": str(custodian)}, work)


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """Write a file as one who moves it there when it is whole; one that was written stays as it is."""
    if path.exists():
        return
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    draft.rename(path)


Opened = Callable[[House, Path], AbstractContextManager[Market]]


@pytest.fixture(scope="module")
def firm(
    database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """A house of its own: nothing waits there for a worker but what these tests execute."""
    with opened_house(database, urls(database), tmp_path_factory.mktemp("firm")) as opened:
        yield opened


def good(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def sign_in(house: House, person: Person) -> Window:
    """With a password, and then a code of an app."""
    window = Window(house)
    first = good(window.ask("POST", "/sign-in/password", {"login": person.login, "password": PASSWORD}))
    assert (first["is_signed_in"], "totp" in first["second_factors"]) == (False, True)
    assert good(window.ask("POST", "/sign-in/totp", {"code": person.code(house.clock())}))["is_signed_in"]
    assert good(window.ask("GET", "/me"))["standing"] == "full"
    return window


def link(window: Window, account: str, market: Market) -> str:
    """Let the orders of an account go to a broker; where files stand, only the operator says."""
    wanted = {**market.link, "name": f"{market.link['broker']} {token_hex(4)}"}
    if market.link["broker"] == "file":
        assert window.ask("POST", "/brokers", wanted).status_code == 403
        link_id = str(window.house.do(as_operator(link_by_files(window.house, wanted))))
    else:
        link_id = good(window.ask("POST", "/brokers", wanted), 201)["link_id"]
    good(window.ask("PUT", f"/brokers/{link_id}/accounts/{account}"), 204)
    return link_id


async def link_by_files(house: House, wanted: Mapping[str, Any]) -> UUID:
    """As `steelyard brokers link file` does."""
    link_id = uuid4()
    more: dict[str, Any] = {"settings": {}, "credentials": {}, "now": house.clock()}
    async with transaction(OPERATOR) as db:
        await link_broker(db, house.entrance.vault, Actor(1), link_id, **wanted, **more)
    return link_id


@pytest.mark.parametrize("opened", [on_paper, at_alpaca, by_files])
def test_from_sign_in_over_review_approval_and_execution_to_filled_and_reconciled(
    firm: House, tmp_path: Path, opened: Opened
) -> None:
    ada = firm.do(firm.person(Role.OWNER))
    device = Device(firm.served.wiring.place.public_url)
    firm.do(firm.enrol(ada))
    firm.do(firm.give_passkey(ada, device))
    firm.rows("update steelyard.tenants set approval_limit = 1000000 where tenant_id = 1 returning 1")
    account = traded_account(firm, ada)

    with opened(firm, tmp_path) as market:
        window = sign_in(firm, ada)
        link_id = link(window, account, market)
        assert good(window.ask("GET", f"/account?account={account}"))["account"]["link_id"] == link_id
        assert good(window.ask("GET", f"/portfolio?account={account}")) == BEFORE

        worked_out = good(window.ask("POST", f"/accounts/{account}/allocation", {}))
        assert worked_out["account_id"] == account
        proposal = good(window.ask("POST", f"/accounts/{account}/proposals", {}), 201)
        path, seen = f"/proposals/{proposal['proposal_id']}", {"content_hash": proposal["content_hash"]}
        document = window.ask("GET", f"{path}/document")
        assert sha256(document.content).hexdigest() == proposal["content_hash"]

        question = good(window.ask("POST", f"{path}/approve/passkey/question", seen))
        proof = json.loads(device.prove(question["options"]))
        signed = seen | {"nonce": question["nonce"], "credential": proof}
        assert good(window.ask("POST", f"{path}/approve/passkey", signed))["state"] == "approved"
        again = {"idempotency_key": token_hex(8)}
        executed = [window.ask("POST", f"{path}/execute", seen, **again) for _ in range(2)]
        assert [good(answer)["state"] for answer in executed] == ["executed"] * 2

        def orders() -> dict[tuple[str, str], tuple[str, str]]:
            found = good(window.ask("GET", f"/orders?account={account}"))["items"]
            return {(one["asset_id"], one["side"]): (one["state"], one["filled_quantity"]) for one in found}

        firm.do(as_operator(let_work(firm, lambda: market.work(firm))))
        assert orders() == {trade: ("filled", quantity) for trade, quantity in TRADES.items()}

        said = good(window.ask("POST", f"/brokers/{link_id}/sync"))
        assert (said["found"], said["standing"], said["unbooked"]) == ([], [], [])
        assert good(window.ask("GET", f"/breaks?account={account}"))["items"] == []

    held = {name: quantity for name, quantity in AFTER.items() if quantity != "0"} | {"USD": "0"}
    assert good(window.ask("GET", f"/portfolio?account={account}")) == held
    fills = good(window.ask("GET", f"/fills?account={account}"))["items"]
    assert sum(Decimal(one["quantity"]) for one in fills if one["side"] == "buy") == 500
    checked_again = good(window.ask("GET", f"{path}/check"))
    assert checked_again == {"is_same": True, "has_hash": True, "approvals": {f"user:{ada.user_id}": True}}
