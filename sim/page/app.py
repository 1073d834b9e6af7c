"""The Shiny application: one `Window` for each browser window, one pool of worlds for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shiny import App, Inputs, Outputs, Session, reactive, render
from shiny.ui import page_html
from starlette.requests import Request
from starlette.responses import Response

from sim.page.measures import measures_html
from sim.page.view import page_text
from sim.page.window import Window
from sim.page.workers import Pool

STATIC = Path(__file__).parent / "static"


class Page:
    """The application and what its windows share."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.windows: dict[str, Window] = {}
        document = page_html(page_text())
        self.app = App(document, self._server, static_assets={"/static": STATIC})
        self.app.sanitize_errors = True
        self.html = str(self.app.ui["html"])  # type: ignore[index,call-overload]

    def start(self) -> None:
        """Start the processes that run worlds."""
        self.pool.start()

    def close(self) -> None:
        """End every process and delete what windows wrote."""
        for window in list(self.windows.values()):
            window.close()
        self.pool.close()

    def _server(self, input: Inputs, output: Outputs, session: Session) -> None:
        loop = asyncio.get_running_loop()
        structure = reactive.value(0)

        def tell(kind: str, content: dict[str, Any]) -> None:
            """Send to the browser from any thread."""
            if loop.is_closed():
                return
            asyncio.run_coroutine_threadsafe(session.send_custom_message(kind, content), loop)

        window = self.windows[session.id] = Window(session.id, self.pool, tell)

        def changed() -> None:
            structure.set(structure() + 1)

        @reactive.effect
        @reactive.event(input.wish)
        async def _() -> None:
            """Do what the window wishes; wishes come one at a time and in order."""
            wish = input.wish()
            if await asyncio.to_thread(window.wish, wish if isinstance(wish, dict) else {}):
                with reactive.isolate():
                    changed()

        @render.ui
        def measures() -> Any:
            structure()
            return measures_html(window.state)

        output(measures)
        for name, make in window.downloads().items():
            address = session.dynamic_route(name, _download(name, make))
            window.addresses[name] = address

        def ended() -> None:
            self.windows.pop(session.id, None)
            window.close()

        session.on_ended(ended)


def _download(name: str, make: Callable[[], tuple[str, str, bytes]]) -> Callable[[Request], Any]:
    """Answer a download: file name, media type and content are made outside the loop."""

    async def answer(request: Request) -> Response:
        try:
            file, kind, content = await asyncio.to_thread(make)
        except LookupError as error:
            return Response(str(error.args[0]), status_code=409, media_type="text/plain")
        return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{file}"'})

    return answer
