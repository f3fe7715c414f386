import numpy as np
import pytest

from curate.find.neighbors import nearest_neighbors
from curate.find.order import check_order


def drifting(num_samples=400, seed=0):
    """Embeddings whose direction turns slowly along the dataset."""
    angle = np.linspace(0, np.pi, num_samples) + np.random.default_rng(seed).normal(scale=0.05, size=num_samples)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_drift_along_the_dataset_is_an_issue():
    check = check_order(nearest_neighbors(drifting())[0])
    assert check.is_order_issue and check.p_value < 0.01 and check.statistic > 0.5


def test_shuffled_datasets_are_issues_as_rarely_as_the_significance_says():
    neighbors = nearest_neighbors(drifting(200))[0]
    generator = np.random.default_rng(0)
    alarms = 0
    for _ in range(60):
        place = generator.permutation(200)  # sample i moves to place[i]
        moved = np.empty_like(neighbors)
        moved[place] = place[neighbors]
        alarms += check_order(moved).is_order_issue
    assert alarms <= 8  # 3 expected


def test_statistic_is_the_gap_between_the_two_distributions():
    neighbors = nearest_neighbors(drifting(40), k=3)[0]
    gaps = np.abs(np.arange(40)[:, None] - neighbors).ravel()
    pairs = [abs(i - j) for i in range(40) for j in range(40) if i != j]
    slow = max(abs(np.mean(gaps <= d) - np.mean(np.array(pairs) <= d)) for d in range(1, 40))
    assert check_order(neighbors).statistic == pytest.approx(slow)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shuffle", [True, False])
def test_outcome_is_that_of_datalab(shuffle):
    cleanlab = pytest.importorskip("cleanlab.datalab.internal.issue_manager.noniid")
    embeddings = drifting(200)[np.random.default_rng(2).permutation(200)] if shuffle else drifting(200)
    neighbors = nearest_neighbors(embeddings)[0]
    theirs = cleanlab.NonIIDIssueManager.__new__(cleanlab.NonIIDIssueManager)
    theirs.N, theirs.seed, theirs.background_distribution, theirs.neighbor_index_choices = 200, 0, None, neighbors
    theirs.statistics = theirs._get_statistics(np.abs(np.arange(200)[:, None] - neighbors))
    ours = check_order(neighbors)
    assert ours.statistic == pytest.approx(theirs.statistics["ks"], abs=0.01)
    assert ours.is_order_issue == (theirs._permutation_test(25) < 0.05)


def test_two_samples_have_no_order_to_speak_of():
    assert not check_order(np.array([[1], [0]])).is_order_issue


def test_same_seed_same_p_value():
    neighbors = nearest_neighbors(drifting(100)[np.random.default_rng(3).permutation(100)])[0]
    assert check_order(neighbors, seed=5) == check_order(neighbors, seed=5)
