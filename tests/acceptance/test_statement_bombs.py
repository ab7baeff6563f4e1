"""Hostile statements are answered within 64 MB, and nothing of them stays.

`STEELYARD_EVERY_READER=1 pytest tests/acceptance/test_statement_bombs.py` asks every preset, with larger ones.
"""

import gzip
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from books import SHARED_DATA, in_ci
from steelyard.statements.port import Source
from steelyard.statements.readers import get_readers
from steelyard.statements.recognition import open_source

EVERYTHING = bool(os.environ.get("STEELYARD_EVERY_READER"))
GROWTH = 64 * 2**20
ENDLESS = 2**30 - 2**20 if EVERYTHING else 128 * 2**20
BOMB = 200 * 2**20
MANY = 100_000 if EVERYTHING else 20_000

READ = """
import json, resource, sys
from datetime import date
from pathlib import Path
from steelyard.errors import InvalidInputError
from steelyard.statements.readers import get_readers
from steelyard.statements.recognition import choose_reader, open_source, read_statement

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

readers = get_readers()
for path in sys.argv[2:]:
    with open_source(Path(path)) as source:  # what a reader imports at its first file is no growth
        list(read_statement(choose_reader(readers, source), source, today=date(2026, 11, 22)))
before = peak()
try:
    with open_source(Path(sys.argv[1])) as source:
        rows = sum(1 for _ in read_statement(choose_reader(readers, source), source, today=date(2026, 11, 22)))
    answer = f"{rows} rows"
except InvalidInputError as error:
    answer = str(error)
print(json.dumps([answer, peak() - before]))
"""

OF_EACH_KIND = (
    ("avanza", "clients/broker_csv/export-to-ghostfolio/avanza-export.csv"),
    ("camt", "clients/iso20022_camt/test-camt053-txdtls"),
    ("degiro", "clients/broker_csv/export-to-ghostfolio/degiro-export.csv"),
    ("ghostfolio_json", "clients/ghostfolio_import/ok/sample.json"),
    ("ibkr_flex", "clients/ibkr_flex/sure_flex_statement.xml"),
    ("ofx", "clients/ofx/ofxtools/stmtrs.ofx"),
    ("portfolio_performance", "vectors/inputs/pp_currency_sample.xml"),
    ("vanguard_uk", "clients/broker_csv/kapji/vanguard__data__cash_report.csv"),
)


def answer_to(path: Path, temporary: Path, *first: Path) -> tuple[str, int]:
    """Read a file in a process of its own: its answer, and by how much its memory grew at most."""
    environment = os.environ | {"TMPDIR": str(temporary)}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), *map(str, first)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    answer, growth = json.loads(done.stdout)
    return answer, growth


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def zeros(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_a_zip_bomb(tmp_path: Path, temporary: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(zeros(tmp_path / "content", BOMB), "statement.csv")

    answer, growth = answer_to(bomb, temporary)
    assert bomb.stat().st_size < BOMB / 1000
    assert "unpacks to more than" in answer
    assert growth < GROWTH
    assert not list(temporary.iterdir())


def test_a_gzip_bomb(tmp_path: Path, temporary: Path) -> None:
    bomb = tmp_path / "bomb.gz"
    with gzip.open(bomb, "wb", compresslevel=9) as file:
        for _ in range(BOMB // 2**20):
            file.write(bytes(2**20))

    answer, growth = answer_to(bomb, temporary)
    assert "unpacks to more than" in answer
    assert growth < GROWTH
    assert not list(temporary.iterdir())


def test_a_zip_that_lists_thousands_of_files(tmp_path: Path, temporary: Path) -> None:
    many = tmp_path / "many.zip"
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(MANY):
            archive.writestr(f"{number}.csv", "")

    answer, growth = answer_to(many, temporary)
    assert answer == "many.zip: is an archive of too many files; unpack it and name them."
    assert growth < GROWTH


def samples() -> list[tuple[str, str]]:
    """One sample of every reader there is, by its name; of CSV only some, if not all are asked for."""
    if not EVERYTHING:
        return [(name, sample) for name, sample in OF_EACH_KIND if (SHARED_DATA / sample).exists()]
    found: dict[str, str] = {}
    folders = (SHARED_DATA / "clients", SHARED_DATA / "vectors/inputs")
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and path.suffix not in {".zip", ".gz"} and path.stat().st_size:
            with open_source(path) as source:
                for name in _knowing(source):
                    found.setdefault(name, path.relative_to(SHARED_DATA).as_posix())
    return sorted(found.items())


def _knowing(source: Source) -> list[str]:
    return [reader.name for reader in get_readers() if reader.miss(source) is None]


@pytest.mark.parametrize(("reader", "sample"), samples())
@pytest.mark.parametrize("filler", [b"\0", b"x"], ids=["nul", "x"])
def test_an_endless_line_is_never_held(
    tmp_path: Path, temporary: Path, reader: str, sample: str, filler: bytes
) -> None:
    """The first half of a real file, and then twice as much as may be held, or a gigabyte, without a line's end."""
    content = (SHARED_DATA / sample).read_bytes()
    path = tmp_path / "endless"
    with path.open("wb") as file:
        file.write(content[: content.rstrip().rfind(b"\n") + 2])
        if filler == b"\0":
            file.truncate(ENDLESS)
        else:
            for _ in range(128):
                file.write(filler * 2**20)

    with open_source(path) as source:
        assert reader in _knowing(source)
    answer, growth = answer_to(path, temporary, SHARED_DATA / sample)
    assert not answer.endswith(" rows"), "what is not a statement is no statement"
    assert growth < GROWTH


def test_there_are_samples_in_ci() -> None:
    assert samples() or not in_ci()
