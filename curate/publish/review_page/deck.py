"""What there is to review, as the page and the notebook get it: which samples, in which order, and what is told of each."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.data.content import content_ids
from curate.data.image_set import ImageSet
from curate.errors import UnknownNameError, UsageError
from curate.find.saved_table import load_table
from curate.find.self_estimate import worth_a_look
from curate.options import Shown
from curate.publish.shown import is_crisp
from curate.review import estimates
from curate.review.journal import JOURNAL, Decision, read_journal
from curate.review.pseudonyms import pseudonym
from curate.review.random_check import NUM_CHECKED, check_ranks
from curate.review.verdicts import CONFLICT, standing_decisions, verdict_of, without_stale
from curate.review.votes import given_labels
from curate.run import Run

NUM_LIKELY = 5  # classes that the model thinks of, told of each picture
NUM_SIMILAR = 6
MOST = 500  # suspects and less suspect ones together, where there is no limit: what a page of 20 MB holds beside the random check
ONLY = ("issues", "conflicts")
CHECK_NAME = "Random check"
QUEUES = {
    "suspect": ("Suspects", "Labels that the model doubts, worst first."),
    "check": (CHECK_NAME, "Labels that the model does not doubt, drawn at random: they tell how many errors it missed."),
    "less": ("Less suspect", "Not flagged, and yet wrong with a probability of 5 % or more, worst first: as far as a look pays."),
    "conflict": ("Conflicts", "Reviewers do not agree on these. What you decide settles it."),
    "blind": ("Pictures", "Suspects and a random sample of the others, mixed."),
}


@dataclass(frozen=True)
class Deck:
    """The pictures of a review.

    Attributes:
        rows: (M,) their positions in the dataset, in the order of the page.
        data: what the page's script reads, but for the pictures.
    """

    rows: NDArray[np.int64]
    data: dict[str, Any]

    def __len__(self) -> int:
        return len(self.rows)


def make_deck(run: Run, image_set: ImageSet, shown: Shown = Shown()) -> Deck:
    """The suspects of a run, worst first, a random check of the other labels, and those of them at which a look pays.

    Args:
        shown: `only` issues takes the suspects alone, `only` conflicts what reviewers do not agree on; None is all. `blind` hides ids,
            given and suggested labels, and mixes all.

    Raises:
        RunError: `find` has not been run.
        UnknownNameError: `only` is none of these.
        UsageError: there is nothing to review.
    """
    only, limit, check, blind = shown.only, shown.limit, shown.check, shown.blind
    if only is not None and only not in ONLY:
        raise UnknownNameError.of("choice of pictures to review", only, ONLY)
    table = load_table(run).reset_index(drop=True)
    opinions: dict[int, str] = {}
    if only == "conflicts":
        opinions = _conflicts(run, table)
        kinds = [("conflict", sorted(opinions, key=lambda row: table["rank"][row])[:limit])]
    else:
        flagged = table[table["is_label_issue"].astype(bool) & table["given_label"].notna()].sort_values("rank", kind="stable")
        ranks = check_ranks(table, max(NUM_CHECKED, check))
        drawn = sorted((rank, row) for row, rank in enumerate(ranks) if rank is not None and rank <= check)
        suspects = flagged.index.tolist()[:limit]
        checked = [] if only == "issues" else [row for _, row in drawn]
        less = [] if only == "issues" else _less_suspect(table, {*suspects, *checked})[: max(0, (limit or MOST) - len(suspects))]
        kinds = [("suspect", suspects), ("check", checked), ("less", less)]
    rows = np.array([row for _, chosen in kinds for row in chosen], dtype=np.int64)
    kind = [name for name, chosen in kinds for _ in chosen]
    if not len(rows):
        found = "there are no conflicts to settle" if only == "conflicts" else "no label is flagged, and no random check was asked for"
        raise UsageError(f"there is nothing to review: {found}")
    ids = [str(sample_id) for sample_id in table["sample_id"][rows]]
    if blind:
        ids = [pseudonym(sample_id) for sample_id in ids]
        order = np.argsort(ids)  # of hashes: mixed, and the same each time
        rows, ids, kind = rows[order], [ids[place] for place in order], ["blind"] * len(rows)
    class_names = list(image_set.class_names)
    number = {name: value for value, name in enumerate(class_names)}
    chosen = table.iloc[rows]
    data = {
        "run": run.name,
        "title": shown.title or f"Label review: {image_set.name}",
        "subtitle": _subtitle(kind),
        "about": _about(blind),
        "classes": class_names,
        "prefix": f"{image_set.name}/" if all(one.startswith(f"{image_set.name}/") for one in ids) else "",
        "id": ids,
        "kind": kind,
        "queues": [{"kind": name, "name": QUEUES[name][0], "about": QUEUES[name][1]} for name in QUEUES if name in kind],
        "content": [""] * len(rows) if blind else content_ids(image_set, rows),
        "blind": blind,
        "adjudicates": only == "conflicts",
        "crisp": is_crisp(image_set),
        "num_unflagged": int((~table["is_label_issue"].astype(bool) & table["given_label"].notna()).sum()),
        "statistics": statistics(),
    }
    if not blind:
        data |= {
            "given": [number[label] for label in chosen["given_label"]],
            "suggested": [number.get(label, -1) for label in chosen["suggested_label"].astype(object)],
            "confidence": [None if pd.isna(value) else round(float(value), 3) for value in chosen["suggested_confidence"]]
            if "suggested_confidence" in chosen
            else [None] * len(rows),
            "probability": _error_probability(chosen),
            "top": _likely(run, rows),
            "similar": _similar(run, rows),
            "opinions": [opinions.get(int(row)) for row in rows] if opinions else None,
        }
    identity = json.dumps([data["run"], ids, data.get("given"), blind, data["adjudicates"]])
    return Deck(rows, data | {"page": hashlib.sha256(identity.encode()).hexdigest()[:16]})


def statistics() -> dict[str, float]:
    """The constants of `curate.review.estimates` that the page's script computes with."""
    return {
        "window": estimates.WINDOW,
        "min_decided": estimates.MIN_DECIDED,
        "num_next": estimates.NUM_NEXT,
        "worthwhile": estimates.WORTHWHILE,
        "longest_pause": estimates.LONGEST_PAUSE,
        "one_go": estimates.ONE_GO,
        "slope_scale": estimates.SLOPE_SCALE,
        "worth": estimates.WORTH,
        "negligible": estimates.NEGLIGIBLE,
    }


