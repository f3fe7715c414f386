import pandas as pd
import pytest

from curate.errors import DataError
from curate.find.saved_table import load_table
from curate.publish.export.export import cleaned_for_export, export
from curate.publish.export.sample_table import COLUMNS, export_table, is_table, read_table, write_table
from curate.review.clean import clean, cleaned_table


def rows_of(table):
    return table.set_index("sample_id")


def test_every_sample_has_a_row_in_dataset_order(run, pets):
    table = cleaned_for_export(run, policy="drop").table
    assert table.columns.tolist() == COLUMNS
    assert table["sample_id"].tolist() == pets.sample_ids.tolist() and table["split"].tolist() == pets.splits.tolist()
    assert table["given_label"].tolist() == [pets.class_names[label] for label in pets.labels]


def test_what_people_decided_is_told_with_who_and_how_many(reviewed):
    rows = rows_of(cleaned_for_export(reviewed.run, policy="reviewed").table)
    assert rows.loc["pets/train/2/0.png", ["decision", "label", "action", "who", "num_reviewers"]].tolist() == [
        "relabel",
        "cat",
        "relabel",
        "ann, bob",
        3,
    ]
    assert rows.loc["pets/train/10/1.png", ["decision", "label", "action", "num_reviewers"]].tolist() == ["conflict", "10", "keep", 2]
    for sample_id, (action, label) in reviewed.labels.items():
        assert rows.loc[sample_id, "action"] == action
        assert pd.isna(rows.loc[sample_id, "label"]) if label is None else rows.loc[sample_id, "label"] == label
    untouched = rows.drop(index=list(reviewed.labels))
    assert (untouched["action"] == "keep").all() and (untouched["label"] == untouched["given_label"]).all()
    assert untouched["decision"].isna().all() and untouched["who"].isna().all() and (untouched["num_reviewers"] == 0).all()


def test_flags_alone_do_not_change_test_samples_beside_training_data(run):
    for rows in (rows_of(cleaned_table(run, policy="drop")), rows_of(cleaned_for_export(run, policy="drop").table)):
        assert rows.loc["pets/test/cat/0.png", ["label", "action"]].tolist() == ["cat", "keep"]
        assert rows.loc["pets/train/2/0.png", "action"] == "drop"


@pytest.mark.parametrize("policy", ["drop", "relabel", "abstain", "reviewed"])
def test_clean_and_export_of_a_policy_agree(reviewed, tmp_path, policy):
    cleaned = clean(reviewed.run, policy=policy)
    exported = export(reviewed.run, tmp_path / "out.csv", lambda: None, format="csv")  # as `clean` did last
    for action in ("keep", "drop", "relabel", "abstain"):
        assert cleaned[f"num_{action}"] == exported[f"num_{action}"], action


def test_a_decision_changes_a_test_sample_under_every_policy(reviewed):
    rows = rows_of(cleaned_for_export(reviewed.run, policy="abstain").table)
    assert rows.loc["pets/test/2/1.png", ["label", "action"]].tolist() == ["10", "relabel"]
    assert rows.loc["pets/test/10/0.png", "action"] == "drop"


def test_where_there_is_only_a_test_split_flags_count(pets, make_run):
    run = make_run(pets.subset(pets.splits == "test"))
    assert rows_of(cleaned_for_export(run, policy="drop").table).loc["pets/test/cat/0.png", "action"] == "drop"


def test_chosen_splits_only(run):
    table = cleaned_for_export(run, policy="drop", splits=["test"]).table
    assert set(table["split"]) == {"test"} and len(table) == 6 and table.index.tolist() == list(range(6))


def test_a_split_that_is_not_there_is_told_with_those_that_are(run):
    with pytest.raises(DataError, match="nothing to export in validation; splits: train, test"):
        cleaned_for_export(run, policy="drop", splits=["validation"])


def test_a_cleaned_table_of_other_samples_is_refused(run):
    issues = load_table(run)
    with pytest.raises(DataError, match="is of other samples"):
        export_table(issues, cleaned_table(run, policy="drop")[1:], {})


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_written_reads_back_the_same(reviewed, tmp_path, ending):
    table = cleaned_for_export(reviewed.run, policy="reviewed").table
    write_table(table, tmp_path / f"labels.{ending}")
    pd.testing.assert_frame_equal(read_table(tmp_path / f"labels.{ending}"), table)


def test_a_class_called_na_is_a_class(reviewed, tmp_path):
    table = cleaned_for_export(reviewed.run, policy="reviewed").table
    table["given_label"] = table["given_label"].replace("cat", "NA").replace("2", "null")
    write_table(table, tmp_path / "labels.csv")
    pd.testing.assert_frame_equal(read_table(tmp_path / "labels.csv"), table)


@pytest.mark.parametrize(("name", "content"), [("a.csv", b"x,y\n"), ("a.csv", b"\xff\xfe"), ("a.parquet", b"PAR1"), ("b.csv", None)])
def test_other_files_are_no_export_table(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert not is_table(tmp_path / name)
    with pytest.raises(DataError, match=r"is no table of `curate export`"):
        read_table(tmp_path / name)
