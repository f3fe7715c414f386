"""Lets the disk run full at random points of commands, and makes parts of it read-only, on a small file system in memory.

    python pipelines/drill_disk.py [--tries 60] [--seed 0]

Needs the right to mount (root). A command on a full disk ends well or with one line, and the same command ends as it does without
the trouble once there is room. Where the run cannot be written, what only reads goes on: decisions, a report, a gallery and an
export to elsewhere.
"""

import argparse
import os
import random
import shutil
import tempfile
from pathlib import Path

from drill_kills import CASES, Case, World
from drilling import Tally, fault_of, run, tmpfs, warm_up

READING = {
    "decisions": ("decisions", "r"),
    "report to elsewhere": ("report", "r", "--to", "{elsewhere}/page.html"),
    "gallery to elsewhere": ("gallery", "r", "--to", "{elsewhere}/gallery"),
    "export to elsewhere": ("export", "r", "--format", "csv", "--to", "{elsewhere}/out.csv"),
    "summary to elsewhere": ("report", "r", "--summary", "--to", "{elsewhere}/summary.html"),
    "review page to elsewhere": ("gallery", "r", "--review", "--to", "{elsewhere}/page-to-review.html"),
    "folder to elsewhere": ("export", "r", "--format", "folder", "--to", "{elsewhere}/out"),
}
WRITING = {
    "find": ("find", "r"),
    "report": ("report", "r"),
    "clean": ("clean", "r", "--policy", "drop"),
    "import": ("import-decisions", "r", "decided.csv"),
    "audit": CASES["audit given"].command,
    "gallery": ("gallery", "r"),
}


def full(folder: Path, cases: dict[str, Case], num_tries: int, rng: random.Random, tally: Tally) -> None:
    """Leaves a random number of bytes on a file system of 6 MiB, lets a command run, makes room, lets it run again."""
    place = folder / "disk"
    with tmpfs(place, "6m") as mounted:
        if mounted is None:
            raise SystemExit("nothing tried: this machine lets nobody mount a file system")
        for number, (name, case) in enumerate(cases.items()):
            world = World(place / f"w{number}")
            for command in case.before:
                world.run(command)
            state = world.keep(folder / f"state-{number}")
            world.run(case.command)
            expected = world.contents()
            for _ in range(num_tries // len(cases) + (number < num_tries % len(cases))):
                world.reset(state)
                room = rng.choice([0, rng.randrange(0, 4096), rng.randrange(0, 200_000)])
                _fill(place, room)
                ended = world.run(case.command)
                place.joinpath("ballast").unlink()
                fault = fault_of(ended, allowed=("well", "told"))
                if fault is None and ended.verdict == "told" and "the disk is full" not in ended.err:
                    fault = f"another reason: {ended.err.strip().splitlines()[-1]}"
                if fault is None:
                    fault = world.fault_of_again(case.command, expected)
                tally.note(f"full: {name}", None if fault is None else f"{fault} (room for {room})")
            shutil.rmtree(world.folder)


def _fill(place: Path, room: int) -> None:
    status = os.statvfs(place)
    size = status.f_bavail * status.f_frsize - room
    with open(place / "ballast", "wb", buffering=0) as file:
        while size > 0:
            try:
                size -= file.write(bytes(min(size, 2**16)))
            except OSError:
                break


def read_only(folder: Path, tally: Tally) -> None:
    """The data folder read-only: what reads goes on, what writes says so in one line, with advice that can be followed."""
    place = folder / "read-only"
    with tmpfs(place, "12m") as remount:
        if remount is None:
            return
        world = World(place / "w")
        world.run(CASES["audit given"].command)
        world.run(CASES["import"].command)
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        remount("ro")
        for name, command in READING.items():
            ended = run([part.format(elsewhere=elsewhere) for part in command], home=world.home)
            tally.note(f"read-only: {name}", fault_of(ended, allowed=("well",)))
        for name, command in WRITING.items():
            ended = run(command, home=world.home)
            fault = fault_of(ended, allowed=("told", "well") if name in ("audit", "import") else ("told",))  # import: nothing new
            if fault is None and ended.code == 2 and ("CURATE_DATA" in ended.err or "the disk is read-only" not in ended.err):
                fault = f"advice that does not help: {ended.err.strip().splitlines()[-1]}"
            tally.note(f"read-only: {name}", fault)
        copy = shutil.copytree(world.home / "data" / "runs" / "r", folder / "copied" / "r")  # as the advice says
        for name, command in WRITING.items():
            if name != "audit":
                followed = [str(copy) if part == "r" else part for part in command]
                tally.note("the advice is followed", fault_of(run(followed, home=world.home), allowed=("well",)))
        remount("rw")


def disks(folder: Path, num_tries: int, *, seed: int = 0, cases: dict[str, Case] | None = None, tally: Tally | None = None) -> Tally:
    """Both drills; `cases` of the full disk, all that need no training by default."""
    warm_up()
    tally = Tally() if tally is None else tally
    chosen = cases if cases is not None else {name: case for name, case in CASES.items() if name != "audit nets"}
    if chosen:
        full(folder, chosen, num_tries, random.Random(seed), tally)
    read_only(folder, tally)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder, tally.shown():
        disks(Path(folder), options.tries, seed=options.seed, tally=tally)


if __name__ == "__main__":
    main()
