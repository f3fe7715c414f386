"""Kills and interrupts commands at every write and at random moments, and looks whether the same command then ends with the same files.

    python pipelines/drill_kills.py [--kills 200] [--seed 0] [--verbs audit find …] [--database]

With `--database` the audits make their FiftyOne dataset too, in a MongoDB of the drill's own, and it is compared as well.
"""

import argparse
import contextlib
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drilling import Stop, Tally, contents, differences, fault_of, make_pictures, make_probabilities, run, warm_up

DECISIONS = "sample_id,action,label,who,when\n{0},confirm_error,,anna,2026-01-31T10:00:00\n{1},relabel,dog,anna,2026-01-31T10:01:00\n"
GIVEN = ("audit", "pics", "--pred-probs", "p.npy", "--run", "r")
NETS = (
    "audit",
    "pics",
    "--judge",
    "nets",
    "--model",
    "lenet5",
    "--preset",
    "quick",
    "--folds",
    "2",
    "--image-size",
    "16",
    "--run",
    "r",
    "--device",
    "cpu",
)


@dataclass(frozen=True)
class Case:
    """A command, and the commands that make what it needs."""

    command: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()


IMPORT = ("import-decisions", "r", "decided.csv")
CLEAN = ("clean", "r", "--policy", "relabel")
PLAIN = (*GIVEN, "--no-fiftyone")
CASES = {
    "audit given": Case(PLAIN),
    "audit nets": Case((*NETS, "--no-fiftyone")),
    "find": Case(("find", "r", "--method", "predicted_neq_given"), (PLAIN, CLEAN)),
    "find given": Case(("find", "r", "--pred-probs", "q.npy"), (PLAIN,)),
    "report": Case(("report", "r"), (PLAIN,)),
    "gallery": Case(("gallery", "r"), (PLAIN,)),
    "import": Case(IMPORT, (PLAIN,)),
    "clean": Case(CLEAN, (PLAIN, IMPORT, ("clean", "r", "--policy", "drop"))),
    "export folder": Case(("export", "r", "--format", "folder", "--to", "out"), (PLAIN, IMPORT)),
    "export again": Case(
        ("export", "r", "--format", "folder", "--to", "out"), (PLAIN, ("export", "r", "--format", "folder", "--to", "out"))
    ),
    "export csv": Case(("export", "r", "--format", "csv", "--to", "out.csv"), (PLAIN, IMPORT)),
    "export corrected": Case(("export", "r", "--format", "corrected", "--to", "out.json"), (PLAIN, IMPORT)),
}
DATABASE_CASES = {
    "audit given, dataset": Case((*GIVEN, "--fiftyone", "--no-app")),
    "app": Case(("app", "r", "--no-open"), (PLAIN, IMPORT)),
    "app again": Case(("app", "r", "--no-open"), ((*GIVEN, "--fiftyone", "--no-app"), ("find", "r", "--method", "predicted_neq_given"))),
    "export fiftyone": Case(("export", "r", "--format", "fiftyone", "--to", "out"), ((*GIVEN, "--fiftyone", "--no-app"),)),
}


class World:
    """A folder with pictures, probabilities and decisions, that can be put back to how it was."""

    def __init__(self, folder: Path, uri: str | None = None) -> None:
        self.folder, self.uri = folder, uri
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        make_pictures(self.home / "pics")
        make_probabilities(self.home / "p.npy")
        make_probabilities(self.home / "q.npy", num_per_class=10)
        self.home.joinpath("decided.csv").write_text(DECISIONS.format("pics/train/cat/00.png", "pics/train/cat/03.png"))
        self.environment = {} if uri is None else {"FIFTYONE_DATABASE_URI": uri, "HOME": str(folder)}

    def run(self, command: Sequence[str], stop: Stop | None = None) -> Any:
        return run(command, home=self.home, stop=stop, environment=self.environment)

    def reset(self, state: Path | None = None) -> None:
        """Back to `state`, else to a world without runs."""
        for name in ("data", "out", "out.csv", "out.json"):
            path = self.home / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for left in self.home.glob(".*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        if self.uri is not None:
            import pymongo

            with pymongo.MongoClient(self.uri) as client:
                client.drop_database("fiftyone")
        if state is not None:
            shutil.copytree(state, self.home, dirs_exist_ok=True)

    def keep(self, to: Path) -> Path:
        """What `reset` takes as a state."""
        given = {"pics", "p.npy", "q.npy", "decided.csv"}
        return Path(shutil.copytree(self.home, to, ignore=lambda base, names: given & set(names) if Path(base) == self.home else ()))

    def fault_of_again(self, command: Sequence[str], expected: dict[str, str]) -> str | None:
        """What is wrong with how `command` ends once the trouble is over, or with what is there then; None where nothing is."""
        return fault_of(self.run(command), allowed=("well",)) or ", ".join(differences(expected, self.contents())[:4]) or None

    def contents(self) -> dict[str, str]:
        return contents(self.home) | ({} if self.uri is None else self._dataset())

    def _dataset(self) -> dict[str, str]:
        """The datasets as they are, but for ids and times."""
        import hashlib

        import pymongo

        found = {}
        with pymongo.MongoClient(self.uri) as client:
            database = client["fiftyone"]
            for dataset in database["datasets"].find():
                samples = database[dataset["sample_collection_name"]].find({}, {"_id": 0})
                told = sorted(str(_plain(sample)) for sample in samples)
                about = [
                    sorted(field["name"] for field in dataset["sample_fields"]),
                    (dataset["info"].get("curate") or {}).get("is_complete"),
                ]
                about.append(sorted(view["name"] for view in database["views"].find({"_id": {"$in": dataset.get("saved_views", [])}})))
                found[f"dataset {dataset['name']}"] = hashlib.sha256(repr((told, about)).encode()).hexdigest()[:16]
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _plain(item) for key, item in sorted(value.items()) if key not in ("_id", "created_at", "last_modified_at", "_dataset_id")
        }
    return [_plain(item) for item in value] if isinstance(value, list) else value


