"""The sheet for a manager: its numbers are those of the run, whatever was decided."""

import json
import re

import pytest
from pets_gallery import make_pets, make_run

from curate.publish.summary_page import render_summary
from curate.review.journal import Decision, append_decisions


def words(run, images=None):
    page = render_summary(run, images)
    return re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.S))


@pytest.fixture
def run(tmp_path):
    """A run of 40 pets, 9 flagged, and its images."""
    images, table = make_pets()
    return make_run(tmp_path / "runs" / "pets", images, table), images


def decide(run, images, *decided):
    given = [images.class_names[label] for label in images.labels]
    made = [Decision(str(images.sample_ids[row]), action, label, who=who, given=given[row]) for row, action, label, who in decided]
    append_decisions(run.path / "decisions.jsonl", made)


def test_without_a_decision_it_says_that_nobody_looked_and_nothing_was_done(run):
    run, images = run
    told = words(run, images)
    assert "Nobody has looked yet" in told and "Nothing yet: no label was changed" in told and "not measured yet" in told
    assert "perhaps dog" in told


def test_counts_in_are_counts_out(run):
    run, images = run
    dog = images.class_names[1]
    by_ann = [(0, "relabel", dog, "ann"), (1, "ok", None, "ann"), (2, "drop", None, "ann"), (3, "ambiguous", None, "ann")]
    decide(run, images, *by_ann, (1, "drop", None, "ben"))
    told = words(run, images)
    assert "People found 2 wrong labels among 4 pictures." in told and "They differ on 1 picture" in told
    fates = ("kept as they were", "given the right label", "taken out of the dataset", "kept without a label", "pictures in all")
    kept, given, dropped, without, total = (re.search(f"{fate} (\\d+)", told)[1] for fate in fates)
    assert (kept, given, dropped, without, total) == ("37", "1", "1", "1", "40")


def test_what_it_brought_has_its_interval(run):
    run, images = run
    test = {"name": "given labels", "num_samples": 500, "seeds": [0, 1], "accuracy_before": [0.9, 0.91], "accuracy_after": [0.92, 0.93]}
    comparison = {"test": [{**test, "difference": 0.02, "interval": [0.01, 0.03]}]}
    (run.path / "comparison.json").write_text(json.dumps(comparison))
    assert "Difference +2.00 points , 95 % interval +1.00 to +3.00, from 2 trainings each" in words(run, images)


def test_names_are_text_and_nothing_is_loaded(run):
    run, images = run
    page = render_summary(run, images)
    assert 'barn" <b>' not in page and "https:" not in page and page.count("data:image/png") == 6
    assert "data:image" not in render_summary(run, None).replace("data:,", "")
