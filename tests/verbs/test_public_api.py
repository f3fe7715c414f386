"""The public API: what `import curate` gives, as the README and `help(curate)` show it."""

import json
import pydoc
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import curate
from curate.errors import DataError, RunError, UsageError
from curate.run import Run

QUICK = curate.Nets(model="lenet5", preset="quick", num_folds=2)
CPU = curate.Place(device="cpu")


def probs_of(labels, num_classes, right=0.96):
    probs = np.full((len(labels), num_classes), (1 - right) / (num_classes - 1))
    probs[np.arange(len(labels)), labels] = right
    return probs


def test_every_public_name_is_there_and_documented():
    for name in curate.__all__:
        assert getattr(curate, name).__doc__, name
    assert set(curate.__all__) <= set(dir(curate))


def test_the_help_of_the_package_reads_well():
    told = pydoc.render_doc(curate, renderer=pydoc.plaintext)
    assert " at 0x" not in told and "_NestedSequence" not in told  # addresses, and what numpy's types are made of
    assert "progress: curate.progress.Progress = silent" in told
    for options in (curate.Nets, curate.Features, curate.Given, curate.Source, curate.Place, curate.LookFor):
        helps = {field.name: field.metadata["help"] for field in fields(options) if field.metadata}
        assert helps and all(f"    {name}: {words}" in options.__doc__ for name, words in helps.items())


def test_importing_curate_imports_nothing_heavy():
    code = "import sys, curate; print([m for m in ('numpy', 'torch', 'pandas', 'typer', 'fiftyone') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'audti'"):
        curate.audti  # noqa: B018


def test_arrays_and_probabilities_are_audited_without_training(data, make_shapes):
    shapes = make_shapes(60)
    labels = shapes.labels.copy()
    labels[[3, 7]] = (labels[[3, 7]] + 1) % 3
    given = curate.Given(probs_of(shapes.labels, 3))
    audit = curate.audit(shapes.images, labels, class_names=shapes.class_names, judge=given, look_for=curate.LookFor("predicted_neq_given"))
    assert audit.issues.loc[audit.issues["is_label_issue"], "sample_id"].tolist() == ["arrays/3", "arrays/7"]
    assert (audit.run.path / "report.html").is_file() and "lenet" not in json.dumps(audit.run.meta["config"])
    assert not audit.run.has("projection.npy") and audit.issues["outlier_score"].isna().all()
    again = curate.open(audit.run.name)
    assert np.array_equal(again.image_set.images, shapes.images)  # the run folder has them
    assert again.clean("relabel").table["label"].tolist() == [shapes.class_names[label] for label in shapes.labels]


def test_colour_arrays_have_their_channels_last_or_first(data, make_shapes):
    shapes = make_shapes(30, channels=3)
    judge = curate.Given(probs_of(shapes.labels, 3))
    last = curate.audit(np.moveaxis(shapes.images, 1, 3), shapes.labels, judge=judge, run="last")
    first = curate.audit(
        shapes.images, [shapes.class_names[label] for label in shapes.labels], class_names=shapes.class_names, judge=judge, run="first"
    )
    assert np.array_equal(last.image_set.images, first.image_set.images)
    assert last.image_set.class_names == ("0", "1", "2") and first.image_set.class_names == shapes.class_names


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((4, 8, 8)), [0, 1, 0, 1], r"images must be uint8 .*found float64 \(4, 8, 8\)"),
        (np.zeros((4, 8, 8), np.uint8), [0.5, 1, 0, 1], "labels must be integers or class names"),
        (np.zeros((4, 8, 8), np.uint8), [0, 1], "labels of 'arrays' has shape"),
    ],
)
def test_arrays_that_are_none_are_told(data, images, labels, message):
    with pytest.raises(DataError, match=message):
        curate.audit(images, labels)


