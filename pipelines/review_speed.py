"""How fast a review is in the App, measured in a browser on a run of real size.

    python pipelines/review_speed.py [--run mnist] [--decisions 50] [--suspects 100] [--parts opening open-sample tiles]
    python pipelines/review_speed.py --run scale-700000 --kept      # after `scale.py 700000 --steps app --keep`

The run is copied, and its dataset built in a mongod of its own: no decision gets into its journal. With `--kept` the database that
`scale.py` left in the run folder is copied instead, and the journal, which the run must not have before, is deleted at the end. Needs
Chromium and Playwright.
"""

import argparse
import contextlib
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pymongo
import records
from review_driver import Mongod, ReviewServer, copy_run
from review_page import ReviewPage, chromium

from curate.find.saved_table import load_table
from curate.review.journal import JOURNAL
from curate.run import Run, run_path

NUM_OPENINGS, NUM_TILES = 5, 20
PARTS = ("opening", "open-sample", "tiles")
LOOK_MS = 1500  # a reviewer looks at a tile, too: meanwhile FiftyOne counts for its sidebar


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="mnist", help="an audited run")
    parser.add_argument("--decisions", type=int, default=50, help="on tiles of the grid")
    parser.add_argument("--suspects", type=int, default=100, help="decided one after the other in the open sample")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what is measured, by default all: about 4 minutes")
    parser.add_argument("--kept", action="store_true", help="the dataset is in the run folder already")
    options = parser.parse_args()
    path = run_path(options.run)
    journal = path / JOURNAL
    if options.kept and not ((path / "mongo").exists() and not journal.exists()):
        parser.error(f"--kept needs a database at {path / 'mongo'}, from `scale.py`, and no {journal}")
    num_suspects = int(load_table(Run.open(path))["is_label_issue"].sum())
    if "open-sample" in options.parts and num_suspects < options.suspects:
        parser.error(f"{options.run} has {num_suspects} label issues, and --suspects {options.suspects} are to be decided; give fewer")
    values: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        home = Path(folder)
        if options.kept:
            told("copying the database")
            shutil.copytree(path / "mongo", home / "mongo")
            stack.callback(journal.unlink, missing_ok=True)
        run = path if options.kept else copy_run(path, home)
        mongod, browser = stack.enter_context(Mongod(home / "mongo")), stack.enter_context(chromium())
        told("opening the review" if options.kept else "building the dataset")
        ReviewServer(run, mongod, home).stop()
        if "opening" in options.parts:
            values |= openings(browser, run, mongod, home)
        with ReviewServer(run, mongod, home) as server:
            if "open-sample" in options.parts:  # before the tiles, which decide on the same suspects
                values |= decide_in_open_sample(browser, server, options.suspects)
            if "tiles" in options.parts:
                values |= decide_on_tiles(browser, server, mongod, run.name, options.decisions)
    for what, several in values.items():
        quantile = statistics.quantiles(several, n=10)[-1]
        print(f"{what:26} median {statistics.median(several):8.1f}   90 % {quantile:8.1f}   of {len(several)}")
    if "open-sample" in options.parts:
        waiting = sum(values["key_to_next_image_ms"]) / 1000
        print(f"{options.suspects} suspects: {waiting:.0f} s of waiting, {60 * options.suspects / waiting:.0f} decisions a minute at most")
    records.append(f"review speed {options.run}", Run.open(path), values)


def told(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what} …", file=sys.stderr, flush=True)


def openings(browser: Any, run: Path, mongod: Mongod, home: Path) -> dict[str, list[float]]:
    """From the command to its printed link, and from there to images."""
    found: dict[str, list[float]] = {"command_to_link_s": [], "link_to_images_s": []}
    for i in range(NUM_OPENINGS):
        told(f"opening {i + 1} of {NUM_OPENINGS}")
        with ReviewServer(run, mongod, home) as server:
            found["command_to_link_s"].append(server.seconds)
            found["link_to_images_s"].append(opening_seconds(browser, server))
    return found


def opening_seconds(browser: Any, server: ReviewServer) -> float:
    """From following the link to a grid with images, with an empty cache."""
    page, start = ReviewPage(browser), time.monotonic()
    page.open(server.link)
    seconds = time.monotonic() - start
    page.context.close()
    return seconds


def decide_on_tiles(browser: Any, server: ReviewServer, mongod: Mongod, dataset_name: str, num: int) -> dict[str, list[float]]:
    """From the key to the answer, to the database as another process sees it, and to the repainted tile."""
    told(f"deciding on {num} tiles")
    page, order = ReviewPage(browser), mongod.samples(dataset_name)
    page.open(server.link_to("label-issues"))
    found: dict[str, list[float]] = {"key_to_answer_ms": [], "key_to_database_ms": [], "key_to_tile_ms": []}
    with ThreadPoolExecutor(1) as beside, pymongo.MongoClient(mongod.uri) as client:
        samples = mongod.collection(client, dataset_name)
        for i in range(num):
            tile, (key, text) = i % NUM_TILES, (("e", "error"), ("k", "ok"))[i // NUM_TILES % 2]  # never what it says already
            page.select(tile)
            page.watch(tile, text)
            seen = beside.submit(seconds_when_shown, samples, order[tile]["_id"], text)
            page.press(key)
            times = page.times("answered", "repainted")
            found["key_to_answer_ms"].append(times["answered"])
            found["key_to_database_ms"].append(1000 * seen.result() - times["at"])
            found["key_to_tile_ms"].append(times["repainted"])
            page.page.wait_for_timeout(LOOK_MS)
    page.close()
    return found


def seconds_when_shown(samples: Any, identity: Any, label: str) -> float:
    """The time at which a sample's `review` has that label in the database, in seconds since 1970, to a millisecond or two."""
    while not samples.find_one({"_id": identity, "review.label": label}, {"_id": 1}):
        time.sleep(0.001)
    return time.time()


def decide_in_open_sample(browser: Any, server: ReviewServer, num: int) -> dict[str, list[float]]:
    """From a key to the image of the next undecided sample."""
    page = ReviewPage(browser)
    page.open(server.link)
    page.watch()
    page.press("g")
    page.times("image")
    page.page.wait_for_timeout(LOOK_MS)
    found = []
    for i in range(num):
        if i % 10 == 0:
            told(f"suspect {i + 1} of {num} in the open sample")
        page.watch()
        page.press_until_answered("kq"[i % 2])
        found.append(page.times("image")["image"])
    page.close()
    return {"key_to_next_image_ms": found}


if __name__ == "__main__":
    main()
