"""Corrected labels for others: only the samples whose label changed or was judged, with the votes."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from curate.files import write_atomically
from curate.review.exported_files import CORRECTIONS as FORMAT
from curate.review.exported_files import VOTES
from curate.review.journal import Decision
from curate.review.verdicts import CONFLICT, outcome

COLUMNS = ("sample_id", "given", "corrected", "action", "votes", "labels_sha256")


def corrections_of(table: pd.DataFrame, standing: Mapping[str, Mapping[str, Decision]]) -> list[dict[str, Any]]:
    """What is to be known of every sample whose label changed or was judged; conflicts that nobody settled are left out.

    Args:
        table: from `export_table`.
        standing: each reviewer's decision by sample id, from `standing_decisions`.

    Returns:
        `sample_id`; `given` (class name, None where unlabelled); `corrected`, None where no single class is right or the image is to be
        left out; `action` (`keep`, `relabel`, `drop` or `abstain`); `votes`, how many reviewers said what: a class name stands for that
        class, no votes for a change by a policy alone.
    """
    chosen = table[((table["action"] != "keep") | table["decision"].notna()) & (table["decision"] != CONFLICT)]
    given, label = (chosen[name].astype(object).where(chosen[name].notna(), None) for name in ("given_label", "label"))
    return [
        {"sample_id": sample_id, "given": old, "corrected": new, "action": action, "votes": votes_of(standing.get(sample_id, {}))}
        for sample_id, old, new, action in zip(chosen["sample_id"], given, label, chosen["action"], strict=True)
    ]


def votes_of(by_who: Mapping[str, Decision]) -> dict[str, int]:
    """How many reviewers said what about one sample, most votes first: `{"label is right": 1, "cat": 4}`."""
    said = (outcome(decision) for decision in by_who.values())
    return dict(Counter(label if label is not None else VOTES[kind] for kind, label in said).most_common())


def write_corrections(corrections: list[dict[str, Any]], to: Path, *, labels_sha256: str, about: Mapping[str, Any]) -> None:
    """Writes `corrections`, from `corrections_of`, as JSON or CSV, by the ending of `to`.

    Args:
        labels_sha256: of the labels they belong to: SHA-256 of the given labels of the run in dataset order, as 8-byte little-endian
            integers with -1 for unlabelled, followed by the class names, a line each.
        about: dataset, class names and how the labels were changed; in JSON only.

    Raises:
        StorageError: the disk is full or read-only.
    """
    if to.suffix.lower() == ".json":
        head = json.dumps({"format": FORMAT, **about, "labels_sha256": labels_sha256}, indent=2, ensure_ascii=False).removesuffix("\n}")
        lines = ",\n    ".join(json.dumps(correction, ensure_ascii=False) for correction in corrections)  # one a line, for people
        write_atomically(to, f'{head},\n  "corrections": [\n    {lines}\n  ]\n}}\n'.encode())
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for correction in corrections:
        votes = json.dumps(correction["votes"], ensure_ascii=False)
        writer.writerow({**correction, "votes": votes, "labels_sha256": labels_sha256})
    write_atomically(to, text.getvalue().encode())


def is_corrections(path: Path) -> bool:
    """Whether the file is one that `write_corrections` wrote."""
    try:
        with open(path, encoding="utf-8") as file:
            start = file.read(200)
    except (OSError, ValueError):
        return False
    return f'"format": "{FORMAT}"' in start if path.suffix.lower() == ".json" else start.startswith(",".join(COLUMNS) + "\n")
