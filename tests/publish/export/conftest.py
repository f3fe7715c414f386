"""A run on a folder of twelve small pictures, two of them flagged and some of them judged by people."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curate.data.image_set import ImageSet, describe
from curate.data.load import load
from curate.judge.judgement import accuracies
from curate.review.journal import Decision, append_decisions
from curate.run import Run

CLASSES = ("10", "2", "cat")
FLAGGED = {"pets/train/2/0.png": "cat", "pets/train/cat/1.png": "10", "pets/test/cat/0.png": "2"}
"""Sample and suggested class."""


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def pets(tmp_path, data) -> ImageSet:
    """Three classes of two files in each of two splits, every picture another."""
    generator = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in CLASSES:
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            for i in range(2):
                Image.fromarray(generator.integers(0, 255, (12, 12), dtype=np.uint8)).save(tmp_path / "pets" / split / name / f"{i}.png")
    return load(str(tmp_path / "pets"))


def issues_of(image_set: ImageSet, flagged=FLAGGED) -> pd.DataFrame:
    names = [*image_set.class_names, None]
    flags = np.array([sample_id in flagged for sample_id in image_set.sample_ids.tolist()])
    return pd.DataFrame(
        {
            "sample_id": pd.Series(image_set.sample_ids, dtype="str"),
            "split": pd.Series(image_set.splits, dtype="str"),
            "index": np.arange(len(image_set)),
            "given_label": pd.Series([names[label] for label in image_set.labels], dtype="str"),
            "suggested_label": pd.Series([flagged.get(sample_id) for sample_id in image_set.sample_ids.tolist()], dtype="str"),
            "suggested_confidence": np.where(flags, 0.9, np.nan).astype(np.float32),
            "label_quality": np.where(flags, 0.05, 0.95).astype(np.float32),
            "is_label_issue": flags,
        }
    )


def run_of(image_set: ImageSet, path, flagged=FLAGGED) -> Run:
    """A run folder as `find` leaves it."""
    pred_probs = np.full((len(image_set), image_set.num_classes), 0.1, np.float32)
    pred_probs[np.arange(len(image_set)), image_set.labels] = 0.8
    config = {"model": "lenet5", "preset": "quick", "num_folds": 3}
    run = Run.create(path, {"dataset": describe(image_set), "config": config, "versions": {"curate": "0.1.0"}})
    run.save_array("labels.npy", image_set.labels)
    run.write_bytes("issues.parquet", issues_of(image_set, flagged).to_parquet(index=False))
    run.update("metrics", **accuracies(image_set, pred_probs))
    return run


@pytest.fixture
def make_run(data):
    return lambda image_set, flagged=FLAGGED: run_of(image_set, data / "runs" / image_set.name, flagged)


@pytest.fixture
def run(pets, make_run) -> Run:
    return make_run(pets)


def decide(run: Run, *decisions: tuple) -> None:
    """Appends (who, sample_id, action[, label]) to the journal of the run."""
    append_decisions(
        run.path / "decisions.jsonl",
        [Decision(sample_id, action, label=rest[0] if rest else None, who=who) for who, sample_id, action, *rest in decisions],
    )


@pytest.fixture
def reviewed(run):
    """The run with decisions of every kind: two of three relabel one sample, two do not agree on another."""
    decide(
        run,
        ("ann", "pets/train/2/0.png", "relabel", "cat"),
        ("bob", "pets/train/2/0.png", "relabel", "cat"),
        ("cat", "pets/train/2/0.png", "ok"),
        ("ann", "pets/train/cat/1.png", "ok"),
        ("ann", "pets/train/10/0.png", "ambiguous"),
        ("ann", "pets/test/10/0.png", "drop"),
        ("ann", "pets/test/2/1.png", "relabel", "10"),
        ("ann", "pets/train/10/1.png", "ok"),
        ("bob", "pets/train/10/1.png", "confirm_error"),
    )
    return SimpleNamespace(
        run=run,
        labels={
            "pets/train/2/0.png": ("relabel", "cat"),
            "pets/train/cat/1.png": ("keep", "cat"),
            "pets/train/10/0.png": ("abstain", None),
            "pets/test/10/0.png": ("drop", None),
            "pets/test/2/1.png": ("relabel", "10"),
            "pets/train/10/1.png": ("keep", "10"),
        },
    )
