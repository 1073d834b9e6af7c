"""Access to the page: only from a browser on this machine, through the printed address.

Host and Origin are checked on every request and every websocket, against pages from elsewhere and against names that
resolve to this machine; then the token, once in the address and afterwards as a cookie.
"""

from __future__ import annotations

import hmac
import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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

    def __init__(self, app: ASGIApp, port: int, policy: str) -> None:
        self.app = app
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.token, self.key = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.cookie = f"stabsim_{port}"
        self.headers = {
            "content-security-policy": policy,
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "no-referrer",
            "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=()",
            "cache-control": "no-store",
        }
        """Safety headers of every answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or websocket."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        refusal = self._refusal(HTTPConnection(scope))
        if refusal is not None and scope["type"] == "websocket":
            await receive()
            await send(
                {"type": "websocket.close", "code": 1008}
            )  # before accepting: the handshake is answered with 403
        elif refusal is not None:
            status, words = refusal
            await PlainTextResponse(words, status)(scope, receive, send_safely)
        elif scope["type"] == "http" and self._has_token(HTTPConnection(scope)):
            cookie = f"{self.cookie}={self.key}; HttpOnly; SameSite=Strict; Path=/"  # the token leaves the address
            await RedirectResponse("/", 303, {"set-cookie": cookie})(scope, receive, send_safely)
        else:
            await self.app(scope, receive, send_safely)

    def _refusal(self, request: HTTPConnection) -> tuple[int, str] | None:
        """Status and words if this may not pass."""
        websocket = request.scope["type"] == "websocket"
        host, origin = request.headers.getlist("host"), request.headers.getlist("origin")
        if len(host) != 1 or host[0] not in self.hosts:
            return 421, "This page answers on its own address only."
        if (websocket and not origin) or origin not in ([], [f"http://{host[0]}"]):
            return 403, "Requests from other pages are refused."
        if any(value not in ("same-origin", "none") for value in request.headers.getlist("sec-fetch-site")):
            return 403, "Requests from other pages are refused."
        if not websocket and request.scope["method"] not in ("GET", "HEAD"):
            return 405, "This page only answers GET; files are checked in the page itself."
        if len(request.scope["path"]) + len(request.scope.get("query_string", b"")) > MAX_TARGET:
            return 414, "The address is too long."
        known = hmac.compare_digest(request.cookies.get(self.cookie, "").encode(), self.key.encode())
        if not known and (websocket or not self._has_token(request)):
            return 403, "Open the address that stabsim page printed: it holds the token of this page."
        return None

    def _has_token(self, request: HTTPConnection) -> bool:
        """Whether this is the printed address."""
        if request.scope["path"] != "/" or request.scope["method"] != "GET":
            return False
        given = request.query_params.getlist("token")
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), self.token.encode())
