"""Orders move as the table of moves says, and the database holds the same table."""

import re
from pathlib import Path

import steelyard.storage
from steelyard.domain.order import ENDED, MOVES, OrderState, may_become

SCHEMA = Path(steelyard.storage.__file__).parent / "sql" / "schema.sql"


def test_the_moves_of_the_database_are_those_of_the_domain() -> None:
    text = SCHEMA.read_text(encoding="utf-8")
    listed = text[text.index("insert into steelyard.order_transitions") :]
    pairs = re.findall(r"^\('(\w+)', '(\w+)', '", listed[: listed.index(";")], re.MULTILINE)
    assert {(str(state), str(other)) for state, others in MOVES.items() for other in others} == set(pairs)


def test_what_was_sent_never_becomes_approved_again_and_an_ended_order_is_never_sent_again() -> None:
    for state in OrderState:
        if state is not OrderState.REVIEWED:
            assert not may_become(state, OrderState.APPROVED)
    assert not any(may_become(state, OrderState.SENDING) for state in ENDED)
