"""Codes that are typed count once, in their window, and wrong ones are all refused alike."""

import secrets
from datetime import UTC, datetime

import pytest

from steelyard.identity.mfa import (
    RECOVERY_CODES,
    STEP_SECONDS,
    WrongCodeError,
    calculate_code,
    check_code,
    enrolment_address,
    find_recovery_code,
    make_recovery_codes,
    new_seed,
)

SEED = b"12345678901234567890"
STEP = 60_000_000
NOW = datetime.fromtimestamp(STEP * STEP_SECONDS + 29, UTC)


def code(step: int) -> str:
    return calculate_code(SEED, step)


@pytest.mark.parametrize("step", [STEP - 1, STEP, STEP + 1])
def test_a_code_counts_in_its_window_and_once(step: int) -> None:
    assert check_code(SEED, code(step), now=NOW, last_step=None) == step
    assert check_code(SEED, code(step), now=NOW, last_step=step - 1) == step
    for last in (step, step + 1):
        with pytest.raises(WrongCodeError):
            check_code(SEED, code(step), now=NOW, last_step=last)


@pytest.mark.parametrize("step", [STEP - 2, STEP + 2])
def test_a_code_outside_the_window_is_refused(step: int) -> None:
    with pytest.raises(WrongCodeError):
        check_code(SEED, code(step), now=NOW, last_step=None)


def test_a_code_that_comes_twice_in_the_window_counts_once_for_each_step() -> None:
    """Some codes return at once: 911617 is that of two steps in a row, found by trying."""
    now = datetime.fromtimestamp(910738 * STEP_SECONDS, UTC)

    assert code(910737) == code(910738) == "911617"
    assert check_code(SEED, "911617", now=now, last_step=None) == 910737
    assert check_code(SEED, "911617", now=now, last_step=910737) == 910738


def test_the_window_at_the_beginning_of_time() -> None:
    assert check_code(SEED, code(0), now=datetime.fromtimestamp(0, UTC), last_step=None) == 0


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345",
        "1234567",
        "12345a",
        "-12345",
        "\uff11" * 6,
        "1" * 10_000,
        "12\n345",
    ],
)
def test_what_is_no_code_is_refused(typed: str) -> None:
    with pytest.raises(WrongCodeError):
        check_code(SEED, typed, now=NOW, last_step=None)


def test_spaces_do_not_matter() -> None:
    right = code(STEP)

    assert check_code(SEED, f" {right[:3]} {right[3:]} ", now=NOW, last_step=None) == STEP


def test_wrong_and_used_sound_the_same() -> None:
    said = []
    for typed, last in ((code(STEP), STEP), ("000000", None)):
        with pytest.raises(WrongCodeError) as refused:
            check_code(SEED, typed, now=NOW, last_step=last)
        said.append(str(refused.value))

    assert said[0] == said[1]


def test_a_seed_is_160_bits() -> None:
    assert len(new_seed(secrets.token_bytes)) == 20
    assert new_seed(secrets.token_bytes) != new_seed(secrets.token_bytes)


def test_an_enrolment_address_survives_odd_names() -> None:
    address = enrolment_address(b"\xff" * 20, user="a:b/ü?&", issuer="Steel & Yard")

    assert address == (
        "otpauth://totp/Steel%20%26%20Yard:a%3Ab%2F%C3%BC%3F%26?secret=77777777777777777777777777777777"
        "&issuer=Steel%20%26%20Yard"
    )


def test_recovery_codes_are_ten_and_count_once() -> None:
    made = make_recovery_codes(secrets.token_bytes)
    left = set(made.hashes)
    for shown in made.codes:
        left.remove(find_recovery_code(shown, left))
        with pytest.raises(WrongCodeError):
            find_recovery_code(shown, left)

    assert len(made.codes) == len(set(made.codes)) == RECOVERY_CODES == 10
    assert left == set()


def test_recovery_codes_may_be_typed_carelessly() -> None:
    made = make_recovery_codes(secrets.token_bytes)
    typed = f" {made.codes[3].lower().replace('-', ' - ')}\n"

    assert find_recovery_code(typed, made.hashes) == made.hashes[3]


def test_recovery_codes_are_120_bits_and_not_kept() -> None:
    made = make_recovery_codes(lambda length: bytes(range(length)))

    assert made.codes[0] == "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO"
    assert made.codes[0] not in repr(made)


@pytest.mark.parametrize("typed", ["", "AAAA", "\ud800", "x" * 100_000])
def test_what_is_no_recovery_code_is_refused(typed: str) -> None:
    with pytest.raises(WrongCodeError):
        find_recovery_code(typed, make_recovery_codes(secrets.token_bytes).hashes)
