"""`curate gallery` on a made-up image folder."""

import json

import numpy as np
import pytest
from making import train
from PIL import Image
from typer.testing import CliRunner

from curate.cli import app
from curate.find.find import find
from curate.options import LookFor
from curate.review.journal import Decision, append_decisions
from curate.run import Run
from curate.sources import load_source


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with the run `tiny` of 48 squares, of which two of the right ones lie in the left folder."""
    folder, data = tmp_path_factory.mktemp("squares"), tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    for name in ("left", "right"):
        (folder / name).mkdir()
        for i in range(24):
            pixels = generator.integers(0, 60, (28, 28))
            pixels[8:18, (3 if (name == "left") != (name == "left" and i < 2) else 16) :][:, :8] = 220
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i:03}.png")
    patch = pytest.MonkeyPatch()
    patch.setenv("CURATE_DATA", str(data))
    images = load_source(str(folder))
    run = train(images, data / "runs" / "tiny", model="lenet5", preset="quick", num_folds=2, device="cpu")
    probs = np.full((48, 2), 0.05)
    is_left = images.labels == 0
    is_left[:2] = False
    probs[np.arange(48), np.where(is_left, 0, 1)] = 0.95
    np.save(data / "sure.npy", probs)
    find(run, images, pred_probs=data / "sure.npy", look_for=LookFor(method="predicted_neq_given"), with_map=False)
    patch.undo()
    return data


@pytest.fixture
def curate(data, monkeypatch):
    """Runs the command line in this process on that data folder."""
    monkeypatch.setenv("CURATE_DATA", str(data))
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False)


def test_the_gallery_goes_into_the_run_folder(data, curate):
    result = curate("gallery", "tiny", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["gallery"] == str(data / "runs" / "tiny" / "gallery" / "index.html")
    assert (told["num_pictures"], told["num_reviewed"]) == (2, 0)
    assert "gallery: done" in result.stderr


def test_it_goes_elsewhere_with_a_title_if_wanted(curate, tmp_path):
    assert curate("gallery", "tiny", "--to", tmp_path / "site", "--title", "Our squares", "--limit", 1).exit_code == 0
    assert "<h1>Our squares</h1>" in (tmp_path / "site" / "index.html").read_text()


def test_names_are_published_when_asked_for_only(data, curate, tmp_path):
    run = Run.open(data / "runs" / "tiny")
    sample = run.load_table("issues.parquet", verb="find").query("is_label_issue")["sample_id"].iloc[0]
    append_decisions(run.path / "decisions.jsonl", [Decision(sample, "relabel", "right", who="the only reviewer")])
    for name, options in (("without", []), ("with", ["--names"])):
        assert curate("gallery", "tiny", "--only", "errors", "--to", tmp_path / name, *options).exit_code == 0
    assert ["the only reviewer" in (tmp_path / name / "data.js").read_text() for name in ("without", "with")] == [False, True]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--to", "{foreign}"], "holds notes.txt"),
        (["--votes", "{foreign}/none.json"], "none.json"),
        (["--only", "wrong"], "issues"),
        (["--limit", "0"], "limit"),
    ],
)
def test_bad_input_is_one_error_line(curate, tmp_path, options, words):
    (tmp_path / "notes.txt").write_text("mine")
    result = curate("gallery", "tiny", *(option.format(foreign=tmp_path) for option in options))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith("error: ") and words in result.stderr.splitlines()[-1]


def test_a_run_that_is_not_there_is_one_error_line(curate):
    result = curate("gallery", "nowhere")
    assert (result.exit_code, result.stdout) == (2, "") and "no run at" in result.stderr


def test_a_review_page_says_what_leaves_and_how_it_comes_back(data, curate, tmp_path):
    result = curate("gallery", "tiny", "--review", "--check", "5", "--to", tmp_path / "page.html", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["queues"] == {"Suspects": 2, "Random check": 5} and (tmp_path / "page.html").stat().st_size < 200_000
    assert "7 pictures of at most 400 pixels without metadata, their ids" in told["leaves_this_machine"]
    assert told["comes_back_by"] == "curate import-decisions tiny FILE --who NAME"


def test_a_review_page_replaces_itself_and_nothing_else(data, curate, tmp_path):
    page = tmp_path / "page.html"
    for _ in range(2):
        assert curate("gallery", "tiny", "--review", "--to", page).exit_code == 0
    page.write_text("my notes")
    result = curate("gallery", "tiny", "--review", "--to", page)
    assert result.exit_code == 2 and "is there already" in result.stderr and page.read_text() == "my notes"


@pytest.mark.parametrize(
    ("options", "told"), [(["--blind"], "--blind goes with --review"), (["--review", "--names"], "--names goes without --review")]
)
def test_options_that_do_not_go_together_are_one_line(curate, options, told):
    result = curate("gallery", "tiny", *options)
    assert result.exit_code == 2 and told in result.stderr


def test_without_conflicts_there_is_nothing_to_settle(curate):
    result = curate("gallery", "tiny", "--review", "--only", "conflicts")
    assert result.exit_code == 2 and "there are no conflicts to settle" in result.stderr
