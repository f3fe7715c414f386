"""The issue table of a run as columns of values for FiftyOne."""

import pandas as pd

from curate.app.fields import OPTIONAL, THUMBNAIL
from curate.data.image_set import ImageSet
from curate.errors import RunError
from curate.review.random_check import check_ranks
from curate.run import Run


def read_issue_table(run: Run, image_set: ImageSet) -> pd.DataFrame:
    """The issue table of the run, checked to be that of `image_set`."""
    table = run.load_table("issues.parquet", verb="find")
    if table["sample_id"].tolist() != image_set.sample_ids.tolist():
        raise RunError(
            f"issues.parquet of {run.path} has other samples than the dataset '{image_set.name}'; run {run.command('find')} again"
        )
    return table


def sample_columns(table: pd.DataFrame, image_set: ImageSet, files: list[str]) -> dict[str, list]:
    """The issue table as columns of plain Python values, None where there is none."""
    _, num_channels, height, width = image_set.images.shape

    def optional(name: str) -> list:
        return [None if value is None or value != value else value for value in table[name].tolist()]

    def labels(name: str, confidence: str | None = None) -> list:
        confidences = [None] * len(table) if confidence is None else optional(confidence)
        return [None if label is None else (label, p) for label, p in zip(optional(name), confidences, strict=True)]

    columns: dict[str, list] = {
        "filepath": files,
        "split": image_set.splits.tolist(),
        "ground_truth": labels("given_label"),
        "suggested": labels("suggested_label", "suggested_confidence"),
        "prediction": labels("predicted_label", "confidence"),
    }
    for name in ("sample_id", "index", "is_label_issue", "label_quality", "rank", "is_outlier_issue", "outlier_score"):
        columns[name] = optional(name)
    columns["error_probability"] = optional("error_probability") if "error_probability" in table else [None] * len(table)  # older runs
    for name in ("is_duplicate_issue", "is_leak_issue", "duplicate_set", "fold"):
        columns[name] = optional(name)
    for spec in OPTIONAL:
        if spec.name in table:
            columns[spec.name] = optional(spec.name)
    flagged, pairs = table["is_label_issue"].tolist(), zip(optional("given_label"), optional("suggested_label"), strict=True)
    columns["label_pair"] = [f"{pair[0]} → {pair[1]}" if flag else None for flag, pair in zip(flagged, pairs, strict=True)]
    columns["check_rank"] = check_ranks(table)
    if image_set.pictures is not None:
        facts = image_set.pictures.facts
        columns[THUMBNAIL] = [str(image_set.pictures.copy_path(i).absolute()) for i in range(len(table))]
        columns["metadata"] = [
            {"_cls": "ImageMetadata", "width": width, "height": height, "num_channels": 1 if is_grey else 3}
            for width, height, is_grey in zip(facts["width"].tolist(), facts["height"].tolist(), facts["is_grey"].tolist(), strict=True)
        ]
    elif image_set.filepaths is None:  # small files of the user keep what FiftyOne says of them
        metadata = {"_cls": "ImageMetadata", "mime_type": "image/png", "width": width, "height": height, "num_channels": num_channels}
        columns["metadata"] = [metadata] * len(table)
    return columns