def drill(world: World, name: str, case: Case, num_kills: int, generator: random.Random, tally: Tally) -> None:
    """Half of the kills at writes, evenly spread, half at random moments; SIGKILL and SIGINT in turn."""
    world.reset()
    for command in case.before:
        _must_end_well(world.run(command), command)
    state = world.folder / f"state-{name.replace(' ', '-')}"
    world.keep(state)
    datasets = _Datasets(world)
    watched = Stop(point=None, folders=(world.home,))
    whole = world.run(case.command, watched)
    _must_end_well(whole, case.command)
    expected = world.contents()
    num_at_writes = min(whole.num_points, (num_kills + 1) // 2)
    points = sorted({1 + round(i * (whole.num_points - 1) / max(num_at_writes - 1, 1)) for i in range(num_at_writes)})
    stops = [Stop(point=point, folders=(world.home,)) for point in points]
    stops += [Stop(after=generator.uniform(0, whole.seconds), folders=(world.home,)) for _ in range(num_kills - len(points))]
    for number, stop in enumerate(stops):
        stop.signal = signal.SIGKILL if number % 2 == 0 else signal.SIGINT
        where = f"point {stop.point} of {whole.num_points}" if stop.point else f"after {stop.after:.2f} s"
        world.reset(state)
        datasets.put_back()
        killed = world.run(case.command, stop)
        fault = fault_of(killed, allowed=("well", "stopped"))
        if fault is None:
            fault = world.fault_of_again(case.command, expected)
            fault = None if fault is None else f"{fault}, after {signal.Signals(stop.signal).name} at {where}"
        tally.note(name, fault)


class _Datasets:
    """The content of the database as it is now, to be put back."""

    def __init__(self, world: World) -> None:
        self.uri, self.kept = world.uri, {}
        if self.uri is None:
            return
        import pymongo

        with pymongo.MongoClient(self.uri) as client:
            database = client["fiftyone"]
            self.kept = {name: list(database[name].find()) for name in database.list_collection_names()}

    def put_back(self) -> None:
        if self.uri is None:
            return
        import pymongo

        with pymongo.MongoClient(self.uri) as client:
            for name, documents in self.kept.items():
                if documents:
                    client["fiftyone"][name].insert_many(documents)


def _must_end_well(ended: Any, command: Sequence[str]) -> None:
    if ended.code != 0:
        raise SystemExit(f"curate {' '.join(command)} ended with {ended.code}: {ended.err[-2000:]}")


def kills(
    folder: Path, cases: dict[str, Case], num_kills: int, *, seed: int = 0, uri: str | None = None, tally: Tally | None = None
) -> Tally:
    """`num_kills` spread over `cases`."""
    tally = Tally() if tally is None else tally
    generator = random.Random(seed)
    warm_up()
    for number, (name, case) in enumerate(cases.items()):
        share = num_kills // len(cases) + (number < num_kills % len(cases))
        drill(World(folder / f"{number}", uri), name, case, share, generator, tally)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbs", nargs="*", help="only cases that begin so, such as audit or find")
    parser.add_argument("--database", action="store_true", help="with FiftyOne datasets, in a MongoDB of its own")
    options = parser.parse_args()
    chosen: Callable[[str], bool] = lambda name: not options.verbs or any(name.startswith(verb) for verb in options.verbs)  # noqa: E731
    cases = {name: case for name, case in (DATABASE_CASES if options.database else CASES).items() if chosen(name)}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        uri = None
        if options.database:
            from curate.app.mongod import private_mongod

            uri = stack.enter_context(private_mongod(Path(folder) / "mongo", cache_gb=0.25))
        tally = Tally()
        with tally.shown():
            kills(Path(folder), cases, options.kills, seed=options.seed, uri=uri, tally=tally)


if __name__ == "__main__":
    main()
