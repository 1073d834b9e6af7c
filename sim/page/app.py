"""The Shiny application of the page, and its server on 127.0.0.1: one `PageSession` for each browser window."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import re
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import uvicorn
from shiny import App, Inputs, Outputs, Session, reactive, render, ui
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sim.errors import InputError, Problem
from sim.page.exports import File
from sim.page.guard import Guard
from sim.page.runs import Pool
from sim.page.session import PageSession
from sim.page.view import page_html, programmes_html

MAX_MESSAGE = 512 * 1024
"""Largest message a browser may send, bytes: a scenario file at its own limit, and some room."""


class PageApp:
    """The application, its sessions, and the processes they share."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.sessions: dict[str, PageSession] = {}
        static = Path(__file__).parent / "static"
        self.app = App(ui.page_html(page_html()), self._server, static_assets={"/static": static})
        self.app.sanitize_errors = True
        self.html = str(self.app.ui["html"])  # type: ignore[index,call-overload]

    def close(self) -> None:
        """End every process and delete what sessions wrote."""
        for one in list(self.sessions.values()):
            one.close()
        self.pool.close()

    def _server(self, input: Inputs, output: Outputs, session: Session) -> None:
        loop = asyncio.get_running_loop()
        structure = reactive.value(0)  # counts requests after which the programmes' controls are made again

        def send(kind: str, content: dict[str, Any]) -> None:
            if not loop.is_closed():
                asyncio.run_coroutine_threadsafe(session.send_custom_message(kind, content), loop)

        page_session = self.sessions[session.id] = PageSession(session.id, self.pool, send)

        @reactive.effect
        @reactive.event(input.request)
        async def _() -> None:
            """Act on requests, one at a time and in order."""
            request = input.request()
            if await asyncio.to_thread(page_session.handle, request if isinstance(request, dict) else {}):
                with reactive.isolate():
                    structure.set(structure() + 1)

        @render.ui
        def programmes() -> Any:
            structure()
            return ui.HTML(programmes_html(page_session.state))

        output(programmes)
        for name, make in page_session.downloads().items():
            page_session.addresses[name] = session.dynamic_route(name, _download(make))

        def ended() -> None:
            self.sessions.pop(session.id, None)
            page_session.close()

        session.on_ended(ended)


def _download(make: Callable[[], File]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        try:
            file, kind, content = await asyncio.to_thread(make)
        except LookupError as error:
            return PlainTextResponse(str(error.args[0]), 409)
        return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{file}"'})

    return answer


class _Server(uvicorn.Server):
    """Leaves signals to `PageServer`, which ends at once instead of waiting for open windows."""

    ready: Callable[[], None]

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready()


class PageServer:
    """The page, bound to 127.0.0.1 and a port; ``address`` holds the token.

    Raises
    ------
    InputError
        If the port is in use or may not be used.
    """

    def __init__(self, port: int) -> None:
        self.socket = _listen(port)
        self.port = int(self.socket.getsockname()[1])
        self.page = PageApp()
        self.guard = Guard(self.page.app, self.port, content_policy(self.page.html))
        self.address = f"http://127.0.0.1:{self.port}/?token={self.guard.token}"
        self.stopped_by = 0
        config = uvicorn.Config(
            self.guard, log_level="critical", access_log=False, ws_max_size=MAX_MESSAGE, ws_max_queue=64, ws_per_message_deflate=False,
            timeout_graceful_shutdown=1, server_header=False, date_header=False, lifespan="on",
        )  # fmt: skip
        self._server = _Server(config)

    def run(self, ready: Callable[[], None]) -> int:
        """Serve until a signal or `stop`; return the number of the signal, or 0. Calls ``ready`` once it answers."""
        self._server.ready = ready
        self.page.pool.start()
        try:
            asyncio.run(self._serve())
        finally:
            self.page.close()
            self.socket.close()
        return self.stopped_by

    def stop(self) -> None:
        """End at once; may be called from any thread."""
        self._server.should_exit = self._server.force_exit = True

    async def _serve(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._on_signal)
        await self._server.serve([self.socket])

    def _on_signal(self, number: int, frame: object) -> None:
        self.stopped_by = number
        self.stop()


def serve(port: int, open_browser: bool, say: Callable[[str], None]) -> int:
    """Serve the page and print its address. Returns the number of the signal that ended it."""
    server = PageServer(port)

    def ready() -> None:
        say(f"stabsim page: {server.address}")
        say("Only this machine can open it. Stop with Ctrl-C.")
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()

    return server.run(ready)


def content_policy(html: str) -> str:
    """Content security policy: this page's own files, and the scripts written into it, by their hash."""
    scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", html, re.S)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts)
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


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
        what = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise InputError(
            Problem(what, key="port", got=str(port), hint="choose another with --port, or --port 0")
        ) from None
    return listening
