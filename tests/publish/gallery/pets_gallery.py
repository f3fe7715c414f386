"""A made-up run of pictures of pets, as a gallery sees it: 40 samples, 9 flagged, decisions of every kind."""

import numpy as np
import pandas as pd

from curate.data.image_set import ImageSet
from curate.review.journal import Decision
from curate.run import Run

CLASSES = ("cat", "dog", 'owl, "barn" <b>')
OWL = CLASSES[2]
NUM, NUM_FLAGGED = 40, 9


def decision(number, action, label=None, who="ann", **more):
    return Decision(pet_id(number), action, label, who=who, when="2026-01-01T10:00:00+00:00", **more)


def pet_id(number):
    return f"pets/{'train' if number < 30 else 'test'}/{number}"


# Sample i < 9 is flagged, given class i % 3 and guessed class (i + 1) % 3; the lower the number, the worse.
DECISIONS = (
    *(decision(0, "accept_suggestion", "dog", who=who) for who in ("ann", "ben", "eve")),
    decision(0, "ok", who="joe"),
    decision(0, "confirm_error", who="kim"),
    decision(1, "ok"),
    decision(2, "ambiguous"),
    decision(3, "ok"),
    decision(3, "confirm_error", who="ben"),
    decision(4, "confirm_error"),
    decision(35, "relabel", OWL),  # not flagged; to the label that it has
)


def make_pets(*, num_unlabelled=0, shape=(1, 8, 8), classes=CLASSES):
    """An ImageSet of noise and its issue table."""
    labels = np.arange(NUM) % 3
    labels[NUM - num_unlabelled :] = -1
    images = np.random.default_rng(0).integers(0, 256, (NUM, *shape), dtype=np.uint8)
    splits = np.where(np.arange(NUM) < 30, "train", "test")
    ids = np.array([pet_id(i) for i in range(NUM)])
    names = np.array([*classes, None], dtype=object)
    flagged = np.arange(NUM) < NUM_FLAGGED
    guessed = np.where(flagged, (labels + 1) % 3, np.maximum(labels, 0))
    table = pd.DataFrame(
        {
            "sample_id": ids,
            "split": splits,
            "index": np.arange(NUM),
            "given_label": names[labels],
            "predicted_label": names[guessed],
            "suggested_label": names[np.where(flagged, guessed, -1)],
            "label_quality": np.where(labels < 0, np.nan, np.where(flagged, 0.001 * (1 + np.arange(NUM)), 0.99)).astype(np.float32),
            "is_label_issue": flagged,
            "rank": 1 + np.arange(NUM),
        }
    )
    return ImageSet("pets", images, labels, ids, splits, classes), table


def make_run(path, image_set, table, *, command="curate audit pets"):
    """A run folder by the contracts, with what a gallery reads."""
    run = Run.create(
        path,
        {
            "command": command,
            "dataset": {"name": "pets", "origin": {"source": "/home/jane/pets"}, "class_names": list(image_set.class_names)},
            "config": {"model": "lenet5", "num_folds": 3, "num_repeats": 1},
            "versions": {"curate": "0.1.0", "torch": "2.15.0"},
        },
    )
    table.to_parquet(run.path / "issues.parquet")
    return run
