"""curate clean asks before it drops more than a third of a dataset: a person where there is one, by an error where there is none."""

import contextlib
import os
import pty
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from curate.cli import app
from curate.find.saved_table import save_table
from curate.review.clean import clean
from curate.run import Run

NUM = 30


@pytest.fixture(params=[11])
def run(request, tmp_path, monkeypatch):
    """A run of 30 samples with so many suspects."""
    monkeypatch.setenv("CURATE_DATA", str(tmp_path))
    run = Run.create(tmp_path / "runs" / "pets", {"dataset": {"class_names": ["cat", "dog"]}, "config": {}})
    table = {"sample_id": [f"pets/{place}" for place in range(NUM)], "split": "train", "index": range(NUM), "given_label": "cat"}
    flags = np.arange(NUM) < request.param
    save_table(run, pd.DataFrame({**table, "suggested_label": "dog", "suggested_confidence": np.float32(0.5), "is_label_issue": flags}))
    return run


def curate(*words):
    with pytest.raises(SystemExit) as ended:
        app(list(words))
    return ended.value.code


def at_a_terminal(run, *, answer):
    """Exit code and terminal of the command, given by a person who answers."""
    mine, its = pty.openpty()
    command = [sys.executable, "-m", "curate", "clean", run.name]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env={**os.environ, "CURATE_DATA": str(run.path.parents[1])})
    os.close(its)
    os.write(mine, answer.encode() + b"\n")  # is kept until it asks
    shown = b""
    with contextlib.suppress(OSError):  # the other side is closed
        while piece := os.read(mine, 1024):
            shown += piece
    os.close(mine)
    return process.wait(), shown.decode()


def test_without_a_terminal_it_refuses_in_one_line_and_does_as_that_line_says(run, capsys):
    assert curate("clean", "pets") == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1 and "with the policy drop 11 of 30 samples are dropped, more than a third" in err
    assert not run.has("cleaned.csv") and "clean" not in Run.open(run.path).meta
    for words in (["--policy", "abstain"], ["--yes"], ["--yes", "--json"]):
        assert curate("clean", "pets", *words) == 0
    assert len((run.path / "cleaned.csv").read_text().splitlines()) == 1 + NUM
    assert "warning: 11 of 30 samples are dropped" in capsys.readouterr().err


@pytest.mark.parametrize("run", [10], indirect=True)
def test_a_third_is_no_question(run):
    assert curate("clean", "pets") == 0


def test_a_person_is_asked_and_yes_goes_on(run):
    code, shown = at_a_terminal(run, answer="y")
    assert code == 0 and "11 of 30 samples are dropped, more than a third. Write cleaned.csv all the same? [y/N]" in shown
    assert "\33[2K" not in shown  # nothing wipes the question away
    assert run.has("cleaned.csv")


@pytest.mark.parametrize("answer", ["n", ""])
def test_a_person_is_asked_and_no_leaves_all_as_it_was(run, answer):
    code, shown = at_a_terminal(run, answer=answer)
    assert code == 2 and "error: nothing was written" in shown
    assert not run.has("cleaned.csv")


def test_a_policy_that_relabels_asks_too_where_it_drops(run):
    assert curate("clean", "pets", "--policy", "relabel", "--min-confidence", "0.9") == 2
    assert curate("clean", "pets", "--policy", "relabel", "--min-confidence", "0.4") == 0


def test_the_api_does_not_ask_unless_told_how(run):
    def refuse(much):
        raise InterruptedError(much)

    with pytest.raises(InterruptedError, match="11 of 30"):
        clean(run, confirm=refuse)
    assert not run.has("cleaned.csv")
    assert clean(run)["warning"].startswith("11 of 30 samples are dropped") and run.has("cleaned.csv")
