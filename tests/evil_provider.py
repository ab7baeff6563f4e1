"""An OpenID provider that lies: one small app, a defect for each path below its root.

`http://127.0.0.1:port/aud_foreign` is the issuer of a provider that is right in everything but the audience; the one
at `/none` is right in all. A defect is a function that changes what the right provider would have answered.
"""

import hmac
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

CLIENT = "steelyard"
SECRET = "the client's secret, which is long enough for a key"  # noqa: S105 - made up for this test
ACCESS_TOKEN = "an access token"  # noqa: S105 - made up for this test

Json = dict[str, Any]


def base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def number(value: int) -> str:
    return base64(value.to_bytes((value.bit_length() + 7) // 8))


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key for each name; made once."""
    assert name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def public(key: rsa.RSAPrivateKey, **members: object) -> Json:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": "k", "n": number(numbers.n), "e": number(numbers.e), **members}


@dataclass(slots=True)
class Answer:
    """What goes over the line."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    stalls: bool = False  # after the headers, until the end


@dataclass(slots=True)
class Lies:
    """What a provider says, one stage at a time; a defect overrides a stage."""

    metadata: Callable[[Json], object] = lambda stated: stated
    keys: Callable[[Json], object] = lambda stated: stated
    header: Callable[[Json], Json] = lambda header: header
    claims: Callable[[Json], Json] = lambda claims: claims
    payload: Callable[[bytes], bytes] = lambda payload: payload
    sign: Callable[[bytes], bytes] = lambda text: rsa_key("right").sign(text, padding.PKCS1v15(), SHA256())
    token: Callable[[str], str] = lambda token: token
    answer: Callable[[Json], object] = lambda stated: stated
    line: Callable[[str, Answer], Answer] = lambda _, answer: answer
    callback: Callable[[dict[str, str]], str | dict[str, str]] = lambda stated: stated


def changed(**members: object) -> Callable[[Json], Json]:
    """Give what was said with members changed, or left out where the change is None."""
    return lambda stated: {k: v for k, v in (stated | members).items() if v is not None}


def later(name: str, seconds: float) -> Callable[[Json], Json]:
    """Give the claims with a time so much later than the token was issued."""
    return lambda claims: claims | {name: claims["iat"] + seconds}


def only_for(part: str, answer: Answer) -> Callable[[str, Answer], Answer]:
    """Give another answer where the path ends so."""
    return lambda path, right: answer if path.endswith(part) else right


def ecdsa(text: bytes) -> bytes:
    r, s = decode_dss_signature(ec_key().sign(text, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda text: hmac.digest(secret, text, "sha256")


def wrong_sign(text: bytes) -> bytes:
    return rsa_key("wrong").sign(text, padding.PKCS1v15(), SHA256())


def half(hashed: bytes) -> str:
    return base64(hashed[: len(hashed) // 2])


class EvilProvider:
    """Answers for every defect, and remembers what each was asked and told."""

    def __init__(self, lies: dict[str, Lies]) -> None:
        """Listen on loopback; nothing is answered yet."""
        self.lies = lies
        self.asked: list[str] = []
        self.forms: list[tuple[str, str | None]] = []  # bodies and logins
        self.now = datetime(2026, 1, 2, 12, tzinfo=UTC)  # stands still: whoever tests shares this clock
        self.over = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.root = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._nonces: dict[str, str] = {}

    def sign_in(self, url: str) -> str:
        """What the browser would come back with."""
        parts = urlsplit(url)
        defect = parts.path.split("/")[1]
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._nonces[defect] = asked["nonce"]
        stated = self.lies[defect].callback(
            {"state": asked["state"], "code": "a code", "iss": f"{self.root}/{defect}"}
        )
        return stated if isinstance(stated, str) else "&".join(f"{k}={v}" for k, v in stated.items())

    def answer(self, path: str) -> Answer:
        self.asked.append(path)
        defect = path.split("/")[1]
        lies = self.lies[defect]
        if path.endswith("/openid-configuration"):
            said = lies.metadata(self._metadata(f"{self.root}/{defect}"))
        elif path.endswith("/keys"):
            said = lies.keys({"keys": [public(rsa_key("right"))]})
        else:
            said = lies.answer(self._tokens(defect, lies))
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return lies.line(path, Answer(body))

    def _metadata(self, issuer: str) -> Json:
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def _tokens(self, defect: str, lies: Lies) -> Json:
        issued_at = self.now.timestamp()
        claims = lies.claims(
            {
                "iss": f"{self.root}/{defect}",
                "sub": "ada",
                "aud": CLIENT,
                "nonce": self._nonces.get(defect),
                "iat": issued_at,
                "exp": issued_at + 60,
                "at_hash": half(sha256(ACCESS_TOKEN.encode()).digest()),
            }
        )
        header = json.dumps(lies.header({"alg": "RS256", "kid": "k"})).encode()
        text = f"{base64(header)}.{base64(lies.payload(json.dumps(claims).encode()))}"
        token = lies.token(f"{text}.{base64(lies.sign(text.encode()))}")
        return {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": token}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._give(provider.answer(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.forms.append((body, self.headers["Authorization"]))
                self._give(provider.answer(self.path))

            def _give(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in ({"Content-Length": str(len(answer.body))} | answer.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                if answer.stalls:
                    self.wfile.flush()
                    provider.over.wait()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def started(lies: dict[str, Lies]) -> Iterator[EvilProvider]:
    """Answer until the end."""
    provider = EvilProvider(lies)
    thread = threading.Thread(target=provider.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        provider.over.set()
        provider.server.shutdown()
        provider.server.server_close()
        thread.join()
