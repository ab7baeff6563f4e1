"""Laws of the audit's chain: whatever is done to it is found, and a kept head makes it final."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from chains import chain, flaws_of, head_of
from steelyard.domain.audit import AuditEvent, Fact, canonical_bytes, hash_of

LENGTH = 12
WHOLE = chain(LENGTH)
FORGED = chain(LENGTH + 4, actor="else")
PLACES = st.integers(0, LENGTH - 1)
TEXTS = st.text('ab1",:[]\\\n\x07\x7f€🂡', max_size=8)
FACTS = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True),
    TEXTS | st.booleans() | st.none() | st.integers(-(10**15) + 1, 10**15 - 1),
    max_size=3,
)

Events = list[AuditEvent]


def rehashed(events: Sequence[AuditEvent]) -> Events:
    """Number and hash events anew, as who owns the server can."""
    made: Events = []
    for sequence, event in enumerate(events, 1):
        before = made[-1].hash if made else bytes(32)
        renumbered = replace(event, sequence=sequence, previous_hash=before)
        made.append(replace(renumbered, hash=hash_of(renumbered)))
    return made


@st.composite
def tampered(draw: st.DrawFn) -> Events:
    """A chain after one to three changes: edits with and without a new hash, deletions, insertions, swaps."""
    events = [*WHOLE]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(0, len(events) - 1)))
        match draw(st.sampled_from(["edit", "rehash", "delete", "insert", "swap", "cut"])):
            case "edit" if events:
                events[place] = replace(events[place], actor=draw(TEXTS))
            case "rehash" if events:
                edited = replace(events[place], facts=draw(FACTS))
                events[place] = replace(edited, hash=hash_of(edited))
            case "delete":
                del events[place : place + 1]
            case "insert":
                events.insert(place, draw(st.sampled_from([*WHOLE, *FORGED])))
            case "swap" if events:
                other = draw(st.integers(0, len(events) - 1))
                events[place], events[other] = events[other], events[place]
            case _:
                events = events[:place]
    return events


@given(tampered())
def test_whatever_is_changed_is_found(events: Events) -> None:
    assume(events != WHOLE)
    assert flaws_of(events, head=head_of(WHOLE))


@given(tampered(), PLACES)
def test_a_chain_hashed_anew_is_found_by_any_head_kept_from_where_it_was_changed(
    events: Events, place: int
) -> None:
    forged = rehashed(events)
    assume(forged[: place + 1] != WHOLE[: place + 1])
    assert flaws_of(forged) == []
    assert flaws_of(forged, kept=[head_of(WHOLE[: place + 1])])


@given(tampered())
def test_a_flaw_is_never_before_the_first_change(events: Events) -> None:
    same = next(
        (n for n, (a, b) in enumerate(zip(events, WHOLE, strict=False)) if a != b), min(len(events), LENGTH)
    )
    assert all(flaw.sequence > 0 for flaw in flaws_of(events, head=head_of(WHOLE)))
    assert flaws_of(events[:same]) == []


@given(FACTS, TEXTS, TEXTS)
def test_two_events_of_other_content_have_other_bytes(facts: dict[str, Fact], one: str, two: str) -> None:
    event = replace(WHOLE[0], facts=facts, object_type=one, object_id=two)
    assert canonical_bytes(event) == canonical_bytes(replace(event, facts=dict(reversed([*facts.items()]))))
    if one != two:
        assert canonical_bytes(event) != canonical_bytes(replace(event, object_type=two, object_id=one))
