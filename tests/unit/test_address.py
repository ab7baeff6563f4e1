from urllib.parse import quote

import pytest

from steelyard.storage.address import DatabaseUrlError, UnprovenHostError, address_of_url

SECRET = "hunter2"  # noqa: S105 - what must not be shown


def dsn(url: str) -> str:
    return str(address_of_url(url, adopts_role=False, trusts_network=True).arguments["dsn"])


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_accepts_the_schemes_people_have(scheme: str) -> None:
    assert dsn(f"{scheme}://me:{SECRET}@db/book") == f"postgresql://me:{SECRET}@db/book"


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ("sslmode=require", "sslmode=require"),
        ("ssl=require", "sslmode=require"),
        (
            f"sslmode=verify-full&sslrootcert={__file__}",
            f"sslmode=verify-full&sslrootcert={quote(__file__, '')}",
        ),
        ("connect_timeout=3&gssencmode=disable&keepalives=1", ""),
        ("sslmode=require&channel_binding=prefer", "sslmode=require"),
    ],
)
def test_translates_the_parameters_of_libpq(given: str, passed_on: str) -> None:
    assert dsn(f"postgres://me@db/book?{given}").partition("?")[2] == passed_on


def test_shows_the_place_and_never_the_secret() -> None:
    url = f"postgres://me:{SECRET}@db:6543/book?sslmode=verify-full&sslpassword={SECRET}"
    address = address_of_url(url, adopts_role=True)
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
        (f"postgres://me:{SECRET}@db/book?service=books", "names a service"),
        (f"postgres://me:{SECRET}@localhost/book?host=db", "names a host twice"),
        (f"postgres://me:{SECRET}@db@localhost/book", "second @"),
        (
            f"postgres://me:{SECRET}@db/book?sslrootcert=/no/such.pem",
            "sslrootcert=/no/such.pem, and there is no such",
        ),
    ],
)
def test_refuses_what_is_no_address_without_repeating_it(url: str, rule: str) -> None:
    with pytest.raises(DatabaseUrlError, match=rule) as refusal:
        address_of_url(url, adopts_role=False)
    assert SECRET not in str(refusal.value)


HERE = ("localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "[::1]", "%2Frun%2Fpostgresql", "")
ELSEWHERE = (
    "db",
    "db.example",
    "10.0.0.1",
    "192.168.1.5",
    "172.17.0.2",
    "[fe80::1]",
    "0.0.0.0",  # noqa: S104 - nothing listens here
    "localhost.example",
    "127.0.0.1.example",
    "localhost%2Cdb",
    "localhost,db",
)
WEAK = (None, "disable", "allow", "prefer", "require", "verify-ca", "VERIFY-FULL")


@pytest.mark.parametrize("host", [*HERE, *ELSEWHERE])
def test_off_the_machine_only_a_proven_host_is_connected_to(host: str) -> None:
    for mode in (*WEAK, "verify-full"):
        url = f"postgresql://me:{SECRET}@{host}/book" + (f"?sslmode={mode}" if mode else "")
        address_of_url(url, adopts_role=True, trusts_network=True)
        if host in HERE or mode == "verify-full":
            address_of_url(url, adopts_role=True)
        else:
            with pytest.raises(UnprovenHostError, match="Write sslmode=verify-full") as refusal:
                address_of_url(url, adopts_role=True)
            assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    "query",
    ["host=db", "host=/run/postgresql,db", "host=%252Frun", "sslmode=verify-full&sslmode=require&host=db"],
)
def test_a_host_among_the_parameters_counts_too(query: str) -> None:
    with pytest.raises(UnprovenHostError):
        address_of_url(f"postgresql://me:{SECRET}@/book?{query}", adopts_role=True)
    address_of_url(f"postgresql://me:{SECRET}@/book?host=/run/postgresql", adopts_role=True)


def test_a_host_that_the_environment_names_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db")
    monkeypatch.setenv("PGSSLMODE", "verify-full")  # not what the driver would be told by us
    with pytest.raises(UnprovenHostError, match="db is not this machine"):
        address_of_url(f"postgresql://me:{SECRET}@/book", adopts_role=True)


def test_the_authorities_of_the_system_are_asked_for_by_name() -> None:
    url = f"postgresql://me:{SECRET}@db/book?sslmode=verify-full"
    assert "ssl" not in address_of_url(url, adopts_role=True).arguments
    context = address_of_url(f"{url}&sslrootcert=system", adopts_role=True).arguments["ssl"]
    assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")