def _less_suspect(table: pd.DataFrame, taken: set[int]) -> list[int]:
    """Rows of labels that are not flagged and that it pays to look at all the same, worst first; none where no probability is known."""
    pays = worth_a_look(table) & ~table["is_label_issue"].to_numpy(dtype=bool)
    return [row for row in table[pays].sort_values("rank", kind="stable").index.tolist() if row not in taken]


def _conflicts(run: Run, table: pd.DataFrame) -> dict[int, str]:
    """What reviewers said of each sample that they do not agree on, by its row."""
    standing, _ = without_stale(standing_decisions(read_journal(run.path / JOURNAL).decisions), given_labels(table))
    place = {sample_id: row for row, sample_id in enumerate(table["sample_id"])}
    return {
        place[sample_id]: "; ".join(f"{who or 'somebody'}: {_said(decision)}" for who, decision in sorted(by_who.items()))
        for sample_id, by_who in standing.items()
        if sample_id in place and verdict_of(by_who).action == CONFLICT
    }


def _said(decision: Decision) -> str:
    words = {"ok": "right", "confirm_error": "wrong", "drop": "drop"}
    return decision.label or words.get(decision.action, decision.action)


def _error_probability(chosen: pd.DataFrame) -> list[float] | None:
    """How probable it is that each label is wrong; None where the audit does not say of all of them."""
    if "error_probability" not in chosen or chosen["error_probability"].isna().any():
        return None
    return [round(float(value), 6) for value in chosen["error_probability"]]


def _likely(run: Run, rows: NDArray[np.int64]) -> list[list[tuple[int, float]]] | None:
    """The classes that the model thinks of most, with their probabilities, for each of `rows`."""
    if not run.has("pred_probs.npy"):
        return None
    probs = np.asarray(run.load_array("pred_probs.npy", mmap=True)[rows], dtype=np.float64)
    order = np.argsort(-probs, axis=1, kind="stable")[:, :NUM_LIKELY]
    return [[(int(k), round(float(p[k]), 4)) for k in best if p[k] >= 0.0005] for p, best in zip(probs, order, strict=True)]


def _similar(run: Run, rows: NDArray[np.int64]) -> list[list[int]] | None:
    """For each of `rows`, the places on the page of the pictures that look most like it."""
    if not run.has("embeddings.npy") or len(rows) < 2:
        return None
    vectors = np.asarray(run.load_array("embeddings.npy", mmap=True)[rows], dtype=np.float32)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    nearest = []
    for start in range(0, len(unit), 1024):
        likeness = unit[start : start + 1024] @ unit.T  # (b, M)
        likeness[np.arange(len(likeness)), np.arange(start, start + len(likeness))] = -np.inf
        nearest += np.argsort(-likeness, axis=1, kind="stable")[:, : min(NUM_SIMILAR, len(unit) - 1)].tolist()
    return nearest


def _subtitle(kind: Sequence[str]) -> str:
    words = {
        "suspect": "suspects",
        "check": "for the random check",
        "less": "less suspect",
        "conflict": "conflicts",
        "blind": "pictures, labels hidden",
    }
    return ", ".join(f"{kind.count(name):,} {said}" for name, said in words.items() if name in kind)


def _about(blind: bool) -> list[str]:
    told = "no labels and no ids" if blind else "their ids and labels, and what the model says of them"
    return [
        f"This page holds these pictures, scaled down, {told}. It loads nothing, and sends nothing.",
        "Your decisions stay in this browser. They leave only in the file that you save.",
    ]
