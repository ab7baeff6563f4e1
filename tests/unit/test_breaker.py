"""A source that fails again and again is left alone, and tried once after a while."""

from steelyard.market.breaker import Breaker, Circuit


def test_failures_in_a_row_open_it_and_an_answer_forgets_them() -> None:
    breaker = Breaker(faults_to_open=3, open_seconds=30)

    for _ in range(2):
        breaker.fail(0)
    breaker.succeed()
    for _ in range(2):
        breaker.fail(1)
    assert breaker.circuit(1) is Circuit.CLOSED
    breaker.fail(1)
    assert breaker.circuit(1) is Circuit.OPEN
    assert not breaker.may_pass(30.9)


def test_one_is_let_through_to_try_and_its_failure_opens_it_for_as_long_again() -> None:
    breaker = Breaker(faults_to_open=1, open_seconds=30)
    breaker.fail(0)

    assert breaker.may_pass(30)
    assert breaker.circuit(30) is Circuit.TRIED
    assert not breaker.may_pass(31)
    breaker.fail(40)
    assert breaker.circuit(40) is Circuit.OPEN
    assert not breaker.may_pass(69)
    assert breaker.may_pass(70)
    breaker.succeed()
    assert breaker.circuit(70) is Circuit.CLOSED


def test_a_try_of_which_nobody_hears_is_repeated() -> None:
    breaker = Breaker(faults_to_open=1, open_seconds=30)
    breaker.fail(0)

    assert breaker.may_pass(30)
    assert breaker.may_pass(60)
