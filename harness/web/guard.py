"""Who may ask: this machine's own pages, or whoever holds the token; never a page of another site."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "harness_token"
MOST_BYTES = 20_000_000
"""Of an upload."""

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def is_loopback(host: str) -> bool:
    return host in LOOPBACK


@dataclass(slots=True)
class Guard:
    """Middleware round the app.

    Attributes:
        token: asked of everybody; None where the server listens on this machine alone.
    """

    app: ASGIApp
    token: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        refused = self._refused(scope["method"], headers)
        if refused:
            return await PlainTextResponse(refused[1], refused[0])(scope, receive, send)
        if self.token is not None:
            query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
            given = query.pop("token", None)
            if given is not None and secrets.compare_digest(given.encode(), self.token.encode()):
                # The token leaves the address, which histories and referrers keep.
                there = scope["path"] + (f"?{urlencode(query)}" if query else "")
                answer = RedirectResponse(there, 303)
                answer.set_cookie(COOKIE, self.token, httponly=True, samesite="strict")
                return await answer(scope, receive, send)
            held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
            if held is None or not secrets.compare_digest(held.value.encode(), self.token.encode()):
                said = "expected the token that harness serve printed: open the address with ?token=... once"
                return await PlainTextResponse(said, 401)(scope, receive, send)
        await self.app(scope, receive, _with_policy(send))

    def _refused(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        name = _split(f"//{host}")[0]
        if self.token is None and not is_loopback(name):
            return 403, f"this server answers to {', '.join(LOOPBACK)} alone, not to {name[:80]!r}"
        site = headers.get("sec-fetch-site", "same-origin" if method in ("GET", "HEAD") else "")
        if method in ("GET", "HEAD"):
            crossed = site == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
            return (403, "a page of another site can't read this one") if crossed else None
        origin = headers.get("origin")
        same = bool(host) and _split(origin)[1] == host if origin else site == "same-origin"
        if not same or site not in ("", "same-origin"):
            return 403, "refused: this was not sent by a page of this server"
        length = headers.get("content-length", "")
        if not length.isdigit():
            return 411, "expected a length of what is sent"
        if int(length) > MOST_BYTES:
            return 413, f"expected at most {MOST_BYTES // 1_000_000} MB, got {int(length) / 1e6:.0f} MB"
        return None


def _split(address: str) -> tuple[str, str]:
    """The name of the host in an address, and all of its place; "" where it is no address."""
    try:
        parts = urlsplit(address)
        return parts.hostname or "", parts.netloc
    except ValueError:
        return "", ""


def _with_policy(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("content-security-policy", POLICY)
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "same-origin"
            headers["cross-origin-opener-policy"] = "same-origin"
            headers["cross-origin-resource-policy"] = "same-origin"
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending
