"""explain model: the figures are those of the run, and other nets are judged on the same labels."""

import json

import numpy as np
import pytest
from making import train

from curate.cli.output import jsonable
from curate.errors import DataError, RunError, UnknownNameError, UsageError
from curate.find.find import find
from curate.judge.models.weights import load_weights
from curate.lab import latency
from curate.lab.model_page import explain_model as step
from curate.lab.model_page.alternatives import find_rival
from curate.lab.model_page.explain_model import explain_model
from curate.options import LookFor


@pytest.fixture(autouse=True)
def short_measurements(monkeypatch):
    """Times are not what is tested here."""
    monkeypatch.setattr(latency, "WARM_SECONDS", 0.01)
    monkeypatch.setattr(step, "BATCH_SIZES", (4,))
    monkeypatch.setattr(step, "SECONDS", 0.02)


def test_the_figures_are_those_of_the_run(trained):
    result = explain_model(trained.run, against=[])
    metrics = trained.run.meta["metrics"]
    assert result["qualities"]["all"]["accuracy"]["value"] == pytest.approx(metrics["out_of_fold_accuracy"])
    for split, accuracy in metrics["out_of_fold_accuracy_by_split"].items():
        assert result["qualities"][split]["accuracy"]["value"] == pytest.approx(accuracy)
    assert result["itself"]["costs"]["size_bytes"] == (trained.run.path / "model.safetensors").stat().st_size
    net = load_weights(trained.run.path / "model.safetensors")
    assert result["itself"]["costs"]["parameters"] == sum(parameter.numel() for parameter in net.parameters())
    assert np.sum(result["matrix"]) == result["qualities"]["all"]["num_samples"] == 48
    assert [each["batch_size"] for each in result["latencies"]] == [1, 4]
    assert result["trained"]["seconds"] == trained.run.meta["steps"]["train"]["seconds"]
    json.dumps(jsonable(result))


def test_the_page_is_written_where_it_is_wanted_and_by_default_into_the_run(trained, tmp_path):
    assert explain_model(trained.run, against=[])["page"] == trained.run.path / "model.html"
    page = explain_model(trained.run, against=[], to=tmp_path / "new" / "page.html")["page"]
    assert "lenet5" in page.read_text()


def test_by_default_it_is_compared_with_the_small_nets_that_can_take_the_images(trained):
    names = [other["model"] for other in explain_model(trained.run)["others"]]
    assert "lenet5" not in names
    assert "mnist-cnn" in names and "resnet-small" in names


def test_a_net_without_a_run_has_costs_and_no_accuracy(trained):
    (other,) = explain_model(trained.run, against=["mnist-cnn"])["others"]
    assert other["judged"] is None
    assert other["costs"]["multiply_adds"] > 0 and other["latency"]["p50"] > 0


def test_the_accuracy_of_another_net_is_that_of_its_run_on_the_same_labels(trained, data):
    rival = train(trained.images, data / "runs" / "other", model="mnist-cnn", preset="quick", num_folds=2, device="cpu")
    (other,) = explain_model(trained.run, against=["mnist-cnn"])["others"]
    theirs, ours = rival.meta["metrics"]["out_of_fold_accuracy"], trained.run.meta["metrics"]["out_of_fold_accuracy"]
    assert other["judged"]["accuracy"]["value"] == pytest.approx(theirs)
    assert other["judged"]["difference"]["value"] == pytest.approx(theirs - ours)
    assert (other["judged"]["trained"]["run"], other["judged"]["trained"]["num_nets"]) == ("other", 2)
    assert not other["judged"]["is_made_for_this"]


def test_a_run_on_other_labels_is_not_taken(trained, data):
    others = trained.images.with_labels((trained.images.labels + 1) % 3)
    train(others, data / "runs" / "other", model="mnist-cnn", preset="quick", num_folds=2, device="cpu")
    assert find_rival(trained.run, "mnist-cnn") is None


def test_of_two_runs_that_of_the_same_preset_is_taken(trained, data):
    same = train(trained.images, data / "runs" / "a", model="mnist-cnn", preset="quick", num_folds=2, device="cpu")
    train(trained.images, data / "runs" / "b", model="mnist-cnn", preset="default", num_folds=2, device="cpu")
    assert find_rival(trained.run, "mnist-cnn").name == same.name == "a"


def test_a_broken_run_beside_it_does_no_harm(trained, data):
    (data / "runs" / "broken").mkdir()
    (data / "runs" / "broken" / "run.json").write_text("{")
    assert find_rival(trained.run, "mnist-cnn") is None


def test_an_alternative_is_trained_if_asked_for_once_and_the_page_says_how(trained, data, monkeypatch):
    result = explain_model(trained.run, against=["mnist-cnn"], train_on=trained.images)
    (other,) = result["others"]
    assert other["judged"]["is_made_for_this"] and other["judged"]["trained"]["run"] == "shapes-mnist-cnn-quick"
    epochs = trained.run.open(data / "runs" / "shapes-mnist-cnn-quick").meta["config"]["recipe"]["epochs"]
    assert f"preset quick: {epochs} epochs, 2 nets" in result["page"].read_text()
    (again,) = explain_model(trained.run, against=["mnist-cnn"], train_on=trained.images)["others"]
    assert again["judged"]["accuracy"] == other["judged"]["accuracy"] and not again["judged"]["is_made_for_this"]


def test_doubted_labels_are_counted_among_the_mistakes(trained):
    find(trained.run, trained.images, look_for=LookFor(method="predicted_neq_given"), with_map=False)
    result = explain_model(trained.run, against=[])
    probs, labels = trained.run.load_array("pred_probs.npy"), trained.run.load_array("labels.npy")
    num_wrong = int((probs.max(axis=1) > probs[np.arange(48), labels]).sum())  # where two classes are equal, none is contradicted
    assert result["suspects"] == {"num": num_wrong, "num_mistakes": num_wrong}  # this method flags every contradiction


def test_probabilities_that_are_not_the_models_are_refused(found):
    with pytest.raises(RunError, match="given by `curate find --pred-probs`"):
        explain_model(found.run, against=[])


def test_a_run_without_a_net_says_what_is_missing(trained):
    expected = explain_model(trained.run, against=[])["itself"]["costs"]["size_bytes"]
    (trained.run.path / "model.safetensors").unlink()
    assert explain_model(trained.run, against=[])["itself"]["costs"]["size_bytes"] == expected  # that of fold 0 is the same
    (trained.run.path / "models" / "fold-0.safetensors").unlink()
    with pytest.raises(RunError, match=r"has no models/fold-0\.safetensors: .*; audit again under another --run name"):
        explain_model(trained.run, against=[])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"against": ["lenet55"]}, UnknownNameError, "did you mean lenet5"),
        ({"against": ["alexnet"]}, DataError, "model 'alexnet' takes images from 21x21 pixels up, these have 16x16"),
        ({"against": [], "num_threads": 0}, UsageError, "at least 1 image and 1 thread"),
    ],
)
def test_what_cannot_be_compared_is_told(trained, options, error, message):
    with pytest.raises(error, match=message):
        explain_model(trained.run, **options)
    assert not (trained.run.path / "model.html").exists()


def test_another_ending_is_refused_before_anything_is_measured(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(step, "measure_latency", None)
    with pytest.raises(UsageError, match=r"ends in \.html, found page\.pdf"):
        explain_model(trained.run, to=tmp_path / "page.pdf")
