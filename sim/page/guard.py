"""Who may talk to the page: this machine's browser, through the printed address, and nobody else.

Host and Origin are checked on every request and every websocket (a page elsewhere, or a name that resolves to this
machine, gets nothing); then the token, once in the address and afterwards as a cookie.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_TARGET = 2048
"""Longest path and query taken, bytes."""


class Guard:
    """An application around the page that lets through only what belongs here.

    Parameters
    ----------
    app : ASGI application
        The page.
    port : int
        The port it is served on, part of every allowed Host and Origin.
    policy : str
        Content security policy of every answer.
    """

    def __init__(self, app: Application, port: int, policy: str) -> None:
        self.app, self.port, self.policy = app, port, policy
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.token, self.key = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.cookie = f"stabsim_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or websocket."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(scope, receive, send, *refusal, self._safety())
        elif scope["type"] == "http" and self._token_given(scope):
            await self._let_in(send)
        else:
            await self.app(scope, receive, self._safely(scope, send))

    def _refusal(self, scope: Scope, headers: dict[str, list[str]]) -> tuple[int, str] | None:
        """Status and words if this may not pass."""
        websocket = scope["type"] == "websocket"
        host = headers.get("host", [])
        if len(host) != 1 or host[0] not in self.hosts:
            return 421, "This page answers on its own address only."
        origin = headers.get("origin", [])
        if len(origin) > 1 or (websocket and not origin) or (origin and origin[0] != f"http://{host[0]}"):
            return 403, "Requests from other pages are refused."
        if any(value not in ("same-origin", "none") for value in headers.get("sec-fetch-site", [])):
            return 403, "Requests from other pages are refused."
        if not websocket and scope["method"] not in ("GET", "HEAD"):
            return 405, "This page only answers GET; files are checked in the page itself."
        if len(scope["path"]) + len(scope.get("query_string", b"")) > MAX_TARGET:
            return 414, "The address is too long."
        if not self._knows(headers) and not (not websocket and self._token_given(scope)):
            return 403, "Open the address that stabsim page printed: it holds the token of this page."
        return None

    def _token_given(self, scope: Scope) -> bool:
        """Whether this is the printed address."""
        if scope["path"] != "/" or scope["method"] != "GET":
            return False
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), self.token.encode())

    def _knows(self, headers: dict[str, list[str]]) -> bool:
        """Whether the cookie of this page was sent."""
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load("; ".join(headers.get("cookie", [])))
        except CookieError:
            return False
        given = jar[self.cookie].value if self.cookie in jar else ""
        return hmac.compare_digest(given.encode(), self.key.encode())

    async def _let_in(self, send: Send) -> None:
        """Turn the token into a cookie and take it out of the address."""
        cookie = f"{self.cookie}={self.key}; HttpOnly; SameSite=Strict; Path=/"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0"), *self._safety()]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _safely(self, scope: Scope, send: Send) -> Send:
        """Add the safety headers to every answer."""
        if scope["type"] != "http":
            return send

        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                safety = self._safety()
                ours = {name for name, _ in safety}
                kept = [item for item in message.get("headers", []) if item[0].lower() not in ours]
                message = {**message, "headers": [*kept, *safety]}
            await send(message)

        return sent

    def _safety(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"content-security-policy", self.policy.encode()),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"referrer-policy", b"no-referrer"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), usb=()"),
            (b"cache-control", b"no-store"),
        ]


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


async def _refuse(
    scope: Scope, receive: Receive, send: Send, status: int, words: str, safety: list[tuple[bytes, bytes]]
) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # before accepting: the handshake is answered with 403
        return
    body = words.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *safety]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
