"""What every request passes before the program looks at it: origin, rate, token, size, time; and what answers carry."""
import asyncio
import hmac
import re
import secrets
import time
from collections.abc import Iterable

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from classify.serve.settings import BATCH_SHARE, MB, UPLOAD_SECONDS, ServeSettings, is_loopback

# What is answered without a token: the empty page, and whether the server lives.
OPEN = frozenset(("/", "/health"))
# Path of several images.
BATCH = "/predict/batch"
# Bytes of a form around its files.
_FORM_BYTES = 64 * 1024
# A name or an address, and a port.
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(:[0-9]+)?")
# Words of errors by status.
REASONS = {400: "wrong_call", 401: "no_token", 403: "wrong_origin", 404: "not_found", 405: "wrong_call",
           408: "too_slow", 413: "too_large", 422: "wrong_call", 429: "too_many", 503: "busy"}


class Rates:
    """How many images each address may send a minute."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def allow(self, address: str, images: int = 1) -> bool:
        """Count some images; False where they are too many."""
        return self._limiter.hit(self._item, address, cost=images)

    def seconds_left(self, address: str) -> int:
        """After which the next image may be allowed."""
        return max(1, round(self._limiter.get_window_stats(self._item, address).reset_time - time.time()))


def address_of(scope: Scope) -> str:
    """Who sent a request. Headers of proxies are not believed: anybody can write them."""
    return str(scope["client"][0]) if scope.get("client") else ""


def error_answer(status: int, error: str, reason: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    """Every error has this form: a line for people and a word for programs."""
    return JSONResponse({"error": error, "reason": reason or REASONS.get(status, "wrong_call")}, status, headers)


class Guard:
    """Refuses what may not come in, and bounds what may.

    Parameters
    ----------
    app : ASGIApp
    settings : ServeSettings
    rates : Rates
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, rates: Rates) -> None:
        self._app, self._settings, self._rates = app, settings, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Allows the one script of the page, for this answer only.
        scope.setdefault("state", {})["nonce"] = secrets.token_urlsafe(16)
        safe = _with_safe_headers(send, scope["state"]["nonce"])
        refused = self._refusal(scope, Headers(scope=scope))
        if refused:
            await refused(scope, receive, safe)
        else:
            await self._app(scope, self._bounded(receive, self._most_bytes(scope)), safe)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        named = _HOST.fullmatch(host)
        if self._settings.loopback and not (named and is_loopback(named["name"].strip("[]"))):
            # A page of another site whose name was pointed at this machine (DNS rebinding).
            return error_answer(403, "this server answers to the name that it listens on: call it by 127.0.0.1")
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return error_answer(403, "a page of another site sent this: call from the page of this server")
        if scope["method"] == "POST" and not self._rates.allow(address_of(scope)):
            return self.too_many(scope)
        if not self._allowed(scope["path"], headers.get("authorization", "")):
            return error_answer(401, "a token is wanted: send the header 'Authorization: Bearer <token>'",
                                headers={"WWW-Authenticate": "Bearer"})
        if _number(headers.get("content-length")) > self._most_bytes(scope):
            return self._too_large(scope)
        return None

    def too_many(self, scope: Scope) -> Response:
        """The answer where an address sent too many images."""
        return error_answer(429, f"more than {self._settings.rate} images a minute came from this address: wait",
                            headers={"Retry-After": str(self._rates.seconds_left(address_of(scope)))})

    def _allowed(self, path: str, authorization: str) -> bool:
        if self._settings.token is None or path in OPEN:
            return True
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._settings.token.encode())

    def _most_bytes(self, scope: Scope) -> int:
        return round(self._settings.most_mb * MB) * (BATCH_SHARE if scope["path"] == BATCH else 1) + _FORM_BYTES

    def _too_large(self, scope: Scope) -> Response:
        return error_answer(413, f"the request is larger than {self._most_bytes(scope) // MB} MB: send a smaller file",
                            headers={"Connection": "close"})

    def _bounded(self, receive: Receive, most: int) -> Receive:
        """Body by body, until it is too large or has taken too long."""
        came, until = 0, time.monotonic() + UPLOAD_SECONDS
        whole = False

        async def bounded() -> Message:
            nonlocal came, whole
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(until - time.monotonic(), 0.001))
            except TimeoutError:
                raise HTTPException(408, f"the request did not arrive within {UPLOAD_SECONDS} s") from None
            came += len(message.get("body", b""))
            if came > most:
                raise HTTPException(413, f"the request is larger than {most // MB} MB: send a smaller file")
            whole = not message.get("more_body", False)
            return message
        return bounded


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() else 0


def _with_safe_headers(send: Send, nonce: str) -> Send:
    """Answers are not kept, not framed, not taken for another type, and load nothing from elsewhere."""
    policy = ("default-src 'none'; img-src data:; style-src 'unsafe-inline'; connect-src 'self'; "
              f"script-src 'nonce-{nonce}'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
    safe: Iterable[tuple[str, str]] = (
        ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Resource-Policy", "same-origin"))

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in safe:
                headers[name] = value
        await send(message)
    return sending
