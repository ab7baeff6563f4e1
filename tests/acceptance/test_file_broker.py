"""Order files out, files of fills in: each file once, nothing half, whatever is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from paper import NOON, order
from steelyard.brokers.file import FileBroker
from steelyard.brokers.file_reports import ReportFileError
from steelyard.brokers.port import (
    BrokerOrderState,
    BrokerPosition,
    NotReceivedError,
    NotSupportedError,
    OutcomeUnknownError,
    RefusedError,
)
from steelyard.domain.order import Side

TESTS = Path(__file__).parents[1]
HEADER = "client_order_id,execution_id,asset,action,quantity,price,currency,executed_at,fees,event,reason\n"
FILL = {
    "client_order_id": "S1",
    "execution_id": "X1",
    "asset": "VTI",
    "action": "buy",
    "quantity": "4",
    "price": "250.10",
    "currency": "USD",
    "executed_at": "2026-11-20T17:05:00Z",
    "fees": "1.25",
    "event": "",
    "reason": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "custodian"


def open_files(folder: Path) -> FileBroker:
    return FileBroker(folder, clock=lambda: NOON)


def row(**other: str) -> str:
    return ",".join((FILL | other).values()) + "\n"


def put(folder: Path, name: str, *rows: str, header: str = HEADER) -> None:
    """Let the broker write a file, as one who moves it there when it is whole."""
    draft = folder / f"{name}.draft"
    draft.write_text(header + "".join(rows), "utf-8")
    draft.rename(folder / "fills" / name)


def outgoing(folder: Path) -> Mapping[str, str]:
    return {path.name: path.read_bytes().decode() for path in sorted((folder / "orders").iterdir())}


async def state_of(broker: FileBroker, client_order_id: str = "S1") -> tuple[BrokerOrderState, Decimal, str]:
    found = await broker.find_order(client_order_id)
    assert found is not None
    return found.state, found.filled_quantity, found.reason


# ── Out ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_goes_out_as_a_file_of_one_row(folder: Path) -> None:
    broker = open_files(folder)
    await broker.place_order(order(side=Side.SELL, quantity="10.50", limit="99.9", account="DU 123"))
    assert outgoing(folder) == {
        "S1.csv": "client_order_id,account,action,asset,quantity,order_type,limit_price,currency,sent_at\r\n"
        "S1,DU 123,sell,VTI,10.50,limit,99.9,USD,2026-11-20T17:00:00.000000+00:00\r\n"
    }
    assert (folder / "orders" / "S1.csv").stat().st_mode & 0o777 == 0o600


async def test_a_client_id_goes_out_once_even_when_its_file_was_taken_away(folder: Path) -> None:
    broker = open_files(folder)
    placed = await broker.place_order(order())
    (folder / "orders" / "S1.csv").unlink()
    for again in (broker, open_files(folder)):
        assert await again.place_order(order()) == placed
    assert outgoing(folder) == {}
    with pytest.raises(RefusedError, match="another order has the client id S1"):
        await broker.place_order(order(quantity="11"))


@pytest.mark.parametrize(
    "asked", [{"symbol": "=1+1"}, {"symbol": 'A"B'}, {"account": "@x"}, {"account": "a\nb"}]
)
async def test_what_a_spreadsheet_would_misread_does_not_go_out(folder: Path, asked: dict[str, str]) -> None:
    with pytest.raises(RefusedError, match="cannot stand in an order file"):
        await open_files(folder).place_order(order(**asked))  # type: ignore[arg-type]  # all of them texts
    assert outgoing(folder) == {}


async def test_a_client_id_is_no_path(folder: Path) -> None:
    broker = open_files(folder)
    with pytest.raises(RefusedError, match="no name of a file"):
        await broker.place_order(order("../../etc"))
    assert await broker.find_order("../../etc") is None
    assert await broker.find_order("S1") is None


async def test_a_cancellation_goes_out_and_counts_when_the_broker_says_so(folder: Path) -> None:
    broker = open_files(folder)
    await broker.place_order(order())
    await broker.cancel_order("S1")
    assert outgoing(folder)["S1.cancel.csv"].splitlines()[1].startswith("S1,cancel,")
    assert await state_of(broker) == (BrokerOrderState.WORKING, Decimal(0), "")
    put(folder, "1.csv", row(), row(event="cancelled", reason="as asked"))
    assert await state_of(broker) == (BrokerOrderState.CANCELLED, Decimal(4), "as asked")
    with pytest.raises(RefusedError, match="is cancelled"):
        await broker.cancel_order("S1")
    with pytest.raises(RefusedError, match="not known"):
        await broker.cancel_order("S2")
    with pytest.raises(NotSupportedError):
        await broker.replace_order("S1", order("S2"))


async def test_orders_are_listed_since_a_moment(folder: Path) -> None:
    broker = open_files(folder)
    for name in ("S2", "S1"):
        await broker.place_order(order(name))
    await broker.cancel_order("S1")
    assert [one.client_order_id for one in await broker.list_orders(NOON)] == ["S1", "S2"]
    assert await broker.list_orders(NOON + timedelta(seconds=1)) == []


# ── In ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_fills_are_read_file_by_file_in_the_order_in_which_they_came(folder: Path) -> None:
    broker = open_files(folder)
    await broker.place_order(order())
    put(folder, "b.csv", row(), row(execution_id="X2", quantity="6", price="251"))
    first = await broker.list_fills("")
    assert [(one.execution_id, one.quantity, one.price, one.fees) for one in first.fills] == [
        ("X1", Decimal(4), Decimal("250.10"), Decimal("1.25")),
        ("X2", Decimal(6), Decimal(251), Decimal("1.25")),
    ]
    assert (first.fills[0].client_order_id, first.fills[0].broker_order_id) == ("S1", "S1")
    assert first.is_last
    assert await state_of(broker) == (BrokerOrderState.FILLED, Decimal(10), "")
    put(folder, "a.csv", row(event="bust"))  # it comes later, whatever its name
    second = await broker.list_fills(first.next)
    assert [(one.execution_id, one.is_bust) for one in second.fills] == [("X1", True)]
    assert await state_of(broker) == (BrokerOrderState.WORKING, Decimal(6), "")
    third = await broker.list_fills(second.next)
    assert (list(third.fills), third.next, third.is_last) == ([], second.next, True)


async def test_a_file_that_was_changed_is_told_again_and_counts_once(folder: Path) -> None:
    broker = open_files(folder)
    await broker.place_order(order())
    put(folder, "1.csv", row())
    place = (await broker.list_fills("")).next
    put(folder, "1.csv", row(), row(execution_id="X2", quantity="1"))
    assert [one.execution_id for one in (await broker.list_fills(place)).fills] == ["X1", "X2"]
    assert (await state_of(broker))[1] == Decimal(5)
    (folder / "fills" / "1.csv").unlink()
    assert (await state_of(broker))[1] == Decimal(5)
    assert [one.execution_id for one in (await open_files(folder).list_fills("")).fills] == ["X1"]


@pytest.mark.parametrize(
    ("rows", "header", "rule"),
    [
        ([row(quantity="0")], HEADER, "line 2: quantity is not above 0"),
        ([row(), row(quantity="1,5")], HEADER, "line 3: it has 12 cells, not 11"),
        ([row(price="1e3")], HEADER, "line 2: price is"),
        ([row(currency="usd")], HEADER, "line 2: currency is no currency"),
        ([row(executed_at="2026-11-20 17:05")], HEADER, "line 2: executed_at is no time with its offset"),
        ([row(action="swap")], HEADER, "line 2: action is neither buy nor sell"),
        ([row(event="filled")], HEADER, "line 2: event is none of fill, bust"),
        ([row(execution_id="")], HEADER, "line 2: execution_id is empty"),
        ([row(fees="-1")], HEADER, "line 2: fees are below 0"),
        ([row()], HEADER.replace("price", "prize"), "line 1: there is no column price"),
        ([row()], HEADER.replace("reason", "fees"), "line 1: the column 'fees' is not known, or there twice"),
        ([], "", "line 1: there is no column client_order_id"),
        (['"half a row'], HEADER, "line 2: it is no CSV"),
    ],
)
async def test_a_file_with_a_fault_is_named_and_nothing_of_it_is_taken(
    folder: Path, rows: list[str], header: str, rule: str
) -> None:
    broker = open_files(folder)
    await broker.place_order(order())
    put(folder, "1.csv", *rows, header=header)
    put(folder, "2.csv", row(execution_id="X9"))
    good = await broker.list_fills("")
    assert ([one.execution_id for one in good.fills], good.is_last) == (["X9"], False)
    with pytest.raises(ReportFileError, match=rf"1\.csv, {rule}"):
        await broker.list_fills(good.next)
    assert (await state_of(broker))[1] == Decimal(4)
    put(folder, "1.csv", row(execution_id="X8"))  # put right, it is taken
    assert [one.execution_id for one in (await broker.list_fills(good.next)).fills] == ["X8"]


async def test_files_that_are_not_meant_are_left_alone(folder: Path) -> None:
    broker = open_files(folder)
    for name in (".1.csv", "1.csv.part", "notes.txt"):
        (folder / "fills" / name).write_text("half")
    (folder / "fills" / "old.csv").mkdir()
    page = await broker.list_fills("")
    assert (list(page.fills), page.next) == ([], "")
    (folder / "fills" / "2.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(ReportFileError, match="not UTF-8"):
        await broker.list_fills("")


async def test_what_accounts_hold_is_a_file_too(folder: Path) -> None:
    broker = open_files(folder)
    with pytest.raises(NotReceivedError, match=r"holdings\.csv says nothing of account ''"):
        await broker.get_account()
    header = "account,kind,name,quantity,as_of\n"
    rows = [
        ",cash,USD,-12.50,2026-11-20T16:00:00Z",
        ",position,VTI,10.5,2026-11-20T15:00:00Z",
        "X,cash,EUR,1,2026-11-20T17:00:00Z",
    ]
    (folder / "holdings.csv").write_text(header + "\n".join(rows))
    account = await broker.get_account()
    assert (account.cash, account.positions) == (
        {"USD": Decimal("-12.50")},
        [BrokerPosition("VTI", Decimal("10.5"))],
    )
    assert account.as_of.hour == 15
    assert (await broker.get_account("X")).cash == {"EUR": Decimal(1)}
    assert await broker.list_activities("") == ((), "")
    (folder / "holdings.csv").write_text(header + "X,money,EUR,1,2026-11-20T17:00:00Z")
    with pytest.raises(ReportFileError, match="kind is neither cash nor position"):
        await broker.get_account()


# ── What goes wrong ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotReceivedError, match="its folder cannot be used"):
        open_files(tmp_path / "file" / "below")
    broker = open_files(tmp_path / "folder")
    (tmp_path / "folder" / "sent").rmdir()
    with pytest.raises(OutcomeUnknownError, match="its folder fails"):
        await broker.place_order(order())


KILLED_AT = ("replace", "hardlink_to", "rename")
SEND = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from paper import NOON, order
from steelyard.brokers.file import FileBroker

name, is_before = sys.argv[3], sys.argv[4] == "before"
genuine = getattr(Path, name)

def die(self, *arguments):
    if is_before:
        os.kill(os.getpid(), signal.SIGKILL)
    genuine(self, *arguments)
    os.kill(os.getpid(), signal.SIGKILL)

broker = FileBroker(Path(sys.argv[2]), clock=lambda: NOON)
setattr(Path, name, die)
asyncio.run(broker.place_order(order()))
"""
"""Sends an order and is killed before or after one step of it."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", KILLED_AT)
def test_a_file_goes_out_once_whenever_its_sender_is_killed(folder: Path, step: str, when: str) -> None:
    command = [sys.executable, "-c", SEND, str(TESTS), str(folder), step, when]
    died = subprocess.run(command, check=False, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    went_out = outgoing(folder)
    assert set(went_out) == ({"S1.csv"} if (step, when) == ("rename", "after") else set())
    (folder / "orders" / "S1.csv").unlink(missing_ok=True)  # the broker took it away
    asyncio.run(open_files(folder).place_order(order()))
    assert len(went_out) + len(outgoing(folder)) == 1
    asyncio.run(open_files(folder).place_order(order()))
    assert len(went_out) + len(outgoing(folder)) == 1


def test_processes_at_once_send_an_order_once(folder: Path) -> None:
    async def send() -> None:
        brokers = [open_files(folder) for _ in range(12)]
        await asyncio.gather(*(broker.place_order(order()) for broker in brokers))

    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            asyncio.run(send())
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert list(outgoing(folder)) == ["S1.csv"]
