import pytest

from steelyard.storage.address import DatabaseUrlError, address_of_url

SECRET = "hunter2"  # noqa: S105 - what must not be shown


def dsn(url: str) -> str:
    return str(address_of_url(url, adopts_role=False).arguments["dsn"])


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_accepts_the_schemes_people_have(scheme: str) -> None:
    assert dsn(f"{scheme}://me:{SECRET}@db/book") == f"postgresql://me:{SECRET}@db/book"


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ("sslmode=require", "sslmode=require"),
        ("ssl=require", "sslmode=require"),
        ("sslmode=verify-full&sslrootcert=/etc/ca.pem", "sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem"),
        ("connect_timeout=3&gssencmode=disable&keepalives=1", ""),
        ("sslmode=require&channel_binding=prefer", "sslmode=require"),
    ],
)
def test_translates_the_parameters_of_libpq(given: str, passed_on: str) -> None:
    assert dsn(f"postgres://me@db/book?{given}").partition("?")[2] == passed_on


def test_shows_the_place_and_never_the_secret() -> None:
    address = address_of_url(f"postgres://me:{SECRET}@db:6543/book?sslpassword={SECRET}", adopts_role=True)
    assert address.place == "db:6543/book"
    assert SECRET not in repr(address)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        (f"mysql://me:{SECRET}@db/book", "does not begin with postgres://"),
        (f"me:{SECRET}@db/book", "does not begin with postgres://"),
        (f"postgres://me:{SECRET}@db:port/book", "no valid host and port"),
        (f"postgres://me:{SECRET}@db:70000/book", "no valid host and port"),
        (f"postgres://me:{SECRET}@db/book?channel_binding=require", "sslmode=verify-full"),
    ],
)
def test_refuses_what_is_no_address_without_repeating_it(url: str, rule: str) -> None:
    with pytest.raises(DatabaseUrlError, match=rule) as refusal:
        address_of_url(url, adopts_role=False)
    assert SECRET not in str(refusal.value)
