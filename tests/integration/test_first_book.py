"""The first book: of two who press at once one loads it, and what went wrong is said."""

import asyncio
import logging
import random
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from openid import LOOPBACK
from people import NOON
from steelyard.demo import book_path
from steelyard.identity.permissions import Actor
from steelyard.network.outbound import Outbound
from steelyard.services.broker_link import BrokerTools, newest_price
from steelyard.services.entrance import Entrance
from steelyard.services.first_book import BookNotLoadedError, FirstBook, Loading

OPERATOR = Actor(1)


def tools_of(folder: Path) -> BrokerTools:
    return BrokerTools(
        paper_file=folder / "paper.sqlite",
        outbound=Outbound(LOOPBACK),
        price_of=newest_price(lambda: NOON),
        clock=lambda: NOON,
        chance=random.Random(1),  # noqa: S311 - the same every time
    )


async def ended(book: FirstBook) -> Loading:
    loading = book.loading_of(OPERATOR.tenant_id)
    assert loading.task is not None
    await asyncio.wait([loading.task])
    return loading


async def test_of_two_who_press_at_once_one_loads_it(own_entrance: Entrance, tmp_path: Path) -> None:
    book = FirstBook(book_path(), own_entrance.vault, tools_of(tmp_path))
    await asyncio.gather(book.begin(OPERATOR), book.begin(OPERATOR))
    loads = [task for task in asyncio.all_tasks() if "FirstBook._load" in repr(task.get_coro())]
    assert loads == [book.loading_of(OPERATOR.tenant_id).task]
    loads[0].cancel()
    assert (await ended(book)).problem is None, "nothing went wrong"


async def test_a_defect_is_told_and_stands_in_the_log(
    own_entrance: Entrance, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def clock() -> datetime:
        raise OSError("no clock")

    tools = replace(tools_of(tmp_path), clock=clock)
    book = FirstBook(tmp_path, own_entrance.vault, tools)
    with caplog.at_level(logging.ERROR, "steelyard"):
        await book.begin(OPERATOR)
        loading = await ended(book)
        await asyncio.sleep(0)  # callbacks of a task come after it
    assert isinstance(loading.problem, BookNotLoadedError)
    assert not loading.is_under_way
    assert "no clock" in caplog.text
