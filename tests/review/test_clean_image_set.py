import numpy as np
import pandas as pd
import pytest

from curate.data.image_set import ImageSet
from curate.errors import DataError, UnknownNameError
from curate.review.clean import clean_image_set


@pytest.fixture
def image_set():
    return ImageSet(
        name="pets",
        images=np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1),
        labels=np.array([0, 1, 0, 1, 0, 1]),
        sample_ids=np.array(list("abcdef")),
        splits=np.array(["train", "train", "train", "validation", "test", "test"]),
        class_names=("cat", "dog"),
    )


def cleaned(actions, labels, given=("cat", "dog", "cat", "dog", "cat", "dog")):
    return pd.DataFrame(
        {
            "sample_id": list("abcdef"),
            "given_label": pd.Series(given, dtype="str"),
            "label": pd.Series(labels, dtype="str"),
            "action": actions,
        }
    )


FLAGGED = cleaned(["drop", "relabel", "abstain", "keep", "drop", "relabel"], [None, "cat", None, "dog", None, "cat"])


def test_dropped_go_relabelled_change_and_abstained_lose_their_label(image_set):
    result = clean_image_set(image_set, FLAGGED)
    assert result.sample_ids.tolist() == list("bcdef")
    assert result.labels.tolist() == [0, -1, 1, 0, 1]
    assert result.images.ravel().tolist() == [1, 2, 3, 4, 5]


def test_test_images_stay_as_they_are_unless_asked_for(image_set):
    stays = clean_image_set(image_set, FLAGGED)
    assert stays.labels[stays.splits == "test"].tolist() == [0, 1]
    only = cleaned(["drop"] * 4 + ["keep", "relabel"], [None] * 4 + ["cat", "cat"])
    with pytest.raises(DataError, match="class 'dog'"):
        clean_image_set(image_set, only, splits=("test",))


def test_rows_are_matched_by_sample_id_not_by_order(image_set):
    shuffled = FLAGGED.sample(frac=1, random_state=0)
    np.testing.assert_array_equal(clean_image_set(image_set, shuffled).labels, clean_image_set(image_set, FLAGGED).labels)


def test_original_set_is_not_changed(image_set):
    clean_image_set(image_set, FLAGGED)
    assert image_set.labels.tolist() == [0, 1, 0, 1, 0, 1]


def test_table_of_other_samples_is_refused(image_set):
    with pytest.raises(DataError, match="lacks 1 samples, such as 'c'"):
        clean_image_set(image_set, FLAGGED.drop(index=2))


def test_table_of_other_given_labels_is_refused(image_set):
    with pytest.raises(DataError, match="made from other given labels"):
        clean_image_set(image_set, cleaned(["keep"] * 6, ["cat"] * 6, given=["cat"] * 6))


def test_class_that_loses_all_its_samples_is_named(image_set):
    with pytest.raises(DataError, match="leaves class 'cat' without a labelled sample"):
        clean_image_set(image_set, cleaned(["drop", "keep", "abstain", "keep", "keep", "keep"], [None, "dog", None, "dog", "cat", "dog"]))


def test_new_label_that_is_no_class_is_named(image_set):
    with pytest.raises(UnknownNameError, match="unknown class 'dgo'; did you mean dog"):
        clean_image_set(image_set, cleaned(["relabel", *["keep"] * 5], ["dgo", "dog", "cat", "dog", "cat", "dog"]))
