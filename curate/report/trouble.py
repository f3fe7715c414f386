"""Trouble of other kinds than wrong labels: groups that the model gets wrong, bad pictures, annotators; as the page shows it."""

from typing import Any

import pandas as pd

from curate.report.evidence import Evidence
from curate.report.pictures import thumbnail

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
            {"name": name, "num_samples": counts[check], "cards": _cards(evidence, check)}
            for check, name in KINDS.items()
            if counts.get(check)
        ],
        "num_checked": len(evidence.table) if counts else 0,
    }


def _cards(evidence: Evidence, check: str) -> list[dict[str, Any]]:
    """The worst of a kind, with their pictures."""
    table = evidence.table
    order = f"{check}_score" if check in KINDS and f"{check}_score" in table else "hash_set"
    worst = table[table[f"is_{check}_issue"].astype(bool)].sort_values(order, kind="stable").head(NUM_SHOWN)
    return [
        {
            **{key: None if pd.isna(value) else value for key, value in row.items()},
            "short_id": str(row["sample_id"]).removeprefix(f"{evidence.image_set.name}/"),
            "position": position,
            "picture": thumbnail(evidence.image_set.images[position]),
        }
        for position, row in zip(worst.index, worst.to_dict("records"), strict=True)
    ]
