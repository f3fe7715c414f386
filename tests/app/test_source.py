"""An existing FiftyOne dataset is read as an ImageSet, and never changed."""

import numpy as np
import pytest
from PIL import Image

from curate.app.dataset import build_dataset
from curate.app.fiftyone_source import load_fiftyone
from curate.app.media import image_files
from curate.errors import DataError, UnknownNameError

pytestmark = pytest.mark.db


@pytest.fixture
def theirs(fo, shapes):
    dataset = fo.Dataset("theirs")
    names = [None if label < 0 else shapes.class_names[label] for label in shapes.labels]
    tags = ["val"] * 3 + ["other"] * 21 + ["test"] * 12
    for path, name, tag in zip(image_files(shapes), names, tags, strict=True):
        dataset.add_sample(fo.Sample(filepath=path, tags=[tag], label=name and fo.Classification(label=name)))
    return dataset


def test_images_labels_and_splits_are_those_of_the_dataset(theirs, shapes):
    found = load_fiftyone("theirs")
    assert found.class_names == ("cross", "disc", "square")
    np.testing.assert_array_equal(found.images, shapes.images)
    assert [found.class_names[i] if i >= 0 else None for i in found.labels] == theirs.values("label.label")
    assert found.splits.tolist() == ["validation"] * 3 + ["train"] * 21 + ["test"] * 12
    assert found.sample_ids[0] == f"theirs/{theirs.first().id}"
    assert found.filepaths.tolist() == theirs.values("filepath")


def test_declared_classes_give_the_order(theirs):
    theirs.default_classes = ["square", "disc", "cross", "star"]
    theirs.save()
    assert load_fiftyone("theirs").class_names == ("square", "disc", "cross", "star")


def test_split_and_limit_are_followed(theirs):
    found = load_fiftyone("theirs", split="test", limit=4)
    assert found.splits.tolist() == ["test"] * 4


def test_two_label_fields_are_listed(theirs, fo):
    theirs.add_sample_field("guess", fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification)
    with pytest.raises(DataError, match="has 2: label, guess"):
        load_fiftyone("theirs")
    assert len(load_fiftyone("theirs", "label")) == 36


def test_unknown_field_names_the_nearest(theirs):
    with pytest.raises(UnknownNameError, match="did you mean label"):
        load_fiftyone("theirs", "labels")


def test_unknown_dataset_names_the_nearest(theirs):
    with pytest.raises(UnknownNameError, match="did you mean theirs"):
        load_fiftyone("their")


def test_dataset_without_labels_is_refused(fo, theirs):
    theirs.clear_sample_field("label")
    with pytest.raises(DataError, match="no labels"):
        load_fiftyone("theirs")


def test_audit_of_a_fiftyone_dataset_makes_another_one(fo, theirs, make_run):
    before = [sample.to_dict() for sample in theirs]
    found = load_fiftyone("theirs")
    result = build_dataset(make_run(found), found)
    assert result.name == "theirs-audit"
    assert fo.load_dataset("theirs-audit").values("filepath") == theirs.values("filepath")
    theirs.reload()
    assert [sample.to_dict() for sample in theirs] == before


@pytest.fixture
def street(fo, tmp_path):
    """Two pictures with boxes: cats red, dogs blue; and one without boxes."""
    dataset = fo.Dataset("street")
    rng = np.random.default_rng(0)
    for number in range(3):
        pixels = rng.integers(0, 30, (120, 200, 3)).astype(np.uint8)
        pixels[:, :100, 0] += 200
        pixels[:, 100:, 2] += 200
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        sample = fo.Sample(filepath=str(path), tags=["val"] if number else [])
        if number < 2:
            boxes = [("cat", [0.05, 0.1, 0.3, 0.6]), ("dog", [0.6, 0.1, 0.3, 0.8]), ("dog", [0.5, 0.5, 0.01, 0.01])]
            sample["objects"] = fo.Detections(detections=[fo.Detection(label=name, bounding_box=box) for name, box in boxes])
        dataset.add_sample(sample)
    return dataset


def test_every_detection_is_a_sample_and_boxes_of_one_picture_share_a_fold(street, tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    found = load_fiftyone("street")
    assert found.class_names == ("cat", "dog") and found.labels.tolist() == [0, 1, 0, 1]
    assert found.groups.tolist() == [0, 0, 1, 1] and found.splits.tolist() == ["train"] * 2 + ["validation"] * 2
    first = street.first()
    assert found.sample_ids[0] == f"street/{first.id}/{first.objects.detections[0].id}"
    assert found.origin["passed_over"] == {"box of less than 8 pixels, or outside its picture": 2}
    assert found.pictures.facts["width"].tolist() == [60, 60, 60, 60]
    colours = found.images.reshape(4, 3, -1).mean(2)
    assert (colours[found.labels == 0, 0] > 200).all() and (colours[found.labels == 1, 2] > 200).all()


def test_a_field_of_classifications_goes_before_detections(street, fo):
    street.set_values("kind", [fo.Classification(label=name) for name in ("day", "night", "day")])
    assert load_fiftyone("street").class_names == ("day", "night")
    assert load_fiftyone("street", "objects").class_names == ("cat", "dog")


@pytest.mark.parametrize("declared", [[], ["owl", "cafe\u0301 ", "cat"]])
def test_labels_that_differ_in_blanks_or_unicode_form_are_one_class_and_an_empty_one_is_none(fo, shapes, declared):
    dataset = fo.Dataset("odd")
    written = ["cat", " cat", "cat\t", "caf\u00e9", "cafe\u0301", "", "  ", None]
    for path, label in zip(image_files(shapes), written, strict=False):
        dataset.add_sample(fo.Sample(filepath=path, label=fo.Classification(label=label)))
    dataset.default_classes = declared
    dataset.save()
    found = load_fiftyone("odd")
    assert found.class_names == (("owl", "caf\u00e9", "cat") if declared else ("caf\u00e9", "cat"))
    assert [found.class_names[i] if i >= 0 else None for i in found.labels] == ["cat"] * 3 + ["caf\u00e9"] * 2 + [None] * 3
