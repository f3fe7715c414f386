"""The FiftyOne dataset of a run goes out and comes back the same, on a private mongod."""

import json
from pathlib import Path

import numpy as np
import pytest
from making import export
from PIL import Image

from curate.app.brain import MAP, SIMILARITY
from curate.app.database import quiet_fiftyone
from curate.app.dataset import build_dataset
from curate.app.fields import EVALUATION
from curate.app.fiftyone_export import export_fiftyone
from curate.data.image_set import ImageSet
from curate.errors import DataError, UnknownNameError
from curate.publish.export.target import MARKER
from curate.review.journal import JOURNAL, Decision, append_decisions

pytestmark = pytest.mark.db


@pytest.fixture
def built(fo, shapes, make_run):
    """A dataset in which an analyst has worked: a review, a tag, a view and a workspace of their own."""
    run = make_run(shapes)
    run.update("dataset", origin={"source": "shapes"})
    run.update("fiftyone", dataset=build_dataset(run, shapes).name)
    dataset = fo.load_dataset("shapes")
    sample = dataset.first()
    sample["review"] = fo.Classification(label="disc", tags=["sure"])
    sample.tags.append("shown")
    sample.save()
    dataset.save_view("my own", dataset.match_tags("shown"))
    dataset.save_workspace("mine", fo.Space(children=[fo.Panel(type="Samples", pinned=True)]))
    return run, dataset


def read_back(fo, folder, **options):
    with quiet_fiftyone():
        return fo.Dataset.from_dir(dataset_dir=str(folder), dataset_type=fo.types.FiftyOneDataset, name="again", **options)


def content(dataset, fields):
    return {field: dataset.values(field) for field in fields}


@pytest.mark.parametrize("with_media", [True, False])
def test_what_goes_out_comes_back_with_all_that_was_made_in_the_app(fo, built, tmp_path, with_media):
    _, dataset = built
    assert export_fiftyone("shapes", tmp_path / "out", with_media=with_media) == 36
    again = read_back(fo, tmp_path / "out")
    assert again.get_field_schema().keys() == dataset.get_field_schema().keys()
    fields = [
        "id",
        "sample_id",
        "tags",
        "ground_truth",
        "suggested.label",
        "prediction.confidence",
        "review.label",
        "label_quality",
        "rank",
    ]
    assert content(again, fields) == content(dataset, fields)
    np.testing.assert_array_equal(np.stack(again.values("embedding")), np.stack(dataset.values("embedding")))
    assert again.list_saved_views() == dataset.list_saved_views() and again.load_saved_view("my own").count() == 1
    assert again.list_workspaces() == dataset.list_workspaces() and "mine" in again.list_workspaces()
    assert again.list_evaluations() == [EVALUATION] and again.list_runs() == dataset.list_runs()
    assert set(again.list_brain_runs()) == {MAP, SIMILARITY}
    np.testing.assert_allclose(again.load_brain_results(MAP).points, dataset.load_brain_results(MAP).points, rtol=1e-6)
    assert again.sort_by_similarity(again.first().id, brain_key=SIMILARITY, k=3).count() == 3
    again.delete()


def test_decisions_that_were_imported_since_go_out_as_well(fo, built, tmp_path):
    run, _ = built
    append_decisions(run.path / JOURNAL, [Decision("shapes/train/3", "confirm_error", who="ann")])
    export(run, tmp_path / "out", format="fiftyone", with_media=False)
    samples = json.loads((tmp_path / "out" / "samples.json").read_text())["samples"]
    assert next(sample["review"]["label"] for sample in samples if sample["sample_id"] == "shapes/train/3") == "error"


def test_the_images_go_along_under_their_own_names(fo, built, tmp_path):
    _, dataset = built
    export_fiftyone("shapes", tmp_path / "out")
    again = read_back(fo, tmp_path / "out")
    for ours, theirs in zip(dataset.values("filepath"), again.values("filepath"), strict=True):
        assert Path(theirs).is_relative_to(tmp_path / "out") and Path(theirs).parts[-2:] == Path(ours).parts[-2:]
        assert Path(theirs).read_bytes() == Path(ours).read_bytes()
    again.delete()


