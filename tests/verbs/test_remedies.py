"""What messages advise, done: it helps, and nothing that people decided is lost."""

import re
import shlex
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import curate
from curate.cli import app
from curate.errors import CurateError, RunError
from curate.review.decisions import decisions
from curate.review.journal import Decision, append_decisions, read_journal
from curate.review.verdicts import standing_decisions


@pytest.fixture
def pets(tmp_path, monkeypatch):
    """Eight pictures of two classes, and a data folder of the test's own."""
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    for number in range(8):
        picture(tmp_path / "pets" / ("cat" if number % 2 else "dog") / f"{number}.png", number)
    return tmp_path / "pets"


def picture(path, number):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 255, (16, 16), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def audited(folder, run="pets", **given):
    """An audit by probabilities that believe in the given labels."""
    images = curate.load(str(folder))
    probs = np.full((len(images), 2), 0.1, np.float32)
    probs[np.arange(len(images)), images.labels] = 0.9
    return curate.audit(images, judge=curate.Given(probs, **given), run=run)


def said(audit):
    """Picture by picture what stands, by the name of its file."""
    standing = standing_decisions(read_journal(audit.run.path / "decisions.jsonl").decisions)
    return {sample_id.rpartition("/")[2]: one.action for sample_id, by_who in standing.items() for one in by_who.values()}


def cli(*words):
    with pytest.raises(SystemExit) as ended:
        app([str(word) for word in words])
    return ended.value.code


def test_decisions_of_a_dataset_that_grew_and_was_sorted_anew_follow_by_the_command_that_the_message_names(pets, capsys):
    old = audited(pets)
    append_decisions(
        old.run.path / "decisions.jsonl",
        [
            Decision("pets/cat/1.png", "drop", who="ann"),
            Decision("pets/dog/0.png", "ok", who="ann"),
            Decision("pets/cat/3.png", "ok", who="ben"),
        ],
    )
    picture(pets / "dog" / "99.png", 99)
    shutil.move(pets / "cat" / "1.png", pets / "dog" / "1.png")  # a mistake that was seen is put right
    shutil.move(pets / "cat" / "3.png", pets / "cat" / "three.png")
    picture(pets / "cat" / "3.png", 333)  # and another picture is called so now
    with pytest.raises(
        RunError, match=r"another dataset \(num_samples: there 8, asked for 10\); give this one another name with --run"
    ) as told:
        audited(pets)
    new = audited(pets, run="grown")
    hint = new.outcome()["decided_elsewhere"]
    assert hint.startswith("run 'pets' of the same source has 3 decisions; `curate import-decisions grown ")
    for command in (re.search("`(.*)`", str(told.value))[1].replace("NAME", "grown"), re.search("`(.*)`", hint)[1]):
        assert cli(*shlex.split(command)[1:]) == 0
    capsys.readouterr()
    assert said(new) == {"1.png": "drop", "0.png": "ok", "three.png": "ok"}
    assert new.outcome()["decided_elsewhere"] is None and decisions(new.run)["num_decisions"] == 3


def test_a_moved_folder_is_named_by_the_option_that_the_message_names(pets, capsys):
    audited(pets)
    pets.rename(pets.parent / "moved")
    assert cli("report", "pets") == 2
    assert "any more; where it was moved, name its place by --root" in capsys.readouterr().err
    assert cli("report", "pets", "--root", pets.parent / "moved") == 0


def test_a_table_whose_files_lie_elsewhere_is_read_by_the_option_that_the_message_names(pets, tmp_path, capsys):
    (tmp_path / "set.csv").write_text(
        "filepath,label\n" + "".join(f"{one.relative_to(pets)},{one.parent.name}\n" for one in pets.rglob("*.png"))
    )
    np.save(tmp_path / "p.npy", np.full((8, 2), 0.5, np.float32))
    words = ["audit", tmp_path / "set.csv", "--pred-probs", tmp_path / "p.npy", "--no-fiftyone"]
    assert cli(*words) == 2
    assert "give the folder that they are relative to by --root" in capsys.readouterr().err
    assert cli(*words, "--root", pets) == 0


