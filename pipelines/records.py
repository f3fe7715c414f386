"""records.jsonl: one line per measured run, append-only; what the figures of the README come from."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from curate.run import Run, now

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "data" / "records.jsonl"


def git(*arguments: str) -> str:
    """What git prints, or nothing where this is no checkout."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def shown(argument: str) -> str:
    """The argument; of a path that leaves the checkout, also in NAME=PATH, only the name, since the rest is one machine's."""
    before, equals, path = argument.rpartition("=")
    return before + equals + (Path(path).name if Path(path).is_absolute() or ".." in Path(path).parts else path)


# Read when the script starts: what is committed while it runs is not what ran.
COMMIT = git("rev-parse", "--short", "HEAD")
IS_DIRTY = bool(git("status", "--porcelain", "--untracked-files=no", "--", "curate", "pipelines"))


def append(name: str, run: Run, values: dict[str, Any]) -> dict[str, Any]:
    """Appends what `run` was and what came out, and returns it. `name` says what was measured."""
    return append_measured(name, run.meta, values)


def append_measured(name: str, meta: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Appends what was measured without a run: `meta` has `device`, `versions`, `config` and `dataset` as `run.json` has them."""
    record = {
        "name": name,
        "when": now(),
        "command": " ".join(["python", f"pipelines/{Path(sys.argv[0]).name}", *map(shown, sys.argv[1:])]),
        "commit": COMMIT,
        "dirty": IS_DIRTY,
        **{key: meta[key] for key in ("device", "versions", "config")},
        "dataset": {key: meta["dataset"][key] for key in ("name", "num_samples", "images_hash", "labels_hash")},
        "steps": meta.get("steps", {}),
        "values": values,
    }
    with RECORDS.open("a") as file:
        file.write(json.dumps(record) + "\n")
    return record
