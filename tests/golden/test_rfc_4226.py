"""Counter-based codes against the vectors of RFC 4226, appendix D: the six digits that apps show."""

from steelyard.identity.mfa import calculate_code

CODES = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]


def test_the_codes_of_the_standard() -> None:
    assert [calculate_code(b"12345678901234567890", counter) for counter in range(10)] == CODES
