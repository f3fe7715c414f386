import numpy as np
import pytest

from curate.errors import DataError
from curate.find.annotators import find_consensus

SKILL = (0.9, 0.8, 0.75, 0.4)


@pytest.fixture(scope="module")
def crowd():
    """400 samples of 4 classes, each labelled by 2 of 4 annotators of known skill; a model that is right on 92 %."""
    generator = np.random.default_rng(0)
    true = generator.integers(4, size=400)
    rows = []
    for i, label in enumerate(true):
        for a in generator.permutation(4)[:2]:
            rows.append((i, a, label if generator.random() < SKILL[a] else (label + generator.integers(1, 4)) % 4))
    probs = np.full((400, 4), 0.05)
    probs[np.arange(400), np.where(generator.random(400) < 0.92, true, (true + 1) % 4)] = 0.85
    annotations = np.array(rows)
    return true, annotations, probs, find_consensus(annotations, probs, num_annotators=4)


def test_the_least_skilled_annotator_has_the_lowest_quality(crowd):
    found = crowd[3]
    assert found.annotator_quality.argmin() == 3 and np.argsort(found.annotator_agreement).tolist()[0] == 3
    assert found.num_labels.sum() == 800


def test_the_consensus_with_the_model_beats_the_votes_alone(crowd):
    true, annotations, _, found = crowd
    votes = np.zeros((400, 4))
    np.add.at(votes, (annotations[:, 0], annotations[:, 2]), 1)
    assert (found.labels == true).mean() > (votes.argmax(axis=1) == true).mean()


def test_samples_that_need_another_look_are_those_whose_annotators_disagree(crowd):
    found = crowd[3]
    disputed = found.agreement < 1
    assert found.annotation_score[disputed].mean() < found.annotation_score[~disputed].mean()
    assert found.quality[disputed].mean() < found.quality[~disputed].mean()


def test_samples_that_nobody_labelled_are_left_blank(crowd):
    _, annotations, probs, _ = crowd
    found = find_consensus(annotations[annotations[:, 0] != 7], probs, num_annotators=4)
    assert (found.labels[7], found.num_annotations[7]) == (-1, 0) and np.isnan(found.quality[7])


def test_one_label_per_sample_tells_nothing_about_annotators():
    with pytest.raises(DataError, match="no sample has labels of two annotators"):
        find_consensus(np.array([[0, 0, 1], [1, 1, 0]]), np.full((2, 2), 0.5), num_annotators=2)
