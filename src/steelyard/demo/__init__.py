"""The sample book: real prices and exchange rates, and two made households that trade on them.

`README.md` beside this file says which columns are real and which are made; `NOTICE` names the sources.
"""

from importlib.resources import files
from pathlib import Path


def book_path() -> Path:
    """Return the directory of the sample book, in the format that `steelyard load` takes.

    Steelyard is installed as files, never run from a zip, so the resource is a real directory.

    >>> (book_path() / "asset_master.csv").is_file()
    True
    """
    return Path(str(files(__package__) / "book"))