def test_samples_without_a_label_and_files_of_one_name_or_of_other_capitals_all_go_along(fo, tmp_path, make_run):
    generator = np.random.default_rng(0)
    names = ["left/1.png", "right/1.png", "left/a.png", "left/A.png"]
    images = generator.integers(0, 255, (4, 1, 16, 16), dtype=np.uint8)
    for name, image in zip(names, images, strict=True):
        (tmp_path / "shots" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(tmp_path / "shots" / name)
    files = np.array([str(tmp_path / "shots" / name) for name in names])
    ids = np.array([f"shots/train/{name}" for name in names])
    shots = ImageSet("shots", images, np.array([0, 1, -1, 0]), ids, np.full(4, "train"), ("cat", "Cat"), filepaths=files)
    build_dataset(make_run(shots), shots)
    assert export_fiftyone("shots", tmp_path / "out") == 4
    again = read_back(fo, tmp_path / "out")
    assert {Path(path).read_bytes() for path in again.values("filepath")} == {Path(path).read_bytes() for path in files}
    assert dict(zip(*again.values(["sample_id", "ground_truth.label"]), strict=True)) == dict(
        zip(ids.tolist(), ["cat", "Cat", None, "cat"], strict=True)
    )
    again.delete()


def test_without_media_the_paths_of_this_machine_stay(fo, built, tmp_path):
    _, dataset = built
    export_fiftyone("shapes", tmp_path / "out", with_media=False)
    samples = json.loads((tmp_path / "out" / "samples.json").read_text())["samples"]
    assert [sample["filepath"] for sample in samples] == dataset.values("filepath")
    assert not (tmp_path / "out" / "data").exists()


def test_the_dataset_itself_is_not_changed(built, tmp_path):
    _, dataset = built
    before = list(dataset._sample_collection.find())
    export_fiftyone("shapes", tmp_path / "out")
    assert list(dataset._sample_collection.find()) == before


def test_the_step_moves_the_folder_to_its_place_when_it_is_whole(built, tmp_path):
    run, _ = built
    result = export(run, tmp_path / "out", format="fiftyone")
    assert (result["dataset_name"], result["num_samples"], result["exported"]) == ("shapes", 36, tmp_path / "out")
    assert {"samples.json", "metadata.json", "data", "brain", MARKER} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == ["out"]
    export(run, tmp_path / "out", format="fiftyone", with_media=False)
    assert not (tmp_path / "out" / "data").exists()


def test_a_missing_image_is_named_and_nothing_is_left(built, tmp_path):
    run, dataset = built
    gone = Path(dataset.values("filepath")[7])
    gone.unlink()
    with pytest.raises(
        DataError, match=rf"image {gone} of the FiftyOne dataset 'shapes' is missing; restore it, or export with --no-media"
    ):
        export(run, tmp_path / "out", format="fiftyone")
    assert not [path.name for path in tmp_path.iterdir() if "out" in path.name]


def test_progress_ends_with_all_samples(built, tmp_path):
    calls = []
    export_fiftyone("shapes", tmp_path / "out", progress=lambda stage, done, total, note="": calls.append((stage, done, total)))
    assert calls[-1] == ("samples", 36, 36) and {stage for stage, _, _ in calls} == {"samples"}


def test_a_dataset_that_is_not_there_is_told(fo, tmp_path):
    with pytest.raises(UnknownNameError, match="unknown FiftyOne dataset 'nothing'"):
        export_fiftyone("nothing", tmp_path / "out")


def test_nothing_is_printed(built, tmp_path, capfd):
    export_fiftyone("shapes", tmp_path / "out")
    assert capfd.readouterr() == ("", "")
