"""Input that cannot be audited ends the program with code 2 and one line that says what to do; the run stays as it is."""

import numpy as np
import pytest
from typer.testing import CliRunner

from curate.cli import app


def probabilities(true, kind):
    probs = np.full((len(true), 3), 0.02)
    probs[np.arange(len(true)), true] = 0.96
    return {
        "sums": probs * 0.9,
        "order": probs[:, [2, 0, 1]],
        "columns": probs[:, :2] / probs[:, :2].sum(axis=1, keepdims=True),
        "rows": probs[1:],
        "logits": np.log(probs),
        "classes": true,
    }[kind]


def last_line(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2 and result.stderr.count("error: ") == 1
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("sums", "row 0 of pred_probs sums to 0.9000, expected 1"),
        ("order", "are in another order than the classes"),
        ("columns", "has 2 columns but 'shapes' has 3 classes"),
        ("rows", "pred_probs has 47 rows but there are 48 labels"),
        ("logits", "apply softmax to logits first"),
        ("classes", "pred_probs must be (N, K)"),
    ],
)
def test_probabilities_that_are_none(trained, tmp_path, kind, message):
    before = (trained.run.path / "pred_probs.npy").read_bytes()
    np.save(tmp_path / "probs.npy", probabilities(trained.true, kind))
    assert message in last_line("find", trained.run.path, "--pred-probs", tmp_path / "probs.npy")
    assert (trained.run.path / "pred_probs.npy").read_bytes() == before and not trained.run.has("issues.parquet")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{0},ada,", "{1},ada,-1"], "{path} has no label of any of the 48 samples"),
        (["{0},ada,disc", "{0},ada,disc"], "line 3 of {path} is the second label of sample {0} by annotator ada"),
        (["{0},ada,star", "{1},ada,disc"], "has label 'star', which is no class"),
        (["nobody,ada,disc", "{1},ada,disc"], "has 1 sample ids that the dataset lacks, such as nobody"),
    ],
)
def test_a_table_of_annotators_with_holes_or_strangers(shapes, shape_folder, data, tmp_path, lines, message):
    path, ids = tmp_path / "crowd.csv", shapes.sample_ids.tolist()
    path.write_text("\n".join(["sample_id,annotator,label", *(line.format(*ids) for line in lines)]) + "\n")
    assert message.format(*ids, path=path) in last_line("train", shape_folder, "--labels", path, "--run", "crowd")
    assert not (data / "runs" / "crowd").exists()


def test_labels_outside_the_classes(shape_folder, data, tmp_path):
    np.save(tmp_path / "labels.npy", np.full(48, 3))
    assert "has label 3, expected 0..2" in last_line("train", shape_folder, "--labels", tmp_path / "labels.npy")
