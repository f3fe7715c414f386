"""Photographs in the App: the grid takes the small upright copy, the opened sample the original."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curate.app.appearance import show_thumbnails
from curate.app.fields import OPTIONAL, THUMBNAIL
from curate.app.sample_columns import sample_columns
from curate.data.load import load
from curate.publish.report.page_pictures import thumbnail


@pytest.fixture
def scans(tmp_path):
    """Four TIFFs, which no browser shows, wider than high."""
    rng = np.random.default_rng(0)
    for kind in ("a", "b"):
        (tmp_path / "scans" / kind).mkdir(parents=True)
        for i in range(2):
            Image.fromarray(rng.integers(0, 255, (300, 600, 3), dtype=np.uint8)).save(tmp_path / "scans" / kind / f"{i}.tiff")
    return load(str(tmp_path / "scans"))


def table_of(image_set):
    names = ("given_label", "suggested_label", "predicted_label")
    columns = {name: ["a"] * len(image_set) for name in names} | {"sample_id": image_set.sample_ids.tolist()}
    columns |= dict.fromkeys(("suggested_confidence", "confidence", "label_quality", "outlier_score", "error_probability"), 0.5)
    columns |= dict.fromkeys(("is_label_issue", "is_outlier_issue", "is_duplicate_issue", "is_leak_issue"), False)
    return pd.DataFrame(columns | dict.fromkeys(("index", "rank", "duplicate_set", "fold"), 0))


def test_a_sample_has_its_original_and_a_copy_that_browsers_show(scans):
    columns = sample_columns(table_of(scans), scans, scans.filepaths.tolist())
    assert columns["filepath"][0].endswith(".tiff")
    with Image.open(columns[THUMBNAIL][0]) as shown:
        assert shown.format == "JPEG" and shown.width == 2 * shown.height
    assert (columns["metadata"][0]["width"], columns["metadata"][0]["height"]) == (600, 300)
    assert THUMBNAIL in {spec.name for spec in OPTIONAL}


def test_the_grid_shows_the_copies_where_there_are_any():
    config = SimpleNamespace(media_fields=[], grid_media_field="")
    show_thumbnails(config, {THUMBNAIL: None})
    assert config.grid_media_field == THUMBNAIL and config.media_fields == ["filepath", THUMBNAIL]
    show_thumbnails(config, {})
    assert config.grid_media_field == "filepath" and config.media_fields == ["filepath"]


def test_a_page_of_sixty_suspects_stays_under_three_megabytes(scans):
    assert 60 * len(thumbnail(scans, 0)) < 2.2e6  # noise, which compresses worst
