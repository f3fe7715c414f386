import numpy as np
import pytest

from curate.data.label_files import read_labels, relabelled
from curate.errors import DataError
from curate.options import Source

IDS = np.array([f"pets/{i}.png" for i in range(6)])
CLASSES = ("bird", "cat", "dog")


def read(path, positions=range(6)):
    return read_labels(path, sample_ids=IDS, positions=np.array(positions), class_names=CLASSES)


def csv_with(path, *rows, header="sample_id,label"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def npy_with(path, values):
    np.save(path, values)
    return path


def test_an_array_of_the_whole_dataset_serves_the_chosen_samples(tmp_path):
    path = npy_with(tmp_path / "l.npy", np.array([0, 1, 2, -1, 1, 0], dtype=np.int32))
    labels = read(path, [1, 3, 5])
    np.testing.assert_array_equal(labels, [1, -1, 0])
    assert labels.dtype == np.int64


def test_an_array_of_the_chosen_samples_is_taken_as_it_is(tmp_path):
    np.testing.assert_array_equal(read(npy_with(tmp_path / "l.npy", np.array([2, 0])), [1, 3]), [2, 0])


SPLITS = np.array(["test", "train", "train", "test", "train", "train"])


@pytest.mark.parametrize(("positions", "expected"), [(range(6), [0, 1, 2, 1, -1, 0]), ([0, 2, 5], [0, 2, 0]), ([4, 3], [-1, 1])])
def test_an_array_of_the_training_split_leaves_all_others_as_they_are(tmp_path, positions, expected):
    given, path = np.array([0, 2, 2, 1, 2, 2]), npy_with(tmp_path / "l.npy", np.array([1, 2, -1, 0]))
    chosen = np.array(positions)
    found = read_labels(path, sample_ids=IDS, positions=chosen, class_names=CLASSES, given=given[chosen], splits=SPLITS)
    np.testing.assert_array_equal(found, expected)


def test_the_length_of_the_training_split_is_told_as_one_that_fits(tmp_path):
    path, chosen = npy_with(tmp_path / "l.npy", np.zeros(3, dtype=int)), np.arange(6)
    with pytest.raises(DataError, match="has 3 labels, expected 6 or 4, one per sample"):
        read_labels(path, sample_ids=IDS, positions=chosen, class_names=CLASSES, given=np.zeros(6, dtype=int), splits=SPLITS)


def test_an_empty_array_is_none_of_a_set_without_a_training_split(tmp_path):
    path, chosen = npy_with(tmp_path / "l.npy", np.zeros(0, dtype=int)), np.arange(6)
    with pytest.raises(DataError, match="has 0 labels, expected 6, one per sample"):
        read_labels(path, sample_ids=IDS, positions=chosen, class_names=CLASSES, given=np.zeros(6, dtype=int), splits=np.full(6, "test"))


def test_an_array_of_class_names_is_understood(tmp_path):
    np.testing.assert_array_equal(read(npy_with(tmp_path / "l.npy", np.array(["dog", "cat"])), [0, 1]), [2, 1])


def test_an_array_of_wrong_length_says_which_lengths_fit(tmp_path):
    with pytest.raises(DataError, match="has 5 labels, expected 6 or 2, one per sample in dataset order"):
        read(npy_with(tmp_path / "l.npy", np.zeros(5, dtype=int)), [0, 1])


@pytest.mark.parametrize("wrong", [3, -2])
def test_a_label_out_of_range_is_named(tmp_path, wrong):
    with pytest.raises(DataError, match=rf"has label {wrong}, expected 0\.\.2"):
        read(npy_with(tmp_path / "l.npy", np.array([0, 1, 2, wrong, 0, 0])))


@pytest.mark.parametrize("values", [np.full(6, 0.5), np.zeros((6, 3), dtype=int), np.zeros(6, dtype=bool)])
def test_an_array_of_another_kind_is_refused(tmp_path, values):
    with pytest.raises(DataError, match="one integer or class name per sample, found"):
        read(npy_with(tmp_path / "l.npy", values))


def test_a_pickle_is_never_opened(tmp_path):
    np.save(tmp_path / "l.npy", np.array([{"evil": 1}] * 6, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="not a readable"):
        read(tmp_path / "l.npy")


def test_an_npz_is_refused_with_the_way_out(tmp_path):
    np.savez(tmp_path / "l.npz", labels=np.zeros(6, dtype=int))
    with pytest.raises(DataError, match=r"found l\.npz; save the one array you mean with numpy\.save"):
        read(tmp_path / "l.npz")


@pytest.mark.parametrize("labels", [("dog", "cat"), ("2", "1")])
def test_a_table_may_come_in_any_order_with_names_or_indices_and_gaps(tmp_path, labels):
    path = csv_with(tmp_path / "l.csv", f"pets/2.png,{labels[0]}", f"pets/0.png,{labels[1]}", "pets/1.png,")
    np.testing.assert_array_equal(read(path, [0, 1, 2]), [1, -1, 2])


def test_names_and_indices_are_not_mixed(tmp_path):
    path = csv_with(tmp_path / "l.csv", "pets/2.png,dog", "pets/0.png,1", "pets/1.png,")
    with pytest.raises(DataError, match="label '1', which is no class; expected bird, cat, dog or, for all labels, an index in 0"):
        read(path, [0, 1, 2])


def test_an_index_is_never_taken_for_a_class_that_is_called_by_a_number(tmp_path):
    path = csv_with(tmp_path / "l.csv", "a,0", "b,1")
    with pytest.raises(DataError, match=r"label '0', which is no class; expected 1, 2, 3$"):
        read_labels(path, sample_ids=np.array(["a", "b"]), positions=np.arange(2), class_names=("1", "2", "3"))


def test_a_class_that_is_called_like_a_number_goes_by_its_name(tmp_path):
    path = csv_with(tmp_path / "l.csv", "a,1", "b,2")
    labels = read_labels(path, sample_ids=np.array(["a", "b"]), positions=np.arange(2), class_names=("1", "2", "3"))
    np.testing.assert_array_equal(labels, [0, 1])


def test_a_table_may_cover_more_than_the_chosen_samples(tmp_path):
    path = csv_with(tmp_path / "l.csv", *(f"{sample},cat,x" for sample in IDS), header="sample_id,label,note")
    np.testing.assert_array_equal(read(path, [4]), [1])


def test_a_table_with_gaps_says_how_many_are_missing(tmp_path):
    with pytest.raises(DataError, match=r"lacks 4 of 6 samples, such as pets/1\.png"):
        read(csv_with(tmp_path / "l.csv", "pets/0.png,cat", "pets/5.png,cat"))


def test_unknown_samples_are_counted_and_one_is_named(tmp_path):
    rows = [f"{sample},cat" for sample in (*IDS, "pets/9.png", "pets/8.png")]
    with pytest.raises(DataError, match=r"has 2 sample ids that the dataset lacks, such as pets/9\.png; expected ids like pets/0\.png"):
        read(csv_with(tmp_path / "l.csv", *rows))


def test_an_unknown_class_is_named_with_the_known_ones(tmp_path):
    with pytest.raises(DataError, match=r"label 'cow', which is no class; expected bird, cat, dog or, for all labels, an index in 0\.\.2"):
        read(csv_with(tmp_path / "l.csv", "pets/0.png,cow"), [0])


def test_a_sample_that_comes_twice_is_named(tmp_path):
    with pytest.raises(DataError, match=r"sample pets/0\.png more than once"):
        read(csv_with(tmp_path / "l.csv", "pets/0.png,cat", "pets/0.png,dog"), [0])


def test_a_table_without_the_columns_shows_what_it_has(tmp_path):
    with pytest.raises(DataError, match="has no column 'sample_id'; expected sample_id, label, found id, class"):
        read(csv_with(tmp_path / "l.csv", header="id,class"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no label file at .*l\.csv"):
        read(tmp_path / "l.csv")


def test_binary_rubbish_is_no_table(tmp_path):
    (tmp_path / "l.csv").write_bytes(b"\xff\x00\xfesample_id")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        read(tmp_path / "l.csv")


def test_corrections_are_made_to_the_labels_of_a_file(tmp_path):
    np.save(tmp_path / "vendor.npy", np.array([1, 1, 0]))
    (tmp_path / "corrected.csv").write_text("sample_id,given,corrected\npets/0,dog,cat\npets/2,cat,\n")
    about = {"sample_ids": np.array(["pets/0", "pets/1", "pets/2"]), "positions": np.arange(3), "splits": np.full(3, "train")}
    given, names = np.array([0, 0, 0]), ("cat", "dog")
    source = Source("pets", labels=tmp_path / "vendor.npy", corrections=tmp_path / "corrected.csv")
    assert relabelled(source, given, class_names=names, **about)[0].tolist() == [0, 1, -1]
    with pytest.raises(DataError, match="give that file by --labels and this one by --corrections"):
        relabelled(Source("pets", labels=tmp_path / "corrected.csv"), given, class_names=names, **about)
    with pytest.raises(DataError, match=r"vendor\.npy is no file of corrected labels"):
        relabelled(Source("pets", corrections=tmp_path / "vendor.npy"), given, class_names=names, **about)


def test_samples_without_any_annotator_are_a_remark(tmp_path):
    (tmp_path / "crowd.csv").write_text("sample_id,annotator,label\npets/0,ann,dog\npets/0,bob,dog\npets/1,ann,\n")
    found = relabelled(
        Source("pets", labels=tmp_path / "crowd.csv"),
        np.array([0, 0]),
        sample_ids=np.array(["pets/0", "pets/1"]),
        positions=np.arange(2),
        class_names=("cat", "dog"),
        splits=np.full(2, "train"),
    )
    assert found[0].tolist() == [1, -1] and found[2] == ["1 sample has no label by any annotator: unlabelled"]


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_a_column_of_whole_numbers_with_gaps_as_pandas_writes_it_is_read_by_index(tmp_path, kind):
    if kind == "csv":
        path = csv_with(
            tmp_path / "l.csv", *(f"{one},{label}" for one, label in zip(IDS, ["0.0", "1.0", "", "2.0", "1.0", "0.0"], strict=True))
        )
    else:
        path = npy_with(tmp_path / "l.npy", np.array([0, 1, np.nan, 2, 1, 0]))
    np.testing.assert_array_equal(read(path), [0, 1, -1, 2, 1, 0])


@pytest.mark.parametrize(
    "values", [[0.5] * 6, [0.0, 1.0, 2.0, 3.0, 1.0, 0.0], [0, 1, 2, 1e300, 0, 0], [0, 1, 2, np.inf, 0, 0], [0, 1, 2, -7.0, 0, 0]]
)
def test_other_numbers_are_no_labels(tmp_path, values):
    with pytest.raises(DataError, match=r"l\.npy (must hold|has label)"):
        read(npy_with(tmp_path / "l.npy", np.array(values)))


NUMBERS = ("1", "2", "3")


def test_integers_that_may_be_names_or_places_are_taken_once_they_are_saved_as_the_message_says(tmp_path):
    values = np.array([1, 2, 1, -1, 2, 1])
    options = {"sample_ids": IDS, "positions": np.arange(6), "class_names": NUMBERS}
    with pytest.raises(DataError, match=r"2 may be a name or a place; save the names as text: labels\.astype\(str\)"):
        read_labels(npy_with(tmp_path / "l.npy", values), **options)
    np.testing.assert_array_equal(read_labels(npy_with(tmp_path / "l.npy", values.astype(str)), **options), [0, 1, 0, -1, 1, 0])
    np.testing.assert_array_equal(read_labels(npy_with(tmp_path / "l.npy", np.array([0, 1, 2, -1, 2, 1])), **options), [0, 1, 2, -1, 2, 1])
    digits = {**options, "class_names": ("0", "1", "2")}  # their names are their places
    np.testing.assert_array_equal(read_labels(npy_with(tmp_path / "l.npy", values), **digits), values)


def test_an_archive_of_arrays_under_another_ending_is_told(tmp_path):
    with open(tmp_path / "l.npy", "wb") as file:
        np.savez(file, np.zeros(6, int))
    with pytest.raises(DataError, match=r"is an archive of arrays \(arr_0\); save the one array you mean with numpy\.save"):
        read(tmp_path / "l.npy")


@pytest.mark.parametrize("header", ["Sample_ID,Label", "SAMPLE ID,LABEL", "Sample id, label "])
def test_columns_of_a_table_of_labels_are_known_in_any_case(tmp_path, header):
    path = csv_with(tmp_path / "l.csv", *(f"{one},cat" for one in IDS), header=header)
    np.testing.assert_array_equal(read(path), [1] * 6)
