"""Why does the net believe another label? From a real training to the picture over the open sample, by FiftyOne's own call."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from making import train
from PIL import Image

import curate.app
from curate.app.dataset import build
from curate.data.load import load
from curate.errors import RunError
from curate.find.find import find

pytestmark = [pytest.mark.db, pytest.mark.usefixtures("one_thread")]
WRONG = 4


@pytest.fixture
def dataset(fo, make_shapes, write_shapes, tmp_path, monkeypatch):
    """Ninety-six shapes, one under a wrong label, after train, find and build."""
    shapes = make_shapes(96)
    labels = shapes.labels.copy()
    labels[WRONG] = (labels[WRONG] + 1) % 3
    image_set = load(str(write_shapes(replace(shapes, labels=labels), tmp_path / "shapes")))
    run = train(image_set, tmp_path / "runs" / "shapes", model="lenet5", preset="quick", num_folds=2, device="cpu")
    find(run, image_set)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "curate").symlink_to(Path(curate.app.__file__).parent / "plugin")
    monkeypatch.setattr(fo.config, "plugins_dir", str(tmp_path / "plugins"))
    return fo.load_dataset(build(run, image_set)["dataset_name"])


def press_why(dataset, opened):
    import fiftyone.operators as foo

    context = {"dataset": dataset, "view": dataset.view(), "selected": [], "current_sample": opened, "params": {}}
    result = foo.execute_operator("@curate/review/why_open", ctx=context)
    return [(request.operator_uri, request.params) for request in result.executor._requests]


def test_the_picture_of_the_open_sample_is_shown_over_it(dataset):
    sample = dataset.skip(WRONG).first()
    ((operator, params),) = press_why(dataset, sample.id)
    assert operator == "@curate/review/show_picture" and sample.sample_id in params["text"]
    kind, _, data = params["source"].partition(",")
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    assert kind == "data:image/png;base64" and min(picture.shape[:2]) > 200 and len(np.unique(picture)) > 50
    other = press_why(dataset, dataset.last().id)[0][1]
    assert other["source"] != params["source"]


def test_where_no_net_of_the_run_saw_pixels_the_likeliest_classes_are_told(undecided):
    from curate.app.review.open_sample import likeliest

    dataset, journal = undecided
    assert not (journal.parent / "models").exists()
    sample = dataset.first()
    probs = np.load(journal.parent / "pred_probs.npy")[0]
    told = likeliest(journal.parent, sample.sample_id, dataset.default_classes)
    assert told.startswith(f"the judge alone says: {dataset.default_classes[probs.argmax()]} ({100 * probs.max():.0f} %), ")
    with pytest.raises(RunError, match="no probabilities of shapes/train/99"):
        likeliest(journal.parent, "shapes/train/99", dataset.default_classes)


def test_without_an_open_sample_one_is_asked_for(dataset):
    ((operator, params),) = press_why(dataset, None)
    assert operator == "notify" and "open a sample first" in params["message"]
