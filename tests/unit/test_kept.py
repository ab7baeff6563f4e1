"""Answers that are kept: up to so many bytes, the longest unused gone first."""

from steelyard.server.kept import Kept, KeptAnswers


def answer(size: int) -> Kept:
    return Kept('"x"', b"x" * size)


def test_what_is_kept_is_found_by_its_own_key() -> None:
    kept = KeptAnswers()
    kept.keep(("overview", 1), answer(3))

    assert kept.find(("overview", 1)) == answer(3)
    assert kept.find(("overview", 2)) is None


def test_the_longest_unused_goes_first() -> None:
    kept = KeptAnswers(most_bytes=10)
    for name in "abc":
        kept.keep(name, answer(3))
    kept.find("a")
    kept.keep("d", answer(3))

    assert [name for name in "abcd" if kept.find(name)] == ["a", "c", "d"]


def test_what_is_kept_again_counts_once() -> None:
    kept = KeptAnswers(most_bytes=10)
    for size in (9, 2, 4):
        kept.keep("a", answer(size))
    kept.keep("b", answer(6))

    assert (kept.find("a"), kept.find("b")) == (answer(4), answer(6))


def test_what_is_too_large_is_not_kept() -> None:
    kept = KeptAnswers(most_bytes=10)
    kept.keep("a", answer(11))

    assert kept.find("a") is None
