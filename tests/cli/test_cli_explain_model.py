"""`curate explain model` on a made-up run."""

import json

import pytest
from making import train
from typer.testing import CliRunner

from curate.cli import app
from curate.lab import latency
from curate.lab.model_page import explain_model as step


@pytest.fixture(scope="module")
def data(make_shapes, write_shapes, tmp_path_factory):
    """A data folder with the run `tiny`."""
    from curate.sources import load_source

    folder, data = tmp_path_factory.mktemp("folder") / "tiny", tmp_path_factory.mktemp("data")
    patch = pytest.MonkeyPatch()
    patch.setenv("CURATE_DATA", str(data))
    images = load_source(str(write_shapes(make_shapes(48, num_test=12), folder)))
    train(images, data / "runs" / "tiny", model="lenet5", preset="quick", num_folds=2, device="cpu")
    patch.undo()
    return data


@pytest.fixture
def explain_model(data, monkeypatch):
    monkeypatch.setenv("CURATE_DATA", str(data))
    monkeypatch.setattr(latency, "WARM_SECONDS", 0.01)
    monkeypatch.setattr(step, "SECONDS", 0.02)  # times are not what is tested here
    monkeypatch.setattr(step, "BATCH_SIZES", (4,))
    return lambda *args: CliRunner().invoke(app, ["explain", "model", *map(str, args)], catch_exceptions=False)


def test_the_page_is_written_and_the_figures_are_one_json_object(explain_model, data):
    result = explain_model("tiny", "--against", "mnist-cnn, lenet5-1998", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["page"] == str(data / "runs" / "tiny" / "model.html") and (data / "runs" / "tiny" / "model.html").exists()
    assert [other["model"] for other in told["others"]] == ["mnist-cnn", "lenet5-1998"]


def test_people_get_the_main_figures_and_the_path(explain_model, tmp_path):
    result = explain_model("tiny", "--against", "mnist-cnn", "--to", tmp_path / "page.html")
    assert result.exit_code == 0, result.stderr
    for words in ("accuracy", "multiply adds", "latency", str(tmp_path / "page.html")):
        assert words in result.stdout


def test_errors_are_one_line_and_exit_code_2(explain_model):
    result = explain_model("tiny", "--against", "lenet6")
    assert result.exit_code == 2 and result.stdout == ""
    assert "unknown model 'lenet6'; did you mean lenet5" in result.stderr
