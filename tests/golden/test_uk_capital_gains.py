"""The published cases of a UK capital gains calculator (MIT), of which none is run.

A UK disposal is matched with what is bought on the same day, then within the 30 days after it, and only then with the
pool of section 104: which lots a sale takes follows from purchases that are still to come. No lot method here does.
"""

from published import Reason, Skip, load_suite

SUITE = load_suite("uk_capital_gains")
POOL = Skip(
    Reason.OUT_OF_SCOPE, "matches a disposal with purchases of the 30 days after it, then with a pool"
)
SKIPPED = {case["id"]: POOL for case in SUITE["cases"]}


def test_no_case_is_without_the_matching_of_the_uk() -> None:
    outputs = [case.get("expected_output", "") for case in SUITE["cases"]]
    assert all("Capital gains" in output or "tax year" in output for output in outputs)
