"""One row per sample: what was given, what was found and decided, and what it comes to."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from curate.errors import DataError
from curate.files import write_atomically
from curate.review.verdicts import Verdict

COLUMNS = [
    "sample_id",
    "split",
    "index",
    "given_label",
    "suggested_label",
    "label_quality",
    "is_label_issue",
    "decision",
    "label",
    "action",
    "who",
    "num_reviewers",
]
TEXTS = ["sample_id", "split", "given_label", "suggested_label", "decision", "label", "action", "who"]


def export_table(
    issues: pd.DataFrame, cleaned: pd.DataFrame, verdicts: Mapping[str, Verdict], *, splits: Sequence[str] | None = None
) -> pd.DataFrame:
    """`COLUMNS` of every sample of `splits`, in dataset order.

    Args:
        issues: the issue table.
        cleaned: `sample_id, given_label, label, action` of the same samples, from `curate.review.clean.cleaned_table`.
        verdicts: by sample id.
        splits: those to export; None = all.

    Returns:
        `decision` is the action of the verdict, null without one; `label` is null where dropped, abstained or unlabelled; `action` is
        `keep`, `drop`, `relabel` or `abstain`; `who` names those whose decision counts.

    Raises:
        DataError: the tables are of other samples, or nothing is in those splits.
    """
    if issues["sample_id"].tolist() != cleaned["sample_id"].tolist():
        raise DataError("the cleaned table is of other samples than the issue table; run `curate clean RUN` again")
    found = [verdicts.get(sample_id) for sample_id in issues["sample_id"]]
    table = issues.reindex(columns=COLUMNS).assign(
        decision=[None if verdict is None else verdict.action for verdict in found],
        label=cleaned["label"].to_numpy(),
        action=cleaned["action"].to_numpy(),
        who=[None if verdict is None else ", ".join(verdict.who) for verdict in found],
        num_reviewers=[0 if verdict is None else verdict.num_reviewers for verdict in found],
    )
    if splits is not None:
        table = table[table["split"].isin(list(splits))].reset_index(drop=True)
    if table.empty:
        raise DataError(
            f"there is nothing to export in {' and '.join(splits or ['this run'])}; splits: {', '.join(issues['split'].unique())}"
        )
    return table.astype(dict.fromkeys(TEXTS, "str"))


def write_table(table: pd.DataFrame, to: Path) -> None:
    """Writes the export table as CSV or parquet, by the ending of `to`.

    Raises:
        StorageError: the disk is full or read-only.
    """
    write_atomically(to, table.to_parquet(index=False) if to.suffix.lower() == ".parquet" else table.to_csv(index=False).encode())


def read_table(path: Path) -> pd.DataFrame:
    """The export table that `write_table` wrote, with the same types.

    Raises:
        DataError: it is none.
    """
    if not is_table(path):
        raise DataError(f"{path} is no table of `curate export`; expected the columns {', '.join(COLUMNS)}")
    if path.suffix.lower() == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, dtype=dict.fromkeys(TEXTS, "str") | {"label_quality": "float32"}, keep_default_na=False, na_values=[""])


def is_table(path: Path) -> bool:
    """Whether the file has the columns of an export table."""
    try:
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet

            return pyarrow.parquet.read_schema(path).names == COLUMNS
        with open(path, encoding="utf-8") as file:
            return file.readline().rstrip("\r\n") == ",".join(COLUMNS)
    except (OSError, ValueError):
        return False
