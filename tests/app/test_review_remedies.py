"""What the App's messages advise, done: it helps, and nothing that was decided is lost."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import curate
from curate.app.dataset import build
from curate.app.review.context import _stores
from curate.app.review.panel_facts import summarize
from curate.app.review.store import ReviewStore
from curate.cli import app
from curate.review.journal import read_journal

pytestmark = [pytest.mark.db, pytest.mark.usefixtures("one_thread")]


def cli(*words):
    with pytest.raises(SystemExit) as ended:
        app([str(word) for word in words])
    return ended.value.code


def told(requests):
    """What the App says, where an operator could not do what was asked."""
    assert [name for name, _ in requests] == ["notify"]
    return requests[0][1]["message"]


def test_a_key_of_the_grid_that_a_sample_came_before_is_pressed_again_on_that_one(review):
    opened, other = review.ids()[:2]
    assert told(review.press("ok", selected=[other], opened=opened, seen=None)).endswith("look at it, and press the key again")
    review.press("ok", selected=[other], opened=opened, seen=opened)
    assert review.labels() == {review.dataset[opened].sample_id: "ok"}


def test_where_no_sample_is_meant_one_is_selected_or_opened_by_the_key_that_is_named(review):
    suspects = review.dataset.load_saved_view("label issues")
    message = told(review.press("ok", view=suspects))
    assert message == "select samples first, or open one: key g opens the next undecided one"  # g: the operator `next`, see KEYS
    opened = dict(review.press("next", view=suspects))["open_sample"]["id"]
    review.press("ok", opened=opened, view=suspects)
    review.press("drop", selected=review.ids(suspects)[1:2], view=suspects)
    assert sorted(review.labels().values()) == ["drop", "ok"]


def test_where_nothing_is_suggested_a_class_is_chosen_or_the_sample_left_out(review):
    without = review.dataset.exists("suggested", False).match({"ground_truth.label": "disc"}).first()
    suggested = review.dataset.exists("suggested").first()
    message = told(review.press("accept", selected=[without.id, suggested.id]))
    assert message.endswith(f"for {without.sample_id}; choose one with key l, or leave it out")
    review.press("accept", selected=[suggested.id])
    review.press("relabel", selected=[without.id], label="cross")
    assert review.labels() == {suggested.sample_id: f"→ {suggested.suggested.label}", without.sample_id: "→ cross"}


def test_a_number_without_a_class_is_told_the_last_that_has_one(review):
    chosen = review.dataset.match({"ground_truth.label": "disc"}).first()
    last = int(re.search(r"the last of the 3 is (\d)$", told(review.press("relabel_to_number", selected=[chosen.id], class_index=3)))[1])
    review.press("relabel_to_number", selected=[chosen.id], class_index=last)
    assert review.labels() == {chosen.sample_id: "→ cross"}


def test_why_asks_for_an_open_sample_and_answers_for_one(review):
    assert told(review.press("why", selected=review.ids()[:1])).startswith("open a sample first")
    assert "the judge alone says: " in dict(review.press("why", opened=review.ids()[0]))["patch_samples"]["message"]


def test_samples_of_before_are_found_again_when_the_page_is_loaded_anew(review):
    gone = review.ids()[0]
    document = review.dataset._sample_collection.find_one({"sample_id": review.dataset[gone].sample_id})
    review.dataset._sample_collection.delete_one({"_id": document.pop("_id")})
    again = str(review.dataset._sample_collection.insert_one(document).inserted_id)  # as an audit makes it anew
    review.dataset.reload()
    assert "if the audit was made anew meanwhile, load the page again" in told(review.press("ok", selected=[gone]))
    assert again in review.ids()  # what the page has then
    review.press("ok", selected=[again])
    assert review.labels() == {document["sample_id"]: "ok"}


QUICK = "--judge nets --model lenet5 --preset quick --folds 2 --image-size 16 --device cpu --no-app"


def test_samples_that_were_added_by_hand_are_reviewed_in_the_audit_that_the_message_names(review, pressing, tmp_path, capsys):
    import fiftyone as fo

    Image.fromarray(np.random.default_rng(5).integers(0, 255, (16, 16), dtype=np.uint8)).save(tmp_path / "new.png")
    sample = fo.Sample(filepath=str(tmp_path / "new.png"), ground_truth=fo.Classification(label="disc"))
    added = review.dataset.add_sample(sample)
    message = told(review.press("ok", selected=[added]))
    assert "are judged by another one: `" in message
    assert cli(*shlex.split(message.split("`")[1])[1:], *QUICK.split(), "--run", "by-hand") == 0, capsys.readouterr().err
    capsys.readouterr()
    again = fo.load_dataset("by-hand")
    ours = pressing(again, curate.open("by-hand").run.path / "decisions.jsonl")
    (mine,) = [one.id for one in again if one.filepath == str(tmp_path / "new.png")]
    ours.press("ok", selected=[mine])
    assert list(ours.labels().values()) == ["ok"] and len(ours.journalled) == 1


@pytest.fixture
def moved(review, shapes_once, tmp_path, monkeypatch):
    """The place to which the run folder of the built shapes was moved; afterwards it is where it was."""
    _, run, _ = shapes_once
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    shutil.move(run.path, tmp_path / "moved")
    yield tmp_path / "moved"
    shutil.rmtree(run.path, ignore_errors=True)
    shutil.move(tmp_path / "moved", run.path)


@pytest.mark.parametrize("is_open", [False, True], ids=["before the review", "while it is open"])
@pytest.mark.parametrize("place", [0, 1], ids=["where it was", "among the runs here"])
def test_a_run_folder_that_is_not_there_is_copied_to_where_the_message_says(review, request, place, is_open):
    first, second = review.ids()[:2]
    if is_open:
        review.press("ok", selected=[first])
    moved = request.getfixturevalue("moved")
    message = told(review.press("drop", selected=[second]))
    own, here = re.search(r"folder, and (\S+) is not on this machine; copy it there, or to (\S+)$", message).groups()
    assert not (review.journal.parent).exists()  # nothing is written where no run is
    target = (own, here)[place]
    shutil.copytree(moved, target)
    review.press("drop", selected=[second])
    wanted = ["ok", "drop"] if is_open else ["drop"]
    assert [one.action for one in read_journal(Path(target) / "decisions.jsonl").decisions] == wanted
    assert sorted(review.labels().values()) == sorted(wanted)


def test_a_run_of_the_same_name_but_of_other_pictures_takes_no_decision(review, moved, tmp_path, monkeypatch):
    pictures(tmp_path / "shapes")
    other = audited(tmp_path / "shapes").run
    message = told(review.press("ok", selected=review.ids()[:1]))
    assert message.endswith(f"is not on this machine; copy it there: {other.path} is another run")
    assert not (other.path / "decisions.jsonl").exists() and review.labels() == {}
    shutil.copytree(moved, review.journal.parent)
    review.press("ok", selected=review.ids()[:1])
    assert list(review.labels().values()) == ["ok"] and len(review.journalled) == 1


def pictures(folder, num=8):
    """Pictures of two classes in `folder`."""
    for number in range(num):
        path = folder / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (16, 16), dtype=np.uint8)).save(path)
    return folder


def audited(folder, run=None, *, embedded=True, **options):
    """An audit by probabilities that believe in the labels, with embeddings or without."""
    images = curate.load(str(folder))
    probs = np.full((len(images), 2), 0.1, np.float32)
    probs[np.arange(len(images)), images.labels] = 0.9
    given = {"embeddings": np.eye(len(images), 9, dtype=np.float32)} if embedded else {}
    return curate.audit(images, judge=curate.Given(probs, **given), run=run or folder.name, **options)


@pytest.fixture
def pets(fo, tmp_path):
    """A folder of eight pictures; nothing is audited yet."""
    _stores.clear()
    yield pictures(tmp_path / "pets")
    _stores.clear()


def test_more_like_this_takes_the_embeddings_that_the_message_asks_for(pets, fo, pressing):
    bare = audited(pets, embedded=False, fiftyone=True)
    review = pressing(fo.load_dataset("pets"), bare.run.path / "decisions.jsonl")
    message = told(review.press("similar", selected=review.ids()[:1]))
    assert message.endswith("give those of your model by --embeddings, to an audit under another --run name")
    audited(pets, "embedded", fiftyone=True)
    other = pressing(fo.load_dataset("embedded"), None)
    assert "set_view" in dict(other.press("similar", selected=other.ids()[:1]))


@pytest.mark.parametrize("operator", ["similar", "why"])
def test_a_dataset_that_is_behind_its_run_is_brought_up_to_date_by_the_command_that_the_message_names(pets, fo, pressing, capsys, operator):
    path = audited(pets, fiftyone=True).run.path
    review = pressing(fo.load_dataset("pets"), path / "decisions.jsonl")
    gone = review.dataset.match({"sample_id": "pets/dog/0.png"}).first().id
    (pets / "dog" / "0.png").unlink()
    shutil.rmtree(path)
    audited(pets)
    message = told(review.press(operator, opened=gone))
    assert message.endswith("`, and load the page again") and str(path) in message
    assert cli(*shlex.split(message.split("`")[1])[1:], "--no-open") == 0
    capsys.readouterr()
    review.dataset.reload()
    assert len(review.ids()) == 7 and gone not in review.ids()
    assert "notify" not in dict(review.press(operator, opened=review.ids()[0]))


@pytest.mark.parametrize("name", ["embeddings.npy", "sample_ids.npy", "pred_probs.npy"])
def test_a_broken_array_is_made_again_as_the_message_says(pets, fo, pressing, name):
    path = audited(pets, fiftyone=True).run.path
    review = pressing(fo.load_dataset("pets"), path / "decisions.jsonl")
    chosen = review.ids()[0]
    review.press("ok", selected=[chosen])
    (path / name).write_bytes(b"broken")
    operator = "why" if name == "pred_probs.npy" else "similar"
    message = told(review.press(operator, opened=chosen))
    assert f"{name} is not a readable array" in message
    assert message.endswith("delete it, and pred_probs.npy beside it, and give the command that made this run again")
    for gone in {name, "pred_probs.npy"}:
        (path / gone).unlink()
    audited(pets, fiftyone=True)
    review.dataset.reload()
    assert "notify" not in dict(review.press(operator, opened=review.ids()[0]))
    assert list(review.labels().values()) == ["ok"] and len(review.journalled) == 1


def test_reviewed_samples_that_are_not_in_a_run_stay_when_it_goes_by_the_name_that_the_message_asks_for(pets, fo, pressing, capsys):
    path = audited(pets, fiftyone=True).run.path
    review = pressing(fo.load_dataset("pets"), path / "decisions.jsonl")
    review.press("ok", selected=[review.dataset.match({"sample_id": "pets/dog/0.png"}).first().id])
    (pets / "dog" / "0.png").unlink()
    shutil.rmtree(path)
    audited(pets)
    assert cli("app", "pets", "--no-open") == 2
    message = capsys.readouterr().err
    assert (
        "has 1 reviewed samples that are not in this run, such as pets/dog/0.png; give this one another name with --dataset-name" in message
    )
    assert cli("app", "pets", "--no-open", "--dataset-name", "seven") == 0
    assert (len(fo.load_dataset("seven")), list(review.labels().values())) == (7, ["ok"])


def test_a_dataset_of_other_pictures_stays_when_the_run_goes_by_the_name_that_the_message_asks_for(pets, fo, tmp_path, capsys):
    audited(pets, tmp_path / "elsewhere" / "pets", fiftyone=True)
    (pets / "dog" / "0.png").unlink()
    audited(pets)
    assert cli("app", "pets", "--no-open") == 2
    assert "holds other images, of run " in (message := capsys.readouterr().err)
    assert message.rstrip().endswith("give another name with --dataset-name")
    assert cli("app", "pets", "--no-open", "--dataset-name", "seven") == 0
    assert (len(fo.load_dataset("seven")), len(fo.load_dataset("pets"))) == (7, 8)


@pytest.mark.parametrize("name", ["embeddings.npy", "projection.npy"])
def test_an_array_of_other_length_is_made_again_as_the_message_says(pets, fo, capsys, name):
    path = audited(pets).run.path
    np.save(path / name, np.zeros((5, 2), np.float32))
    assert cli("app", "pets", "--no-open") == 2
    message = capsys.readouterr().err
    assert f"{name} of {path} has 5 rows but the dataset has 8 images; delete it" in message
    (path / name).unlink()
    if name == "embeddings.npy":
        assert "and pred_probs.npy beside it, and give the command that made this run again" in message
        (path / "pred_probs.npy").unlink()
        audited(pets)
    else:
        assert cli(*shlex.split(re.search("`(.*)`", message)[1])[1:]) == 0
    assert len(np.load(path / name)) == 8
    assert cli("app", "pets", "--no-open") == 0


def test_labels_that_changed_are_open_again_as_the_panel_says(pets, fo, pressing):
    from curate.app.review.panel import texts

    path = audited(pets, fiftyone=True).run.path
    review = pressing(fo.load_dataset("pets"), path / "decisions.jsonl")
    chosen = review.dataset.first()
    review.press("ok", selected=[chosen.id])
    review.dataset._sample_collection.update_one({"sample_id": chosen.sample_id}, {"$set": {"ground_truth.label": "dog"}})
    store = ReviewStore(review.dataset, path / "decisions.jsonl")
    store.sync()
    assert "- decided under another given label: open again: 1" in texts(summarize(store, "anna"))["kinds"]
    assert dict(review.press("next"))["open_sample"]["id"] == chosen.id
    review.press("drop", opened=chosen.id)
    assert review.labels() == {chosen.sample_id: "drop"}


def test_a_queue_that_fiftyone_cannot_tell_from_another_takes_the_other_reviewer_that_the_message_asks_for(pets, fo):
    from curate.app.review.queues import prepare_review
    from curate.errors import UsageError

    build(audited(pets).run, curate.load(str(pets)))
    dataset = fo.load_dataset("pets")
    prepare_review(dataset, "ben")
    for name in ("Ben", "", "a/b", "x" * 41):
        with pytest.raises(UsageError, match=r"give another (with )?--reviewer"):
            prepare_review(dataset, name)
    assert prepare_review(dataset, "Ben 2") == "to review (Ben 2)"
    assert dataset.has_saved_view("to review (ben)")
