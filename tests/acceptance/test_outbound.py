"""Requests leave for checked addresses only, encrypted, and for the name that was asked for."""

import json
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from openid import LOOPBACK, TLS
from steelyard.errors import SteelyardError
from steelyard.network.outbound import (
    Address,
    AddressRefusedError,
    Answer,
    AnswerRefusedError,
    Outbound,
    OutboundRules,
    PlainHttpError,
    UnreachableError,
)

NAME = "id.example"


@dataclass(slots=True)
class Resolver:
    """Names and where they lead, one answer after the other; and what was asked."""

    answers: list[list[str]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append((host, port))
        addresses = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if not addresses:
            raise OSError("no such host")
        return [ip_address(address) for address in addresses]


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked, as JSON, and would go on listening."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._echo("")

    def do_POST(self) -> None:
        self._echo(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _echo(self, body: str) -> None:
        told = {name: self.headers[name] for name in ("Host", "Authorization", "Accept", "Accept-Encoding")}
        said = json.dumps({"body": body, **told}).encode()
        self.send_response(418 if self.path == "/418" else 200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with listening() as at:
        yield at


@asynccontextmanager
async def way_out(
    *addresses: list[str], rules: OutboundRules = LOOPBACK, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Outbound, Resolver]]:
    resolver = Resolver(list(addresses))
    outbound = Outbound(rules, resolve=resolver, tls=tls or TLS)
    yield outbound, resolver
    await outbound.close()


INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("others", [[], ["8.8.8.8"]])
async def test_no_name_leads_inside(address: str, others: list[str]) -> None:
    """Not even where it leads outside as well."""
    async with way_out([*others, address], rules=OutboundRules()) as (outbound, resolver):
        with pytest.raises(
            AddressRefusedError, match=f"{NAME} is at {ip_address(address)}, which is not a public address"
        ):
            await outbound.get_object(f"https://{NAME}/")

    assert resolver.asked == [(NAME, 443)]


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public_addresses_may_be_asked(address: str) -> None:
    assert OutboundRules().allow(ip_address(address))


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "::ffff:169.254.169.254"]
)
def test_the_keys_of_the_machine_are_never_asked_for(address: str) -> None:
    everything = OutboundRules((ip_network("0.0.0.0/0"), ip_network("::/0")))

    assert not everything.allow(ip_address(address))
    assert everything.allow(ip_address("10.1.2.3"))
    assert everything.allow(ip_address("fc00::1"))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "127.1", "localhost", "localhost."]
)
async def test_no_spelling_of_an_address_leads_inside(host: str) -> None:
    """By the system's own resolver."""
    outbound = Outbound(OutboundRules())
    with pytest.raises((AddressRefusedError, UnreachableError)) as refused:
        await outbound.get_object(f"https://{host}:9/")
    await outbound.close()

    assert host in {"[::1]", "localhost."} or isinstance(refused.value, AddressRefusedError)


async def test_the_connection_goes_to_the_address_that_was_checked(port: int) -> None:
    """The name is nowhere else known, and leads inside when it is asked for again."""
    async with way_out(["127.0.0.1"], ["10.1.2.3"]) as (outbound, resolver):
        answer = await outbound.get_object(f"http://{NAME}:{port}/")

        assert answer["Host"] == f"{NAME}:{port}"
        assert resolver.asked == [(NAME, port)]
        with pytest.raises(AddressRefusedError):
            await outbound.get_object(f"http://{NAME}:{port}/")


async def test_another_address_is_tried_where_nobody_listens(port: int) -> None:
    async with way_out(["127.0.0.2", "127.0.0.1", "127.0.0.3"]) as (outbound, _):
        assert await outbound.get_object(f"http://{NAME}:{port}/")


async def test_a_name_that_leads_nowhere() -> None:
    async with way_out([]) as (outbound, _):
        with pytest.raises(UnreachableError, match=NAME) as refused:
            await outbound.get_object(f"https://{NAME}/")

    assert refused.value.is_temporary


async def test_nothing_leaves_the_machine_unencrypted() -> None:
    async with way_out(["8.8.8.8"]) as (outbound, resolver):
        with pytest.raises(PlainHttpError, match=NAME):
            await outbound.get_object(f"http://{NAME}/")

    assert resolver.asked == [(NAME, 80)]


async def test_forms_and_logins_arrive_and_the_status_comes_back(port: int) -> None:
    async with way_out(["127.0.0.1"]) as (outbound, _):
        posted = await outbound.post_form(f"http://{NAME}:{port}/418", {"a": "b c&"}, login=("us", "s"))
        plain = await outbound.post_form(f"http://{NAME}:{port}/", {})

    told = {"Host": f"{NAME}:{port}", "Accept": "application/json", "Accept-Encoding": "identity"}
    assert posted == Answer(418, {"body": "a=b+c%26", "Authorization": "Basic dXM6cw==", **told})
    assert plain == Answer(200, {"body": "", "Authorization": None, **told})


async def test_a_get_wants_200(port: int) -> None:
    async with way_out(["127.0.0.1"]) as (outbound, _):
        with pytest.raises(AnswerRefusedError, match="has status 418"):
            await outbound.get_object(f"http://{NAME}:{port}/418")


async def test_an_answer_may_be_as_large_as_agreed(port: int) -> None:
    async with way_out(["127.0.0.1"]) as (outbound, _):
        size = len(json.dumps(await outbound.get_object(f"http://{NAME}:{port}/")))
    for most, error in ((size, None), (size - 1, AnswerRefusedError)):
        async with way_out(["127.0.0.1"], rules=OutboundRules(LOOPBACK.allowed_networks, max_bytes=most)) as (
            out,
            _,
        ):
            assert await refusal_of(out, f"http://{NAME}:{port}/") == error


async def refusal_of(outbound: Outbound, url: str) -> type[SteelyardError] | None:
    try:
        await outbound.get_object(url)
    except SteelyardError as error:
        return type(error)
    return None


async def test_no_proxy_of_the_environment_is_asked(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with way_out(["127.0.0.1"]) as (outbound, _):
        assert await outbound.get_object(f"http://{NAME}:{port}/")


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate for one name, the server that shows it, and who trusts it."""

    port: int
    trusting: ssl.SSLContext


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    place = tmp_path_factory.mktemp("tls") / "both.pem"
    certify(NAME, place)
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(place)
    with listening(shown) as at:
        yield Authority(at, ssl.create_default_context(cafile=str(place)))


def certify(name: str, place: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority for a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer, issuer, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    place.write_bytes(private + certificate.public_bytes(Encoding.PEM))


async def test_the_certificate_is_that_of_the_name(authority: Authority) -> None:
    """Not even a line that is open already, to the same address, serves another name."""
    async with way_out(["127.0.0.1"], tls=authority.trusting) as (outbound, _):
        answer = await outbound.get_object(f"https://{NAME}:{authority.port}/")
        with pytest.raises(UnreachableError, match=r"other\.example"):
            await outbound.get_object(f"https://other.example:{authority.port}/")

    assert answer["Host"] == f"{NAME}:{authority.port}"


async def test_a_certificate_that_nobody_vouches_for_is_refused(authority: Authority) -> None:
    async with way_out(["127.0.0.1"]) as (outbound, _):
        with pytest.raises(UnreachableError):
            await outbound.get_object(f"https://{NAME}:{authority.port}/")
