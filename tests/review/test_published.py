import json

import numpy as np
import pytest

from curate.bench.labelerrors import lowest_margins, normalized_margin, num_candidates
from curate.bench.published import LABELS, PROBS, VOTES, read_published
from curate.errors import DataError
from curate.review.votes import CATEGORIES, parse_candidates


def candidate(index=1, **votes):
    return {"id": index, "given_original_label": 1, "our_guessed_label": 0, "mturk": {"given": 0, **votes}}


def publish(folder, name="pets", *, layout=False, votes=None, probs=None, labels=(0, 1, 0, 1)):
    """A published dataset whose second label is suspect; in the folders of the repository, or side by side."""
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6]]) if probs is None else probs
    text = json.dumps([candidate(guessed=5)] if votes is None else votes)
    for file, part in (
        (f"{name}_test_set_pyx.npy", PROBS),
        (f"{name}_test_set_original_labels.npy", LABELS),
        (f"{name}_mturk.json", VOTES),
    ):
        path = (folder / part if layout else folder) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if part == VOTES:
            path.write_text(text)
        else:
            np.save(path, probs if part == PROBS else np.array(labels, dtype=np.uint16))
    return folder


@pytest.mark.parametrize("layout", [True, False])
def test_the_folders_of_the_repository_and_one_folder_are_read_alike(tmp_path, layout):
    found, left_out = read_published(publish(publish(tmp_path, "pets", layout=layout), "birds", layout=layout))
    assert [dataset.name for dataset in found] == ["birds", "pets"] and not left_out
    assert found[1].labels.tolist() == [0, 1, 0, 1] and found[1].pred_probs.shape == (4, 2)


@pytest.mark.parametrize(
    ("votes", "category"),
    [
        ({"given": 3, "guessed": 2}, None),
        ({"given": 2, "guessed": 3}, "correctable"),
        ({"given": 0, "guessed": 1, "both": 4}, "both"),
        ({"given": 1, "guessed": 0, "neither": 4}, "neither"),
        ({"given": 2, "guessed": 2, "neither": 1}, "no_agreement"),
        ({"given": 5, "guessed": 5}, None),
    ],
)
def test_the_category_is_what_three_of_five_workers_chose(tmp_path, votes, category):
    found = parse_candidates(tmp_path, json.dumps([candidate(**votes)]))[0]
    assert found.category == category and found.is_error == (category in CATEGORIES)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"votes": [candidate(4, guessed=5)]}, r"pets_mturk.json candidate 1: there is no test sample 4; expected a position in 0\.\.3"),
        ({"votes": [candidate(guessed=5), candidate(guessed=5)]}, "candidate 2: sample 1 is there more than once"),
        ({"votes": [candidate(2, guessed=5)]}, "is about label 1 of test sample 2, but pets_test_set_original_labels.npy has 0 there"),
        ({"votes": [candidate("test/neg/1", guessed=5)]}, "there is no test sample 'test/neg/1'"),
        ({"labels": (0, 1, 2, 1)}, r"label 2 of sample 2 is outside 0\.\.1"),
        ({"labels": (0, 1, 0)}, "4 rows but there are 3 labels"),
        ({"probs": np.full((4, 2), 0.4)}, r"pets_test_set_pyx.npy and .*: row 0 of pred_probs sums to 0\.8"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, broken, message):
    with pytest.raises(DataError, match=message):
        read_published(publish(tmp_path, **broken))


def test_a_broken_dataset_beside_a_good_one_is_left_out_with_its_reason(tmp_path):
    publish(publish(tmp_path, "pets"), "birds")
    (tmp_path / "birds_mturk.json").unlink()
    found, left_out = read_published(tmp_path)
    assert [dataset.name for dataset in found] == ["pets"] and left_out == {"birds": "there is no birds_mturk.json"}


def test_a_folder_without_datasets_says_what_is_expected(tmp_path):
    with pytest.raises(DataError, match=r"no file ends in _pyx.npy\); expected cross_validated"):
        read_published(tmp_path)


def test_the_lowest_margin_is_that_of_the_label_the_model_contradicts_most():
    labels, probs = np.array([0, 1, 0]), np.array([[0.5, 0.3, 0.2], [0.7, 0.1, 0.2], [0.4, 0.4, 0.2]])
    assert normalized_margin(labels, probs).tolist() == pytest.approx([0.2, -0.6, 0.0])
    assert lowest_margins(labels, probs, 2).tolist() == [1, 2]


def test_the_count_is_the_share_off_the_diagonal_of_the_confident_joint():
    labels = np.repeat([0, 1], 8)
    is_right = np.arange(16) % 8 < 7
    probs = np.where(is_right[:, None] == (labels == 0)[:, None], [[0.9, 0.1]], [[0.1, 0.9]])
    assert num_candidates(labels, probs) == 2
