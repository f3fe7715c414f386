"""filters, maps, excite and saliency as a user calls them, on a small run of shapes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import typer
from making import train
from PIL import Image
from typer.testing import CliRunner

from curate.cli.group import CommandLine
from curate.cli.verbs_explain import explain
from curate.data.load import load

SAMPLE = "shapes/train/across/0000.png"


@pytest.fixture(scope="module")
def data(make_shapes, write_shapes, tmp_path_factory):
    """A data folder with the run `shapes`: two folds of LeNet-5."""
    data = tmp_path_factory.mktemp("data")
    folder = write_shapes(make_shapes(48), tmp_path_factory.mktemp("folder") / "shapes")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    train(load(str(folder)), data / "runs" / "shapes", model="lenet5", preset="quick", num_folds=2, device="cpu")
    torch.set_num_threads(threads)
    return data


@pytest.fixture
def curate(data, monkeypatch, one_thread):
    monkeypatch.setenv("CURATE_DATA", str(data))
    app = typer.Typer(cls=CommandLine, pretty_exceptions_enable=False)
    app.add_typer(explain, name="explain")
    app.command("other")(lambda: None)
    return lambda *args: CliRunner().invoke(app, ["explain", *map(str, args)], catch_exceptions=False)


def picture_of(result):
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    with Image.open(told["picture"]) as picture:
        assert min(picture.size) > 200
    return told


def error_of(result):
    assert (result.exit_code, result.stdout) == (2, "") and result.stderr.splitlines()[-1].startswith("error: ")
    return result.stderr.splitlines()[-1]


def test_filters_are_drawn_into_the_run_folder_by_default(curate, data):
    told = picture_of(curate("filters", "shapes", "--json"))
    assert told["layers"] == ["conv1", "conv2"] and told["layer"] == "conv1"
    assert told["picture"] == str(data / "runs" / "shapes" / "pictures" / "filters-first.png")


def test_filters_of_any_convolution_go_where_one_says(curate, tmp_path):
    told = picture_of(curate("filters", "shapes", "--layer", "conv2", "--to", tmp_path / "new" / "f.png", "--json"))
    assert told["layer"] == "conv2" and told["picture"] == str(tmp_path / "new" / "f.png")


@pytest.mark.parametrize("fold", [0, 1])
def test_maps_of_a_sample_come_from_the_net_that_held_it_out(curate, data, fold):
    run = data / "runs" / "shapes"
    held_out = np.load(run / "sample_ids.npy")[np.load(run / "fold.npy")[0] == fold]
    assert picture_of(curate("maps", "shapes", held_out[0], "--json"))["fold"] == fold


def test_maps_of_an_image_file_of_any_size(curate, tmp_path):
    Image.linear_gradient("L").resize((50, 30)).save(tmp_path / "own.jpg")
    told = picture_of(curate("maps", "shapes", tmp_path / "own.jpg", "--layer", "conv2", "--to", tmp_path / "m.png", "--json"))
    assert told["layers"] == ["conv2"]


def test_what_excites_a_channel_is_drawn_and_named(curate):
    told = picture_of(curate("excite", "shapes", "--layer", "conv2", "--channel", "3", "--limit", "40", "--json"))
    assert told["num_images"] == 40 < told["dataset_size"] and len(set(told["sample_ids"])) == 9 and told["patch_size"] == [14, 14]
    assert picture_of(curate("excite", "shapes", "--json"))["layer"] == "conv2"


@pytest.mark.parametrize("method", ["auto", "occlusion", "gradients", "gradcam"])
def test_saliency_tells_labels_confidence_and_whether_the_net_has_seen_the_sample(curate, method):
    told = picture_of(curate("saliency", "shapes", SAMPLE, "--method", method, "--json"))
    assert told["given_label"] == "across" and told["suggested_label"] in ("disc", "down")
    assert 0 <= told["given_confidence"] <= 1 and told["net_has_seen_it"] is False
    assert told["method"] == ("occlusion" if method == "auto" else method)


@pytest.mark.parametrize("arguments", [("filters",), ("maps", SAMPLE), ("excite",), ("saliency", SAMPLE)])
def test_a_command_works_in_a_process_where_nobody_has_imported_all_of_torch(data, arguments, tmp_path):
    call = [sys.executable, "-m", "curate", "explain", arguments[0], "shapes", *arguments[1:], "--json"]
    environment = {**os.environ, "CURATE_DATA": str(data)}
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "rror" in line]) == (0, [])
    assert json.loads(done.stdout)


def test_for_people_the_result_is_one_fact_a_line(curate):
    lines = curate("saliency", "shapes", SAMPLE).stdout.splitlines()
    assert any(line.split() == ["given", "label", "across"] for line in lines) and lines[-1].endswith(".png")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("filters", "shapes", "--layer", "conv3"), "unknown layer 'conv3'; did you mean conv"),
        (("filters", "shapes", "--layer", "fc1"), "is a Linear, which has no filters; convolutions: conv1, conv2"),
        (("filters", "nowhere"), "no run at"),
        (("filters", "shapes", "--to", "x.gif"), "a figure is written as .png, .svg, .pdf"),
        (("maps", "shapes", SAMPLE, "--layer", "fc2"), "not maps"),
        (("maps", "shapes", "shapes/train/9"), "no sample 'shapes/train/9'"),
        (("maps", "shapes", __file__), "no image that Pillow knows"),
        (("excite", "shapes", "--layer", "conv1", "--channel", "6"), "has channels 0 to 5, found 6"),
        (("excite", "shapes", "--layer", "con1"), "unknown layer 'con1'; did you mean conv1"),
        (("saliency", "shapes", "shapes/train/9"), "no sample 'shapes/train/9'; its 48 ids run from"),
        (("saliency", "shapes", SAMPLE, "--method", "magic"), "'magic'"),
    ],
)
def test_what_cannot_be_is_one_line_that_says_what_to_do(curate, args, message):
    assert message in error_of(curate(*args))
