"""What is counted of a server, in the text form of Prometheus."""
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Bounds of the seconds of a request: an image takes some tenths.
_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0, 60.0)


class Counts:
    """The counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter("pellucid_requests", "Requests by endpoint and status.", ("endpoint", "status"),
                                registry=self._registry)
        self.images = Counter("pellucid_images", "Images by outcome: ok, or the word of the fault.", ("outcome",),
                              registry=self._registry)
        self.review = Counter("pellucid_review", "Images that a person should look at.", registry=self._registry)
        self.restarts = Counter("pellucid_worker_restarts", "Processes that were replaced.", registry=self._registry)
        self.seconds = Histogram("pellucid_request_seconds", "Seconds of a request that brings images.",
                                 ("endpoint",), buckets=_SECONDS, registry=self._registry)
        self.waiting = Gauge("pellucid_waiting_images", "Images that wait for a process.", registry=self._registry)

    def text(self) -> bytes:
        """What /metrics answers."""
        return generate_latest(self._registry)


class Counting:
    """Counts every request, refused ones too, and the seconds of those that bring images.

    Parameters
    ----------
    app : ASGIApp
    counts : Counts
    """

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app, self._counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Paths that no endpoint has are one: callers could otherwise make as many counters as they like.
                route = scope.get("route")
                endpoint = route.path if route else "other"
                self._counts.requests.labels(endpoint, str(message["status"])).inc()
                if scope["method"] == "POST" and route:
                    self._counts.seconds.labels(endpoint).observe(time.perf_counter() - start)
            await send(message)
        await self._app(scope, receive, sending)
