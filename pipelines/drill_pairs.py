"""Runs two commands at once on one run, in all pairs of verbs, and looks how each ends.

    python pipelines/drill_pairs.py [--rounds 1] [--verbs audit find …] [--seed 0]

Each ends well or with one line and exit code 2. Afterwards the run can be read, and a plain audit of it ends with the files that it has
when nothing disturbs it.
"""

import argparse
import random
import shutil
import tempfile
import time
from itertools import combinations_with_replacement
from pathlib import Path

from drill_kills import PLAIN, World
from drilling import Tally, contents, differences, fault_of, start, warm_up

VERBS = {
    "audit": PLAIN,
    "find": ("find", "r", "--method", "predicted_neq_given"),
    "report": ("report", "r"),
    "gallery": ("gallery", "r"),
    "decisions": ("decisions", "r"),
    "import": ("import-decisions", "r", "decided.csv"),
    "clean": ("clean", "r", "--policy", "relabel"),
    "export folder": ("export", "r", "--format", "folder", "--to", "out"),
    "export csv": ("export", "r", "--format", "csv", "--to", "out.csv"),
}
RESULTS = ("issues.parquet", "findings.json", "class_health.csv", "label_pairs.csv", "pred_probs.npy", "labels.npy")


def pairs(folder: Path, *, rounds: int = 1, verbs: tuple[str, ...] = (), seed: int = 0, tally: Tally | None = None) -> Tally:
    """The tally of `rounds` of all pairs; the second command starts up to half a second after the first, after nothing half of the time."""
    warm_up()
    tally, rng = Tally() if tally is None else tally, random.Random(seed)
    world = World(folder / "world")
    made = world.run(PLAIN)
    if made.code != 0:
        raise SystemExit(f"a sound audit ended with {made.code}: {made.err[-1000:]}")
    expected = _results(world)
    state = world.keep(folder / "state")
    chosen = [name for name in VERBS if not verbs or name in verbs]
    for first, second in [pair for _ in range(rounds) for pair in combinations_with_replacement(chosen, 2)]:
        world.reset(state if rng.random() < 0.7 or "audit" not in (first, second) else None)
        before = (world.home / "data" / "runs" / "r").exists()
        one = start(VERBS[first], home=world.home)
        time.sleep(rng.choice([0.0, rng.uniform(0, 0.5)]))
        other = start(VERBS[second], home=world.home)
        ends = {first: one.wait(), f"{second} beside it": other.wait()}
        what = f"{first} + {second}"
        fault = next((f"{name}: {found}" for name, ended in ends.items() if (found := fault_of(ended, allowed=("well", "told")))), None)
        if fault is None and before and all(ended.verdict == "told" for ended in ends.values()):
            fault = f"both gave up: {ends[first].err.strip().splitlines()[-1]}"
        if fault is None:
            resumed = world.run(PLAIN)
            fault = fault_of(resumed, allowed=("well",)) or ", ".join(differences(expected, _results(world))) or None
        if fault is None:
            fault = next(
                (f"left {path.name}" for path in world.home.rglob("*") if path.name.endswith(".tmp") or ".curate-" in path.name[1:]), None
            )
            fault = None if fault is None or fault.endswith(".curate-export.json") else fault
        tally.note(what, fault)
    shutil.rmtree(state)
    return tally


def _results(world: World) -> dict[str, str]:
    found = contents(world.home / "data" / "runs" / "r")
    return {name: found.get(name, "") for name in RESULTS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--verbs", nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder, tally.shown():
        pairs(Path(folder), rounds=options.rounds, verbs=tuple(options.verbs), seed=options.seed, tally=tally)


if __name__ == "__main__":
    main()
