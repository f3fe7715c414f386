"""Runs a review from outside: mongod and `curate review` as processes that can be killed, and decisions over HTTP."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from curate.app.mongod import answers, find_mongod, free_port

START_SECONDS = 120
LINK = re.compile(r"the App is at (\S+)\n")


class Mongod:
    """A mongod of its own in `folder`, which keeps its port and its data when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.uri = f"mongodb://127.0.0.1:{self.port}/"
        (folder / "db").mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        options = ["--dbpath", self.folder / "db", "--port", self.port, "--bind_ip", "127.0.0.1", "--nounixsocket"]
        with open(self.folder / "mongod.log", "ab") as log:
            command = list(map(str, [find_mongod(), *options, "--wiredTigerCacheSizeGB", 0.5]))
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: answers("127.0.0.1", self.port), "mongod listens")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class ReviewServer:
    """`curate review` of a run, started in a process of its own.

    Attributes:
        link: what it printed.
        address: the same without path and token.
        seconds: from the start to the printed link.
    """

    def __init__(self, run: Path, mongod: Mongod, home: Path, reviewer: str = "anna", *options: Any) -> None:
        self.port = free_port()
        hidden = ("DISPLAY", "WAYLAND_DISPLAY")  # no browser window is opened
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        environment |= {"FIFTYONE_DATABASE_URI": mongod.uri, "HOME": str(home), "CURATE_DATA": str(home / "data")}
        words = ["review", run, "--reviewer", reviewer, "--port", self.port, *options]
        start = time.monotonic()
        self.log = home / f"review-{self.port}.log"
        with open(self.log, "wb") as log:
            command = [sys.executable, "-m", "curate", *map(str, words)]
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: LINK.search(self.told()) or self.process.poll() is not None, "curate review tells its link", START_SECONDS)
        self.seconds = time.monotonic() - start
        found = LINK.search(self.told())
        if found is None:
            raise RuntimeError(f"curate review ended with {self.process.returncode}: {self.told()}")
        self.link = found[1]
        self.address = self.link.partition("/datasets")[0]
        self.token = self.link.rpartition("token=")[2]

    def link_to(self, view: str) -> str:
        """The link, but for another saved view, by its slug."""
        return re.sub("view=[^&]*", f"view={view}", self.link)

    def told(self) -> str:
        """What it wrote on stdout and stderr."""
        return self.log.read_text()

    def client(self) -> httpx.Client:
        """Who followed the link."""
        client = httpx.Client(base_url=self.address, follow_redirects=True, timeout=30)
        client.get("/fiftyone", params={"token": self.token}).raise_for_status()
        return client

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


def wait_until(is_so: Any, what: str, seconds: float = 60) -> Any:
    """What `is_so()` returns, once that is true."""
    deadline = time.monotonic() + seconds
    while not (value := is_so()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s it is still not so that {what}")
        time.sleep(0.02)
    return value
