"""The pipeline on files of the competition's form, made from MNIST."""

import csv
import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from curate.data.load import load
from curate.run import Run

PIPELINES = Path(__file__).parents[2] / "pipelines"
HEADER = [f"pixel{i}" for i in range(784)]


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """Runs the script with these arguments, in a data folder and a folder of records of its own; returns the code that it exits with."""
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    monkeypatch.syspath_prepend(str(PIPELINES))
    import records

    monkeypatch.setattr(records, "RECORDS", tmp_path / "records.jsonl")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["digit_recognizer.py", *map(str, arguments)])
        try:
            runpy.run_path(str(PIPELINES / "digit_recognizer.py"), run_name="__main__")
        except SystemExit as stop:
            return stop.code
        return 0

    return run


@pytest.mark.slow
@pytest.mark.network
def test_a_submission_is_made_from_files_of_mnist(pipeline, tmp_path, one_thread, capfd, request):
    mnist = load("mnist", root=request.config.rootpath / "data" / "raw" / "mnist", limit=2400)
    order = np.random.default_rng(0).permutation(2400)
    known, asked = order[:1800], order[1800:]
    labels, pixels = mnist.labels.copy(), mnist.images.reshape(-1, 784)
    labels[known[:20]] = (labels[known[:20]] + 1) % 10  # wrong ones, to be dropped
    train = write(tmp_path / "train.csv", ["label", *HEADER], np.column_stack([labels[known], pixels[known]]).tolist())
    test = write(tmp_path / "test.csv", HEADER, pixels[asked].tolist())
    truth = write(tmp_path / "truth.csv", ["ImageId", "Label"], enumerate(mnist.labels[asked].tolist(), 1))
    to = tmp_path / "submission.csv"
    assert pipeline(train, test, "--to", to, "--truth", truth, "--preset", "quick", "--nets", 2) == 0
    with open(to, newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["ImageId", "Label"] and [row[0] for row in rows] == [str(i) for i in range(1, 601)]
    accuracy = np.mean([int(row[1]) for row in rows] == mnist.labels[asked])
    assert accuracy > 0.9
    assert "test accuracy" in capfd.readouterr().out
    values = json.loads((tmp_path / "records.jsonl").read_text())["values"]
    assert values["test_accuracy"] == pytest.approx(accuracy) and values["num_training_images"] < 1800
    run = Run.open(tmp_path / "data" / "runs" / "digit-recognizer")
    flags = run.load_table("issues.parquet", verb="find")["is_label_issue"].to_numpy()
    assert flags[:20].mean() > 0.5 > 8 * flags[20:].mean()  # 0.75 and 0.048 by a net of one pass over 900 images, right on 89 %
    assert run.has("report.html")


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (["3" + ",0" * 784, "3" + ",0" * 700], ["0" + ",0" * 783], "line 3 of .*train.csv has 701 values, expected 785 as in the header"),
        (["" + ",0" * 784], ["0" + ",0" * 783], "line 2 of .*train.csv has no label"),
        (["3" + ",0" * 784], ["300" + ",0" * 783], "line 2 of .*test.csv has pixel0 '300'"),
    ],
)
def test_bad_files_end_with_one_line_and_code_2(pipeline, tmp_path, capfd, train, test, message):
    (tmp_path / "train.csv").write_text("\n".join([",".join(["label", *HEADER]), *train]))
    (tmp_path / "test.csv").write_text("\n".join([",".join(HEADER), *test]))
    assert pipeline(tmp_path / "train.csv", tmp_path / "test.csv", "--to", tmp_path / "submission.csv") == 2
    told = capfd.readouterr().err.strip()
    assert "\n" not in told
    assert re.search(message, told)
    assert not (tmp_path / "submission.csv").exists() and not (tmp_path / "data").exists()


def test_files_that_change_places_are_told(pipeline, tmp_path, capfd):
    (tmp_path / "test.csv").write_text(",".join(HEADER) + "\n" + ",".join("0" * 784))
    assert pipeline(tmp_path / "test.csv", tmp_path / "test.csv") == 2
    assert "must have a column label" in capfd.readouterr().err
