"""Results on stdout, everything else on stderr."""

import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from curate.cli import summary
from curate.cli.progress_bars import drawn_progress
from curate.progress import Progress


@contextlib.contextmanager
def working() -> Iterator[Progress]:
    """The time in which steps run: yields their progress, and keeps stdout free of what libraries print."""
    os.environ.setdefault("CURATE_OWN_PROCESS", "1")  # see curate.judge.training.device_memory, which is heavy to import
    with drawn_progress() as progress, stdout_to_stderr():
        yield progress


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Both Python's `sys.stdout` and file descriptor 1 lead to stderr meanwhile.

    So child processes follow, and none that stays behind (MongoDB's server) keeps a reader of our stdout waiting.
    """
    with contextlib.redirect_stdout(sys.stderr):
        kept = os.dup(1)
        os.dup2(2, 1)
        try:
            yield
        finally:
            if sys.__stdout__ is not None:
                sys.__stdout__.flush()  # of one who wrote past `sys.stdout`
            os.dup2(kept, 1)
            os.close(kept)


def show(result: dict[str, Any], *, as_json: bool, render: Callable[[dict[str, Any]], None] = summary.render) -> None:
    """Prints `result` on stdout: as one JSON object, or as `render` words it for people; its `warning` on stderr."""
    if result.get("warning"):
        print(f"warning: {result['warning']}", file=sys.stderr, flush=True)
    if as_json:
        print(json.dumps(jsonable(result), ensure_ascii=False), flush=True)
    else:
        render({key: value for key, value in result.items() if key != "warning"})


def jsonable(value: Any) -> Any:
    """`value` in JSON's own types: numpy scalars and arrays as numbers and lists, paths as text, NaN and infinities as null."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
