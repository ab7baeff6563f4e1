"""What may go wrong at the paper broker, and plans of when: nothing, by a list, or by chance."""

import random
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum


class Call(StrEnum):
    """What may go wrong: a request, or the telling of a fill."""

    PLACE = "place"
    CANCEL = "cancel"
    REPLACE = "replace"
    READ = "read"
    """Any request that changes nothing."""
    FILL = "fill"


class Fault(StrEnum):
    """How it goes wrong."""

    UNREACHABLE = "unreachable"
    """The connection is refused: the caller knows that nothing arrived."""
    REFUSE = "refuse"
    LOSE_REQUEST = "lose_request"
    """Nothing arrives, and the caller cannot know."""
    LOSE_REPLY = "lose_reply"
    """It is done, and the caller cannot know."""
    ANSWER_LATE = "answer_late"
    """It is done at once and answered late: who does not wait that long never hears of it."""
    EXECUTE_LATE = "execute_late"
    """The caller's time runs out first, and then it is done. Of an order placed; else the reply is lost."""
    DUPLICATE_FILL = "duplicate_fill"
    """A fill is told twice."""
    REORDER_FILL = "reorder_fill"
    """A fill is told after later ones."""
    BUST_FILL = "bust_fill"
    """A fill is taken back at once."""


FaultPlan = Callable[[Call], Fault | None]
"""Says of each call how it goes wrong; None = it does not."""


def no_faults(call: Call) -> None:
    """Let everything go well."""
    del call


def faults_in_order(plan: Iterable[tuple[Call, Fault | None]]) -> FaultPlan:
    """Return a plan that gives each call the next fault listed for its kind, and none after the last.

    >>> plan = faults_in_order([(Call.PLACE, Fault.LOSE_REPLY), (Call.READ, Fault.REFUSE)])
    >>> plan(Call.READ), plan(Call.PLACE), plan(Call.PLACE)
    (<Fault.REFUSE: 'refuse'>, <Fault.LOSE_REPLY: 'lose_reply'>, None)
    """
    waiting = list(plan)

    def next_fault(call: Call) -> Fault | None:
        place = next((place for place, (kind, _) in enumerate(waiting) if kind is call), None)
        return None if place is None else waiting.pop(place)[1]

    return next_fault


def faults_by_chance(chances: Mapping[Call, Mapping[Fault, float]], chance: random.Random) -> FaultPlan:
    """Return a plan that draws.

    Args:
        chances: kind of call → fault → how probable, a fraction; what is left to 1 goes well.
        chance: where it draws from.

    >>> faults_by_chance({Call.PLACE: {Fault.REFUSE: 1.0}}, random.Random(1))(Call.PLACE)
    <Fault.REFUSE: 'refuse'>
    """

    def draw(call: Call) -> Fault | None:
        drawn = chance.random()
        for fault, probability in chances.get(call, {}).items():
            drawn -= probability
            if drawn < 0:
                return fault
        return None

    return draw
