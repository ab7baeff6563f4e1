"""Syncing with a broker: activities booked once, opening positions, and files that are older than what was traded."""

import csv
import random
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest

from orders import NOON, add_asset, put_order, transaction
from people import add_person, open_vault, run
from steelyard.brokers.file import FileBroker
from steelyard.domain.order import OrderState
from steelyard.identity.permissions import Role
from steelyard.identity.vault import Vault
from steelyard.network.outbound import Outbound, OutboundRules
from steelyard.services.account_number import set_account_number
from steelyard.services.broker_link import BrokerTools, attach_account
from steelyard.services.broker_reconciliation import reconcile_link
from steelyard.services.opening import (
    CannotOpenError,
    Costs,
    NotEmptyError,
    NothingToOpenError,
    SharedNumberError,
    open_accounts,
)
from steelyard.services.sync import Synced, sync_link
from steelyard.storage.connection import Pool
from workshop import Clock, Workshop, fund, ledger_of, opened_workshop

COLUMNS = (
    "client_order_id",
    "execution_id",
    "asset",
    "action",
    "quantity",
    "price",
    "currency",
    "executed_at",
)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return open_vault(tmp_path_factory.mktemp("vault"))


@pytest.fixture
async def shop(store: Pool, tmp_path: Path) -> AsyncIterator[Workshop]:
    del store  # opening it is what matters
    async with opened_workshop(tmp_path) as made:
        yield made


async def sync(shop: Workshop, vault: Vault) -> Synced:
    shop.clock.go_on(seconds=60)
    return await sync_link(shop.broker, vault, shop.link_id, clock=shop.clock)


# ── Activities ──────────────────────────────────────────────────────────────────────────────────────────


async def test_dividends_fees_and_deposits_are_booked_once(shop: Workshop, vault: Vault) -> None:
    for kind, amount, symbol in (("DIVIDEND", "7.5", "VTI"), ("FEE", "-1.25", ""), ("DEPOSIT", "100", "")):
        await shop.broker.book_activity("", kind, Decimal(amount), "USD", symbol=symbol)
    done = await sync(shop, vault)
    assert (done.activities, done.unbooked) == (3, ())
    assert done.reconciled.agrees
    [account] = shop.accounts
    assert (await ledger_of(account))["USD"] == Decimal("1000106.25")
    again = await sync(shop, vault)
    assert again.activities == 0
    assert (await ledger_of(account))["USD"] == Decimal("1000106.25")


async def test_what_was_read_and_not_noted_is_booked_once_all_the_same(shop: Workshop, vault: Vault) -> None:
    await shop.broker.book_activity("", "DEPOSIT", Decimal(100), "USD")
    await sync(shop, vault)
    await run("update steelyard.broker_links set activities_page = '' where link_id = :id", id=shop.link_id)
    assert (await sync(shop, vault)).activities == 1
    assert (await ledger_of(shop.accounts[0]))["USD"] == Decimal(1_000_100)


async def test_an_activity_that_no_rule_books_is_told_and_shows_as_a_break(
    shop: Workshop, vault: Vault
) -> None:
    owner = await add_person(Role.OWNER)
    await shop.broker.book_activity("", "", Decimal(3), "USD", said="JNLC")
    done = await sync(shop, vault)
    assert [one.why for one in done.unbooked] == ["is a 'JNLC', which no kind of the ledger says"]
    assert len(done.reconciled.found) == 1
    assert ("activity.refuse",) in await run(
        "select kind from steelyard.notices where user_id = :id", id=owner
    )
    facts = await run(
        "select facts ->> 'amount' from steelyard.audit_events where action = 'activity.refuse' and object_id = :id",
        id=str(shop.link_id),
    )
    assert facts == [("3",)]


@pytest.mark.parametrize(
    ("kind", "symbol", "why"),
    [("DIVIDEND", "XYZW", "no asset here"), ("BUY", "VTI", "no kind"), ("SPLIT", "VTI", "no kind")],
)
async def test_what_cannot_be_booked_does_not_stop_what_can(
    shop: Workshop, vault: Vault, kind: str, symbol: str, why: str
) -> None:
    await shop.broker.book_activity("", kind, Decimal(3), "USD", symbol=symbol)
    await shop.broker.book_activity("", "DEPOSIT", Decimal(100), "USD")
    done = await sync(shop, vault)
    assert [why in one.why for one in done.unbooked] == [True]
    assert (await ledger_of(shop.accounts[0]))["USD"] == Decimal(1_000_100)


async def test_an_activity_that_the_ledger_refuses_is_told(store: Pool, tmp_path: Path, vault: Vault) -> None:
    del store  # opening it is what matters
    async with opened_workshop(tmp_path, cash=Decimal(1)) as shop:
        await shop.broker.book_activity("", "FEE", Decimal(-5), "USD")
        [refused] = (await sync(shop, vault)).unbooked
        assert "holds 1 USD" in refused.why


