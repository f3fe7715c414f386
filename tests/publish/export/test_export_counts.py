"""Count in = count out, whatever the export: unlabelled samples, one file name in two folders, names that differ by case only."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from making import export
from PIL import Image

from curate.data.load import load
from curate.publish.export.tree import METADATA
from curate.sources import load_source

FILES = {  # file: its class, '' where nobody labelled it
    "left/1.png": "cat",
    "right/1.png": "cat",
    "left/a.png": "cat",
    "left/A.png": "cat",
    "left/a.PNG": "Cat",
    "right/A.png": "Cat",
    "left/2.png": "Cat",
    "right/2.png": "",
    "left/3.png": "",
    "right/3.png": "",
}
ACTIONS = {  # policy: what becomes of the one that is flagged, left/1.png
    "drop": {"keep": 9, "drop": 1},
    "relabel": {"keep": 9, "relabel": 1},
    "abstain": {"keep": 9, "abstain": 1},
}


@pytest.fixture
def twins(tmp_path, data):
    """An ImageSet of a table; each picture another."""
    generator = np.random.default_rng(0)
    for name in FILES:
        (tmp_path / "shots" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (12, 12), dtype=np.uint8)).save(tmp_path / "shots" / name)
    rows = [{"filepath": name, "label": label} for name, label in FILES.items()]
    pd.DataFrame(rows).to_csv(tmp_path / "shots" / "twins.csv", index=False)
    return load(str(tmp_path / "shots" / "twins.csv"))


@pytest.fixture
def run(twins, make_run):
    flagged = str(twins.sample_ids[[Path(path).parts[-2:] for path in twins.filepaths.tolist()].index(("left", "1.png"))])
    return make_run(twins, {flagged: "Cat"})


def test_all_files_of_the_table_are_samples(twins):
    assert len(twins) == len(FILES) == len(set(twins.sample_ids.tolist())) and (twins.labels < 0).sum() == 3


@pytest.mark.parametrize("policy", ACTIONS)
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_table_has_every_sample_once(run, twins, tmp_path, format, policy):
    told = export(run, tmp_path / f"all.{format}", format=format, policy=policy)
    table = (pd.read_csv if format == "csv" else pd.read_parquet)(
        tmp_path / f"all.{format}", **{"keep_default_na": False} if format == "csv" else {}
    )
    assert sorted(table["sample_id"]) == sorted(twins.sample_ids.tolist())
    assert Counter(table["action"]) == ACTIONS[policy]
    assert told["num_samples"] == sum(told[f"num_{action}"] for action in ("keep", "drop", "relabel", "abstain")) == len(FILES)


@pytest.mark.parametrize("policy", ACTIONS)
def test_a_folder_has_every_picture_once_under_a_name_that_no_other_has_by_capitals_either(run, twins, tmp_path, policy):
    export(run, tmp_path / "out", format="folder", policy=policy)
    content = {Path(path).read_bytes(): str(sample_id) for path, sample_id in zip(twins.filepaths, twins.sample_ids, strict=True)}
    pictures = [path for path in (tmp_path / "out").rglob("*") if path.suffix.lower() == ".png"]
    told = {}
    for file in (tmp_path / "out").rglob(METADATA):
        for entry in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            told[file.parent / entry["file_name"]] = entry
    assert set(told) == set(pictures) and len(pictures) == len(FILES) - ACTIONS[policy].get("drop", 0)
    assert len({str(path).casefold() for path in pictures}) == len(pictures)
    assert len({str(path.parent).casefold() for path in pictures}) == len({path.parent for path in pictures})
    assert {path: content[path.read_bytes()] for path in pictures} == {path: entry["sample_id"] for path, entry in told.items()}
    unlabelled = 3 + (policy == "abstain")
    assert sum(entry["label"] == "" for entry in told.values()) == unlabelled
    again = load_source(str(tmp_path / "out"))
    assert len(again) == len(pictures) - unlabelled and set(again.class_names) == {"cat", "Cat"}


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_corrected_labels_name_what_changed_and_leave_the_rest_as_it_is(run, twins, tmp_path, ending):
    export(run, tmp_path / f"corrected.{ending}", format="corrected", policy="relabel")
    source = load_source(str(Path(twins.filepaths[0]).parents[1] / "twins.csv"), labels=tmp_path / f"corrected.{ending}")
    assert len(source) == len(FILES) and (source.labels < 0).sum() == 3
    assert (source.labels != twins.labels).sum() == 1
