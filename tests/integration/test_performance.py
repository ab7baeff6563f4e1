"""Performance on a book made by hand: what is cached is what is read afresh, and what is not known says why."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from small_book import load
from steelyard.domain.scope import TENANT, Scope
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.services.figure import UnknownFigureError, UnknownPartError
from steelyard.services.journal import PlaceError, get_journal
from steelyard.services.keeping import keep_ledger
from steelyard.services.ledger import record_transactions, reverse_transactions
from steelyard.services.performance import (
    ScopePerformance,
    explain_contribution,
    explain_figure,
    get_performance,
    make_performance,
)
from steelyard.services.position import get_lots, get_positions
from steelyard.services.scope import UnknownScopeError
from steelyard.services.track_record import EmptyPeriodError, PerformanceCache, Question, read_workings
from steelyard.services.valuation import NoLedgerError, UnknownBenchmarkError, read_ledger
from steelyard.services.value_history import make_value_history, value_figure
from steelyard.storage.connection import Pool, get_db_session, get_write_session

pytestmark = pytest.mark.usefixtures("filled")

TODAY = date(2024, 3, 1)
DAYS = [date(2023, 5, day) for day in (2, 3, 4, 5, 8, 9, 10)]


def book() -> dict[str, list[Any]]:
    """A is in dollars and goes 100, 101 …; E is in euros, goes 50, 52 …, and 1 EUR is 1.25 USD."""
    return {
        "asset_master": [
            ("A", "Anvil", "Equity", "USD", "Tools", "US", ""),
            ("E", "Einhorn", "Equity", "EUR", "", "DE", ""),
            ("M", "Market", "Index", "USD", "", "US", ""),
            ("N", "Never priced", "Equity", "USD", "Tools", "US", ""),
        ],
        "benchmarks": [("USD", "M")],
        "fx_rates": [("USD", day, "1.25") for day in (date(2023, 4, 28), *DAYS)],
        "households": [("H", "Hill", "USD")],
        "accounts": [
            ("ONE", "First", "H", "USD", ""),
            ("TWO", "Second", "H", "USD", ""),
            ("THREE", "Third", "", "USD", ""),
        ],
        "market_data": [
            *(("A", day, 100 + place) for place, day in enumerate(DAYS)),
            *(("E", day, 50 + 2 * place) for place, day in enumerate(DAYS)),
            *(("M", day, 1000 + 10 * place) for place, day in enumerate(DAYS)),
        ],
    }


def booked(kind: str, day: date, account: str = "ONE", **details: Any) -> Transaction:
    exact = {name: Decimal(str(value)) for name, value in details.items() if isinstance(value, int | float)}
    ready: dict[str, Any] = details | exact
    ready.setdefault("transaction_id", f"{kind}-{day}-{account}-{details.get('asset_id', '')}")
    return Transaction(
        kind=TransactionKind(kind), trade_date=day, account_id=account, **({"currency": "USD"} | ready)
    )


OPENED = [
    booked("DEPOSIT", DAYS[0], amount=10_000),
    booked("BUY", DAYS[0], asset_id="A", quantity=50, amount=5000, costs=10),
    booked("DEPOSIT", DAYS[1], "TWO", amount=2000),
    booked("FX", DAYS[1], "TWO", amount=1250, counter_currency="EUR", counter_amount=1000),
    booked("BUY", DAYS[1], "TWO", asset_id="E", quantity=10, amount=520, currency="EUR"),
    booked("DIVIDEND", DAYS[3], asset_id="A", amount=25, costs=5, tax=5),
]


@pytest.fixture
async def filled(own_store: Pool, tmp_path: Path) -> Pool:
    await load(tmp_path, book())
    await record_transactions(OPENED, today=TODAY)
    async with get_write_session() as db:
        await keep_ledger(db, today=TODAY)
    return own_store


async def ask(question: Question | None = None, cache: PerformanceCache | None = None) -> ScopePerformance:
    async with get_db_session() as db:
        return await get_performance(db, question, cache=cache)


# ── By hand ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_figures_are_those_of_a_pencil() -> None:
    did = await ask(Question(scope=Scope.account("ONE")))
    figures = did.figures

    # 50 of A at 106, and 10,000 − 5,010 + 20 in cash
    assert figures["closing_value"] == Decimal(50 * 106 + 5010)
    assert figures["net_flows"] == 10_000
    assert figures["gain"] == 310
    assert (figures["income"], figures["fees"], figures["taxes"]) == (25, 10, 5)
    assert (figures["realised_gain"], figures["unrealised_gain"]) == (0, 50 * 106 - 5010)
    assert figures["time_weighted_return"] == pytest.approx(0.031)
    assert figures["modified_dietz_return"] == pytest.approx(0.031)
    assert figures["currency_effect"] == pytest.approx(0, abs=1e-12)
    assert figures["annual_return"] is None
    assert did.reasons["annual_return"] == "the period is shorter than a year, and would only be extrapolated"
    assert did.reasons["volatility"] == "7 days have a return, and 20 are needed"
    assert did.notes == ()


async def test_money_between_accounts_is_no_flow_of_both() -> None:
    moved = [
        booked("TRANSFER", DAYS[2], asset_id="A", quantity=20, counter_account_id="TWO"),
        booked("TRANSFER", DAYS[2], amount=100, counter_account_id="TWO", transaction_id="cash"),
    ]
    before = await ask()
    await record_transactions(moved, today=TODAY)
    after = await ask()
    one, two = [await ask(Question(scope=Scope.account(name))) for name in ("ONE", "TWO")]

    for name in ("net_flows", "gain", "closing_value", "time_weighted_return"):
        assert after.figures[name] == pytest.approx(before.figures[name])
    assert one.figures["net_flows"] == 10_000 - 20 * 102 - 100
    assert two.figures["net_flows"] == 2000 + 20 * 102 + 100
    returns = [float(did.figures["time_weighted_return"] or 0) for did in (one, after, two)]
    assert sorted(returns) == returns or sorted(returns, reverse=True) == returns


async def test_fees_and_taxes_left_out_raise_the_return_and_leave_as_flows() -> None:
    scope = Scope.account("ONE")
    net = await ask(Question(scope=scope))
    gross = await ask(Question(scope=scope, after_fees=False, after_taxes=False))

    assert gross.figures["gain"] == 325
    assert gross.figures["net_flows"] == 10_000 - 15
    assert gross.figures["closing_value"] == net.figures["closing_value"]
    assert (gross.figures["time_weighted_return"] or 0) > (net.figures["time_weighted_return"] or 0)


# ── What is kept is what is read ────────────────────────────────────────────────────────────────────────


async def change_price() -> None:
    async with get_write_session() as db:
        await db.execute(
            text("update steelyard.market_data set closing_price = 107 where price_date = '2023-05-10'")
        )


async def change_rate() -> None:
    async with get_write_session() as db:
        await db.execute(
            text("update steelyard.fx_rates set units_per_eur = 1.3 where rate_date = '2023-05-10'")
        )


async def change_asset() -> None:
    async with get_write_session() as db:
        await db.execute(text("update steelyard.asset_master set sector = 'Forges' where asset_id = 'A'"))


async def book_later() -> None:
    sale = booked("SELL", DAYS[5], asset_id="A", quantity=10, amount=1050)
    await record_transactions([sale], today=TODAY)


async def book_earlier() -> None:
    await record_transactions([booked("BUY", DAYS[2], asset_id="A", quantity=1, amount=101)], today=TODAY)


async def book_something_new() -> None:
    new = booked("BUY", DAYS[4], "TWO", asset_id="A", quantity=1, amount=104)
    await record_transactions([new], today=TODAY)


async def book_a_currency() -> None:
    await record_transactions([booked("DEPOSIT", DAYS[4], "TWO", amount=7, currency="EUR")], today=TODAY)


async def connect_accounts() -> None:
    gift = booked("TRANSFER", DAYS[5], asset_id="A", quantity=3, counter_account_id="TWO")
    await record_transactions([gift], today=TODAY)


async def take_back() -> None:
    await reverse_transactions([OPENED[-1].transaction_id], today=TODAY)


async def correct() -> None:
    await record_transactions([replace(OPENED[0], amount=Decimal(11_000))], today=TODAY)


async def do_nothing() -> None:
    pass


CHANGES = [
    do_nothing,
    book_later,
    book_earlier,
    book_something_new,
    book_a_currency,
    connect_accounts,
    change_price,
    change_rate,
    change_asset,
    take_back,
    correct,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_what_was_kept_answers_as_what_is_read_afresh(change: Any) -> None:
    cache = PerformanceCache()
    before = await ask(cache=cache)

    await change()

    assert await ask(cache=cache) == await ask()
    assert (await ask() == before) == (change is do_nothing)
    await book_later()
    assert await ask(cache=cache) == await ask()


async def test_only_what_is_new_is_read_again() -> None:
    cache = PerformanceCache()
    await ask(cache=cache)
    kept = cache.ledgers.kept[TENANT, None, None].ledger
    keepers = [one.keeper for one in next(iter(cache.replays.kept.values())).found]

    await book_later()
    await ask(cache=cache)

    grown = cache.ledgers.kept[TENANT, None, None].ledger
    assert grown.market is kept.market
    assert len(grown.postings.entry) == len(kept.postings.entry) + 4
    assert [one.keeper for one in next(iter(cache.replays.kept.values())).found] == keepers


# ── What is not known ───────────────────────────────────────────────────────────────────────────────────


async def test_an_asset_without_a_price_is_named_with_its_days() -> None:
    gift = booked("RECEIVE", DAYS[4], asset_id="N", quantity=5, amount=50)
    await record_transactions([gift], today=TODAY)

    did = await ask(Question(scope=Scope.account("ONE")))

    for name in ("closing_value", "gain", "time_weighted_return", "money_weighted_return", "value_at_risk"):
        assert did.figures[name] is None
        assert did.reasons[name]
    assert did.reasons["closing_value"] == "not valued: N (no price is known)"
    assert did.notes == (
        "N has no price or rate from 2023-05-08 to 2023-05-10; on these days nothing is valued.",
    )
    held = await get_positions(scope=Scope.account("ONE"))
    assert held.total_value is None
    assert {one.asset_id: one.reason for one in held.positions if one.value is None} == {
        "N": "no price is known"
    }


async def test_a_currency_without_a_rate_is_named() -> None:
    async with get_write_session() as db:
        await db.execute(text("delete from steelyard.fx_rates where rate_date > '2023-04-28'"))

    did = await ask(Question(scope=Scope.account("TWO"), last=date(2023, 5, 10)))

    assert did.reasons["closing_value"].startswith("not valued: EUR (no rate of USD is known on 2023-05-10)")
    assert did.figures["time_weighted_return"] is None


async def test_history_that_does_not_add_up_costs_the_gains_alone() -> None:
    await record_transactions(
        [booked("SELL", DAYS[2], "TWO", asset_id="A", quantity=5, amount=510)], today=TODAY
    )

    did = await ask()
    lots = await get_lots()

    assert did.figures["realised_gain"] is None
    assert "book the rest as a SHORT" in did.reasons["realised_gain"]
    assert did.figures["gain"] is not None
    assert {lot.account_id for lot in lots.lots} == {"ONE"}
    assert lots.notes[0].startswith("No lots of TWO: transaction SELL-2023-05-04-TWO-A")


async def test_old_prices_are_used_and_their_age_is_said() -> None:
    did = await ask(Question(scope=Scope.account("ONE"), last=date(2023, 5, 20)))

    assert did.figures["closing_value"] == Decimal(50 * 106 + 5010)
    assert did.notes == ("The oldest price on 2023-05-20 is that of A, 10 days.",)


async def test_a_split_that_prices_contradict_is_said() -> None:
    await record_transactions(
        [booked("SPLIT", DAYS[4], "", asset_id="A", quantity=1, counter_quantity=2)], today=TODAY
    )

    (note,) = (await ask(Question(scope=Scope.account("ONE")))).notes
    assert note.startswith(
        "A was split 2 for 1 on 2023-05-08, and its price went from 103 to 104, which looks adj"
    )
    assert "its price_basis is raw" in note


async def test_what_is_not_booked_is_said() -> None:
    async with get_write_session() as db:
        await db.execute(
            text(
                "insert into steelyard.unposted_transactions (tenant_id, transaction_id, fault) "
                "select 1, transaction_id, 'no_price' from steelyard.transactions limit 1"
            )
        )

    assert any("1 transaction not booked" in note for note in (await ask()).notes)
    (waiting,) = (await get_journal()).waiting
    assert waiting.reason == "is for every holder and has no price a unit"


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────


async def test_what_does_not_exist_is_named_with_what_is_like_it() -> None:
    with pytest.raises(UnknownScopeError, match="did you mean ONE"):
        await ask(Question(scope=Scope.account("ON")))
    with pytest.raises(UnknownBenchmarkError, match=r"no asset AA .* did you mean A\?"):
        await ask(Question(benchmark="AA"))
    with pytest.raises(UnknownFigureError, match="did you mean volatility"):
        await explain_figure("volatilty")
    with pytest.raises(UnknownPartError, match="No sector is called Tool here; did you mean Tools"):
        await explain_contribution("sector", "Tool")
    with pytest.raises(EmptyPeriodError, match="2023-05-11 to 2023-05-10 has no day"):
        await ask(Question(first=date(2023, 5, 11)))
    with pytest.raises(PlaceError):
        await get_journal(after="yesterday")


async def test_an_empty_ledger_says_what_to_load() -> None:
    empty = Scope.account("THREE")

    with pytest.raises(NoLedgerError, match="steelyard load"):
        await ask(Question(scope=empty))
    assert (await get_journal(scope=empty)).entries == ()


# ── The journal, positions and lots ─────────────────────────────────────────────────────────────────────


async def test_the_journal_is_read_page_by_page_from_the_newest() -> None:
    whole = await get_journal(limit=100)
    first = await get_journal(limit=4)
    rest = await get_journal(limit=4, after=first.after)

    assert [entry.trade_date for entry in whole.entries] == sorted(
        (entry.trade_date for entry in whole.entries), reverse=True
    )
    assert first.entries + rest.entries == whole.entries
    assert (whole.after, rest.after) == ("", "")
    assert [entry.kind for entry in (await get_journal(kind=TransactionKind.FX)).entries] == ["FX"]
    assert {entry.account_id for entry in (await get_journal(scope=Scope.account("TWO"))).entries} == {"TWO"}


async def test_entries_taken_back_are_shown_when_asked_for() -> None:
    await take_back()

    assert len((await get_journal()).entries) == len(OPENED) - 1
    all_of_them = (await get_journal(with_reversed=True)).entries
    assert len(all_of_them) == len(OPENED) + 1
    assert [entry.reverses is not None for entry in all_of_them].count(True) == 1


async def test_lots_make_up_positions() -> None:
    await book_later()
    held, lots = await get_positions(), await get_lots()

    (anvil,) = [one for one in held.positions if one.asset_id == "A"]
    (lot,) = [one for one in lots.lots if one.asset_id == "A"]
    assert anvil.quantity == lot.quantity == Decimal(40)
    assert anvil.basis == lot.cost == Decimal(4008)
    assert anvil.unrealised_gain == lot.gain == 40 * 106 - 4008
    (sold,) = lots.closed
    assert [sold.proceeds, sold.cost, sold.gain] == [Decimal(1050), Decimal(1002), Decimal(48)]
    assert sum(one.weight or 0 for one in held.positions) == pytest.approx(1)


async def test_workings_answer_again_and_again() -> None:
    async with get_db_session() as db:
        workings = await read_workings(db, Question())

    assert make_performance(workings) == make_performance(workings)


# ── The cheap half: how value went ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scope", [TENANT, Scope.household("H"), Scope.account("TWO")])
async def test_the_history_of_a_value_is_that_of_the_performance(scope: Scope) -> None:
    async with get_db_session() as db:
        workings = await read_workings(db, Question(scope=scope, last=DAYS[-1]))
        history = make_value_history(await read_ledger(db, scope), DAYS[-1])
    did = make_performance(workings)

    assert history.values == pytest.approx(workings.record.values)
    assert history.time_weighted_return == pytest.approx(did.figures["time_weighted_return"])
    assert history.benchmark_return == pytest.approx(did.figures["benchmark_return"])
    assert history.value_at_risk == did.figures["value_at_risk"] is None, "seven days are too few"
    assert history.last == DAYS[-1]


async def test_the_same_money_in_the_benchmark_begins_with_the_same_and_takes_the_flows() -> None:
    async with get_db_session() as db:
        history = make_value_history(await read_ledger(db, Scope.account("ONE")), DAYS[-1])
    figure = value_figure(history, 0)
    value, market = figure["data"]

    assert (value["y"][0], value["y"][-1]) == (9990.0, 50 * 106 + 5010)
    assert (market["name"], market["y"][0]) == ("M", 9990.0)
    assert market["y"][-1] == pytest.approx(9990 * 1060 / 1000, abs=0.01)
    assert figure["layout"]["meta"]["unit"] == "USD"
    assert (
        "10,310.00 USD on 10 May 2023, from 9,990.00 on 2 May 2023: a gain of 320.00."
        in (figure["layout"]["meta"]["sentence"])
    )


async def test_the_history_of_a_month_begins_with_the_evening_a_month_before() -> None:
    async with get_db_session() as db:
        history = make_value_history(await read_ledger(db, TENANT), date(2023, 6, 5))
    days = value_figure(history, 1)["data"][0]["x"]

    assert days[0] == "2023-05-05"
    assert history.oldest == ("A", 26), "its price is of 10 May"
