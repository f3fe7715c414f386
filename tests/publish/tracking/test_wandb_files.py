"""Weights & Biases: offline, everything is in its files, nobody is asked and nothing is sent."""

import json
import socket

import numpy as np
import pytest
from event_files import history, wandb_records
from PIL import Image

from curate.errors import CurateError, UsageError
from curate.publish import tracking as weights_and_biases
from curate.publish.tracking import write_wandb

pytestmark = [
    pytest.mark.usefixtures("no_account"),
    pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning"),  # W&B's own folder for media
]


@pytest.fixture
def server(monkeypatch):
    """A place that W&B takes for its server; `accept` tells whether anybody called."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield listening


def test_offline_files_hold_configuration_curves_figures_table_and_pictures(story, tmp_path):
    folder = write_wandb(story, tmp_path / "tracking")
    records = wandb_records(folder)
    config = {item.key: json.loads(item.value_json) for record in records for item in record.run.config.update}
    assert config["config"] == {"model": "lenet5", "recipe": {"epochs": 3, "peak_lr": 0.5}}
    rows = history(records)
    curves = [{key: value for key, value in row.items() if not key.startswith("_")} for row in rows[:3]]
    assert curves[0] == {
        "epoch": 1,
        "training/loss/r0-f0": 2,
        "training/accuracy/r0-f0": 0.25,
        "training/loss/r0-f1": 3,
        "training/accuracy/r0-f1": 0.125,
    }
    assert curves[2] == {"epoch": 3, "training/loss/r0-f1": 1, "training/accuracy/r0-f1": 0.75}
    summary = {item.key or "/".join(item.nested_key): item.value_json for record in records for item in record.summary.update}
    assert summary["out_of_fold_accuracy"] == "0.875" and summary["held-out/accuracy/r0-f1"] == "0.625"
    [table] = folder.glob("offline-run-*/files/media/table/issues*.json")
    assert json.loads(table.read_text())["data"] == [["a/1", "cat", 0.01], ["a/2", "dog", 0.2], ["a|3", None, 0.5]]
    pictures = {file.name: np.array(Image.open(file)) for file in folder.glob("offline-run-*/files/media/images/suspects*.png")}
    assert sorted(picture[0, 0, 0] for picture in pictures.values()) == [40, 200]
    assert rows[4]["suspects/captions"] == [picture.caption for picture in story.pictures]


@pytest.mark.parametrize("mode", [None, "offline"])
def test_without_an_account_nobody_is_called_and_nothing_is_asked(story, tmp_path, server, monkeypatch, capfd, mode):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asked"))
    if mode:
        monkeypatch.setenv("WANDB_MODE", mode)
    assert wandb_records(write_wandb(story, tmp_path / "tracking"))
    with pytest.raises(BlockingIOError):  # nobody waits to be let in
        server.accept()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(("mode", "message"), [("online", "there is no key; run `wandb login` first"), ("on", "found 'on'")])
def test_a_mode_that_cannot_be_is_told_without_asking(story, tmp_path, monkeypatch, mode, message):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asked"))
    monkeypatch.setenv("WANDB_MODE", mode)
    with pytest.raises(UsageError, match=message):
        write_wandb(story, tmp_path / "tracking")


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_told(story, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(weights_and_biases, "SECONDS_TO_ANSWER", 2)
    with pytest.raises(CurateError, match=r"did not take the run \(.*\); with WANDB_MODE=offline it is written to files") as told:
        write_wandb(story, tmp_path / "tracking")
    assert "\n" not in str(told.value)
