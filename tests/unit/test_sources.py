"""Which sources there are, and what they need."""

from pathlib import Path

import pytest

from steelyard.errors import SteelyardError
from steelyard.market.opening import Sources, SourceSettings


def sources(*order: str, folder: Path | None = None, alpaca_keys: tuple[str, str] | None = None) -> Sources:
    settings = SourceSettings(order=order, folder=folder, alpaca_keys=alpaca_keys)
    return Sources(settings, clock=lambda: 0.0)


def test_the_stored_prices_alone_need_nothing() -> None:
    assert sources("stored").market is None


def test_sources_are_asked_in_the_order_that_the_settings_name(tmp_path: Path) -> None:
    market = sources("yahoo", "alpaca", "files", "stored", folder=tmp_path, alpaca_keys=("a", "b")).market

    assert market is not None
    assert [source.name for source in market.sources] == ["yahoo", "alpaca", "files"]
    assert market.then_stored
    alone = sources("yahoo").market
    assert alone is not None
    assert not alone.then_stored


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (("bloomberg",), "There is no price source 'bloomberg'; there are stored, files, alpaca, yahoo."),
        (("stored", "yahoo"), "name each source once, and stored last"),
        (("yahoo", "yahoo"), "name each source once, and stored last"),
        ((), "name each source once, and stored last"),
        (
            ("alpaca",),
            "The price source alpaca needs STEELYARD_ALPACA_KEY_ID and STEELYARD_ALPACA_SECRET_KEY",
        ),
        (("files",), "The price source files needs STEELYARD_PRICE_FOLDER"),
    ],
)
def test_what_names_no_market_is_refused(order: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(SteelyardError, match=sentence):
        sources(*order)


def test_a_source_that_is_not_in_the_order_is_there_for_its_history(tmp_path: Path) -> None:
    assert sources("stored", folder=tmp_path).source("files").name == "files"
    with pytest.raises(SteelyardError, match="There is no price source 'stored'"):
        sources("stored").source("stored")