def test_an_audit_needs_no_fiftyone(shape_folder, data):
    code = """
import sys
for name in ("fiftyone", "pymongo", "bson"):
    sys.modules[name] = None  # any import of it fails
import curate
nets = curate.Nets(model="lenet5", preset="quick", num_folds=2)
audit = curate.audit(sys.argv[1], judge=nets, place=curate.Place(device="cpu"))
try:
    audit.gallery()
except curate.errors.UsageError as error:  # of clean pictures nothing need be flagged
    assert "nothing to show" in str(error)
print(audit.report(), audit.clean("drop").figures["num_keep"] > 0)
"""
    done = subprocess.run([sys.executable, "-c", code, str(shape_folder)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1:] == ["True"]


def test_the_page_with_the_suspects_is_there_before_the_map_is_made(shape_folder, data, monkeypatch):
    from curate.find import map as map_steps

    pages, told, make_map = [], [], map_steps.make_map

    def looking(run, *rest, **options):
        pages.append((run.path / "report.html").read_text())
        return make_map(run, *rest, **options)

    monkeypatch.setattr(map_steps, "make_map", looking)
    audit = curate.audit(str(shape_folder), judge=QUICK, place=CPU, progress=lambda *stage: told.append(stage))
    (first,) = pages
    last = (audit.run.path / "report.html").read_text()
    assert len(last) > len(first) and "sample" in first  # the map is what the last has more
    assert next(stage[3] for stage in told if stage[:2] == ("suspects", 1)).endswith("report.html")
    assert set(audit.outcome()["peak_memory_mib"]) == set(audit.run.meta["steps"]) >= {"train", "find", "map", "report"}


def test_an_audit_is_cleaned_and_exported_in_two_calls(found, tmp_path):
    audit = curate.Audit(found.run, found.images)
    cleaned = audit.clean("drop")
    assert cleaned.figures["num_drop"] == 3 and (cleaned.table["action"] == "drop").sum() == 3
    cleaned.export(tmp_path / "cleaned")
    assert len(list((tmp_path / "cleaned").rglob("*.png"))) == 45


def test_a_page_shows_itself_in_a_notebook(found):
    page = curate.Audit(found.run, found.images).report()
    assert page._repr_html_().startswith("<iframe srcdoc=") and str(page) == str(page.path)


def test_options_are_kept_in_run_json_as_they_are(shape_folder, data):
    source = curate.Source(str(shape_folder), split="train")
    audit = curate.train(source, judge=QUICK, place=CPU)
    options = audit.run.meta["options"]
    assert options["source"]["split"] == "train" and options["judge"] == {
        "name": "nets",
        "model": "lenet5",
        "preset": "quick",
        "recipe": None,
        "pretrained": None,
        "num_folds": 2,
        "num_repeats": None,
        "seed": 0,
        "pool_splits": False,
    }
    assert options["place"]["device"] == "cpu" and audit.run.name == "shapes-train-quick"


def test_a_second_process_at_the_same_run_is_refused(trained):
    second = Run.open(trained.run.path)
    with (
        trained.run.only_one("train"),
        pytest.raises(RunError, match=r"process \d+ is at .*wait until it has ended before `train`"),
        second.only_one("train"),
    ):
        raise AssertionError


def test_sections_that_others_changed_meanwhile_stay(trained):
    long_work, short = Run.open(trained.run.path), Run.open(trained.run.path)
    short.update("clean", policy="reviewed")
    long_work.note_step("compare", seconds=1.0)
    assert Run.open(trained.run.path).meta["clean"] == {"policy": "reviewed"}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_probabilities_goes_by_class_names_and_sample_ids(trained, tmp_path, suffix):
    names, ids = trained.images.class_names, trained.images.sample_ids
    frame = pd.DataFrame(probs_of(trained.true, 3), columns=list(names)).assign(sample_id=ids)
    frame = frame.sample(frac=1, random_state=0)[["sample_id", *reversed(names)]]
    path = tmp_path / f"probs{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    audit = curate.train(trained.images, judge=curate.Given(path), run=tmp_path / "own")
    np.testing.assert_allclose(audit.pred_probs, probs_of(trained.true, 3), rtol=1e-6)


def test_further_probabilities_are_independent_opinions(trained, tmp_path):
    one, two = probs_of(trained.true, 3), probs_of(trained.true, 3, right=0.8)
    audit = curate.train(trained.images, judge=curate.Given((one, two), embeddings=np.eye(48)), run=tmp_path / "own")
    from curate.judge.judgement import read_opinions

    opinions = read_opinions(audit.run)
    np.testing.assert_allclose(opinions["given-2"], two, rtol=1e-6)
    assert audit.run.load_array("embeddings.npy").shape == (48, 48)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: p[:-1], "has 47 rows but there are 48 labels"),
        (lambda p: p[:, :2], "has 2 columns but 'shapes' has 3 classes"),
        (lambda p: np.where(np.arange(48)[:, None] == 5, 3.0, p), "row 5 of pred_probs has values outside"),
        (lambda p: np.where(np.arange(48)[:, None] == 5, np.nan, p), "row 5 of pred_probs is not finite"),
        (lambda p: p[:, [1, 2, 0]], "columns of .* are in another order"),
    ],
)
def test_what_is_no_probability_is_refused_with_its_row(trained, tmp_path, spoil, message):
    with pytest.raises(DataError, match=message):
        curate.train(trained.images, judge=curate.Given(spoil(probs_of(trained.true, 3))), run=tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_a_table_that_lacks_a_class_says_which(trained, tmp_path):
    pd.DataFrame(probs_of(trained.true, 3), columns=["across", "disc", "up"]).to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(DataError, match=r"a column for every class of 'shapes' .* it lacks down, found across, disc, up"):
        curate.train(trained.images, judge=curate.Given(tmp_path / "p.csv"), run=tmp_path / "own")


def test_the_command_line_takes_probabilities_of_ones_own(shape_folder, trained, sure_probs, capfd):
    from curate.cli import main

    sys.argv = ["curate", "audit", str(shape_folder), "--pred-probs", str(sure_probs), "--no-fiftyone", "--json"]
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    result = json.loads(capfd.readouterr().out)
    assert result["run"] == "shapes-given" and result["out_of_fold_accuracy"] == pytest.approx(45 / 48) and "dataset_name" not in result


def test_options_of_two_judges_at_once_are_refused(shape_folder, data, sure_probs, capfd):
    from curate.cli import main

    sys.argv = ["curate", "audit", str(shape_folder), "--pred-probs", str(sure_probs), "--model", "lenet5", "--no-fiftyone"]
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "--model says how curate judges" in capfd.readouterr().err


def test_labels_and_class_names_go_with_arrays(trained):
    with pytest.raises(UsageError, match="an ImageSet has labels"):
        curate.audit(trained.images, labels=trained.images.labels)


def test_two_repeats_are_two_opinions_whose_mean_judges(shape_folder, data):
    nets = curate.Nets(model="lenet5", preset="quick", num_folds=2, num_repeats=2)
    audit = curate.train(str(shape_folder), judge=nets, place=CPU, run="twice")
    from curate.judge.judgement import independent_opinions

    opinions = independent_opinions(audit.run)
    assert len(opinions) == 2 and not np.array_equal(*opinions)
    np.testing.assert_allclose(np.mean(opinions, axis=0), audit.pred_probs, atol=1e-6)
    audit.find(with_map=False)
    assert audit.findings["detection"]["num_opinions"] == 2


def test_arrays_alone_say_how_many_labels_are_wrong_and_left(make_shapes):
    labels = np.arange(900) % 3
    wrong = np.arange(900) % 20 == 7
    given = np.where(wrong, (labels + 1) % 3, labels)
    found = curate.find_label_issues(given, probs_of(labels, 3, right=0.98))
    assert found.is_label_issue[wrong].mean() > 0.9 and found.error_probability[~wrong].max() < 0.5
    assert 0 <= found.num_errors.low <= found.num_errors.value <= found.num_errors.high <= 900
    assert 0 <= found.num_left.low <= found.num_left.high