async def test_an_activity_of_accounts_that_share_one_there_is_nobodys(
    store: Pool, tmp_path: Path, vault: Vault
) -> None:
    del store  # opening it is what matters
    async with opened_workshop(tmp_path, accounts=2) as shop:
        await shop.broker.book_activity("", "DEPOSIT", Decimal(5), "USD")
        [refused] = (await sync(shop, vault)).unbooked
        assert "2 accounts here share" in refused.why


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────


class Custodian:
    """A broker that writes files, and a link to it."""

    def __init__(self, folder: Path, link_id: UUID) -> None:
        self.clock = Clock()
        self.folder, self.link_id = folder, link_id
        self.broker = FileBroker(folder, clock=self.clock, name="custodian")
        self.tools = tools_at(folder, self.clock)

    def holds(self, held: Mapping[str, Mapping[str, str]], *, as_of: datetime) -> None:
        """Write what accounts hold, by number; a currency is money."""
        rows = [
            (number, "cash" if name == "USD" else "position", name, quantity, as_of.isoformat())
            for number, positions in held.items()
            for name, quantity in positions.items()
        ]
        write(self.folder / "holdings.csv", ("account", "kind", "name", "quantity", "as_of"), rows)

    def fills(self, name: str, *rows: tuple[str, ...]) -> None:
        write(self.folder / "fills" / name, COLUMNS, rows)


def tools_at(folder: Path, clock: Clock) -> BrokerTools:
    return BrokerTools(
        paper_file=folder / "paper.sqlite",
        outbound=Outbound(OutboundRules()),
        price_of=no_price,
        clock=clock,
        chance=random.SystemRandom(),
    )


async def no_price(symbol: str) -> None:
    del symbol


