"""The figures of a server for Prometheus: how many requests, how long, how many at once. Nothing of any tenant."""

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Figures:
    """What is counted. Labels are route templates, methods and statuses: few, whatever is asked."""

    def __init__(self) -> None:
        """Begin at 0, with the process's own figures beside."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._requests = Counter(
            "steelyard_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "steelyard_request_seconds",
            "Time from a request's headers to the end of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self.under_way = Gauge("steelyard_requests_under_way", "Requests under way.", registry=self._registry)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            method: as sent; one that HTTP does not know is `other`.
            route: its template; "" = no route answered.
            status: of the answer; 0 = none was sent.
            seconds: how long it took.
        """
        self._requests.labels(method if method in METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def written(self) -> bytes:
        """Return the figures as Prometheus reads them."""
        return generate_latest(self._registry)
