"""Statements in tests: small ones written here, and the samples beside the checkout."""

from datetime import date
from pathlib import Path

from books import shared
from steelyard.statements.port import Reader, Source
from steelyard.statements.recognition import open_source, read_statement
from steelyard.statements.record import Row

TODAY = date(2026, 11, 22)


def read_sample(reader: Reader, name: str) -> list[Row]:
    """Read a file of ../shared/data/clients, or skip the test where it is absent."""
    with open_source(shared(f"clients/{name}")) as source:
        assert reader.miss(source) is None
        return list(read_statement(reader, source, today=TODAY))


def source_of(folder: Path, content: str | bytes, name: str = "statement") -> Source:
    """Write a file and open it as readers see it."""
    raw = content if isinstance(content, bytes) else content.encode()
    path = folder / name
    path.write_bytes(raw)
    return Source(name, path, len(raw), raw[:65_536])


def read_text(reader: Reader, folder: Path, content: str | bytes) -> list[Row]:
    """Read a text that is of the reader's kind."""
    source = source_of(folder, content)
    assert reader.miss(source) is None
    return list(read_statement(reader, source, today=TODAY))