def write(path: Path, header: tuple[str, ...], rows: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
async def custodian(store: Pool, tmp_path: Path) -> Custodian:
    del store  # opening it is what matters
    folder = tmp_path / "custodian"
    rows = await run(
        "insert into steelyard.broker_links (tenant_id, broker, link_name, address, made_by) "
        "values (1, 'file', :name, :address, 'operator') returning link_id",
        name=f"custodian {token_hex(4)}",
        address=str(folder),
    )
    link_id = rows[0][0]
    assert isinstance(link_id, UUID)
    await add_asset("VTI")
    return Custodian(folder, link_id)


async def new_account(vault: Vault, number: str | None = None) -> str:
    """Add an account of which nothing is known."""
    account_id = f"N-{token_hex(4)}"
    await run(
        "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) "
        "values (1, :id, :id, 'USD')",
        id=account_id,
    )
    if number is not None:
        async with transaction() as db:
            await set_account_number(db, vault, account_id, number)
    return account_id


async def opened(custodian: Custodian, vault: Vault, *accounts: str, costs: Costs | None = None) -> list[str]:
    async with transaction() as db:
        return await open_accounts(
            db,
            vault,
            custodian.link_id,
            accounts,
            custodian.tools,
            costs=costs or Costs(given={"VTI": Decimal(900)}),
            now=custodian.clock(),
        )


async def test_an_empty_account_is_opened_with_what_the_broker_holds(
    custodian: Custodian, vault: Vault
) -> None:
    account = await new_account(vault, "77-1")
    custodian.holds({"77-1": {"VTI": "10", "USD": "250.50"}}, as_of=NOON)
    booked = await opened(custodian, vault, account)
    assert booked == [f"opening:{account}:USD:cash", f"opening:{account}:VTI:units"]
    assert await ledger_of(account) == {"VTI": Decimal(10), "USD": Decimal("250.50")}
    cost = await run(
        "select total_amount from steelyard.transactions where transaction_id = :id",
        id=f"opening:{account}:VTI:units",
    )
    assert cost == [(900,)]
    found = await reconcile_link(custodian.broker, vault, custodian.link_id, clock=custodian.clock)
    assert found.agrees


async def test_a_cost_is_never_guessed_and_the_market_is_one_when_it_is_asked_for(
    custodian: Custodian, vault: Vault
) -> None:
    account = await new_account(vault, "77-2")
    custodian.holds({"77-2": {"VTI": "10"}}, as_of=NOON)
    with pytest.raises(CannotOpenError, match="nobody says what its VTI cost"):
        await opened(custodian, vault, account, costs=Costs())
    assert await ledger_of(account) == {}
    await run(
        "insert into steelyard.market_data (asset_id, price_date, closing_price) values ('VTI', '2026-03-01', 95.25)"
    )
    await opened(custodian, vault, account, costs=Costs(at_market=True))
    cost = await run("select total_amount from steelyard.transactions where account_id = :id", id=account)
    assert cost == [(Decimal("952.5"),)]


async def test_an_account_with_entries_is_not_opened_again(custodian: Custodian, vault: Vault) -> None:
    account = await new_account(vault, "77-3")
    await fund(account, Decimal(5), {})
    with pytest.raises(NotEmptyError, match=account):
        await opened(custodian, vault, account)


async def test_what_cannot_be_opened_is_named_all_of_it(custodian: Custodian, vault: Vault) -> None:
    account = await new_account(vault, "77-4")
    custodian.holds({"77-4": {"VTI": "-10", "XYZW": "1", "USD": "-3"}}, as_of=NOON)
    with pytest.raises(CannotOpenError, match=r"owes 3 USD; VTI is short; XYZW is no asset here"):
        await opened(custodian, vault, account)
    assert await ledger_of(account) == {}


async def test_accounts_of_one_number_cannot_be_told_apart(custodian: Custodian, vault: Vault) -> None:
    accounts = [await new_account(vault), await new_account(vault)]
    custodian.holds({"": {"USD": "5"}}, as_of=NOON)
    with pytest.raises(SharedNumberError, match="and"):
        await opened(custodian, vault, *accounts)


async def test_a_paper_broker_has_nothing_to_open_with(shop: Workshop, vault: Vault, tmp_path: Path) -> None:
    tools = tools_at(tmp_path, shop.clock)
    account = await new_account(vault)
    async with transaction() as db:
        with pytest.raises(NothingToOpenError):
            await open_accounts(db, vault, shop.link_id, [account], tools, costs=Costs(), now=shop.clock())


async def test_what_was_executed_before_the_first_account_is_attached_is_not_read(
    custodian: Custodian, vault: Vault
) -> None:
    account = await new_account(vault, "77-5")
    await fund(account, Decimal(1000), {"VTI": Decimal(2)})
    await run("update steelyard.accounts set kept_by = 'ledger' where account_id = :id", id=account)
    custodian.holds({"77-5": {"VTI": "2", "USD": "1000"}}, as_of=NOON)
    custodian.fills("old.csv", ("theirs", "X-old", "VTI", "buy", "2", "100", "USD", "2026-01-05T15:00:00Z"))
    async with transaction() as db:
        await attach_account(db, vault, account, custodian.link_id, custodian.tools)
    found = await reconcile_link(custodian.broker, vault, custodian.link_id, clock=custodian.clock)
    assert found.agrees
    assert await run("select * from steelyard.fills where execution_id = 'X-old'") == []


async def test_a_file_of_last_night_is_compared_with_last_night(custodian: Custodian, vault: Vault) -> None:
    account = await new_account(vault, "77-6")
    custodian.holds({"77-6": {"VTI": "10", "USD": "5000"}}, as_of=NOON)
    await opened(custodian, vault, account)
    async with transaction() as db:
        order = await put_order(
            db, OrderState.SENT, link_id=custodian.link_id, account_id=account, quantity=Decimal(4)
        )
    custodian.clock.go_on(hours=4)
    executed = (NOON + timedelta(hours=3)).isoformat()
    custodian.fills("day.csv", (order.client_order_id, "X-1", "VTI", "buy", "4", "100", "USD", executed))
    assert (await sync_link(custodian.broker, vault, custodian.link_id, clock=custodian.clock)).fills == 1
    assert await ledger_of(account) == {"VTI": Decimal(14), "USD": Decimal(4600)}
    assert (await reconcile_link(custodian.broker, vault, custodian.link_id, clock=custodian.clock)).agrees
    custodian.holds({"77-6": {"VTI": "14", "USD": "4600"}}, as_of=custodian.clock())
    assert (await reconcile_link(custodian.broker, vault, custodian.link_id, clock=custodian.clock)).agrees
    custodian.holds({"77-6": {"VTI": "14", "USD": "4601"}}, as_of=custodian.clock())
    found = await reconcile_link(custodian.broker, vault, custodian.link_id, clock=custodian.clock)
    assert [one.commodity for one in found.found] == ["USD"]


async def test_what_the_ledger_refused_is_booked_once_the_money_is_there(
    custodian: Custodian, vault: Vault
) -> None:
    account = await new_account(vault, "77-7")
    await run("update steelyard.accounts set may_overdraw = false where account_id = :id", id=account)
    custodian.holds({"77-7": {"VTI": "1", "USD": "100"}}, as_of=NOON)
    await opened(custodian, vault, account)
    async with transaction() as db:
        order = await put_order(db, OrderState.SENT, link_id=custodian.link_id, account_id=account)
    executed = (NOON + timedelta(minutes=3)).isoformat()
    custodian.fills("day.csv", (order.client_order_id, "X-2", "VTI", "buy", "10", "100", "USD", executed))
    custodian.clock.go_on(hours=1)
    custodian.holds({"77-7": {"VTI": "11", "USD": "0"}}, as_of=custodian.clock())
    found = await reconcile_link(custodian.broker, vault, custodian.link_id, clock=custodian.clock)
    assert [one.commodity for one in found.found] == ["VTI", "USD"]
    await fund(account, Decimal(900), {})
    assert (await reconcile_link(custodian.broker, vault, custodian.link_id, clock=custodian.clock)).agrees
    assert await ledger_of(account) == {"VTI": Decimal(11)}
    standing = "select kind from steelyard.trading_holds where account_id = :id and released_at is null"
    assert await run(standing, id=account) == []
