"""Serve the page on this machine until it is stopped."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import uvicorn

from sim.errors import InputError, Problem
from sim.page.guard import Guard

DEFAULT_PORT = 8642
MAX_MESSAGE = 512 * 1024
"""Largest message a browser may send, bytes: a scenario file at its own limit, and some room."""


class _Server(uvicorn.Server):
    """Leaves signals to the page, which ends at once instead of waiting for open windows."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


class PageServer:
    """The page, bound to 127.0.0.1 and a port; ``address`` holds the token.

    Raises
    ------
    InputError
        If the port is in use or may not be used.
    """

    def __init__(self, port: int = DEFAULT_PORT) -> None:
        from sim.page.app import Page

        self.socket = _listen(port)
        self.port = int(self.socket.getsockname()[1])
        self.page = Page()
        self.guard = Guard(self.page.app, self.port, policy(self.page.html))
        self.address = f"http://127.0.0.1:{self.port}/?token={self.guard.token}"
        self.stopped_by = 0
        self._server: _Server | None = None

    def run(self, ready: Callable[[], None] | None = None) -> int:
        """Serve until a signal or `stop`; return the number of the signal, or 0."""
        config = uvicorn.Config(
            self.guard, log_level="critical", access_log=False, ws_max_size=MAX_MESSAGE, ws_max_queue=64, ws_per_message_deflate=False,
            timeout_graceful_shutdown=1, server_header=False, date_header=False, lifespan="on",
        )  # fmt: skip
        self._server = _Server(config)
        self.page.start()
        try:
            asyncio.run(self._serve(self._server, ready))
        finally:
            self.page.close()
            self.socket.close()
        return self.stopped_by

    def stop(self) -> None:
        """End at once; may be called from any thread."""
        if self._server is not None:
            self._server.should_exit = self._server.force_exit = True

    async def _serve(self, server: _Server, ready: Callable[[], None] | None) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._on_signal)
        serving = asyncio.create_task(server.serve([self.socket]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if ready is not None and not serving.done():
            ready()
        await serving

    def _on_signal(self, number: int, frame: object) -> None:
        self.stopped_by = number
        self.stop()


def serve(port: int, open_browser: bool, say: Callable[[str], None]) -> int:
    """Serve the page; tell its address once it answers. Returns the number of the signal that ended it."""
    server = PageServer(port)

    def ready() -> None:
        say(f"stabsim page: {server.address}")
        say("Only this machine can open it. Stop with Ctrl-C.")
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()

    return server.run(ready)


def policy(html: str) -> str:
    """Content security policy: this page's own files, and the inline parts it was built with, by their hash."""
    scripts = " ".join(_hashes(html, "script"))
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hashes(html: str, tag: str) -> list[str]:
    texts = re.findall(rf"<{tag}(?![^>]*\bsrc=)[^>]*>(.*?)</{tag}>", html, re.S)
    digests = (hashlib.sha256(text.encode()).digest() for text in dict.fromkeys(texts) if text.strip())
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


def _listen(port: int) -> socket.socket:
    """Bind to 127.0.0.1 and nothing else."""
    if not 0 <= port <= 65535:
        raise InputError(Problem("out of range", key="port", got=str(port), allowed="0 to 65535; 0 takes a free one"))
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        what = "is in use" if error.errno == 98 else f"cannot be used: {error.strerror}"
        raise InputError(
            Problem(what, key="port", got=str(port), hint="choose another with --port, or --port 0")
        ) from None
    return listening
