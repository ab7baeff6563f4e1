"""The headers that every answer carries, whoever makes it."""

from typing import Final

EMPTY_STYLE: Final = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""The hash of the empty style that Plotly inserts."""

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {EMPTY_STYLE}; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PERMISSIONS_POLICY: Final = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), "
    "midi=(), payment=(), usb=(), publickey-credentials-create=(self), publickey-credentials-get=(self)"
)
EVERYWHERE: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS_POLICY,
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers hide the Origin of our own forms from us
    "X-Content-Type-Options": "nosniff",
}
STRICT_TRANSPORT: Final = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
NOT_KEPT: Final = ("Cache-Control", "no-store")

Pairs = list[tuple[bytes, bytes]]


def security_headers(*, is_secure: bool) -> Pairs:
    """Return the headers of every answer, as ASGI writes them.

    Args:
        is_secure: whether browsers come over https, and are to keep to it.
    """
    pairs = [*EVERYWHERE.items(), *([STRICT_TRANSPORT] if is_secure else [])]
    return [(name.lower().encode(), value.encode()) for name, value in pairs]


def completed(headers: Pairs, ours: Pairs, request_id: str) -> Pairs:
    """Add to the headers of an answer what every answer carries.

    An answer may say itself how long it is kept; whatever else of these it says is replaced.
    """
    names = {name for name, _ in ours}
    kept = [(name, value) for name, value in headers if name.lower() not in names]
    if not any(name.lower() == b"cache-control" for name, _ in kept):
        kept.append((NOT_KEPT[0].lower().encode(), NOT_KEPT[1].encode()))
    return [*kept, *ours, (b"x-request-id", request_id.encode())]
