"""Runs a review from outside: mongod and `curate review` as processes that can be killed, and decisions over HTTP."""

import contextlib
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
import pymongo

from curate.app.mongod import answers, find_mongod, free_port
from curate.run import data_root

START_SECONDS = 120
LINK = re.compile(r"the App is at (\S+)\n")


class Killable:
    """A process in `self.process` that is killed at the end of its context, if it still runs."""

    process: subprocess.Popen

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()


class Mongod(Killable):
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

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    @staticmethod
    def collection(client: pymongo.MongoClient, dataset_name: str) -> Any:
        """Where FiftyOne keeps the samples of a dataset."""
        database = client["fiftyone"]
        return database[database["datasets"].find_one({"name": dataset_name})["sample_collection_name"]]

    def samples(self, dataset_name: str) -> list[dict[str, Any]]:
        """`_id`, `sample_id`, `rank` and `review` of all samples of a FiftyOne dataset, most suspect first."""
        with pymongo.MongoClient(self.uri) as client:
            found = self.collection(client, dataset_name).find({}, {"sample_id": 1, "rank": 1, "review": 1})
            return sorted(found, key=lambda sample: sample["rank"])


class ReviewServer(Killable):
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

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """Context with somebody who followed the link."""
        with httpx.Client(base_url=self.address, follow_redirects=True, timeout=60) as client:
            client.get("/fiftyone", params={"token": self.token}).raise_for_status()
            yield client

    def decide(self, client: httpx.Client, dataset_name: str, operator: str, ids: list[Any], **params: Any) -> bool:
        """Presses a key on selected samples, as the browser would; whether the App said done."""
        asked = {
            "operator_uri": f"@curate/review/{operator}",
            "dataset_name": dataset_name,
            "selected": list(map(str, ids)),
            "params": params,
        }
        try:
            answer = client.post("/operators/execute", json=asked).json()
        except (httpx.HTTPError, ValueError):  # killed while it answered
            return False
        return any(request["operator_uri"].endswith("/patch_samples") for request in (answer.get("executor") or {}).get("requests", []))

    def stop(self) -> None:
        """Ctrl-C, until it is heard: a shell's background jobs ignore it until the App listens to it."""
        while self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)


def copy_run(path: Path, home: Path) -> Path:
    """A run of the same name in `home` without decisions: nothing is written to the user's own. Files are links to it."""
    copy = home / "data" / "runs" / path.name
    copy.mkdir(parents=True)
    for file in path.iterdir():
        if file.name not in ("run.json", "decisions.jsonl", "folds") and not file.name.startswith("."):  # locks are each one's own
            (copy / file.name).symlink_to(file.absolute())
    (copy / "run.json").write_bytes((path / "run.json").read_bytes())
    for name in ("raw", "media"):
        if (data_root() / name).exists():
            (home / "data" / name).symlink_to((data_root() / name).absolute())
    return copy


def wait_until(is_so: Any, what: str, seconds: float = 60) -> Any:
    """What `is_so()` returns, once that is true."""
    deadline = time.monotonic() + seconds
    while not (value := is_so()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s it is still not so that {what}")
        time.sleep(0.02)
    return value
