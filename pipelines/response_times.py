"""How long one waits for what should take no time: imports, short verbs, the App's guard, and loading a set that is there already.

    python pipelines/response_times.py RUN [--repeats 5]        (on an idle machine)

Each command is a process of its own; medians over the repeats, which take turns. The tests hold what can be counted, such as the modules
that a verb imports (`tests/cli/test_cli_imports.py`), since seconds depend on what else runs.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import records

from curate.app.guard import Address, Guard, Tokens
from curate.data.load import load
from curate.run import Run, run_path

NUM_REQUESTS = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="an audited run")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    run = Run.open(run_path(options.run))
    with tempfile.TemporaryDirectory() as folder:
        measured = commands(run, Path(folder))
        name = run.meta["dataset"]["origin"].get("source")
        measured |= {f"load {Path(str(name)).name}": lambda: load(str(name)), f"guard, {NUM_REQUESTS} requests": guard_requests}
        seconds: dict[str, list[float]] = {what: [] for what in measured}
        for _ in range(options.repeats):
            for what, act in measured.items():
                start = time.perf_counter()
                act()
                seconds[what].append(round(time.perf_counter() - start, 4))
    records.append("response times", run, seconds)
    for what, values in seconds.items():
        print(f"{what:32} {statistics.median(values):7.3f} s   {min(values):.3f} to {max(values):.3f}")


def commands(run: Run, folder: Path) -> dict[str, Callable[[], object]]:
    """Processes by what they do; what they write goes into the folder."""
    verbs = {
        "--help": (),
        "doctor": (),
        "decisions": (run.handle,),
        "report": (run.handle, "--to", folder / "report.html"),
        "gallery": (run.handle, "--limit", "50", "--to", folder / "gallery"),
        "export": (run.handle, "--format", "csv", "--to", folder / "cleaned.csv"),
    }
    made = {f"curate {verb}": ["-m", "curate", verb, *map(str, arguments)] for verb, arguments in verbs.items()}
    made = {"python": ["-c", ""], "import curate": ["-c", "import curate"], **made}
    return {what: lambda words=words: process(words) for what, words in made.items()}


def process(words: list[str]) -> None:
    subprocess.run([sys.executable, *words], check=True, capture_output=True)


def guard_requests() -> None:
    """What the App's guard costs, without the App behind it."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        pass

    class Files:
        def serves(self, path):
            return False

    guard = Guard(app, Address("127.0.0.1", 5151), Tokens(), Files())
    cookie = f"{guard.cookie}={guard.tokens.session}".encode()
    headers = [(b"host", b"127.0.0.1:5151"), (b"cookie", cookie), (b"origin", b"http://127.0.0.1:5151")]
    scope = {"type": "http", "method": "POST", "path": "/events", "raw_path": b"/events", "query_string": b"", "headers": headers}

    async def ask():
        for _ in range(NUM_REQUESTS):
            await guard(dict(scope), None, send)

    asyncio.run(ask())


if __name__ == "__main__":
    main()
