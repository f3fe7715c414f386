import csv
import json

import numpy as np
import pytest
from making import export

from curate.data.corrections import apply_corrections, read_corrections
from curate.publish.export.corrected import corrections_of, is_corrections, votes_of
from curate.publish.export.export import cleaned_for_export

ENDINGS = ["csv", "json"]


@pytest.fixture
def corrections(reviewed):
    cleaned = cleaned_for_export(reviewed.run, policy="reviewed")
    return {row["sample_id"]: row for row in corrections_of(cleaned.table, cleaned.standing)}


def test_only_what_changed_or_was_judged_is_listed(corrections, reviewed):
    assert set(corrections) == set(reviewed.labels) - {"pets/train/10/1.png"}  # whose reviewers do not agree


def test_the_corrected_label_is_empty_where_no_single_class_is_right(corrections):
    assert {sample_id: row["corrected"] for sample_id, row in corrections.items()} == {
        "pets/train/2/0.png": "cat",
        "pets/train/cat/1.png": "cat",
        "pets/train/10/0.png": None,
        "pets/test/10/0.png": None,
        "pets/test/2/1.png": "10",
    }


def test_votes_tell_how_many_said_what(corrections):
    assert corrections["pets/train/2/0.png"]["votes"] == {"cat": 2, "label is right": 1}
    assert corrections["pets/train/10/0.png"]["votes"] == {"no single class is right": 1}
    assert corrections["pets/test/10/0.png"]["votes"] == {"image does not belong here": 1}


def test_a_change_by_the_policy_alone_has_no_votes(run):
    cleaned = cleaned_for_export(run, policy="relabel")
    rows = corrections_of(cleaned.table, cleaned.standing)
    assert [(row["sample_id"], row["given"], row["corrected"], row["votes"]) for row in rows] == [
        ("pets/train/2/0.png", "2", "cat", {}),
        ("pets/train/cat/1.png", "cat", "10", {}),
    ]
    assert votes_of({}) == {}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_exported_reads_back_and_makes_the_cleaned_labels(reviewed, pets, tmp_path, ending):
    path = tmp_path / f"corrected.{ending}"
    export(reviewed.run, path, format="corrected")
    found = read_corrections(path)
    cleaned = cleaned_for_export(reviewed.run, policy="reviewed")
    assert [(c.sample_id, c.given, c.corrected or None) for c in found] == [
        (row["sample_id"], row["given"], row["corrected"]) for row in corrections_of(cleaned.table, cleaned.standing)
    ]
    labels = apply_corrections(pets.labels, found, sample_ids=pets.sample_ids, class_names=pets.class_names, path=path)
    names = np.array([*pets.class_names, ""])
    assert names[labels].tolist() == cleaned.table["label"].fillna("").tolist()


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_labels_that_it_belongs_to_are_named(reviewed, pets, tmp_path, ending):
    export(reviewed.run, tmp_path / f"corrected.{ending}", format="corrected")
    text = (tmp_path / f"corrected.{ending}").read_text()
    hashes = {row["labels_sha256"] for row in csv.DictReader(text.splitlines())} if ending == "csv" else {json.loads(text)["labels_sha256"]}
    assert hashes == {pets.labels_hash}


def test_json_tells_what_was_done_and_keeps_one_line_for_each_sample(reviewed, pets, tmp_path):
    export(reviewed.run, tmp_path / "corrected.json", format="corrected")
    text = (tmp_path / "corrected.json").read_text()
    content = json.loads(text)
    assert (content["dataset"], content["class_names"], content["policy"]) == ("pets", list(pets.class_names), "reviewed")
    assert all(json.dumps(row, ensure_ascii=False) in text for row in content["corrections"]) and len(content["corrections"]) == 5


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_to_correct_is_an_empty_list(pets, make_run, tmp_path, ending):
    run = make_run(pets, flagged={})
    path = tmp_path / f"corrected.{ending}"
    export(run, path, format="corrected")
    assert read_corrections(path) == [] and is_corrections(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_earlier_export_is_replaced_and_another_file_is_not(reviewed, tmp_path, ending):
    path = tmp_path / f"corrected.{ending}"
    export(reviewed.run, path, format="corrected", splits=["test"])
    first = path.read_text()
    export(reviewed.run, path, format="corrected")
    assert path.read_text() != first and is_corrections(path)
    path.write_text("{}")
    assert not is_corrections(path)
