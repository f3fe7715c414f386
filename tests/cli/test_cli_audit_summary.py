"""What `curate audit` prints at its end, of real audits."""

import re

import numpy as np
import pytest
from typer.main import get_command

import curate
from curate.cli import app
from curate.cli.audit_summary import duration, render
from curate.find.self_estimate import estimate_sentences


@pytest.fixture
def summary_of(tmp_path, monkeypatch, make_shapes, capsys):
    """The summary of an audit of 300 pictures of which 6 have wrong labels, judged by `right` of the probability on the true class."""
    monkeypatch.setenv("CURATE_DATA", str(tmp_path))

    def summary(right, **told):
        shapes = make_shapes(300)
        labels = shapes.labels.copy()
        labels[:6] = (labels[:6] + 1) % 3
        generator = np.random.default_rng(0)
        probs = generator.dirichlet([1, 1, 1], 300) * (1 - right)
        probs[np.arange(300), shapes.labels] += right
        audit = curate.audit(shapes.images, labels, class_names=shapes.class_names, judge=curate.Given(probs), run="shapes")
        capsys.readouterr()
        render({**audit.outcome(), "detection": audit.findings["detection"], "took_seconds": 12.3, **told})
        return capsys.readouterr().out

    return summary


def test_the_summary_fits_a_screen_and_says_what_was_found_how_sure_what_next_and_where(summary_of):
    told = summary_of(0.9, seconds={}, peak_memory_mib={"find": 700})
    assert len(told.splitlines()) <= 24 and all(len(line) <= 100 for line in told.splitlines() if "/" not in line)
    *headings, last = re.findall(r"^[A-Z].*", told, re.MULTILINE)
    assert headings == ["What was found", "How sure that is", "What to do next", "Where things are"]
    assert last.startswith("That took 12 s and at most ")
    assert re.search(r"About 5 of 300 labels are wrong \(\d+ to \d+\)\. We flag 6", told)
    assert "report.html" in told and "issues.csv" in told


def test_no_line_of_the_summary_is_a_leftover_of_the_program(summary_of):
    told = summary_of(0.9)
    assert not re.search(r"– |nan|None|\b0 (outliers|leaks)|_group|underperforming", told)


def test_where_wrong_labels_cannot_be_counted_the_summary_says_so_and_gives_no_number(summary_of):
    told = summary_of(0.0)
    assert "We cannot tell how many labels are wrong:" in told and "are really wrong" not in told


def test_every_command_of_the_summary_is_one_of_the_command_line(summary_of):
    commands = re.findall(r"curate ([a-z-]+) shapes( --[a-z]+)?", summary_of(0.9, dataset_name="shapes", database="/db"))
    assert {"review", "gallery", "clean", "export"} == {verb for verb, _ in commands}
    for verb, option in commands:
        assert not option or option.strip() in {o for p in get_command(app).commands[verb].params for o in p.opts}


def test_only_of_a_judge_of_its_own_the_summary_vouches_that_it_judged_out_of_fold(summary_of):
    own, not_own = (" ".join(summary_of(0.9, **told).split()) for told in ({}, {"own_probabilities": False}))
    assert "Judged by probabilities of your own, which must be out of fold." in own and "No model judged" not in own
    assert "No model judged a picture that it learned from." in not_own and "of your own" not in not_own


def test_files_that_were_not_read_are_counted_with_the_reason(summary_of):
    told = summary_of(
        0.9, passed_over={"not a picture, by the file name": 2}, skipped=["a.jpg is cut off"] * 5, in_underperforming_groups=66
    )
    assert "Skipped: 2 (not a picture, by the file name)" in " ".join(told.split())
    assert "and 2 more, all in run.json" in " ".join(told.split())
    assert "66 pictures in groups that are often judged wrong" in " ".join(told.split())


def test_a_file_that_was_passed_over_is_named_and_several_are_where_it_says(summary_of):
    told = " ".join(summary_of(0.9, passed_over={"HEIC": 2, "raw": 1}, left_out={"HEIC": ["a.heic", "b.heic"], "raw": ["c.cr2"]}).split())
    assert "Skipped: 2 (HEIC), 1 (raw: c.cr2); run.json names them." in told
    assert "Skipped: 1 (raw: c.cr2)." in " ".join(summary_of(0.9, passed_over={"raw": 1}, left_out={"raw": ["c.cr2"]}).split())


def test_remarks_that_do_not_fit_are_counted(summary_of):
    told = " ".join(summary_of(0.9, remarks=[f"remark {i}" for i in range(5)]).split())
    assert "Remark 2." in told and "remark 3" not in told and "2 more remarks are in run.json." in told


def test_groups_and_duplicates_under_different_labels_are_told(summary_of):
    told = " ".join(summary_of(0.9, num_groups=12, num_grouped=36, contradictions=1).split())
    assert "36 pictures are in 12 groups of near duplicates or your own, each judged as one." in told
    assert "1 set of duplicates under different labels" in told
    assert "groups of near duplicates" not in summary_of(0.9, num_groups=0, num_grouped=0)


@pytest.mark.parametrize(("num", "told"), [(1, "1 label has an error"), (2, "2 labels have an error")])
def test_one_label_that_is_worth_a_look_is_one(num, told):
    counted = {"value": 1.0, "low": 0.0, "high": 3.0}
    detection = {"num_labels": 40, "num_flagged": 0, "num_errors": counted, "num_left": counted, "num_worth_a_look": num}
    assert told in " ".join(estimate_sentences({**detection, "can_count": True, "num_flagged_errors": counted}))


def test_every_step_that_takes_long_is_told_with_its_seconds_and_its_memory(summary_of):
    steps = {"seconds": {"train": 42.4, "find": 9.14, "report": 0.2}, "peak_memory_mib": {"train": 1646.0, "find": 2768.3, "report": 12000}}
    told = " ".join(summary_of(0.9, **steps).split())
    by_step = "train 42 s and 1.6 GiB, find 9.1 s and 2.7 GiB"
    assert told.endswith(f"That took 12 s and at most 12 GiB of memory ({by_step}).")


@pytest.mark.parametrize(("seconds", "text"), [(4.23, "4.2 s"), (42.4, "42 s"), (130, "2 min 10 s")])
def test_a_duration_has_the_digits_that_mean_something(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("num", "told"),
    [
        (0.2, "Hardly any of 40 labels is wrong (0 to 3). We flag none."),
        (1.2, "About 1 of 40 labels is wrong"),
        (2.2, "About 2 of 40 labels are wrong"),
    ],
)
def test_few_wrong_labels_are_told_in_plain_english(num, told):
    errors = {"value": num, "low": 0.0, "high": 3.0}
    detection = {"num_labels": 40, "num_flagged": 0, "num_errors": errors, "num_left": errors, "num_worth_a_look": 0}
    assert " ".join(estimate_sentences({**detection, "can_count": True, "num_flagged_errors": errors})).startswith(told)


def test_a_package_in_a_sentence_is_not_cut_at_its_hyphen(summary_of):
    reason = "HEIC; to have it read, whatever the width of the terminal: pip install 'pillow-heif>=0.18'"
    assert all("'pillow-heif>=0.18'" in summary_of(0.9, passed_over={f"{'x' * num} {reason}": 12}) for num in range(80))