def test_corrections_made_on_labels_of_a_file_go_over_that_file_as_the_message_says(pets, tmp_path, capsys):
    np.save(tmp_path / "vendor.npy", np.array([1, 1, 0, 0, 1, 1, 0, 0]))
    np.save(tmp_path / "p.npy", np.full((8, 2), 0.5, np.float32))
    words = ["audit", pets, "--pred-probs", tmp_path / "p.npy", "--no-fiftyone", "--labels"]
    assert cli(*words, tmp_path / "vendor.npy", "--run", "first") == 0
    append_decisions(
        curate.open("first").run.path / "decisions.jsonl", [Decision("pets/cat/1.png", "relabel", "cat", who="ann", given="dog")]
    )
    assert cli("export", "first", "--format", "corrected", "--to", tmp_path / "c.json", "--policy", "reviewed") == 0
    assert cli(*words, tmp_path / "c.json", "--run", "second") == 2
    assert "give that file by --labels and this one by --corrections" in capsys.readouterr().err
    assert cli(*words, tmp_path / "vendor.npy", "--corrections", tmp_path / "c.json", "--run", "second") == 0
    assert curate.open("second").run.load_array("labels.npy").tolist() == [0, 1, 0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("verb", ["filters", "maps", "excite", "saliency", "model"])
def test_what_needs_a_net_names_the_judge_that_trains_one(pets, capsys, verb):
    words = ["explain", verb, "RUN", *(["pets/cat/1.png"] if verb in ("maps", "saliency") else [])]
    audited(pets, run="given")
    assert cli(*("given" if word == "RUN" else word for word in words)) == 2
    assert "has no net of its own; audit with --judge nets under another --run name" in capsys.readouterr().err
    quick = ["--model", "lenet5", "--preset", "quick", "--folds", "2", "--image-size", "16", "--device", "cpu", "--no-fiftyone"]
    assert cli("audit", pets, "--judge", "nets", "--run", "nets", *quick) == 0
    assert cli(*("nets" if word == "RUN" else word for word in words)) == 0


SOUND = np.where(np.arange(8)[:, None] // 4 == np.arange(2), np.float32(0.9), np.float32(0.1))  # four cats, four dogs
PROBABILITIES = {  # what is wrong, what is said, what that says to do
    "percentages": (SOUND * 100, "divide them by 100", lambda array: array / 100),
    "logits": (np.log(SOUND) * 3, "apply softmax to logits first", lambda array: np.exp(array) / np.exp(array).sum(1, keepdims=True)),
    "other order": (SOUND[:, ::-1], "sort them as class_names", lambda array: array[:, ::-1]),
    "sums": (SOUND * 2 / 3, "divide each row by its sum", lambda array: array / array.sum(1, keepdims=True)),
    "classes": (SOUND.argmax(1)[:, None] == np.arange(2), "pass probabilities, not classes", lambda array: SOUND),
}


@pytest.mark.parametrize("kind", PROBABILITIES)
def test_probabilities_are_taken_once_they_are_as_the_message_says(pets, tmp_path, capsys, kind):
    wrong, message, remedy = PROBABILITIES[kind]
    np.save(tmp_path / "p.npy", wrong)
    words = ("audit", pets, "--pred-probs", tmp_path / "p.npy", "--no-fiftyone")
    assert cli(*words) == 2
    assert message in capsys.readouterr().err
    np.save(tmp_path / "p.npy", np.ascontiguousarray(remedy(wrong)))
    assert cli(*words) == 0


EXPORTS = {  # options that do not go together or a place that is taken, what is said, the options that it names
    "ending": (
        "--format csv --to a.txt",
        "expected a file that ends in .csv to export to, found a.txt; change --to",
        "--format csv --to a.csv",
    ),
    "a folder": ("--format csv --to made.csv", "is a folder, expected a file to export to; change --to", "--format csv --to b.csv"),
    "a file": ("--format folder --to full/x", "choose another place with --to", "--format folder --to y"),
    "full": ("--format folder --to full", "choose a new or an empty folder with --to", "--format folder --to z"),
    "among the images": ("--format folder --to pets/out", "choose another place with --to", "--format folder --to out"),
    "not writable": ("--format csv --to /proc/a.csv", "choose another place with --to", "--format csv --to c.csv"),
    "media": ("--format folder --to w --no-media", "for labels without images take csv or corrected", "--format corrected --to c.json"),
    "split": (
        "--format csv --to e.csv --splits test",
        "nothing to export in test; splits: train",
        "--format csv --to e.csv --splits train",
    ),
}


def test_an_export_goes_out_by_the_options_that_the_messages_name(pets, tmp_path, monkeypatch, capsys):
    audited(pets)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    (tmp_path / "made.csv").mkdir()
    for kind, (wrong, message, right) in EXPORTS.items():
        assert cli("export", "pets", *wrong.split()) == 2, kind
        assert message in capsys.readouterr().err, kind
        assert cli("export", "pets", *right.split()) == 0, kind
    assert (tmp_path / "full" / "x").read_text() == "mine"


def test_a_run_begins_and_labels_are_taken_as_the_messages_say(pets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("p.npy", SOUND)
    np.savez("labels.npz", SOUND.argmax(1))
    words = ("audit", pets, "--pred-probs", "p.npy", "--no-fiftyone")
    told = {
        ("--run", "."): ("give --run a name, or a new or an empty folder", ("--run", "named")),
        ("--run", "pets/inside"): ("give --run a name, or a folder elsewhere", ("--run", "./elsewhere")),
        ("--run", "a:b"): ("use letters, digits, '-' and '_', or give a path with '/'", ("--run", "a-b")),
        ("--labels", "labels.npz"): ("save the one array you mean with numpy.save", ("--labels", "labels.npy", "--run", "labelled")),
        ("--labels", "half.csv"): ("give every sample a label", ("--labels", "whole.csv", "--run", "whole")),
    }
    np.save("labels.npy", SOUND.argmax(1))
    lines = [f"pets/{('dog', 'cat')[i % 2]}/{i}.png,cat\n" for i in range(8)]
    (tmp_path / "half.csv").write_text("sample_id,label\n" + "".join(lines[:4]))
    (tmp_path / "whole.csv").write_text(
        "sample_id,label\n" + "".join(line.replace("cat\n", "dog\n" if i < 4 else "cat\n") for i, line in enumerate(lines))
    )
    for wrong, (message, right) in told.items():
        assert cli(*words, *wrong) == 2, wrong
        assert message in capsys.readouterr().err, wrong
        assert cli(*words, *right) == 0, right


@pytest.mark.parametrize("words", ["clean pets", "export pets --format csv --to out.csv", "compare pets --seeds 2"])
@pytest.mark.parametrize("policy", ["--policy drop", "--policy abstain", ""])
def test_a_bound_is_for_the_policy_that_the_message_names(pets, tmp_path, monkeypatch, capsys, words, policy):
    audited(pets)
    monkeypatch.chdir(tmp_path)
    words = words.split()
    assert cli(*words, *policy.split(), "--min-confidence", "0.9") == 2
    found = policy.removeprefix("--policy ") or "drop"
    assert f"--min-confidence is for the policy relabel, found {found}; choose --policy relabel, or leave" in capsys.readouterr().err
    if words[0] != "compare":  # which would train nets
        assert cli(*words, "--policy", "relabel", "--min-confidence", "0.9") == 0
        assert cli(*words, *policy.split()) == 0


def table(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def folders(pets, name):
    """Both classes again, in the folder `name`."""
    for part in ("cat", "dog"):
        shutil.copytree(pets / part, pets.parent / name / part)
    return pets.parent / name


def in_a_wrapper(pets, folder):
    inner = folders(pets, "wrapped/PetImages")
    return (inner.parent, {}), f"if these are the classes, audit {inner}", lambda: (inner, {})


def beside_splits(pets, folder):
    top = folders(pets, "split/train").parent
    shutil.copytree(pets / "cat", top / "spare")
    return (top, {}), "move it elsewhere", lambda: (shutil.move(top / "spare", folder / "elsewhere"), (top, {}))[1]


def only_one_split(pets, folder):
    top = folders(pets, "splits/train").parent
    shutil.copytree(pets / "cat", top / "spare")
    return (top, {}), "or audit one of the split folders", lambda: (top / "train", {})


def several_labels(pets, folder):
    rows = [f"{one},{one.parent.name}|pet,{one.parent.name}" for one in sorted(pets.rglob("*.png"))]
    path = table(folder / "several.csv", "filepath,label,kind", *rows)
    return (path, {}), "name a column with one by --field", lambda: (path, {"field": "kind"})


def labels_by_another_name(pets, folder):
    path = table(folder / "breeds.csv", "filepath,breed", *(f"{one},{one.parent.name}" for one in sorted(pets.rglob("*.png"))))
    return (path, {}), "name the one with the labels by --field", lambda: (path, {"field": "breed"})


def a_column_twice(pets, folder):
    rows = [f"{one},{one.parent.name},{one.parent.name}" for one in sorted(pets.rglob("*.png"))]
    path = table(folder / "twice.csv", "filepath,label,label", *rows)
    return (path, {}), "rename one of them", lambda: (table(path, "filepath,label,kind", *rows), {})


def no_utf_8(pets, folder):
    path = folder / "latin.csv"
    text = "filepath,label\n" + "".join(f"{one},{'café' if one.parent.name == 'cat' else 'dog'}\n" for one in sorted(pets.rglob("*.png")))
    path.write_bytes(text.encode("latin-1"))
    return (path, {}), "save it as UTF-8", lambda: (path.write_text(text, encoding="utf-8"), (path, {}))[1]


def pixels_in_a_table(pets, folder):
    path = table(
        folder / "pixels.csv", "label," + ",".join(f"pixel{i}" for i in range(4)), "0,1,2,3,4", "1,9,8,7,6", "0,0,0,0,0", "1,5,5,5,5"
    )
    return (path, {"image_size": 8}), "leave out --image-size", lambda: (path, {})


def no_groups(pets, folder):
    wrong = {"group_by": "shoe([0-9]+)"}
    return (pets, wrong), "or a regular expression with one part in (brackets)", lambda: (pets, {"group_by": "([0-9])[.]png"})


def groups_in_folders(pets, folder):
    for part in ("cat", "dog"):
        shutil.copytree(pets / part, folder / "grouped" / part / "monday")
    wrong = {"group_by": "shoe"}
    return (
        (folder / "grouped", wrong),
        "give folder (where class folders hold folders)",
        lambda: (folder / "grouped", {"group_by": "folder"}),
    )


def a_broken_file(pets, folder):
    (pets / "cat" / "broken.png").write_bytes(b"\x89PNG")
    return (pets, {"strict": True}), "leave --strict out", lambda: (pets, {})


def labels_as_corrections(pets, folder):
    np.save(folder / "labels.npy", np.array([0, 0, 0, 0, 1, 1, 1, 1]))
    wrong, right = ({option: folder / "labels.npy"} for option in ("corrections", "labels"))
    return (pets, wrong), "give it by --labels", lambda: (pets, right)


def a_sample_twice_by_one_annotator(pets, folder):
    ids = [f"pets/{one.parent.name}/{one.name}" for one in sorted(pets.rglob("*.png"))]
    rows = [f"{one},{who},cat" for one in ids for who in ("ann", "ben")]
    path = table(folder / "annotators.csv", "sample_id,annotator,label", *rows, f"{ids[0]},ann,dog")
    return (pets, {"labels": path}), "keep one", lambda: (table(path, "sample_id,annotator,label", *rows), (pets, {"labels": path}))[1]


def splits_without_classes(pets, folder):
    for part in ("train", "test"):
        shutil.copytree(pets / "cat", folder / "flat" / part)

    def sort():
        for part in ("train", "test"):
            for kind in ("cat", "dog"):
                shutil.copytree(pets / kind, folder / "flat" / part / kind)
            for one in (folder / "flat" / part).glob("*.png"):
                one.unlink()
        return folder / "flat", {}

    return (folder / "flat", {}), "put the images of each class into a folder of its own there", sort


def splits_inside_classes(pets, folder):
    for kind in ("cat", "dog"):
        for part in ("train", "test"):
            shutil.copytree(pets / kind, folder / "inside" / kind / part)
            shutil.copytree(pets / kind, folder / "on-top" / part / kind)
    return (folder / "inside", {}), "put the splits on top, such as test/cat/", lambda: (folder / "on-top", {})


SOURCES = (
    *(in_a_wrapper, beside_splits, only_one_split, splits_without_classes, splits_inside_classes),
    *(several_labels, labels_by_another_name, a_column_twice, no_utf_8, pixels_in_a_table),
    *(no_groups, groups_in_folders, a_broken_file, labels_as_corrections, a_sample_twice_by_one_annotator),
)


@pytest.mark.parametrize("case", SOURCES, ids=[case.__name__ for case in SOURCES])
def test_a_source_is_read_once_it_is_as_the_message_says(pets, tmp_path, case):
    (wrong, options), message, remedy = case(pets, tmp_path)
    with pytest.raises(CurateError, match=re.escape(message)):
        curate.load(str(wrong), **options)
    right, options = remedy()
    found = curate.load(str(right), **options)
    assert len(found) >= 4 and found.num_classes >= 2


OPTIONS = {  # of an audit: those that do not go together, what is said, those that it leaves
    "embeddings alone": ("--embeddings p.npy", "--embeddings go with --pred-probs", "--embeddings p.npy --pred-probs p.npy"),
    "a judge and probabilities": (
        "--judge nets --pred-probs p.npy",
        "with --pred-probs nothing is trained; leave one of them out",
        "--pred-probs p.npy",
    ),
    "a net and probabilities": ("--model lenet5 --pred-probs p.npy", "--model says how curate judges", "--pred-probs p.npy"),
    "an App without FiftyOne": ("--pred-probs p.npy --app", "leave out --no-fiftyone", None),
    "a threshold": (
        "--pred-probs p.npy --threshold 5",
        "the threshold must be a probability in 0..1",
        "--pred-probs p.npy --threshold 0.4",
    ),
}


def test_an_audit_begins_with_the_options_that_the_messages_leave(pets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("p.npy", SOUND)
    for kind, (wrong, message, right) in OPTIONS.items():
        assert cli("audit", pets, "--no-fiftyone", *wrong.split()) == 2, kind
        assert message in " ".join(capsys.readouterr().err.split()), kind
        if right is not None:
            assert cli("audit", pets, "--no-fiftyone", *right.split(), "--run", kind.replace(" ", "-")) == 0, kind


PAGES = {  # a place that is taken, what is said, what it says to give
    "a gallery over a file": ("gallery pets --to full/x", "expected a folder; give another one by --to", "gallery pets --to g1"),
    "a gallery over other things": ("gallery pets --to full", "would be lost; give another folder by --to", "gallery pets --to g2"),
    "a review over other things": (
        "gallery pets --review --to full/x.html",
        "give another name by --to",
        "gallery pets --review --to r.html",
    ),
    "a report of another ending": ("report pets --to r.txt", "give --to a file that ends in .html", "report pets --to p.html"),
    "a choice of a review": ("gallery pets --blind", "--blind goes with --review", "gallery pets --review --blind"),
}


def test_a_page_is_written_where_the_messages_say(pets, tmp_path, monkeypatch, capsys):
    append_decisions(audited(pets).run.path / "decisions.jsonl", [Decision(ROW, "drop", who="ann")])  # something to show
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    for name in ("x", "x.html"):
        (tmp_path / "full" / name).write_text("mine")
    for kind, (wrong, message, right) in PAGES.items():
        assert cli(*wrong.split()) == 2, kind
        assert message in capsys.readouterr().err, kind
        assert cli(*right.split()) == 0, kind
    assert (tmp_path / "full" / "x").read_text() == (tmp_path / "full" / "x.html").read_text() == "mine"


ROW = "pets/cat/1.png"
DECISIONS = {  # content of a file of decisions, what is said, content as that says
    "no UTF-8": (
        ".csv",
        f"sample_id,action,note\n{ROW},ok,caf\xe9\n".encode("latin-1"),
        "save it as UTF-8",
        f"sample_id,action\n{ROW},ok\n",
    ),
    "columns": (
        ".csv",
        f"picture,verdict\n{ROW},ok\n",
        "must have the columns sample_id and label or action",
        f"sample_id,label\n{ROW},dog\n",
    ),
    "a broken line": (
        ".jsonl",
        f'{{"sample_id": "{ROW}", "action": "ok", "when": "2026-01-31T10:00:00"}}\n{{"sample_id": \n',
        "mend or remove that line",
        f'{{"sample_id": "{ROW}", "action": "ok", "when": "2026-01-31T10:00:00"}}\n',
    ),
    "a class": (".csv", f"sample_id,label\n{ROW},dgo\n", "did you mean dog?", f"sample_id,label\n{ROW},dog\n"),
    "an action": (".csv", f"sample_id,action\n{ROW},okay\n", "did you mean ok?", f"sample_id,action\n{ROW},ok\n"),
    "a time": (
        ".csv",
        f"sample_id,action,when\n{ROW},ok,31/12/2026\n",
        "when must be a time such as 2026-01-31T10:00:00+00:00",
        f"sample_id,action,when\n{ROW},ok,2026-01-31T10:00:00+00:00\n",
    ),
    "an id": (".csv", "sample_id,action\ncat/1.png,ok\n", "expected an id like 'pets/cat/1.png'", f"sample_id,action\n{ROW},ok\n"),
    "an ending": (".xlsx", "", "decisions come as .jsonl, .csv, .parquet or .json", None),
}


def test_decisions_are_read_once_they_are_as_the_messages_say(pets, tmp_path, capsys):
    audit = audited(pets)
    for kind, (suffix, wrong, message, right) in DECISIONS.items():
        path = tmp_path / f"{kind}{suffix}"
        path.write_bytes(wrong if isinstance(wrong, bytes) else wrong.encode())
        assert cli("import-decisions", "pets", path) == 2, kind
        assert message in capsys.readouterr().err, kind
        assert not (audit.run.path / "decisions.jsonl").exists(), kind
        if right is not None:
            path.write_text(right)
            assert cli("import-decisions", "pets", path) == 0, kind
            (audit.run.path / "decisions.jsonl").unlink()


def test_the_policy_of_decisions_goes_by_what_the_message_says_instead(pets, capsys):
    audit = audited(pets)
    assert cli("clean", "pets", "--policy", "reviewed") == 2
    assert "or choose drop, relabel or abstain" in capsys.readouterr().err
    for policy in ("drop", "relabel", "abstain"):
        assert cli("clean", "pets", "--policy", policy) == 0
    append_decisions(audit.run.path / "decisions.jsonl", [Decision(ROW, "drop", who="ann")])
    assert cli("clean", "pets", "--policy", "reviewed") == 0


BROKEN = {  # a file of a run that is broken, the verb that says so
    "issues.parquet": "clean",
    "projection.npy": "report",
    "findings.json": "report",
}


@pytest.mark.parametrize("run", ["pets", "my cats' run", "./-runs elsewhere/-x"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_in_a_run_is_made_again_by_the_command_that_the_message_names(pets, tmp_path, monkeypatch, capsys, name, run):
    monkeypatch.chdir(tmp_path)
    audit = audited(pets, run=run)
    append_decisions(audit.run.path / "decisions.jsonl", [Decision(ROW, "drop", who="ann")])
    (audit.run.path / name).write_bytes(b"broken")
    assert cli(BROKEN[name], run) == 2
    told = capsys.readouterr().err
    command = re.search("`(curate [^`]+)`", told)
    assert command is not None, told
    if "delete it" in told:
        (audit.run.path / name).unlink()
    assert cli(*shlex.split(command[1])[1:]) == 0
    assert cli(BROKEN[name], run) == 0
    assert len(read_journal(audit.run.path / "decisions.jsonl").decisions) == 1


@pytest.mark.parametrize("name", ["pred_probs.npy", "labels.npy", "embeddings.npy"])
def test_what_a_judge_said_is_made_again_by_the_command_that_made_the_run(pets, capsys, name):
    audit = audited(pets, embeddings=np.eye(8, dtype=np.float32))
    append_decisions(audit.run.path / "decisions.jsonl", [Decision(ROW, "drop", who="ann")])
    expected = (audit.run.path / name).read_bytes()
    (audit.run.path / name).write_bytes(b"broken")
    assert cli("gallery", "pets", "--review") == 2
    assert f"{name} is not a readable array" in (told := capsys.readouterr().err)
    assert "delete it, and pred_probs.npy beside it, and give the command that made this run again" in told
    for gone in (name, "pred_probs.npy"):
        (audit.run.path / gone).unlink(missing_ok=True)
    audited(pets, embeddings=np.eye(8, dtype=np.float32))
    assert (audit.run.path / name).read_bytes() == expected
    assert cli("gallery", "pets", "--review") == 0
    assert len(read_journal(audit.run.path / "decisions.jsonl").decisions) == 1


def test_given_probabilities_that_are_missing_in_a_run_are_put_there_by_the_command_that_made_it(pets, tmp_path, capsys):
    np.save(tmp_path / "p.npy", SOUND)
    made = ("audit", pets, "--pred-probs", tmp_path / "p.npy", "--no-fiftyone")
    assert cli(*made) == 0
    path = curate.open("pets-given").run.path
    append_decisions(path / "decisions.jsonl", [Decision(ROW, "drop", who="ann")])
    expected = (path / "pred_probs.npy").read_bytes()
    (path / "pred_probs.npy").unlink()
    assert cli("find", "pets-given") == 2
    assert "has no pred_probs.npy; give the command that made this run again" in capsys.readouterr().err
    assert cli(*made) == 0
    assert (path / "pred_probs.npy").read_bytes() == expected
    assert cli("find", "pets-given") == 0
    assert len(read_journal(path / "decisions.jsonl").decisions) == 1


def test_nets_that_are_missing_are_trained_under_another_name_or_by_the_same_command(pets, capsys):
    quick = ["--model", "lenet5", "--preset", "quick", "--folds", "2", "--image-size", "16", "--device", "cpu", "--no-fiftyone"]
    made = ("audit", pets, "--judge", "nets", *quick, "--run")
    assert cli(*made, "nets") == 0
    path = curate.open("nets").run.path
    for name in ("model.safetensors", "models/fold-0.safetensors"):
        (path / name).unlink()
    assert cli("explain", "filters", "nets") == 2
    assert "audit again under another --run name" in capsys.readouterr().err
    assert cli(*made, "other") == cli("explain", "filters", "other") == 0
    for left in ("pred_probs.npy", "folds/pred_probs-r0-f0.npy"):  # as where the training was killed
        (path / left).unlink()
    assert cli("explain", "filters", "nets") == 2
    assert "has no pred_probs.npy; give the command that made this run again" in capsys.readouterr().err
    assert cli(*made, "nets") == cli("explain", "filters", "nets") == 0


PLACES = {  # where nets are to train and cannot, what is said, where that says
    "no GPU": ("--device cuda", "torch sees no GPU; check the driver with `curate doctor`, or use --device cpu", "--device cpu"),
    "no GPU of Apple's": ("--device mps", "torch sees no GPU of Apple's; use --device cpu", "--device cpu"),
    "an address without Ray": ("--address 127.0.0.1:9", "is that of a Ray cluster: add --executor ray", None),
    "no cluster there": (
        "--executor ray --address 127.0.0.1:9",
        "start one with `ray start --head --port 9`, or leave --address out",
        "--device cpu",
    ),
    "no address": ("--executor ray --address localhost", "is HOST:PORT, such as 10.0.0.1:6379, found 'localhost'", None),
    "workers without Ray": ("--data-parallel 2", "by workers of a Ray cluster: add --executor ray", "--data-parallel 1 --device cpu"),
}


@pytest.mark.parametrize("case", PLACES)
def test_nets_train_where_the_message_says(pets, capsys, case):
    wrong, message, right = PLACES[case]
    if (case == "no GPU" and torch.cuda.is_available()) or (case == "no GPU of Apple's" and torch.backends.mps.is_available()):
        pytest.skip("this machine has one")
    quick = ["--model", "lenet5", "--preset", "quick", "--folds", "2", "--image-size", "16", "--no-fiftyone"]
    words = ("audit", pets, "--judge", "nets", "--run", "nets", *quick)
    assert cli(*words, *wrong.split()) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and message in told[0], told
    if right is not None:
        assert cli(*words, *right.split()) == 0
