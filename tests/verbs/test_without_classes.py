"""Pictures of fewer than two classes: outliers, duplicates and what is wrong with pictures, and a line that says why no label is judged."""

import numpy as np
import pytest
import torch
from PIL import Image

import curate
from curate.cli import app
from curate.errors import DataError
from curate.judge.backbones import Backbone


class Corners(torch.nn.Module):
    """Features of a moment: the colours of nine parts."""

    def forward(self, x):
        return torch.nn.functional.adaptive_avg_pool2d(x, 3).flatten(1)  # (B, 27)


@pytest.fixture(autouse=True)
def backbone(monkeypatch, tmp_path):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("curate.judge.backbones.why_not", lambda name=None: None)
    net = Corners()
    made = Backbone("corners", lambda: net, 32, (0.5,) * 3, (0.5,) * 3, "corners-1", "", 27)
    monkeypatch.setattr("curate.judge.backbones.load_backbones", lambda names=None: (made,))


def picture(path, seed):
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 255, (4, 5, 3)).astype(np.uint8)).resize((150, 120), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def flat(tmp_path):
    """30 pictures in one folder, two of them the same."""
    for i in range(30):
        picture(tmp_path / "flat" / f"{i:02}.png", min(i, 28))
    return tmp_path / "flat"


def test_a_flat_folder_gives_outliers_and_duplicates_and_says_that_no_label_is_judged(flat, tmp_path):
    made = curate.audit(str(flat), run=tmp_path / "run")
    told = made.outcome()
    assert told["judge"].startswith("none, since no picture has a class: outliers, near duplicates")
    assert "two or more class folders" in told["judge"] and told["estimated"] == "No label is judged: no picture has a class."
    assert told["near_duplicates"] == 2 and told["label_issues"] == 0 and told["unlabelled"] == 30
    assert "out_of_fold_accuracy" not in told
    assert made.issues["given_label"].isna().all() and made.issues["outlier_score"].notna().all()
    page = (tmp_path / "run" / "report.html").read_text()
    assert "No label was judged: no picture has a class" in page and "Near duplicates" in page and 'id="suspects"' not in page
    assert made._repr_html_()


def test_one_class_only_is_told(flat, tmp_path):
    flat.rename(tmp_path / "cat")
    (tmp_path / "set").mkdir()
    (tmp_path / "cat").rename(tmp_path / "set" / "cat")
    made = curate.audit(str(tmp_path / "set"), run=tmp_path / "run")
    assert made.outcome()["estimated"] == "No label is judged: all are 'cat', and one class alone tells nothing."
    assert made.findings["counts"]["near_duplicates"] == 2


def test_a_table_without_labels_is_read(flat, tmp_path):
    table = flat / "files.csv"
    table.write_text("filepath,split\n" + "".join(f"{i:02}.png,{'test' if i > 27 else 'train'}\n" for i in range(30)))
    made = curate.audit(str(table), run=tmp_path / "run")
    assert made.findings["counts"]["unlabelled"] == 30 and made.findings["counts"]["leaks"] == 0


def test_a_copy_in_the_test_split_is_a_leak_without_any_class(flat, tmp_path):
    table = flat / "files.csv"
    table.write_text("filepath,split\n" + "".join(f"{i:02}.png,{'test' if i == 29 else 'train'}\n" for i in range(30)))
    assert curate.audit(str(table), run=tmp_path / "run").findings["counts"]["leaks"] == 2


def test_all_pictures_the_same_is_one_clear_line(tmp_path):
    for i in range(4):
        picture(tmp_path / "same" / f"{i}.png", 0)
    with pytest.raises(DataError, match="all pictures have the same features: are they all the same picture"):
        curate.audit(str(tmp_path / "same"), run=tmp_path / "run")


def test_a_single_picture_is_one_clear_line(tmp_path):
    picture(tmp_path / "alone" / "0.png", 0)
    with pytest.raises(DataError, match=r"two or more pictures to compare, found one: alone/0\.png"):
        curate.audit(str(tmp_path / "alone"), run=tmp_path / "run")


def test_without_a_pretrained_net_there_is_nothing_to_compare_by(flat, monkeypatch, tmp_path):
    monkeypatch.setattr("curate.judge.backbones.why_not", lambda name=None: "timm is not installed: pip install timm")
    with pytest.raises(DataError, match=r"no picture has a class, so there is no label to judge; .* pip install timm"):
        curate.audit(str(flat), run=tmp_path / "run")


def test_the_same_call_again_changes_nothing(flat, tmp_path):
    first = curate.audit(str(flat), run=tmp_path / "run").issues
    again = curate.audit(str(flat), run=tmp_path / "run").issues
    assert first.equals(again)


VERBS = (
    "find RUN",
    "report RUN",
    "report RUN --summary",
    "gallery RUN",
    "gallery RUN --review",
    "decisions RUN",
    "import-decisions RUN decided.csv",
    *(f"clean RUN --policy {policy}" for policy in ("drop", "relabel", "abstain", "reviewed")),
    "retrain RUN --labels given --seeds 1",
    "compare RUN --seeds 1",
    *(f"export RUN --format {format} --to {to}" for format, to in (("folder", "out"), ("csv", "a.csv"), ("parquet", "a.parquet"))),
    "export RUN --format corrected --to corrected.csv",
    "explain filters RUN",
    "explain saliency RUN SAMPLE",
)


@pytest.mark.parametrize("num_classes", [0, 1])
def test_every_verb_ends_well_or_with_one_line(flat, tmp_path, monkeypatch, capsys, num_classes):
    if num_classes:
        flat.rename(tmp_path / "cat")
        (tmp_path / "flat").mkdir()
        (tmp_path / "cat").rename(flat / "cat")
    monkeypatch.chdir(tmp_path)
    sample = "flat/cat/00.png" if num_classes else "flat/00.png"
    (tmp_path / "decided.csv").write_text(f"sample_id,action,who\n{sample},drop,ann\n")
    for command in ("audit flat --no-fiftyone --run RUN", *VERBS):
        words = command.replace("RUN", "flat-run").replace("SAMPLE", sample).split()
        with pytest.raises(SystemExit) as ended:
            app(words)
        told = capsys.readouterr()
        errors = [line for line in told.err.splitlines() if line.startswith("error: ")]
        assert ended.value.code == (2 if errors else 0) and len(errors) < 2, command
        assert not errors or command.split()[0] not in ("audit", "find", "report", "decisions", "import-decisions"), (command, errors)
