"""A made-up story, and no trace of a W&B account."""

import numpy as np
import pandas as pd
import pytest

from curate.publish.tracking import Picture, Story


@pytest.fixture
def story():
    """Two folds of two and three epochs, three issues, two pictures."""
    issues = pd.DataFrame(
        {"sample_id": ["a/1", "a/2", "a|3"], "given_label": ["cat", "dog", None], "label_quality": [0.01, 0.2, 0.5]}, dtype=object
    )
    pictures = tuple(Picture(np.full((6, 8, 3), shade, np.uint8), f"a/{shade}: given cat") for shade in (40, 200))
    return Story(
        name="made-up",
        config={"config": {"model": "lenet5", "recipe": {"epochs": 3, "peak_lr": 0.5}}, "versions": {"torch": "2"}},
        figures={"out_of_fold_accuracy": 0.875},
        curves={"r0-f0": np.array([[2, 0.25], [1, 0.5]], np.float32), "r0-f1": np.array([[3, 0.125], [2, 0.25], [1, 0.75]], np.float32)},
        held_out={"r0-f0": 0.5, "r0-f1": 0.625},
        issues=issues,
        pictures=pictures,
    )


@pytest.fixture
def no_account(tmp_path, monkeypatch):
    """A home without keys; WANDB_* variables unset."""
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
