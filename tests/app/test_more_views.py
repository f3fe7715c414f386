"""What an audit looked for only this time has its fields in the sidebar and its saved views, and loses them when it is gone."""

import numpy as np
import pandas as pd
import pytest

from curate.app.dataset import build_dataset

pytestmark = pytest.mark.db


def test_dark_pictures_and_disputed_labels_have_fields_and_views(fo, shapes, make_run):
    run = make_run(shapes)
    plain = pd.read_parquet(run.path / "issues.parquet")
    numbers = np.arange(len(shapes))
    more = {
        "dark_score": np.where(numbers < 3, 0.1, 0.9).astype(np.float32),
        "is_dark_issue": numbers < 3,
        "is_light_issue": np.zeros(len(shapes), bool),
        "consensus_label": plain["given_label"],
        "annotator_agreement": np.where(numbers == 7, 0.5, 1.0),
        "consensus_quality": np.linspace(0, 1, len(shapes)),
        "group": numbers % 2,
        "is_underperforming_group_issue": numbers % 2 == 0,
    }
    plain.assign(**more).to_parquet(run.path / "issues.parquet")
    dataset = fo.load_dataset(build_dataset(run, shapes).name)
    assert dataset.load_saved_view("dark pictures").values("sample_id") == shapes.sample_ids[:3].tolist()
    assert dataset.load_saved_view("annotators disagree").values("sample_id") == [shapes.sample_ids[7]]
    assert dataset.load_saved_view("underperforming groups").count() == 18
    assert "light pictures" not in dataset.list_saved_views()
    groups = {group.name: list(group.paths) for group in dataset.app_config.sidebar_groups}
    assert groups["pictures"] == ["is_dark_issue", "is_light_issue", "dark_score"] and "consensus_label" in groups["annotators"]
    assert "FiftyOne Brain" not in groups

    plain.to_parquet(run.path / "issues.parquet")
    build_dataset(run, shapes)
    dataset = fo.load_dataset(dataset.name)
    assert "dark pictures" not in dataset.list_saved_views() and dataset.exists("dark_score").count() == 0
