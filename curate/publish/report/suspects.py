"""The rows of the issue table that the page shows as pictures: label issues, and trouble of other kinds."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from curate.publish.report.evidence import Evidence
from curate.publish.report.page_pictures import MAX_SIDE, SMALL_SIDE, thumbnail

NUM_OUTLIERS = 20
NUM_DUPLICATE_SETS = 12
NUM_IN_SET = 6  # pictures of one duplicate set


@dataclass(frozen=True)
class Gallery:
    """Cards for the page; `num_*` count what there is, the lists hold what is shown."""

    queue: list[dict[str, Any]]  # the suspects, and below them what is worth a look
    outliers: list[dict[str, Any]]
    duplicate_sets: list[dict[str, Any]]
    num_suspects: int
    num_queue: int
    num_outliers: int
    num_duplicate_sets: int


def make_gallery(evidence: Evidence, num_shown: int) -> Gallery:
    """The worst of every kind, with their thumbnails; of the queue the first `num_shown`."""
    table, queue = evidence.table, evidence.queue
    outliers = table[table["is_outlier_issue"]].sort_values("outlier_score", kind="stable")
    sets = _duplicate_sets(table)
    return Gallery(
        queue=_cards(evidence, queue.head(num_shown), MAX_SIDE),
        outliers=_cards(evidence, outliers.head(NUM_OUTLIERS)),
        duplicate_sets=[
            {
                "cards": _cards(evidence, members.head(NUM_IN_SET)),
                "num_samples": len(members),
                "is_leak": bool(members["is_leak_issue"].any()),
                "labels_differ": members["given_label"].dropna().nunique() > 1,
            }
            for members in sets[:NUM_DUPLICATE_SETS]
        ],
        num_suspects=int(table["is_label_issue"].sum()),
        num_queue=len(queue),
        num_outliers=len(outliers),
        num_duplicate_sets=len(sets),
    )


def _duplicate_sets(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Sets of near duplicates: those across splits first, then the ones whose labels differ, then the most alike."""
    members = table[table["is_duplicate_issue"] & (table["duplicate_set"] >= 0)]
    sets = [group.sort_values("duplicate_score", kind="stable") for _, group in members.groupby("duplicate_set")]
    return sorted(sets, key=lambda g: (not g["is_leak_issue"].any(), g["given_label"].dropna().nunique() < 2, g["duplicate_score"].min()))


def _cards(evidence: Evidence, rows: pd.DataFrame, side: int = SMALL_SIDE) -> list[dict[str, Any]]:
    """One dict per row: the table's values, None for missing ones, and `picture`, a data URI."""
    return [
        {
            **{key: None if pd.isna(value) else value for key, value in row.items()},
            "position": position,
            "short_id": str(row["sample_id"]).removeprefix(f"{evidence.image_set.name}/"),
            "picture": thumbnail(evidence.image_set, position, side),
        }
        for position, row in zip(rows.index, rows.to_dict("records"), strict=True)
    ]


NUM_SHOWN = 12  # pictures of each kind
KINDS = {  # check: what the page calls it
    "dark": "Dark",
    "light": "Overexposed",
    "blurry": "Blurred",
    "low_information": "Little to see",
    "odd_size": "Odd size",
    "odd_aspect_ratio": "Odd shape",
    "hash_leak": "The same by perceptual hash, across splits",
    "hash_duplicate": "The same by perceptual hash",
}


def make_trouble(evidence: Evidence) -> dict[str, Any]:
    """`groups`, `annotators` (the findings of that name, or None) and `pictures`: name, count and cards of each kind that was found."""
    counts = evidence.findings.get("image_checks", {})
    groups = evidence.findings.get("groups")
    return {
        "groups": groups if groups and groups["num_underperforming"] else None,
        "annotators": evidence.findings.get("annotators"),
        "pictures": [
            {"name": name, "num_samples": counts[check], "cards": _trouble_cards(evidence, check)}
            for check, name in KINDS.items()
            if counts.get(check)
        ],
        "num_checked": len(evidence.table) if counts else 0,
    }


def _trouble_cards(evidence: Evidence, check: str) -> list[dict[str, Any]]:
    """The worst of a kind, with their pictures."""
    table = evidence.table
    order = f"{check}_score" if check in KINDS and f"{check}_score" in table else "hash_set"
    worst = table[table[f"is_{check}_issue"].astype(bool)].sort_values(order, kind="stable").head(NUM_SHOWN)
    return [
        {
            **{key: None if pd.isna(value) else value for key, value in row.items()},
            "short_id": str(row["sample_id"]).removeprefix(f"{evidence.image_set.name}/"),
            "position": position,
            "picture": thumbnail(evidence.image_set, position, SMALL_SIDE),
        }
        for position, row in zip(worst.index, worst.to_dict("records"), strict=True)
    ]
