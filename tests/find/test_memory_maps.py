"""Label issues of probabilities on disk: the same figures, without the array in memory."""

import re
from pathlib import Path

import numpy as np
import pytest
from cleanlab.count import compute_confident_joint
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import row_blocks
from curate.errors import DataError
from curate.find.confident_joint import confident_joint
from curate.find.label_evidence import label_evidence
from curate.find.label_issues import find_label_issues
from curate.judge import probabilities as checks


@pytest.fixture
def blocks_of_seven(monkeypatch):
    """Blocks of a few rows, as a large array has them."""
    monkeypatch.setattr(checks, "row_blocks", lambda array: row_blocks.row_blocks(array, block_bytes=7 * array[:1].nbytes))


@pytest.fixture
def on_disk(tmp_path):
    def write(array):
        np.save(tmp_path / "probs.npy", array)
        return np.load(tmp_path / "probs.npy", mmap_mode="r")

    return write


def made_up(num_samples=100, num_classes=5, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, num_classes, num_samples)
    probs = rng.dirichlet(np.full(num_classes, 0.3), num_samples)
    probs[np.arange(num_samples), labels] += 1
    return labels, probs / probs.sum(axis=1, keepdims=True)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 80), st.integers(2, 6), st.integers(0, 10_000))
def test_confident_joint_is_that_of_cleanlab(num_samples, num_classes, seed):
    labels, probs = made_up(num_samples, num_classes, seed)
    labelled = labels >= 0
    if not labelled.any():
        labels[0], labelled[0] = 0, True
    expected = compute_confident_joint(labels[labelled], probs[labelled], calibrate=False)
    np.testing.assert_array_equal(confident_joint(labels, probs), expected)


def test_blocks_of_a_map_are_its_rows_in_order(on_disk):
    array = on_disk(np.arange(60.0).reshape(20, 3))
    starts, blocks = zip(*row_blocks.row_blocks(array, block_bytes=7 * 24), strict=True)
    assert starts == (0, 7, 14)
    np.testing.assert_array_equal(np.concatenate(blocks), array)


@pytest.mark.parametrize("part", [lambda a: a[3:], lambda a: a[::-1], lambda a: a.T])
def test_a_part_of_a_map_is_not_taken_for_the_file(on_disk, part):
    array = part(on_disk(np.arange(60.0).reshape(20, 3)))
    np.testing.assert_array_equal(np.concatenate([block for _, block in row_blocks.row_blocks(array, block_bytes=50)]), array)


def file_pages():
    """MiB of files that this process has in memory."""
    return int(re.search(r"RssFile:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def test_a_block_of_a_map_leaves_no_pages_behind(on_disk):
    array = on_disk(np.zeros((64, 1 << 18), dtype=np.float32))  # 64 MiB
    before, most = file_pages(), 0.0
    for _, block in row_blocks.row_blocks(array, block_bytes=4 << 20):
        assert not block.any()
        most = max(most, file_pages())
    assert most - before < 16
    assert not array.any() and file_pages() - before > 60  # as it is where the map is read whole


def test_issues_in_blocks_are_those_of_the_whole(blocks_of_seven, on_disk, monkeypatch):
    labels, probs = made_up()
    in_blocks = find_label_issues(labels, on_disk(probs))
    joint = confident_joint(labels, on_disk(probs))
    monkeypatch.undo()
    whole = find_label_issues(labels, probs)
    assert in_blocks.estimate.to_json() == whole.estimate.to_json()
    for name in set(whole.__dataclass_fields__) - {"estimate", "errors"}:
        np.testing.assert_array_equal(getattr(in_blocks, name), getattr(whole, name))
    np.testing.assert_array_equal(joint, confident_joint(labels, probs))


def test_broken_row_of_a_later_block_is_named_by_its_place_in_the_array(blocks_of_seven, on_disk):
    labels, probs = made_up()
    probs[93] = 0.5
    with pytest.raises(DataError, match=r"row 93 of pred_probs sums to 2\.5"):
        label_evidence(labels, checks.probability_blocks(on_disk(probs)))


def test_pages_of_a_map_that_are_given_back_keep_what_was_written(tmp_path):
    array = np.lib.format.open_memmap(tmp_path / "a.npy", mode="w+", dtype=np.uint8, shape=(8, 5000))
    array[:] = np.arange(8, dtype=np.uint8)[:, None]
    row_blocks.forget_pages(array[:4])
    assert (array == np.arange(8)[:, None]).all() and (np.load(tmp_path / "a.npy") == array).all()


def test_pages_of_a_private_map_are_kept(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(5000, np.uint8))
    private = np.load(tmp_path / "a.npy", mmap_mode="c")
    private[:] = 7
    row_blocks.forget_pages(private)
    assert (private == 7).all()
