import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from curate.bench.labelerrors import labelerrors
from curate.cli import app
from curate.errors import DataError

MNIST = Path(os.environ.get("CURATE_TRUTH", Path(__file__).parents[3] / "shared" / "data")) / "labelerrors-mnist"
ERRORS = [947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729]

needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason=f"needs the MNIST files of cleanlab/label-errors in {MNIST}")


def publish(folder, test):
    """The test split as a published dataset, of which one label was found wrong."""
    folder.mkdir()
    np.save(folder / "shapes_test_set_pyx.npy", np.eye(3)[test.labels] * 0.97 + 0.01)
    np.save(folder / "shapes_test_set_original_labels.npy", test.labels.astype(np.uint16))
    votes = {"given": 0, "guessed": 5, "neither": 0}
    entry = {"id": 2, "given_original_label": int(test.labels[2]), "our_guessed_label": int(test.labels[2] + 1) % 3, "mturk": votes}
    (folder / "shapes_mturk.json").write_text(json.dumps([entry]))
    return folder


@needs_mnist
def test_the_published_errors_of_mnist_are_found_again():
    result = CliRunner().invoke(app, ["benchmark", "labelerrors", "--path", str(MNIST), "--json"])
    mnist = json.loads(result.stdout)["datasets"][0]
    assert (mnist["num_candidates"], mnist["is_same_candidates"], mnist["num_counted_by_confident_joint"]) == (100, True, 15)
    assert list(map(int, mnist["errors"])) == ERRORS
    assert [mnist[f"num_{kind}"] for kind in ("correctable", "both", "neither", "no_agreement")] == [10, 0, 3, 2]


def test_the_test_samples_of_a_run_are_ranked_as_its_issue_table_has_them(found, tmp_path):
    test = found.images.subset(found.images.splits == "test")
    ours = labelerrors(publish(tmp_path / "published", test), runs=[found.run])["detection"][-1]
    table = found.run.load_table("issues.parquet", verb="find").query("split == 'test'")
    assert ours["ranks"] == [int((table["rank"] <= table["rank"].iloc[2]).sum())]
    assert ours["num_flagged"] == table["is_label_issue"].sum() and ours["ranked_by"] == "run shapes"


def test_a_run_of_other_labels_is_refused(found, tmp_path):
    test = found.images.subset(found.images.splits == "test")
    folder = publish(tmp_path / "published", test.with_labels(np.where(np.arange(len(test)) == 5, (test.labels + 1) % 3, test.labels)))
    with pytest.raises(DataError, match=r"run 'shapes' has other labels than published for 1 test samples of shapes"):
        labelerrors(folder, runs=[found.run])


def test_a_run_of_another_dataset_is_refused(found, tmp_path):
    folder = publish(tmp_path / "published", found.images.subset(found.images.splits == "test"))
    for file in folder.iterdir():
        file.rename(folder / file.name.replace("shapes", "pets"))
    with pytest.raises(DataError, match=r"run 'shapes' is of 'shapes', but .* has pets"):
        labelerrors(folder, runs=[found.run])


def test_a_vote_about_an_unknown_sample_ends_with_one_line_and_code_2(found, tmp_path):
    folder = publish(tmp_path / "published", found.images.subset(found.images.splits == "test"))
    votes = json.loads((folder / "shapes_mturk.json").read_text())
    (folder / "shapes_mturk.json").write_text(json.dumps([{**votes[0], "id": 99}]))
    result = CliRunner().invoke(app, ["benchmark", "labelerrors", "--path", str(folder)])
    assert result.exit_code == 2 and "there is no test sample 99" in result.stderr and result.stderr.count("\n") == 1
