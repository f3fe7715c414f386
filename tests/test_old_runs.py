"""Runs of version 0.1 are read by this one.

`run_of_0_1` was made by commit 35e3f66, on the pictures of `shades`:
`curate train shapes --run old-shapes --model lenet5 --preset quick --folds 2 --device cpu`, `curate find old-shapes`; without the weights.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import curate
from curate.errors import RunError

OLD = Path(__file__).parent / "run_of_0_1"


@pytest.fixture
def shades(tmp_path):
    """A folder of 20 dark and 20 bright pictures, those of the run to the bit."""
    generator = np.random.default_rng(0)
    for number, name in enumerate(("dark", "bright")):
        (tmp_path / "shapes" / name).mkdir(parents=True)
        for i in range(20):
            pixels = generator.integers(number * 150, number * 150 + 100, (28, 28))
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "shapes" / name / f"{i:02}.png")
    return tmp_path / "shapes"


@pytest.fixture
def old(shades, tmp_path):
    """The audit of the old run, in a folder where it may be changed."""
    shutil.copytree(OLD, tmp_path / "runs" / "old")
    return curate.open(tmp_path / "runs" / "old", root=shades)


def test_an_old_run_is_shown_reviewed_cleaned_and_exported(old, tmp_path):
    assert len(old.issues) == 40 and "error_probability" not in old.issues
    assert old.figures["samples"] == 40 and old.figures["estimated"] == ""
    assert old.report().path.is_file() and "40" in old._repr_html_()
    assert old.gallery(tmp_path / "review.html", review=True)["num_pictures"] == 40
    assert old.clean("drop").figures["num_keep"] == 40
    assert old.export(tmp_path / "cleaned")["num_keep"] == 40


def test_looking_again_gives_an_old_run_error_probabilities(old):
    old.find()
    assert old.issues["error_probability"].notna().all() and "detection" in old.findings


def test_a_run_of_a_format_to_come_is_refused_in_one_line_that_says_what_to_do(old):
    file = old.run.path / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 2}))
    with pytest.raises(RunError, match=r"has run format 2, this curate reads 1; audit again under another --run name"):
        curate.open(old.run.path)
