"""A Cloud SQL instance on this machine: what Google's connector talks to, in front of a real PostgreSQL.

Google's side is an HTTP server on a free port: the Cloud SQL Admin API and the place that gives out tokens. The
instance's TLS proxy listens on 3307, which is fixed in the connector, and hands what it decrypts to the server's
Unix socket. Certificates are real, signed by authorities made here; so are the connector, the login to Google and
the driver. All of it runs in threads of its own, as it would elsewhere.
"""

import json
import select
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, BaseServer, ThreadingTCPServer
from tempfile import NamedTemporaryFile
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from google.auth import jwt
from google.oauth2.service_account import Credentials

PROXY_PORT = 3307
INSTANCE = "acme:europe-west3:books"
HERE = "127.0.0.1"
NOBODY_THERE = "127.0.0.9"
HOUR = timedelta(hours=1)
PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
OPEN = serialization.NoEncryption()
_Server = TypeVar("_Server", bound=BaseServer)


class Authority:
    """Signs certificates with a key of its own."""

    def __init__(self, name: str) -> None:
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.sign(name, self._key.public_key(), HOUR, authority=True)

    def sign(
        self, name: str, key: CertificatePublicKeyTypes, lifetime: timedelta, *, authority: bool = False
    ) -> str:
        """Give a certificate that ends `lifetime` from now, as PEM."""
        end = datetime.now(UTC) + lifetime
        builder = x509.CertificateBuilder(self._name, _named(name), key, x509.random_serial_number())
        builder = builder.not_valid_before(end - timedelta(days=2)).not_valid_after(end)
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(PEM).decode()


@dataclass
class FakeCloudSql:
    """The instance; a test changes what it is before it connects.

    Attributes:
        backend: the Unix socket of the server behind it.
        failures: HTTP statuses the Admin API answers first, one a request.
        status: what it answers after those.
        refuses_login: whether no token is given out.
        settings: what connectSettings says beside the certificate.
        client_lifetime, server_lifetime: how long the two certificates still live.
        clients: who signs the certificates of clients.
        servers: who signs the instance's own, and is shown by connectSettings.
        trusted: whose clients the instance lets in; None means those of `clients`.
        shown: who connectSettings says signs the instance's; None means `servers`.
        asked: path, body and bearer token of every request to the Admin API.
        ended: "connection" or "admin" whenever the client ended one.
    """

    backend: Path
    failures: list[int] = field(default_factory=list)
    status: int = 200
    refuses_login: bool = False
    settings: dict[str, Any] = field(
        default_factory=lambda: {
            "region": "europe-west3",
            "databaseVersion": "POSTGRES_18",
            "ipAddresses": [{"type": "PRIMARY", "ipAddress": HERE}],
        }
    )
    client_lifetime: timedelta = HOUR
    server_lifetime: timedelta = HOUR
    clients: Authority = field(default_factory=lambda: Authority("clients"))
    servers: Authority = field(default_factory=lambda: Authority("servers"))
    trusted: Authority | None = None
    shown: Authority | None = None
    asked: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    endpoint: str = ""
    connections: list[socket.socket] = field(default_factory=list)

    def credentials(self) -> Credentials:
        """Give a service account's login to Google, which gets its tokens here."""
        account = {
            "client_email": "robot@acme.iam.gserviceaccount.com",
            "token_uri": f"{self.endpoint}/token",
            "private_key": _service_account_key(),
        }
        read: Callable[[dict[str, str]], Credentials] = Credentials.from_service_account_info
        return read(account)

    def tls(self) -> ssl.SSLContext:
        """Give the instance's end of TLS: 1.3 only, and clients must show a certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.servers.sign("instance", key.public_key(), self.server_lifetime)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        with NamedTemporaryFile(mode="w", suffix=".pem") as chain:
            chain.write(key.private_bytes(PEM, PKCS8, OPEN).decode() + certificate)
            chain.flush()
            context.load_cert_chain(chain.name)
        context.load_verify_locations(cadata=(self.trusted or self.clients).certificate)
        return context

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer what the Admin API is asked."""
        if path.endswith(":generateEphemeralCert"):
            key = serialization.load_pem_public_key(body["public_key"].encode())
            assert isinstance(key, rsa.RSAPublicKey)
            return {"ephemeralCert": {"cert": self.clients.sign("client", key, self.client_lifetime)}}
        return {**self.settings, "serverCaCert": {"cert": (self.shown or self.servers).certificate}}

    def cut(self) -> None:
        """Cut every connection, as a proxy that dies does."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(instance: FakeCloudSql) -> Iterator[FakeCloudSql]:
    """Run Google's side and the instance's proxy."""
    with (
        _in_a_thread(_Google((HERE, 0), partial(_GoogleAnswer, instance))) as google,
        _in_a_thread(_Proxy((HERE, PROXY_PORT), partial(_Relay, instance))),
    ):
        instance.endpoint = f"http://{HERE}:{google.server_address[1]}"
        yield instance
        instance.cut()


class _Google(ThreadingHTTPServer):
    daemon_threads = True


class _Proxy(ThreadingTCPServer):
    request_queue_size = 64
    allow_reuse_address = True
    daemon_threads = True


class _GoogleAnswer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, so that closing one is an act

    def __init__(self, instance: FakeCloudSql, *arguments: Any) -> None:
        self._instance = instance
        self._asked = False
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            self._send_token(parse_qs(body.decode())["assertion"][0])
        else:
            self._answer(json.loads(body))

    def handle(self) -> None:
        # of the two questions at once the second is dropped when the first fails
        with suppress(ConnectionError):
            super().handle()

    def finish(self) -> None:
        super().finish()
        if self._asked:
            self._instance.ended.append("admin")

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: dict[str, Any]) -> None:
        instance, self._asked = self._instance, True
        instance.asked.append((self.path, body, self.headers["Authorization"]))
        status = instance.failures.pop() if instance.failures else instance.status
        if status == 200:
            self._send(200, instance.answer(self.path, body))
        else:
            self._send(status, {"error": {"code": status, "message": f"Google says {status}."}})

    def _send_token(self, assertion: str) -> None:
        if self._instance.refuses_login:
            self._send(400, {"error": "invalid_grant", "error_description": "The account is disabled."})
        else:
            decode: Callable[..., dict[str, str]] = jwt.decode  # google-auth has no types for it
            scope = decode(assertion, verify=False)["scope"]
            self._send(200, {"access_token": f"for {scope}", "expires_in": 3600})

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Relay(BaseRequestHandler):
    def __init__(self, instance: FakeCloudSql, *arguments: Any) -> None:
        self._instance = instance
        super().__init__(*arguments)

    def handle(self) -> None:
        context = self._instance.tls()
        with suppress(OSError), context.wrap_socket(self.request, server_side=True) as client:
            self._instance.connections.append(client)
            with socket.socket(socket.AF_UNIX) as backend:
                backend.connect(str(self._instance.backend))
                _relay(client, backend)
            self._instance.ended.append("connection")


def _relay(client: ssl.SSLSocket, backend: socket.socket) -> None:
    """Carry bytes both ways until one end closes."""
    while True:
        ready = [client] if client.pending() else select.select([client, backend], [], [])[0]
        for end in ready:
            data = end.recv(65536)
            if not data:
                return
            (backend if end is client else client).sendall(data)


@contextmanager
def _in_a_thread(server: _Server) -> Iterator[_Server]:
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.02))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


@cache
def _service_account_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(PEM, PKCS8, OPEN).decode()
