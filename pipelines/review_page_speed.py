"""Measures the review page on photographs: weight, time to the first picture, and from a key to the next picture.

    python pipelines/review_page_speed.py photos/ [--num 500] [--decisions 100] [--no-record]

`photos/` is an image folder with one folder per class. Its labels are moved on by one class for as many pictures as the page is to
show, so that these are the suspects; what the net says is made up, for only the page is measured. Chromium opens the file from the disk,
without a network, with an empty cache, and decides by keys. A key's time runs from the event to the first frame that has the next picture.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import records
from review_page import CHROMIUM, OPTIONS

import curate
from curate.judge.given import Given
from curate.options import LookFor
from curate.run import Run

KEYS = "kaeqd"
NEXT = """(key) => new Promise((resolve) => {
  const before = document.querySelector(".frame img"), started = performance.now();
  document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
  (function look() {
    requestAnimationFrame(() => {
      const image = document.querySelector(".frame img");
      if (image && image !== before && image.complete && image.naturalWidth) {
        const channel = new MessageChannel(); // answered once the frame with it has been drawn
        channel.port1.onmessage = () => resolve(performance.now() - started);
        channel.port2.postMessage(0);
      } else look();
    });
  })();
})"""
READY = """() => new Promise((resolve) => (function look() {
  const image = document.querySelector(".frame img");
  if (image && image.complete && image.naturalWidth) requestAnimationFrame(() => resolve(performance.now()));
  else requestAnimationFrame(look);
})())"""


def make_page(photos: Path, folder: Path, num: int) -> dict[str, Any]:
    """The page of `num` suspects among the pictures of `photos`, as one file."""
    images = curate.load(str(photos))
    true, moved = images.labels, np.arange(len(images)) < num
    labels = np.where(moved, (true + 1) % images.num_classes, true)
    probs = np.full((len(images), images.num_classes), 0.02 / images.num_classes, np.float32)
    probs[np.arange(len(images)), true] += 0.98
    audit = curate.audit(images.with_labels(labels), judge=Given(probs), look_for=LookFor(method="predicted_neq_given"), run=folder / "run")
    return audit.gallery(folder / "page.html", review=True, limit=num, check=0)


def measure(page: Path, num_decisions: int) -> dict[str, Any]:
    """Seconds until the page is ready, five times, and milliseconds of each key."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        ready = []
        for _ in range(5):
            context = browser.new_context(viewport={"width": 1366, "height": 800}, offline=True)
            tab = context.new_page()
            tab.goto(page.as_uri(), wait_until="commit")
            ready.append(tab.evaluate(READY) / 1000)
            if len(ready) < 5:
                context.close()
        tab.wait_for_timeout(1000)
        keys = []
        for number in range(num_decisions):
            keys.append(tab.evaluate(NEXT, KEYS[number % len(KEYS)]))
            tab.wait_for_timeout(100)  # nobody decides faster
        done = tab.inner_text("[data-is=done]")
        browser.close()
    return {"ready_seconds": ready, "key_milliseconds": keys, "done": done}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--num", type=int, default=500)
    parser.add_argument("--decisions", type=int, default=100)
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = make_page(options.photos, Path(folder), options.num)
        meta = Run.open(Path(folder) / "run").meta
        found = measure(made["page"], options.decisions)
    keys, ready = found["key_milliseconds"], found["ready_seconds"]
    print(f"{made['num_pictures']} pictures, {made['megabytes']} MB, one file")
    print(f"ready: median {statistics.median(ready):.2f} s of 5, longest {max(ready):.2f} s")
    late = np.quantile(keys, 0.9)
    print(f"key to next picture: median {statistics.median(keys):.0f} ms of {len(keys)}, 90 % under {late:.0f} ms; {found['done']}")
    if not options.no_record:
        values = {"num_pictures": made["num_pictures"], "megabytes": made["megabytes"], "ready_seconds": ready, "key_milliseconds": keys}
        records.append_measured("review page", {"device": {"kind": "cpu"}, **meta}, values)


if __name__ == "__main__":
    main()
