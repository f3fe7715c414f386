"""The 2-D map of the embeddings, packed for the page's canvas."""

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

from curate.publish.report.evidence import Evidence
from curate.publish.report.page_pictures import contact_sheet
from curate.publish.report.wording import score

MAX_POINTS = 100_000  # more than a screen can tell apart; the page says so
MAX_RINGS = 400  # the worst suspects; each has a picture in the sheet
GRID = 65535  # coordinates are stored as uint16
UNLABELLED = 65535


@dataclass(frozen=True)
class PointMap:
    """What the page draws.

    Attributes:
        points: base64 of little-endian uint16: all x, all y, all class numbers (65535 = unlabelled).
        rings: the flagged samples, worst first: x, y in [0, 1], class number, text of the hover.
        names: where each class's name stands: x, y in [0, 1], the median of its points.
        sheet: contact sheet of the pictures of `rings`, a data URI; empty without rings.
    """

    points: str
    num_points: int
    num_samples: int
    rings: list[dict[str, Any]]
    names: list[dict[str, Any]]
    sheet: str
    tile_width: int
    tile_height: int


def make_point_map(evidence: Evidence) -> PointMap | None:
    """The map, or None where the run has no projection."""
    if evidence.projection is None:
        return None
    labels = evidence.image_set.labels
    place = _unit_square(evidence.projection)
    shown = np.random.default_rng(0).permutation(len(place))[:MAX_POINTS]  # mixed, so that no class covers the others
    classes = np.where(labels < 0, UNLABELLED, labels)
    packed = np.concatenate([np.round(place[shown, 0] * GRID), np.round(place[shown, 1] * GRID), classes[shown]]).astype("<u2")
    suspects = evidence.suspects.head(MAX_RINGS)
    rings = [
        {
            "x": round(float(place[position, 0]), 4),
            "y": round(float(place[position, 1]), 4),
            "class": int(labels[position]),
            "id": row["sample_id"],
            "text": f"given {row['given_label']}, suggested {row['suggested_label']}, quality {score(row['label_quality'])}",
        }
        for position, row in zip(suspects.index, suspects.to_dict("records"), strict=True)
    ]
    positions = suspects.index.to_numpy()
    sheet, width, height = contact_sheet(evidence.image_set, positions.tolist()) if len(positions) else ("", 0, 0)
    names = []
    for k, name in enumerate(evidence.image_set.class_names):
        own = place[labels == k]
        if len(own):
            x, y = np.median(own, axis=0).round(4).tolist()
            names.append({"x": x, "y": y, "class": k, "name": name, "num_samples": len(own)})
    return PointMap(
        points=base64.b64encode(packed.tobytes()).decode(),
        num_points=len(shown),
        num_samples=len(place),
        rings=rings,
        names=names,
        sheet=sheet,
        tile_width=width,
        tile_height=height,
    )


def _unit_square(projection: np.ndarray) -> np.ndarray:
    """`projection` (N, 2) in [0, 1], y upwards, its shape kept; far strays are pulled to the border."""
    low, high = np.percentile(projection, [0.05, 99.95], axis=0)
    centre, half = (low + high) / 2, max(float((high - low).max()) / 2, 1e-9) * 1.04
    place = np.clip((projection - centre) / half / 2 + 0.5, 0, 1)
    place[:, 1] = 1 - place[:, 1]
    return place
