"""Kills mongod and the server of a review at random moments, and looks for every decision that the App had called done.

    python pipelines/review_crash.py [--run mnist] [--kills 30] [--seed 0]

The run is copied: no decision gets into its own journal.
"""

import argparse
import contextlib
import random
import tempfile
import threading
import time
from pathlib import Path

import records
from review_driver import Mongod, ReviewServer, copy_run

from curate.review.journal import read_journal
from curate.run import Run, run_path

SHOWN = {"ok": "ok", "confirm_error": "error", "ambiguous": "ambiguous", "drop": "drop"}  # what tiles say of an action


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="mnist", help="an audited run")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = review_and_kill(copy_run(run_path(options.run), Path(folder)), Path(folder), options.kills, options.seed)
    for what, count in counts.items():
        print(f"{what.replace('_', ' '):28} {count}")
    records.append("review crash", Run.open(run_path(options.run)), counts)


def review_and_kill(run: Path, home: Path, num_kills: int, seed: int) -> dict[str, int]:
    """Counts of a scripted review of `run` in which a process dies now and then; `lost_…` are decisions that were called done."""
    generator = random.Random(seed)
    victims = generator.choices(("mongod", "server"), k=num_kills)
    done: dict[str, str] = {}
    not_answered: set[str] = set()
    with contextlib.ExitStack() as processes:
        mongod = processes.enter_context(Mongod(home / "mongo"))
        server = processes.enter_context(ReviewServer(run, mongod, home))
        waiting = mongod.samples(run.name)
        generator.shuffle(waiting)
        for victim in victims:
            killer = threading.Thread(target=end, args=[victim, mongod, server, generator.uniform(0.1, 2), generator.uniform(0, 1)])
            with server.client() as client:
                killer.start()
                while killer.is_alive():
                    action, chosen = generator.choice(list(SHOWN)), [waiting.pop() for _ in range(generator.choice((1, 1, 1, 5)))]
                    if server.decide(client, run.name, action, [sample["_id"] for sample in chosen]):
                        done |= {sample["sample_id"]: action for sample in chosen}
                    else:
                        not_answered |= {sample["sample_id"] for sample in chosen}
                        time.sleep(0.05)
                killer.join()
            if victim == "server":
                server = processes.enter_context(ReviewServer(run, mongod, home))
        server.kill()  # both once more: what is looked at has been opened again
        mongod.kill()
        mongod.start()
        with ReviewServer(run, mongod, home):
            shown = {sample["sample_id"]: sample["review"]["label"] for sample in mongod.samples(run.name) if "review" in sample}
    journal = read_journal(run / "decisions.jsonl")
    written = {decision.sample_id: decision.action for decision in journal.decisions}
    return {
        "kills_of_mongod": victims.count("mongod") + 1,
        "kills_of_server": victims.count("server") + 1,
        "decisions_called_done": len(done),
        "decisions_not_answered": len(not_answered),
        "lines_of_the_journal": len(journal.decisions),
        "reviews_in_the_database": len(shown),
        "lost_from_the_journal": sum(written.get(sample_id) != action for sample_id, action in done.items()),
        "lost_from_the_database": sum(shown.get(sample_id) != SHOWN[action] for sample_id, action in done.items()),
        "written_but_not_shown": sum(shown.get(sample_id) != SHOWN[action] for sample_id, action in written.items()),
    }


def end(victim: str, mongod: Mongod, server: ReviewServer, after: float, away: float) -> None:
    """Kills one of them `after` seconds; mongod comes back when it was `away` for some seconds."""
    time.sleep(after)
    if victim == "server":
        server.kill()
        return
    mongod.kill()
    time.sleep(away)
    mongod.start()


if __name__ == "__main__":
    main()
