"""curate export, as a user calls it."""

import json

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from curate.cli.group import CommandLine
from curate.cli.verbs_give import export
from curate.data.image_set import describe
from curate.data.load import load
from curate.judge.judgement import accuracies
from curate.run import Run

NUM = 8


@pytest.fixture
def curate(tmp_path, monkeypatch):
    """The verb on the run `shades` of eight pictures, of which the third is flagged."""
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    for i in range(NUM):
        name = ("bright", "dark")[i % 2]
        (tmp_path / "shades" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((12, 12), 10 * i, np.uint8)).save(tmp_path / "shades" / name / f"{i}.png")
    images = load(str(tmp_path / "shades"))
    run = Run.create(tmp_path / "data" / "runs" / "shades", {"dataset": describe(images), "config": {}})
    run.save_array("labels.npy", images.labels)
    run.update("metrics", **accuracies(images, np.eye(2, dtype=np.float32)[images.labels]))
    given = [images.class_names[label] for label in images.labels]
    table = pd.DataFrame(
        {
            "sample_id": images.sample_ids,
            "split": images.splits,
            "index": range(NUM),
            "given_label": given,
            "suggested_label": [None, None, "dark", *[None] * 5],
            "suggested_confidence": np.float32(0.9),
            "label_quality": np.float32(0.5),
            "is_label_issue": np.arange(NUM) == 2,
        }
    )
    run.write_bytes("issues.parquet", table.to_parquet(index=False))
    app = typer.Typer(cls=CommandLine, pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    app.command()(export)
    return lambda *args: CliRunner().invoke(app, ["export", "shades", *map(str, args)], catch_exceptions=False)


def test_one_json_object_tells_what_went_out(curate, tmp_path):
    result = curate("--format", "folder", "--to", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["format"], told["policy"], told["num_keep"], told["num_drop"]) == ("folder", "drop", 7, 1)
    assert told["exported"] == str(tmp_path / "out") and (tmp_path / "out" / "README.md").is_file()
    assert "images: done" in result.stderr


@pytest.mark.parametrize(("format", "name"), [("csv", "a.csv"), ("parquet", "a.parquet"), ("corrected", "a.json"), ("corrected", "a.csv")])
def test_every_format_writes_its_file(curate, tmp_path, format, name):
    result = curate("--format", format, "--to", tmp_path / name, "--policy", "relabel", "--min-confidence", "0.8", "--splits", "train")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / name).stat().st_size > 0 and "relabel" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "csv", "--to", "OUT/a.txt"), "ends in .csv"),
        (("--format", "csv"), "--to"),
        (("--format", "xml", "--to", "OUT/a.xml"), "xml"),
        (("--format", "folder", "--to", "OUT/shades"), "holds other things, such as bright"),
        (("--format", "folder", "--to", "OUT/x", "--no-media"), "--no-media is for --format fiftyone"),
        (("--format", "csv", "--to", "OUT/a.csv", "--splits", "test"), "nothing to export in test; splits: train"),
        (("--format", "csv", "--to", "OUT/a.csv", "--policy", "reviewed"), "nobody has decided yet"),
    ],
)
def test_bad_input_is_one_error_line(curate, tmp_path, arguments, message):
    result = curate(*(argument.replace("OUT", str(tmp_path)) for argument in arguments))
    assert result.exit_code == 2 and result.stdout == ""
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert message in line
