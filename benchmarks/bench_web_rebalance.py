"""A target edited on the page of targets, beside the same question asked as JSON of the same server in this run.

The account is that of bench_propose: 100 positions, kept by the ledger, among 200. Both answers are asked for over
HTTP, in turn, by an owner who is signed in: the page's takes the form as a browser sends it and draws the part that is
exchanged. `--small` has 20 positions and fewer rounds.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

from bench_propose import FULL, NOON, SMALL, Size, write_book
from scratch import scratch_store, settle, show

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from house import Window, opened_house  # noqa: E402 - stands in tests, which are no package
from steelyard.identity.permissions import Role  # noqa: E402 - as above
from steelyard.services.loading import load_tables  # noqa: E402 - as above
from steelyard.storage.embedded import EmbeddedServer, Login  # noqa: E402 - as above
from web_visit import WebVisit  # noqa: E402 - as above

ACCOUNT = "ACCOUNT-0000"


async def run(size: Size) -> None:
    async with scratch_store() as server:
        with tempfile.TemporaryDirectory() as name:
            await load_tables(Path(name), today=NOON.date(), only=write_book(Path(name), size), now=NOON)
        await settle(server)
        await asyncio.to_thread(measure, server, size)


def measure(server: EmbeddedServer, size: Size) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        opened_house(server, (url(server, server.app), url(server, server.migrator)), Path(name)) as house,
    ):
        house.clock.ahead = NOON - datetime.now(UTC)
        window = house.window_of(house.do(house.person(Role.OWNER)))
        report(window, size)


def report(window: Window, size: Size) -> None:
    page = WebVisit(window).open(f"/rebalance?account={ACCOUNT}")
    form, chance = page.form(button="Recalculate"), random.Random(1)
    names = [field for field, _ in form.fields if field.startswith("t.A")]
    first, second = names[0], names[1]

    def edit() -> None:
        moved = chance.randrange(1, 90) / 100
        one, other = f"{1 + moved:.2f}", f"{1 - moved:.2f}"
        if size.assets != 100:
            one, other = form[first], form[second]
        content = urlencode(form.fill(**{first: one, second: other}).fields).encode()
        part = window.send("POST", f"/rebalance/what-if?account={ACCOUNT}", content, hx_request="true")
        assert 'id="plan"' in part.text

    def ask() -> None:
        answer = window.ask("POST", f"/accounts/{ACCOUNT}/allocation", {})
        assert answer.status_code == 200, answer.text

    times = measured(size.rounds // 2, {"a target edited on the page": edit, "the same as JSON": ask})
    rows = [(what, *(f"{1000 * value:.1f}" for value in values)) for what, values in times.items()]
    show(f"{size.assets} positions, {size.rounds // 2} rounds, ms", ("", "median", "95 %", "longest"), rows)
    ratio = times["a target edited on the page"][0] / times["the same as JSON"][0]
    print(f"the page takes {ratio:.2f} times as long")


def measured(rounds: int, works: dict[str, Callable[[], None]]) -> dict[str, tuple[float, float, float]]:
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()  # calendars and templates are read once
    for _ in range(rounds):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - began)
    return {
        name: (statistics.median(some), statistics.quantiles(some, n=20)[-1], max(some))
        for name, some in seconds.items()
    }


def url(server: EmbeddedServer, login: Login) -> str:
    return f"postgresql://{login.user}:{login.password}@/{server.database}?host={quote(str(server.host))}"


if __name__ == "__main__":
    asyncio.run(run(SMALL if "--small" in sys.argv else FULL))
