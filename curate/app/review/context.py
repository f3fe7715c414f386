"""What an operator needs to know of the App's state: who reviews, on which samples, with which journal."""

import getpass
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from curate.app.ownership import MARK
from curate.app.review.store import ReviewStore
from curate.errors import RunError, UsageError
from curate.review.journal import JOURNAL
from curate.review.verdicts import CONFLICT
from curate.run import Run, data_root

REVIEWER = "CURATE_REVIEWER"
PATIENCE_SECONDS = 1.0  # FiftyOne's server answers nobody else while it is asked for buttons
_stores: dict[str, ReviewStore] = {}


def reviewer() -> str:
    """Who reviews on this server: `CURATE_REVIEWER`, else the login name."""
    return os.environ.get(REVIEWER) or getpass.getuser()


def is_ours(dataset: Any) -> bool:
    """Whether curate made the dataset, so that it has what a review needs."""
    return dataset is not None and isinstance(dataset.info.get(MARK), dict)


def is_ours_by_name(name: str | None) -> bool:
    """Whether curate made the dataset of that name.

    True without a name, and where the database does not answer within `PATIENCE_SECONDS`: a page that asks for its buttons then may not
    ask again. An operator on another's dataset decides nothing in any case.
    """
    from fiftyone.core.odm import get_db_conn

    if name is None:
        return True
    try:
        with pymongo.timeout(PATIENCE_SECONDS):
            found = get_db_conn()["datasets"].find_one({"name": name}, {f"info.{MARK}": 1})
    except PyMongoError:
        return True
    return isinstance(((found or {}).get("info") or {}).get(MARK), dict)


def store_of(dataset: Any) -> ReviewStore:
    """The store of the dataset's decisions; made once per server, and anew where the run folder was moved.

    Raises:
        UsageError, RunError: as `run_folder`.
    """
    identity, journal = str(dataset._doc.id), run_folder(dataset) / JOURNAL
    if identity not in _stores or _stores[identity].journal != journal:
        _stores[identity] = ReviewStore(dataset, journal)
    return _stores[identity]


def run_folder(dataset: Any) -> Path:
    """The folder of the run that the dataset shows.

    Raises:
        UsageError: curate did not make the dataset.
        RunError: the folder, where the journal is, is not on this machine.
    """
    if not is_ours(dataset):
        raise UsageError(f"the dataset '{dataset.name}' was not made by curate, so that there is nothing to review in it")
    mark = dataset.info[MARK]
    own, here = Path(mark["run_path"]), data_root() / "runs" / mark["run"]
    if (own / "run.json").exists():
        return own
    if not (here / "run.json").exists():
        raise RunError(f"decisions are written to the run folder, and {own} is not on this machine; copy it there, or to {here}")
    if images_hash_of(here) != mark["images_hash"]:
        raise RunError(f"decisions are written to the run folder, and {own} is not on this machine; copy it there: {here} is another run")
    return here


def images_hash_of(folder: Path) -> str | None:
    """What identifies the images of a run; None where `run.json` does not tell."""
    try:
        return json.loads((folder / "run.json").read_text(encoding="utf-8"))["dataset"]["images_hash"]
    except (OSError, ValueError, KeyError):
        return None


def to_update(run: Run) -> str:
    """What to do where the dataset shows another state of `run` than its folder holds."""
    return f"bring the dataset up to date with {run.command('app')}, and load the page again"


def seen_sample(ctx: Any) -> str | None:
    """Id of the sample that was on the screen when the key was pressed, which may be no longer open; of the open one where a button was
    clicked, which tells nothing. None in the grid.

    Raises:
        UsageError: the grid was on the screen, and a sample is open now.
    """
    seen = ctx.params.get("seen", ctx.current_sample)
    if seen is None and ctx.current_sample:
        raise UsageError("a sample was opened meanwhile; look at it, and press the key again")
    return seen or None


def target_ids(ctx: Any) -> list[str]:
    """Ids of the samples to decide on: the one that was seen, else the selected ones.

    Raises:
        UsageError: neither is there; or as `seen_sample`.
    """
    seen = seen_sample(ctx)
    ids = [seen] if seen else list(ctx.selected)
    if not ids:
        raise UsageError("select samples first, or open one: key g opens the next undecided one")
    return ids


def facts_of(dataset: Any, ids: Sequence[str]) -> list[dict[str, Any]]:
    """`id`, `sample_id`, `given`, `suggested` (None where there is none), `is_label_issue`, `is_conflict`, `reviewers`; in the
    order of `ids`.

    Raises:
        UsageError: none of them is one of curate's.
    """
    from bson import ObjectId

    wanted = {"sample_id": 1, "ground_truth.label": 1, "suggested.label": 1, "is_label_issue": 1, "review.action": 1, "review.reviewers": 1}
    found = {
        str(sample["_id"]): {
            "id": str(sample["_id"]),
            "sample_id": sample["sample_id"],
            "given": sample.get("ground_truth", {}).get("label"),
            "suggested": sample.get("suggested", {}).get("label"),
            "is_label_issue": sample.get("is_label_issue"),
            "is_conflict": sample.get("review", {}).get("action") == CONFLICT,
            "reviewers": sample.get("review", {}).get("reviewers") or [],
        }
        for sample in dataset._sample_collection.find({"_id": {"$in": list(map(ObjectId, ids))}, "sample_id": {"$type": "string"}}, wanted)
    }
    if not found:
        raise UsageError(
            "none of these samples is part of the audit; if the audit was made anew meanwhile, load the page again; samples that were "
            f"added by hand are judged by another one: `curate audit {shlex.quote(f'fiftyone:{dataset.name}')} --field ground_truth`"
        )
    return [found[identity] for identity in ids if identity in found]
