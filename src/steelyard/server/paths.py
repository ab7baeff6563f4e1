"""Whose a path is: the interface's, a probe's, or a page's."""

from typing import Final

API: Final = "/api"
PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
FOR_PROGRAMS: Final = PROBES | {"/openapi.json"}


def is_api(path: str) -> bool:
    """Whether a path is the interface's: there, who is nobody learns not even which paths there are."""
    return path == API or path.startswith(f"{API}/")


def is_page(path: str) -> bool:
    """Whether a path is for people.

    >>> [is_page(path) for path in ("/", "/dashboard", "/api/v1/me", "/healthz")]
    [True, True, False, False]
    """
    return not is_api(path) and path not in FOR_PROGRAMS
