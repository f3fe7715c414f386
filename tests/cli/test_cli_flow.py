"""The verbs on a made-up image folder, as a user would call them one after the other."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from curate.cli import app

PER_CLASS = 24
TRAIN = ("--run", "tiny", "--model", "lenet5", "--preset", "quick", "--folds", "2", "--repeats", "1", "--device", "cpu")


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory):
    """Bright squares on the left or on the right, 28 x 28 grey pixels; two of the right ones lie in the left folder."""
    folder = tmp_path_factory.mktemp("squares")
    generator = np.random.default_rng(0)
    for name in ("left", "right"):
        (folder / name).mkdir()
        for i in range(PER_CLASS):
            pixels = generator.integers(0, 60, (28, 28))
            is_left = (name == "left") != (name == "left" and i < 2)
            x, y = generator.integers(0, 6, 2)
            pixels[y + 6 : y + 16, (x + 1 if is_left else x + 14) :][:, :8] = 220
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i:03}.png")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def curate(data, monkeypatch):
    """Runs the command line in this process, with a data folder of its own."""
    monkeypatch.setenv("CURATE_DATA", str(data))
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False)


@pytest.fixture(scope="module")
def trained(image_folder, data):
    """What `train --json` gave on the folder, once for all tests."""
    patch = pytest.MonkeyPatch()
    patch.setenv("CURATE_DATA", str(data))
    result = CliRunner().invoke(app, ["train", str(image_folder), *TRAIN, "--json"], catch_exceptions=False)
    patch.undo()
    assert result.exit_code == 0, result.stderr
    return result


def is_error_line(result):
    return result.exit_code == 2 and result.stdout == "" and result.stderr.splitlines()[-1].startswith("error: ")


def test_train_prints_one_json_object_and_its_progress_on_stderr(trained, data):
    result = json.loads(trained.stdout)
    assert result["run"] == "tiny" and result["folder"] == str(data / "runs" / "tiny")
    assert 0 <= result["out_of_fold_accuracy"] <= 1
    assert "done" in trained.stderr
    assert np.load(data / "runs" / "tiny" / "pred_probs.npy").shape == (2 * PER_CLASS, 2)


def test_the_run_records_the_command_as_it_was_typed(trained, data, image_folder):
    meta = json.loads((data / "runs" / "tiny" / "run.json").read_text())
    assert meta["command"] == f"curate train {image_folder} {' '.join(TRAIN)} --json"


def test_training_again_ends_with_the_same_arrays(trained, data, curate, image_folder):
    before = (data / "runs" / "tiny" / "pred_probs.npy").read_bytes()
    assert curate("train", image_folder, *TRAIN).exit_code == 0
    assert (data / "runs" / "tiny" / "pred_probs.npy").read_bytes() == before


def test_the_verbs_go_on_from_a_run_folder(trained, data, curate):
    found = curate("find", "tiny", "--json")
    assert found.exit_code == 0, found.stderr
    assert isinstance(json.loads(found.stdout), dict)
    assert (data / "runs" / "tiny" / "issues.csv").exists()
    reported = curate("report", "tiny", "--json")
    assert json.loads(reported.stdout)["report"] == str(data / "runs" / "tiny" / "report.html")
    cleaned = curate("clean", "tiny", "--policy", "drop", "--json")
    assert cleaned.exit_code == 0, cleaned.stderr
    assert len((data / "runs" / "tiny" / "cleaned.csv").read_text().splitlines()) == 1 + 2 * PER_CLASS


def test_a_run_is_also_found_by_its_folder(trained, data, curate):
    assert curate("find", data / "runs" / "tiny").exit_code == 0


def test_an_unknown_dataset_is_an_error_line_with_the_nearest_names(curate):
    result = curate("train", "mnits")
    assert is_error_line(result) and "mnist" in result.stderr


def test_a_run_that_is_not_there_is_an_error_line(curate):
    result = curate("find", "nowhere")
    assert is_error_line(result) and "no run at" in result.stderr


def test_classes_with_fewer_samples_than_folds_are_kept_and_named(curate, image_folder):
    result = curate("train", image_folder, "--run", "few", "--folds", str(PER_CLASS + 1), "--model", "lenet5", "--preset", "quick", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["weak_classes"] == ["left", "right"]


def test_a_run_name_of_another_dataset_is_an_error_line(trained, curate, image_folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(image_folder, other)
    (other / "left" / "000.png").unlink()
    result = curate("train", other, *TRAIN)
    assert is_error_line(result) and "another dataset" in result.stderr


def test_labels_that_are_not_there_are_an_error_line(curate, image_folder, tmp_path):
    result = curate("train", image_folder, "--run", "labels", "--labels", tmp_path / "none.npy")
    assert is_error_line(result) and "none.npy" in result.stderr


def test_an_unknown_model_is_an_error_line_with_the_nearest_names(curate, image_folder):
    result = curate("train", image_folder, "--run", "model", "--model", "lenet")
    assert is_error_line(result) and "lenet5" in result.stderr


@pytest.mark.slow
def test_ctrl_c_stops_with_130_and_the_same_command_goes_on(image_folder, tmp_path):
    # a background job of a shell ignores Ctrl-C, and so would its children
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from curate.cli import main; main()"
    command = [sys.executable, "-c", start, "train", str(image_folder), *TRAIN, "--repeats", "20", "--json"]
    environment = {**os.environ, "CURATE_DATA": str(tmp_path)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("train: started"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == ""
    assert err.splitlines()[-1] == "stopped; run the same command again to go on where it stopped"
    again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["run"] == "tiny"
