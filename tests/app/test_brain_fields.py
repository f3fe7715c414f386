"""FiftyOne Brain's scores without FiftyOne's loops are FiftyOne's."""

import contextlib
import io

import numpy as np
import pytest

from curate.app.brain import add_brain_fields
from curate.app.dataset import build_dataset
from curate.cli import summary

pytestmark = pytest.mark.db


def rendered(result) -> str:
    """As `curate app RUN --brain` prints it."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        summary.render({"brain": result})
    return out.getvalue()


@pytest.fixture
def run(make_run, shapes):
    made = make_run(shapes)
    made.save_array("labels.npy", shapes.labels)
    return made


def test_scores_are_those_that_fiftyone_computes(fo, shapes, run):
    import fiftyone.brain as fob

    dataset = fo.load_dataset(build_dataset(run, shapes).name)
    result = add_brain_fields(dataset.name, run)
    dataset.reload()
    probs = dict(zip(shapes.sample_ids.tolist(), run.load_array("pred_probs.npy"), strict=True))
    for sample in dataset:
        row = probs[sample.sample_id]
        sample["judged"] = fo.Classification(label=shapes.class_names[int(row.argmax())], logits=np.log(row))
        sample.save()
    fob.compute_hardness(dataset, "judged", hardness_field="their_hardness", progress=False)
    labelled = dataset.exists("ground_truth")
    fob.compute_mistakenness(labelled, "judged", "ground_truth", mistakenness_field="their_mistakenness", use_logits=True, progress=False)
    fob.compute_uniqueness(dataset, uniqueness_field="their_uniqueness", embeddings="embedding", progress=False)
    for name in ("hardness", "uniqueness"):
        np.testing.assert_allclose(dataset.values(f"brain_{name}"), dataset.values(f"their_{name}"), atol=2e-4)
    np.testing.assert_allclose(labelled.values("brain_mistakenness"), labelled.values("their_mistakenness"), atol=1e-4)
    assert "brain_uniqueness" in [path for group in dataset.app_config.sidebar_groups for path in group.paths]
    assert "most mistaken by FiftyOne Brain" in dataset.list_saved_views() and "brain" in rendered(result)


def test_building_again_takes_the_fields_of_an_earlier_audit_away(fo, shapes, run):
    name = build_dataset(run, shapes).name
    add_brain_fields(name, run)
    build_dataset(run, shapes)
    dataset = fo.load_dataset(name)
    assert dataset.exists("brain_hardness").count() == 0 and "most mistaken by FiftyOne Brain" not in dataset.list_saved_views()
