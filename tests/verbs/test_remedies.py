"""What messages advise, done: it helps, and nothing that people decided is lost."""

import re
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

import curate
from curate.cli import app
from curate.errors import RunError
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


def audited(folder, run="pets"):
    """An audit by probabilities that believe in the given labels."""
    images = curate.load(str(folder))
    probs = np.full((len(images), 2), 0.1, np.float32)
    probs[np.arange(len(images)), images.labels] = 0.9
    return curate.audit(images, judge=curate.Given(probs), run=run)


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
