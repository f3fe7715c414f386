"""Where a run's images come from: the same images again, under the labels of the run."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from making import train
from PIL import Image

from curate.errors import RunError
from curate.run import Run, run_path
from curate.sources import images_of, load_source

OPTIONS = {"model": "lenet5", "preset": "quick", "num_folds": 2, "device": "cpu"}


def test_a_run_gets_its_images_back(trained):
    again = images_of(Run.open(trained.run.path))
    assert again.images_hash == trained.images.images_hash and again.labels_hash == trained.images.labels_hash
    assert again.class_names == trained.images.class_names and np.array_equal(again.splits, trained.images.splits)


def test_replaced_labels_are_those_of_the_run_even_when_their_file_is_gone(shape_folder, data, tmp_path):
    labels = np.roll(np.arange(48) % 3, 5)
    labels[3] = -1
    np.save(tmp_path / "vendor.npy", labels)
    image_set = load_source(str(shape_folder), labels=tmp_path / "vendor.npy")
    run = train(image_set, data / "runs" / "vendor", **OPTIONS)
    (tmp_path / "vendor.npy").unlink()
    assert np.array_equal(images_of(run).labels, labels)


def test_changed_images_are_told(shape_folder, data, tmp_path):
    folder = tmp_path / "shapes"
    shutil.copytree(shape_folder, folder)
    run = train(load_source(str(folder)), data / "runs" / "changed", **OPTIONS)
    file = next(folder.rglob("*.png"))
    Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    with pytest.raises(RunError, match=r"made from other images of shapes .*; restore the files, point to them with --root"):
        images_of(run)


def test_a_moved_folder_is_found_by_root_and_training_goes_on(shape_folder, data, tmp_path, no_training_again):
    (tmp_path / "first").mkdir()
    here, there = tmp_path / "first" / "shapes", tmp_path / "shapes"
    shutil.copytree(shape_folder, here)
    run = train(load_source(str(here)), data / "runs" / "moved", **OPTIONS)
    here.rename(there)
    assert images_of(run, root=there).images_hash == run.meta["dataset"]["images_hash"]
    no_training_again()
    train(load_source(str(there)), run.path, **OPTIONS)
    assert images_of(Run.open(run.path)).filepaths[0].startswith(str(there))


@pytest.fixture
def no_training_again(request):
    return lambda: request.getfixturevalue("no_training")


@pytest.mark.parametrize("name", ["", ".hidden", "a:b", "a*b", "a?", "back\\slash", 'quo"te', "<a>", "a|b", "nul\0", "new\nline", "tab\t"])
def test_strange_run_names_are_refused(data, name):
    with pytest.raises(RunError, match="cannot be the name of a run; use letters, digits"):
        run_path(name)


def test_names_lie_in_the_data_folder_and_paths_are_taken_as_they_are(data):
    assert run_path("mnist-test.2") == data / "runs" / "mnist-test.2"
    assert str(run_path("some/where")) == "some/where" and str(run_path("/tmp/x")) == "/tmp/x"


FIFTYONE = """
import sys
from pathlib import Path
import numpy as np
import fiftyone as fo
import curate
from curate.sources import images_of, load_source

folder, labels = Path(sys.argv[1]), Path(sys.argv[2])
dataset = fo.Dataset("theirs", persistent=True)
files = sorted(folder.rglob("*.png"))
samples = [fo.Sample(filepath=str(f), tags=[f.parts[-3]], truth=fo.Classification(label=f.parts[-2])) for f in files]
dataset.add_samples(samples, progress=False)
image_set = load_source("fiftyone:theirs", labels=labels)
nets = curate.Nets(model="lenet5", preset="quick", num_folds=2)
run = curate.train(image_set, run=sys.argv[3], judge=nets, place=curate.Place(device="cpu")).run
again = images_of(run)
assert again.images_hash == image_set.images_hash and np.array_equal(again.labels, np.load(labels))
"""


@pytest.mark.db
def test_a_fiftyone_dataset_with_replaced_labels_is_found_again(shape_folder, data, tmp_path):
    from curate.app.mongod import private_mongod

    np.save(tmp_path / "labels.npy", np.arange(48) % 3)
    with private_mongod(tmp_path / "mongod", cache_gb=0.25) as uri:
        environment = {**os.environ, "FIFTYONE_DATABASE_URI": uri, "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", FIFTYONE, str(shape_folder), str(tmp_path / "labels.npy"), str(data / "runs" / "theirs")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
