"""The drills, small: what a killed, doubled or starved command leaves, what hostile input does, and what forged requests reach."""

import json
import os
import signal
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


LONG = """
import sys, time
from pathlib import Path
from drilling import Tally, start

tally = Tally()
with tally.shown():
    tally.note("sleep", None)
    tally.note("sleep", "lost it" if sys.argv[2] == "lost" else None)
    running = start(lambda: time.sleep(600) or 0, home=Path(sys.argv[1]))
    print(running.process, flush=True)
    running.wait()
"""


def started(code, *arguments):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'pipelines'}"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("lost", [False, True])
def test_a_signal_ends_a_drill_with_the_table_of_what_was_tried_and_no_command_goes_on(tmp_path, number, lost):
    with started(LONG, tmp_path, "lost" if lost else "kept") as drill:
        running = int(drill.stdout.readline())
        drill.send_signal(number)
        out, err = drill.communicate()
    assert drill.returncode == (1 if lost else 128 + number) and err == ""
    table = [line.split() for line in out.splitlines()]
    assert ["stopped", "by", f"{number.name};", "until", "then:"] in table
    assert ["total", "2", "1" if lost else "2", "1" if lost else "0"] in table
    with pytest.raises(ProcessLookupError):
        os.kill(running, 0)


IN_A_FORK = """
import os, signal, sys
from pathlib import Path
from drilling import Tally, start

tally = Tally()
with tally.shown():
    tally.note("fork", None)
    os.register_at_fork(before=lambda: signal.raise_signal(signal.SIGTERM))
    start(lambda: 0, home=Path(sys.argv[1])).wait()
    tally.note("fork", None)
"""


def test_a_signal_is_heard_also_where_python_swallows_what_its_handler_raises(tmp_path):
    with started(IN_A_FORK, tmp_path) as drill:
        out, _ = drill.communicate()
    assert drill.returncode == 128 + signal.SIGTERM
    assert ["total", "1", "1", "0"] in [line.split() for line in out.splitlines()]
