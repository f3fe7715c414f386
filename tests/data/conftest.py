"""A real HTTP server on this machine that can be told to misbehave, and a data folder of the test's own."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from making import ONE, PACKED, TWO, md5

from curate.data import catalog
from curate.data.entry import CatalogEntry, DataFile, Download


@dataclass
class Mirror:
    """What the server serves, how it behaves, and what it was asked.

    Attributes:
        files: path -> content.
        ranges: whether it knows Range requests.
        cuts: how many bytes to send before breaking off, one per coming answer; whole answers once they are used up.
        asked: (path, Range header) of each request.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    state = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked_range = self.headers.get("Range")
            state.asked.append((self.path.lstrip("/"), asked_range))
            content = state.files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            start = int(asked_range.removeprefix("bytes=").removesuffix("-")) if asked_range and state.ranges else 0
            if start and start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            body = content[start:]
            self.wfile.write(body[: state.cuts.pop(0)] if state.cuts else body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """`data_root()` for the test."""
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def entry(mirror, monkeypatch):
    """A dataset `made-up` of two files: one served gzipped, one as it is."""
    mirror.files.update({"one.gz": PACKED, "two": TWO})
    made_up = CatalogEntry(
        name="made-up",
        title="",
        class_names=("a", "b"),
        image_shape=(1, 8, 8),
        num_train=1,
        num_test=1,
        licence="",
        homepage="https://example.org/made-up",
        files=(DataFile("one", md5(ONE), len(ONE)), DataFile("two", md5(TWO))),
        downloads=(Download("one.gz", md5(PACKED), {"one": ""}), Download("two", md5(TWO))),
        mirrors=(mirror.url,),
        read=lambda folder: (np.zeros((2, 1, 8, 8), np.uint8), np.array([0, 1]), 1),
    )
    monkeypatch.setitem(catalog.CATALOG, "made-up", made_up)
    return made_up
