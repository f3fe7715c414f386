"""The evidence for labels of a real run: two folds of LeNet-5 on shapes with two wrong labels."""

import io
import json
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from making import train
from PIL import Image

from curate.data.load import load
from curate.errors import DataError, RunError
from curate.judge.fold_nets import RunNets, run_nets
from curate.judge.models.weights import load_weights
from curate.lab.run_saliency import explain_sample, suggested_label
from curate.lab.saliency import overlay
from curate.run import Run

NUM, NUM_TEST = 96, 24
WRONG = [0, 4]


@pytest.fixture(autouse=True)
def few_threads(one_thread):
    """Small nets are no quicker with more."""


@pytest.fixture(scope="module")
def folder(make_shapes, write_shapes, tmp_path_factory):
    shapes = make_shapes(NUM, num_test=NUM_TEST)
    labels = shapes.labels.copy()
    labels[WRONG] = (labels[WRONG] + 1) % 3
    return write_shapes(replace(shapes, labels=labels), tmp_path_factory.mktemp("folder") / "shapes")


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("runs") / "shapes"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curate.judge.training.device.cpu_flags", set)  # float32, so that figures can be compared
        run = train(load(str(folder)), path, model="lenet5", preset="quick", num_folds=2, device="cpu")
    torch.set_num_threads(threads)
    return run


@pytest.fixture
def run(made, tmp_path):
    """A copy that a test may change."""
    return Run.open(shutil.copytree(made.path, tmp_path / "runs" / "shapes"))


@pytest.fixture
def nets(made, folder):
    return RunNets(made, load(str(folder)))


def ids(run, split):
    return run.load_array("sample_ids.npy")[run.load_array("splits.npy") == split].tolist()


def test_the_net_that_held_a_sample_out_explains_it(made, nets):
    fold = made.load_array("fold.npy")[0]
    for sample_id in ids(made, "train")[:6]:
        found = explain_sample(nets, sample_id)
        assert found.fold == fold[nets.position(sample_id)] and not found.has_seen


def test_the_probabilities_are_those_that_the_run_recorded_for_the_sample(made, nets):
    """One repeat and one view: what judged a training image is the very net that explains it; bfloat16 may have rounded then."""
    for sample_id in ids(made, "train")[:6]:
        found, recorded = explain_sample(nets, sample_id), made.load_array("pred_probs.npy")[nets.position(sample_id)]
        for evidence in (found.given, found.suggested):
            assert evidence.probability == pytest.approx(recorded[evidence.class_index], abs=0.02)
            assert evidence.heat.shape == (16, 16) and np.abs(evidence.heat).max() <= 1


def test_the_labels_are_the_given_one_and_the_most_probable_other(made, nets):
    probs = made.load_array("pred_probs.npy")
    for sample_id in ids(made, "train")[:6]:
        position, found = nets.position(sample_id), explain_sample(nets, sample_id)
        others = probs[position].copy()
        others[nets.image_set.labels[position]] = 0
        assert found.given.class_index == nets.image_set.labels[position]
        assert found.suggested.class_index == others.argmax()
        assert found.suggested.class_name == ("across", "disc", "down")[others.argmax()]


def test_where_the_run_is_of_an_older_version_it_is_said_that_the_net_has_seen_the_sample(run):
    shutil.rmtree(run.path / "models")
    fold = run.load_array("fold.npy")[0]
    nets = RunNets(run)
    train_ids, test_ids = ids(run, "train"), ids(run, "test")
    for sample_id in [*train_ids[:5], *test_ids[:5]]:
        found = explain_sample(nets, sample_id)
        assert found.fold == 0
        assert found.has_seen == (sample_id in train_ids and fold[nets.position(sample_id)] != 0)


def test_an_unlabelled_sample_has_no_evidence_for_a_given_label(run):
    labels = run.load_array("labels.npy").copy()
    labels[3] = -1
    run.save_array("labels.npy", labels)
    found = explain_sample(RunNets(run), str(run.load_array("sample_ids.npy")[3]))
    assert found.given is None and found.suggested.class_index == run.load_array("pred_probs.npy")[3].argmax()
    assert list(found.pngs()) == ["suggested"]


def test_the_pictures_for_the_app_are_the_heat_over_the_image(made, nets):
    found = explain_sample(nets, ids(made, "train")[0])
    pngs = found.pngs(side=64)
    assert list(pngs) == ["given", "suggested"]
    for kind, evidence in (("given", found.given), ("suggested", found.suggested)):
        picture = np.asarray(Image.open(io.BytesIO(pngs[kind])))
        assert np.array_equal(picture, overlay(found.image, evidence.heat, side=64))


def test_a_suggestion_is_never_the_given_label():
    probs = np.array([0.7, 0.1, 0.2], np.float32)
    assert [suggested_label(probs, given) for given in (-1, 0, 1, 2)] == [0, 2, 0, 0]


def test_after_the_first_call_a_sample_of_a_run_takes_well_under_a_second(made):
    first, *others = ids(made, "train")[:4]
    explain_sample(made.path, first)
    for sample_id in others[:1]:  # the net of the other fold is read once too
        explain_sample(made.path, sample_id)
    start = time.process_time()  # of this process alone: other tests may run beside
    explain_sample(made.path, others[-1])
    assert time.process_time() - start < 0.5


def test_nets_are_kept_until_the_run_is_trained_anew(run):
    before = run_nets(run.path)
    assert run_nets(run.path) is before
    meta = json.loads((run.path / "run.json").read_text())
    meta["steps"]["train"]["started"] = "2031-01-01T00:00:00+00:00"
    run.write_text("run.json", json.dumps(meta))
    assert run_nets(run.path) is not before


def test_an_unknown_sample_is_answered_with_what_ids_look_like(nets):
    with pytest.raises(DataError, match="has no sample 'shapes/train/9'; its 96 ids run from shapes/train/across/"):
        explain_sample(nets, "shapes/train/9")


def test_a_run_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(RunError, match="no run at"):
        explain_sample(tmp_path / "none", "x/train/0")


def test_a_run_without_nets_is_an_error(run):
    shutil.rmtree(run.path / "models")
    (run.path / "model.safetensors").unlink()
    with pytest.raises(RunError, match="safetensors"):
        explain_sample(RunNets(run), ids(run, "train")[0])


def test_other_images_than_those_of_the_run_are_refused(run, folder, tmp_path):
    moved = shutil.copytree(folder, tmp_path / "shapes")
    next((moved / "train" / "disc").iterdir()).unlink()
    run.meta["dataset"]["origin"]["source"] = str(moved)
    with pytest.raises(RunError, match="made from other images"):
        explain_sample(RunNets(run), ids(run, "train")[0])


def test_the_nets_are_those_in_the_folder_models(made, nets):
    for fold in (0, 1):
        kept = load_weights(made.path / "models" / f"fold-{fold}.safetensors").state_dict()
        assert all(torch.equal(tensor, kept[name]) for name, tensor in nets.fold_net(fold).net.state_dict().items())
