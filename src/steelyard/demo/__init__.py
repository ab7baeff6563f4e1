"""The sample book: real prices and exchange rates, and two made households that trade on them.

`README.md` beside this file says which columns are real and which are made; `NOTICE` names the sources.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

REAL: Final = (
    "closing prices of 20 US stocks, 5 factor ETFs and the S&P 500, from the skfolio package (BSD licence); "
    "exchange rates of the European Central Bank"
)
MADE: Final = (
    "two households, their six accounts, targets, trades and compliance checks; no such person exists"
)


def book_path() -> Path:
    """Return the directory of the sample book, in the format that `steelyard load` takes.

    Steelyard is installed as files, never run from a zip, so the resource is a real directory.

    >>> (book_path() / "asset_master.csv").is_file()
    True
    """
    return Path(str(files(__package__) / "book"))
