import json
import os
from pathlib import Path

import numpy as np
import pytest

from curate.errors import DataError, IntegrityError
from curate.find.evaluation import evaluate_detection
from curate.find.label_issues import find_label_issues
from curate.review.decision_files import read_decisions
from curate.review.journal import ACTIONS
from curate.review.verdicts import CONFLICT, verdicts
from curate.review.votes import Known, corrected_labels

CHECKED_ERRORS = [947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729]


def vote(index, given, guessed, counts):
    kept, chosen, neither = counts
    return {
        "id": index,
        "given_original_label": given,
        "our_guessed_label": guessed,
        "mturk": {"given": kept, "guessed": chosen, "neither": neither},
    }


@pytest.fixture
def votes(tmp_path):
    def write(*entries):
        path = tmp_path / "votes.json"
        path.write_text(json.dumps(entries))
        return path

    return write


@pytest.mark.parametrize(
    ("counts", "label"),
    [((5, 0, 0), 4), ((3, 2, 0), 4), ((2, 3, 0), 9), ((0, 5, 0), 9), ((2, 0, 3), -1), ((2, 2, 1), -1)],
)
def test_majority_decides(votes, counts, label):
    assert corrected_labels(votes(vote(1, 4, 9, counts)), np.array([0, 4]), 10)[0].tolist() == [0, label]


def test_suggestion_equal_to_the_given_label_is_never_an_error(votes):
    labels, counts = corrected_labels(votes(vote(0, 4, 4, (4, 4, 1))), np.array([4]), 10)
    assert labels.tolist() == [4] and counts.num_kept == 1


def test_given_labels_are_not_changed_in_place(votes):
    labels = np.array([4])
    corrected_labels(votes(vote(0, 4, 9, (0, 5, 0))), labels, 10)
    assert labels.tolist() == [4]


@pytest.mark.parametrize(("index", "found"), [(0, "found 5"), (3, "found no such sample")])
def test_votes_about_other_labels_are_refused(votes, index, found):
    with pytest.raises(DataError, match=f"label 4 of test sample {index}, {found}"):
        corrected_labels(votes(vote(index, 4, 9, (5, 0, 0))), np.array([5]), 10)


@pytest.mark.parametrize("guessed", [-1, 10, 2**40])
@pytest.mark.parametrize("counts", [(0, 5, 0), (5, 0, 0)])
def test_a_guessed_class_that_there_is_not_is_refused(votes, guessed, counts):
    with pytest.raises(DataError, match=f"guesses class {guessed} for test sample 0, but classes are 0 to 9"):
        corrected_labels(votes(vote(0, 4, guessed, counts)), np.array([4]), 10)


@pytest.mark.parametrize("content", ["{", "{}}", "[1]", '[{"id": 1}]'])
def test_file_of_another_form_is_refused(tmp_path, content):
    path = tmp_path / "votes.json"
    path.write_text(content)
    with pytest.raises(IntegrityError, match="not a readable vote file"):
        corrected_labels(path, np.array([4]), 10)


@pytest.fixture(scope="module")
def truth_folder():
    """The files that labelerrors.com published for MNIST."""
    root = Path(os.environ.get("CURATE_TRUTH", Path(__file__).parents[3] / "shared" / "data"))
    if not (root / "labelerrors-mnist" / "mnist_mturk.json").exists():
        pytest.skip(f"no labelerrors-mnist in {root}; set CURATE_TRUTH to the folder that holds it")
    return root / "labelerrors-mnist"


@pytest.fixture(scope="module")
def given(truth_folder):
    return np.load(truth_folder / "mnist_test_set_original_labels.npy").astype(np.int64)


def test_mnist_has_the_fifteen_published_errors(truth_folder, given):
    labels, counts = corrected_labels(truth_folder / "mnist_mturk.json", given, 10)
    assert np.flatnonzero(labels != given).tolist() == CHECKED_ERRORS
    assert (counts.num_checked, counts.num_kept, counts.num_corrected, counts.num_excluded) == (100, 85, 10, 5)


def test_published_probabilities_of_mnist_find_what_cleanlab_found(truth_folder, given):
    truth = corrected_labels(truth_folder / "mnist_mturk.json", given, 10)[0] != given
    probs = np.load(truth_folder / "mnist_test_set_pyx.npy")
    filtered = find_label_issues(given, probs, method="prune_by_noise_rate")
    disagreeing = find_label_issues(given, probs, method="predicted_neq_given")
    assert (filtered.is_label_issue.sum(), (filtered.is_label_issue & truth).sum()) == (15, 7)
    assert (disagreeing.is_label_issue.sum(), (disagreeing.is_label_issue & truth).sum()) == (87, 15)
    assert evaluate_detection(truth, filtered.is_label_issue, filtered.label_quality).last_error_rank == 84


def test_a_majority_of_five_workers_finds_the_same_errors_but_two_that_they_split_on(truth_folder, given):
    names = tuple("0123456789")
    ids = [f"mnist/test/{index}" for index in range(len(given))]
    known = Known(dict(zip(ids, (names[label] for label in given), strict=True)), dict(enumerate(ids)), names)
    found = verdicts(read_decisions(truth_folder / "mnist_mturk.json", known))
    by_action = {action: {int(v.sample_id.split("/")[-1]) for v in found.values() if v.action == action} for action in (*ACTIONS, CONFLICT)}
    assert (len(found), len(by_action["ok"]), len(by_action["relabel"]), len(by_action["confirm_error"])) == (100, 85, 10, 3)
    assert sorted(by_action["relabel"] | by_action["confirm_error"] | by_action["conflict"]) == CHECKED_ERRORS
    corrected, _ = corrected_labels(truth_folder / "mnist_mturk.json", given, 10)
    assert all(names[corrected[int(v.sample_id.split("/")[-1])]] == v.label for v in found.values() if v.action == "relabel")
