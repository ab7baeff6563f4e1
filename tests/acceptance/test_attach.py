"""`steelyard attach` and `detach` as people run them, on a database that holds a firm's tables."""

import json
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from books import sp500_book
from conftest import urls_of
from firm import KNOWN_NAMES, dump_firm, few_assets, historical_procedure, look, make_firm, run
from steelyard.storage.embedded import EmbeddedServer
from terminal import STEELYARD, Terminal

QUESTIONS = {
    "portfolio_allocation.actual_weight": "the weights of a portfolio sum to 100",
    "transactions.transaction_date.format": "It holds 2016",
    "transactions.total_amount.sign": "30 of 90 are below 0",
}


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm's database, and a terminal in an empty folder beside it."""

    server: EmbeddedServer
    folder: Path

    def run(self, *arguments: str, answers: str = "") -> "subprocess.CompletedProcess[str]":
        app, migrator = urls_of(self.server)
        settings = {"DATABASE_URL": app, "DATABASE_MIGRATOR_URL": migrator}
        return subprocess.run(
            [*STEELYARD, *arguments],
            env=Terminal(self.folder / "home").environment(**settings),
            cwd=self.folder,
            input=answers,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_assets(sp500_book(tmp_path_factory.mktemp("whole")), tmp_path_factory.mktemp("few"), 30)


@pytest.fixture
async def firm(own_database: EmbeddedServer, book: Path, tmp_path: Path) -> Firm:
    await make_firm(own_database, book)
    await run(own_database, "update firm.holdings set pct = 100.0 / 6 where pct is not null")
    return Firm(own_database, tmp_path)


def test_what_is_certain_is_attached_without_questions(firm: Firm) -> None:
    before = dump_firm(firm.server)

    done = firm.run("attach", "--yes", "--json")

    answer = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert answer["attached"]["sources"]["market_data"] == "firm.px_hist"
    assert answer["attached"]["left_out"] == ["performance_history", "risk_metrics"]  # theirs are empty
    assert (answer["refresh"]["as_of"], answer["refresh"]["derived_assets"]) == ("2018-02-07", 30)
    assert dump_firm(firm.server) == before


def test_the_interview_shows_its_evidence_and_writes_the_answers_down(firm: Firm) -> None:
    done = firm.run("attach", "--no-refresh", answers="\n" * 60)

    mapping = (firm.folder / "mapping.toml").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "Read from" in done.stdout
    for place, evidence in QUESTIONS.items():
        assert evidence in done.stderr.partition(f"\n{place}\n")[2].partition("\n\n")[0]
    assert 'actual_weight = { column = "pct", unit = "percent" }' in mapping
    assert firm.run("detach", "--keep-store", "--yes").returncode == 0
    assert firm.run("attach", "--mapping", "mapping.toml", "--no-refresh").returncode == 0


def test_an_answer_of_the_interview_counts(firm: Firm) -> None:
    first = "firm.instruments\nyes\nfirm.px_hist\nyes\n"

    done = firm.run("attach", "--no-refresh", answers=first + "leave out\n" * 2 + "\n" * 60)

    assert done.returncode == 0, done.stderr
    assert "firm.perf" not in (firm.folder / "mapping.toml").read_text(encoding="utf-8")


async def test_what_is_not_certain_is_asked_and_never_taken(firm: Firm) -> None:
    await run(firm.server, "update firm.holdings set pct = 0.001 where pct is not null")

    done = firm.run("attach", "--yes")
    proposed = firm.run("attach", "--propose", "proposal.toml")
    attached = firm.run("attach", "--mapping", "proposal.toml")

    assert (done.returncode, done.stdout) == (1, "")
    assert "portfolio_allocation.actual_weight: What are the numbers in firm.holdings.pct?" in done.stderr
    assert proposed.stdout.startswith("The proposal is in proposal.toml. 1 question is open in it")
    assert attached.returncode == 1
    assert "a question is open" in attached.stderr
    assert await look(firm.server, "select steelyard.attached_tables() as t") == [{"t": []}]


async def test_two_columns_that_may_be_the_price_are_asked_for(firm: Firm) -> None:
    await run(firm.server, "alter table firm.px_hist add column px_close numeric")

    done = firm.run("attach", "--yes")

    assert done.returncode == 1
    assert "market_data.columns: Are these the columns of firm.px_hist?" in done.stderr
    assert "closing_price = px_last or px_close." in done.stderr


async def test_a_word_of_another_language_is_not_taken_for_something_else(firm: Firm) -> None:
    await run(firm.server, "update firm.compl set outcome = 'verstoss' where outcome = 'breach'")

    done = firm.run("attach", "--yes")

    assert done.returncode == 1
    assert "What does 'verstoss' in firm.compl.outcome mean? The column holds ok, verstoss." in done.stderr


async def test_their_own_asset_360_is_compared_as_table_json_and_page(firm: Firm) -> None:
    await run(
        firm.server,
        "update firm.instruments set descr = '<script>alert(1)</script>'",
        KNOWN_NAMES,
        historical_procedure(as_of=date(2018, 2, 7)),
        "grant usage on schema firm_old to steelyard_migrator",
        "grant select on firm_old.asset_360 to steelyard_migrator",
        "insert into firm.px_hist (secid, px_date, px_last) values ('AAL', '2018-02-08', 0)",
        "insert into firm.holdings (book_no, secid, asof, units) values ('A1', 'GONE', '2018-02-07', 5)",
    )

    shown = firm.run("attach", "--yes", "--html", "page.html")
    answer = json.loads(firm.run("attach", "--compare", "--json").stdout)

    page = (firm.folder / "page.html").read_text(encoding="utf-8")
    assert shown.returncode == 0, shown.stderr
    told = " ".join(shown.stdout.split())
    assert (
        "market_data: 1 row of firm.px_hist without one of asset_id, price_date, closing_price, not counted."
        in told
    )
    assert "1 row of firm.holdings of an asset that asset_master lacks, as GONE, not counted." in told
    assert answer["source"] == "firm_old.asset_360"
    faults = {fault["cause"]: fault["figures"] for fault in answer["faults"]}
    assert faults["duplicated join"] == 31
    for text in (shown.stdout, page):
        assert "duplicated join" in text
    assert "http" not in page
    assert len(answer["differences"]) == sum(faults.values())


def test_detach_asks_and_then_leaves_nothing(firm: Firm) -> None:
    before = dump_firm(firm.server)
    firm.run("attach", "--yes", "--no-refresh")

    refused = firm.run("detach", answers="n\n")
    done = firm.run("detach", "--yes")
    again = firm.run("detach", "--yes")

    assert refused.returncode == 130
    assert "the schema steelyard is gone" in done.stdout
    assert (again.returncode, again.stderr.strip()) == (
        1,
        "steelyard: The database is not initialised. Run `steelyard init`.",
    )
    assert dump_firm(firm.server) == before
