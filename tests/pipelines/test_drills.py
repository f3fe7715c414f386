"""The drills, small: what a killed, doubled or starved command leaves, what hostile input does, and what forged requests reach."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = """
import json, sys
from pathlib import Path
import drill_disk, drill_guard, drill_inputs, drill_kills, drill_pairs
from drilling import tmpfs

folder = Path(sys.argv[1])
cases = {name: drill_kills.CASES[name] for name in ("import", "clean")}
found = {
    "kills": drill_kills.kills(folder / "kills", cases, 4),
    "inputs": drill_inputs.inputs(folder / "inputs", 10),
    "pairs": drill_pairs.pairs(folder / "pairs", verbs=("find", "clean")),
    "guard": drill_guard.forge(270),
}
with tmpfs(folder / "probe", "1m") as mounted:
    can_mount = mounted is not None
if can_mount:
    found["disk"] = drill_disk.disks(folder, 2, cases={"clean": cases["clean"]})
print(json.dumps({name: [sum(tally.tried.values()), tally.lost] for name, tally in found.items()}))
"""


@pytest.fixture(scope="module")
def drilled(tmp_path_factory):
    """How many were tried and which were lost, by drill; in a process of its own, since the drills fork."""
    folder = tmp_path_factory.mktemp("drills")
    (folder / "inputs").mkdir()
    path = f"{ROOT}:{ROOT / 'pipelines'}"
    done = subprocess.run(
        [sys.executable, "-c", SMALL, str(folder)], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("drill", "at_least"), [("kills", 4), ("inputs", 10), ("pairs", 3), ("guard", 270), ("disk", 12)])
def test_nothing_is_lost(drilled, drill, at_least):
    if drill not in drilled:
        pytest.skip("this machine lets nobody mount a file system")
    tried, lost = drilled[drill]
    assert tried >= at_least and lost == []
