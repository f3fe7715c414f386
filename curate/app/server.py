"""FiftyOne's own server in this process, until Ctrl-C."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from starlette.responses import FileResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from curate.app.database import quiet_fiftyone
from curate.app.guard import BACKLOG

GRACE_SECONDS = 0.5  # for requests that run when the App ends; event streams never end by themselves
REPEAT_SECONDS = 30.0
PIECE = 2**20  # bytes of a file that are sent at once: the App's scripts are 20 MB, and every piece passes through Python


def fiftyone_app(port: int, plugins_dir: str) -> ASGIApp:
    """The ASGI app of FiftyOne's server, which gives out the JavaScript of the plugins in `plugins_dir`, and no debugging pages."""
    with quiet_fiftyone():
        from fiftyone.server.app import Static, app
        from fiftyone.server.events import set_port

    FileResponse.chunk_size = PIECE
    app.debug = False
    for route in app.routes:
        if getattr(route, "name", None) == "plugins":  # made at the import, for the folder that was configured then
            route.app = Static(directory=plugins_dir, html=True, check_dir=False, follow_symlink=True)
    set_port(port)
    return app


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Answers requests at `listener` until SIGINT or SIGTERM; to be called in the main thread, where Python takes signals.

    What still runs half a second later is cancelled. Errors of the server are told on stderr, in one line each.
    """
    from hypercorn.asyncio import serve as run
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{os.dup(listener.fileno())}"]
    config.backlog = BACKLOG
    config.include_server_header = False
    config.errorlog = logging.getLogger("curate.app.server")
    config.graceful_timeout = 3 * GRACE_SECONDS
    cancellable = Cancellable(app)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)

        async def until_stopped() -> None:
            await stop.wait()
            loop.call_later(GRACE_SECONDS, cancellable.cancel)

        await run(cancellable, config, shutdown_trigger=until_stopped, mode="asgi")  # type: ignore[arg-type]

    with errors_in_one_line():
        asyncio.run(main())


class Cancellable:
    """ASGI middleware that can cancel the requests that are being answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if scope["type"] == "lifespan" or task is None:
            await self.app(scope, receive, send)
            return
        self._tasks.add(task)
        try:
            await self.app(scope, receive, send)
        finally:
            self._tasks.discard(task)

    def cancel(self) -> None:
        for task in list(self._tasks):
            task.cancel()


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Context in which logged errors go to stderr as one line each; the App itself shows their details."""
    handler = OneLine()
    fiftyone = logging.getLogger("fiftyone")
    others = list(fiftyone.handlers)  # they print tracebacks
    logging.getLogger().addHandler(handler)
    for other in others:
        fiftyone.removeHandler(other)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        for other in others:
            fiftyone.addHandler(other)


class OneLine(logging.Handler):
    """Writes a record as one line on stderr; the same line at most twice a minute: a lost database fails every request."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._told: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        line = f"error: {self._words(record)}"
        now = time.monotonic()
        if now - self._told.get(line, -REPEAT_SECONDS) >= REPEAT_SECONDS:
            self._told[line] = now
            print(line, file=sys.stderr, flush=True)

    @staticmethod
    def _words(record: logging.LogRecord) -> str:
        from pymongo.errors import ConnectionFailure

        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ConnectionFailure):
            return "the database does not answer; the App goes on as soon as it is back"
        words = record.getMessage() if error is None else f"{type(error).__name__}: {error}"
        return words.strip().partition("\n")[0]
