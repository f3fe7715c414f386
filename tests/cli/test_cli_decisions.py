"""decisions, import-decisions: what stands on stdout and what a wrong file says."""

import json

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from curate.cli.group import CommandLine
from curate.cli.verbs_decide import decisions, import_decisions
from curate.find.find import save_table
from curate.review.journal import Decision, append_decisions
from curate.run import Run


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path))
    run = Run.create(tmp_path / "runs" / "pets", {"dataset": {"class_names": ["cat", "dog"]}, "config": {}})
    table = {"sample_id": [f"pets/{place}" for place in range(30)], "split": "train", "index": range(30), "given_label": "cat"}
    save_table(run, pd.DataFrame({**table, "suggested_label": "dog", "suggested_confidence": np.float32(0.9), "is_label_issue": True}))
    return run


@pytest.fixture
def curate(run):
    app = typer.Typer(cls=CommandLine)
    app.command()(decisions)
    app.command()(import_decisions)
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False)


@pytest.fixture
def decided(run):
    """Both decided two samples and disagree on the second; ada decided twelve more under another given label."""
    both = [Decision(f"pets/{place}", "ok", who=who) for place, who in [(0, "ada"), (0, "grace"), (1, "ada")]]
    stale = [Decision(f"pets/{place}", "ok", who="ada", given="dog") for place in range(2, 14)]
    append_decisions(run.path / "decisions.jsonl", [*both, Decision("pets/1", "relabel", "dog", who="grace"), *stale])


def test_the_summary_says_how_many_how_alike_and_what_changed(curate, decided):
    out = curate("decisions", "pets").stdout
    assert "ada 14, grace 2" in out
    assert "ada and grace agree whether the given label is right on 50% of 2 samples (kappa 0.00)" in out
    assert "changed since: pets/2: given label was dog, is cat (decided by ada)" in out
    assert "changed since: 2 more, all with --json" in out
    assert "conflict: " not in out and "--conflicts lists the conflicts" in out


def test_conflicts_are_listed_when_asked_for(curate, decided):
    assert "conflict: pets/1: ada ok, grace relabel dog\n" in curate("decisions", "pets", "--conflicts").stdout


def test_json_has_everything(curate, decided):
    result = json.loads(curate("decisions", "pets", "--json").stdout)
    assert (result["num_conflicts"], len(result["conflicts"]), len(result["changes"])) == (1, 1, 12)
    assert result["agreement"][0]["reviewers"] == ["ada", "grace"]


def test_a_run_without_decisions_says_so(curate):
    result = curate("decisions", "pets")
    assert result.exit_code == 0 and "agree" not in result.stdout
    assert ["decisions", "0"] in [line.split() for line in result.stdout.splitlines()]


def test_one_change_under_several_decisions_is_one_line(curate, run):
    append_decisions(run.path / "decisions.jsonl", [Decision("pets/9", "ok", who=who, suggested="eel") for who in ("ada", "grace")])
    out = curate("decisions", "pets").stdout
    assert out.count("changed since") == 1 and "suggested label was eel, is dog (decided by ada, grace)" in out


def test_a_file_is_imported_under_the_name_that_is_given(curate, tmp_path):
    file = tmp_path / "vendor.csv"
    file.write_text("sample_id,label\npets/0,dog\n")
    assert json.loads(curate("import-decisions", "pets", file, "--who", "ada", "--json").stdout)["reviewers"] == {"ada": 1}
    assert "ada 1" in curate("decisions", "pets").stdout


def test_a_wrong_file_is_one_line_on_stderr_and_exit_2(curate, tmp_path):
    file = tmp_path / "vendor.csv"
    file.write_text("sample_id,label\npets/99,dog\n")
    result = curate("import-decisions", "pets", file)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("error: ") and "vendor.csv: there is no sample 'pets/99'" in result.stderr


def test_a_malformed_line_of_the_journal_is_one_line_on_stderr_and_exit_2(curate, run, decided):
    journal = run.path / "decisions.jsonl"
    journal.write_text("nonsense\n" + journal.read_text())
    result = curate("decisions", "pets")
    assert result.exit_code == 2 and "decisions.jsonl line 1 is not a review decision" in result.stderr.splitlines()[-1]
