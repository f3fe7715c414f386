"""Kills mongod under commands, gives them wrong and slow databases, and sets the clock back between decisions.

    python pipelines/drill_database.py [--kills 30] [--seed 0]

Where the database goes away, a command ends well or with one line; once it is back, the same command ends with the same files and the same
dataset. Where what answers is no MongoDB, or nothing answers, the command says so in one line. A slow database makes it slow, and no more.
"""

import argparse
import contextlib
import random
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from drill_kills import DATABASE_CASES, Case, World, _Datasets
from drilling import Tally, differences, fault_of, start, warm_up
from review_driver import Mongod

PATIENCE = 90.0  # seconds until a command must have told that its database is none


def killed(folder: Path, cases: dict[str, Case], num_kills: int, rng: random.Random, tally: Tally) -> None:
    """Kills mongod at random moments of each command, starts it again, and gives the same command again."""
    (folder / "mongo").mkdir(parents=True)
    mongod = Mongod(folder / "mongo")
    try:
        for number, (name, case) in enumerate(cases.items()):
            world = World(folder / f"{number}", mongod.uri)
            for command in case.before:
                world.run(command)
            state, datasets = world.keep(folder / f"state-{number}"), _Datasets(world)
            whole = world.run(case.command)
            if whole.code != 0:
                raise SystemExit(f"curate {' '.join(case.command)} ended with {whole.code}: {whole.err[-1000:]}")
            expected = world.contents()
            for _ in range(num_kills // len(cases) + (number < num_kills % len(cases))):
                world.reset(state)
                datasets.put_back()
                moment = rng.uniform(0.2, 1) * whole.seconds
                running = start(case.command, home=world.home, environment=world.environment)
                time.sleep(moment)
                mongod.kill()
                ended = running.wait()
                mongod.start()
                fault = fault_of(ended, allowed=("well", "told"))
                if fault is None:
                    fault = world.fault_of_again(case.command, expected)
                tally.note(f"mongod killed: {name}", None if fault is None else f"{fault}, after {moment:.2f} s")
    finally:
        mongod.stop()


@contextlib.contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """Context with the port of a server that is no MongoDB: it answers with these bytes, or never."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    held.append(connection)
                    if answer is not None:
                        connection.sendall(answer)
                        connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()


def wrong(folder: Path, tally: Tally) -> None:
    """Databases that are none."""
    command = DATABASE_CASES["audit given, dataset"].command
    with listening(None) as silent, listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as web, socket.create_server(("127.0.0.1", 0)) as probe:
        nobody = probe.getsockname()[1]
        probe.close()
        uris = {
            "nobody listens": f"mongodb://127.0.0.1:{nobody}/",
            "a web server": f"mongodb://127.0.0.1:{web}/",
            "it never answers": f"mongodb://127.0.0.1:{silent}/",
            "no such host": "mongodb://database.invalid/",
            "no address": "mongo//somewhere",
        }
        for number, (name, uri) in enumerate(uris.items()):
            world = World(folder / f"wrong-{number}")
            environment = {"FIFTYONE_DATABASE_URI": uri, "HOME": str(folder)}
            ended = start(command, home=world.home, environment=environment).wait(PATIENCE)
            fault = fault_of(ended, allowed=("told",))
            if fault is None:  # without a dataset the same audit goes on
                fault = fault_of(world.run((*command[:-2], "--no-fiftyone")), allowed=("well",))
            tally.note(f"wrong database: {name}", fault)


@contextlib.contextmanager
def slowly(port: int, seconds: float) -> Iterator[int]:
    """Context with a port that leads to `port`, where every answer comes later by so many seconds."""

    def pump(source: socket.socket, target: socket.socket, delay: float) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                time.sleep(delay)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    behind = socket.create_connection(("127.0.0.1", port))
                    threading.Thread(target=pump, args=(client, behind, 0.0), daemon=True).start()
                    threading.Thread(target=pump, args=(behind, client, seconds), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def slow(folder: Path, tally: Tally, *, seconds: float = 0.03) -> None:
    """The same dataset comes out of a database that takes its time."""
    (folder / "slow").mkdir()
    mongod = Mongod(folder / "slow")
    try:
        world = World(folder / "slow-world", mongod.uri)
        command = DATABASE_CASES["audit given, dataset"].command
        world.run(command)
        expected = world.contents()
        world.reset()
        with slowly(mongod.port, seconds) as port:
            uri = f"mongodb://127.0.0.1:{port}/"
            ended = start(command, home=world.home, environment={"FIFTYONE_DATABASE_URI": uri, "HOME": str(world.folder)}).wait()
        fault = fault_of(ended, allowed=("well",)) or ", ".join(differences(expected, world.contents())[:4]) or None
        tally.note("slow database", fault)
    finally:
        mongod.stop()


def clock_back(folder: Path, num: int, rng: random.Random, tally: Tally) -> None:
    """Decisions one after the other, while the clock jumps: the last word of a reviewer stands."""
    from curate.review import decisions, journal
    from curate.review.verdicts import standing_decisions
    from curate.run import Run

    world = World(folder / "clock")
    world.run(("audit", "pics", "--pred-probs", "p.npy", "--run", "r", "--no-fiftyone"))
    run = Run.open(world.home / "data" / "runs" / "r")
    real = decisions.utc_now

    def jumping() -> str:
        return journal.in_utc(f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}T{rng.randrange(24):02}:00:00")

    try:
        decisions.utc_now = jumping
        table = folder / "said.csv"
        for number in range(num):
            action = rng.choice(["ok", "drop", "ambiguous", "confirm_error"])
            table.write_text(f"sample_id,action,who,note\npics/train/cat/00.png,{action},anna,{number}\n")
            decisions.import_decisions(run, table)
            standing = standing_decisions(journal.read_journal(run.path / journal.JOURNAL).decisions)["pics/train/cat/00.png"]["anna"]
            tally.note("clock set back", None if standing.action == action else f"{action} was said last, {standing.action} stands")
    finally:
        decisions.utc_now = real


def databases(
    folder: Path, num_kills: int, *, seed: int = 0, cases: dict[str, Case] | None = None, num_jumps: int = 100, tally: Tally | None = None
) -> Tally:
    """All of it."""
    warm_up()
    tally, rng = Tally() if tally is None else tally, random.Random(seed)
    wrong(folder, tally)
    slow(folder, tally)
    clock_back(folder, num_jumps, rng, tally)
    killed(folder / "killed", cases if cases is not None else DATABASE_CASES, num_kills, rng, tally)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder, tally.shown():
        databases(Path(folder), options.kills, seed=options.seed, tally=tally)


if __name__ == "__main__":
    main()
