"""A run becomes a FiftyOne dataset that an analyst can browse, and that later runs update without losing the analyst's work."""

from dataclasses import replace

import numpy as np
import pytest

from curate.app.brain import MAP, METHOD, SIMILARITY
from curate.app.dataset import build_dataset
from curate.app.documents import write_documents
from curate.app.fields import EVALUATION
from curate.app.ownership import is_current
from curate.errors import DatabaseError, RunError

pytestmark = pytest.mark.db


@pytest.fixture
def built(shapes_once):
    return shapes_once


@pytest.fixture
def own(fo, shapes, make_run):
    """As `built`, for a test that changes it."""
    run = make_run(shapes)
    result = build_dataset(run, shapes)
    return fo.load_dataset(result.name), run, result


def test_dataset_is_persistent_and_holds_every_sample_in_order(built, shapes):
    dataset, _, result = built
    assert dataset.persistent
    assert dataset.values("sample_id") == shapes.sample_ids.tolist()
    assert (result.name, result.num_samples, result.num_added, result.num_removed) == ("shapes", 36, 36, 0)
    assert result.num_issues == dataset.count_values("is_label_issue")[True] > 0


def test_given_labels_are_those_of_the_set(built, shapes):
    names = [None if label < 0 else shapes.class_names[label] for label in shapes.labels]
    assert built[0].values("ground_truth.label") == names


def test_given_label_cannot_be_edited(built):
    sample = built[0].first()
    sample.ground_truth.label = "cross"
    with pytest.raises(ValueError, match="read-only"):
        sample.save()


def test_given_labels_cannot_be_set_in_bulk(built):
    with pytest.raises(ValueError, match="read-only"):
        built[0].set_values("ground_truth.label", ["cross"] * 36)


def test_app_can_offer_its_annotation_forms(built):
    built[0].generate_label_schemas(scan_samples=False)  # fails where a label field is read-only as a whole


def test_suggestion_only_where_the_model_doubts(built):
    dataset = built[0]
    from fiftyone import ViewField as F

    assert dataset.match(F("is_label_issue") == True).exists("suggested", False).count() == 0  # noqa: E712
    assert 0 < dataset.count("suggested") < 36


def test_images_read_back_are_the_pixels(built, shapes):
    from PIL import Image

    for path, image in zip(built[0].values("filepath"), shapes.images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), image[0])


def test_splits_are_tags(built):
    assert built[0].count_sample_tags() == {"train": 24, "test": 12}


@pytest.mark.parametrize(
    "name",
    [
        "label issues",
        "label issues by given class",
        "outliers",
        "near duplicates",
        "near duplicates across splits",
        "reviewed",
        "disagreements in test",
    ],
)
def test_saved_view_loads(built, name):
    assert built[0].load_saved_view(name).count() >= 0


def test_label_issues_come_worst_first(built):
    ranks = built[0].load_saved_view("label issues").values("rank")
    assert len(ranks) > 1
    assert ranks == sorted(ranks)


def test_near_duplicates_across_splits_hold_both_splits(built):
    view = built[0].load_saved_view("near duplicates across splits")
    assert set(view.count_sample_tags()) == {"train", "test"}


def test_every_field_is_in_the_sidebar_and_explained(built):
    dataset = built[0]
    listed = {path.split(".")[0] for group in dataset.app_config.sidebar_groups for path in group.paths}
    schema = dataset.get_field_schema()
    assert set(schema) <= listed
    ours = set(schema) - {"id", "filepath", "tags", "created_at", "last_modified_at"}
    assert [name for name in ours if not schema[name].description] == []


def test_similar_images_are_found_by_the_embedding(built):
    dataset, run, _ = built
    embeddings = run.load_array("embeddings.npy")
    embeddings = embeddings - embeddings.mean(axis=0)  # as FiftyOne does
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    nearest = np.argsort(-unit @ unit[3], kind="stable")[:4]
    query = dataset.values("id")[3]
    found = dataset.sort_by_similarity(query, k=4, brain_key=SIMILARITY).values("sample_id")
    assert found == np.array(dataset.values("sample_id"))[nearest].tolist()


def test_map_shows_the_projection(built):
    dataset, run, _ = built
    np.testing.assert_allclose(dataset.load_brain_results(MAP).points, run.load_array("projection.npy"), rtol=1e-6)


def test_evaluation_leaves_unlabelled_samples_out(built):
    results = built[0].load_evaluation_results(EVALUATION)
    assert len(results.ytrue) == 35
    assert built[0].count(EVALUATION) == 35


def test_method_is_recorded(built):
    assert built[0].get_run_info(METHOD).config.versions == {"cleanlab": "2.9.0"}


def test_every_saved_view_is_found_by_an_index(built):
    dataset, _, _ = built
    scanning = set()
    for name in dataset.list_saved_views():
        query = {"aggregate": dataset._sample_collection_name, "pipeline": dataset.load_saved_view(name)._pipeline(), "cursor": {}}
        plan = dataset._sample_collection.database.command("explain", query, verbosity="queryPlanner")
        if "COLLSCAN" in str(plan):
            scanning.add(name)
    assert scanning == set()


def test_similarity_follows_new_embeddings(own, shapes, make_run):
    dataset, run, _ = own
    query = dataset.values("id")[3]
    dataset.sort_by_similarity(query, k=4, brain_key=SIMILARITY).values("sample_id")
    embeddings = np.random.default_rng(7).normal(size=(36, 8)).astype(np.float32)
    embeddings[20] = embeddings[3] + 0.01
    run.save_array("embeddings.npy", embeddings)
    build_dataset(run, shapes)
    dataset.reload()
    assert dataset.sort_by_similarity(query, k=2, brain_key=SIMILARITY).values("sample_id") == shapes.sample_ids[[3, 20]].tolist()


def test_second_build_changes_no_ids_and_keeps_the_analysts_work(own, fo, shapes):
    dataset, run, _ = own
    sample = dataset.first()
    sample["review"] = fo.Classification(label="ok")
    sample["note_of_mine"] = "blurred"
    sample.tags.append("look again")
    sample.save()
    dataset.save_view("mine", dataset.limit(3))
    dataset.app_config.active_fields = fo.ActiveFields(paths=["review"])
    dataset.save()
    ids = dataset.values("id")
    result = build_dataset(run, shapes)
    dataset.reload()
    first = dataset.first()
    assert (result.num_added, result.num_removed) == (0, 0)
    assert dataset.values("id") == ids
    assert first.review.label == "ok"
    assert first.note_of_mine == "blurred"
    assert first.tags == ["train", "look again"]
    assert "mine" in dataset.list_saved_views()
    assert dataset.app_config.active_fields.paths == ["review"]
    assert "note_of_mine" in {path for group in dataset.app_config.sidebar_groups for path in group.paths}


def test_second_build_follows_the_new_labels(own, fo, shapes, make_run):
    relabelled = shapes.with_labels((shapes.labels + 1) % 3)
    build_dataset(make_run(relabelled, "second"), relabelled, dataset_name="shapes")
    dataset = own[0]
    dataset.reload()
    assert dataset.values("ground_truth.label") == [shapes.class_names[label] for label in relabelled.labels]
    assert dataset.info["curate"]["run"] == "second"


def test_samples_come_and_go_with_the_image_set(own, shapes, make_run):
    fewer = shapes.subset(np.arange(0, 36, 2))
    result = build_dataset(make_run(fewer, "fewer"), fewer, dataset_name="shapes")
    assert (result.num_samples, result.num_added, result.num_removed) == (18, 0, 18)
    result = build_dataset(make_run(shapes, "all"), shapes, dataset_name="shapes")
    dataset = own[0]
    dataset.reload()
    assert (result.num_samples, result.num_added, result.num_removed) == (36, 18, 0)
    points = dict(zip(dataset.values("sample_id"), dataset.load_brain_results(MAP).points, strict=True))
    expected = make_run(shapes, "all").load_array("projection.npy")
    np.testing.assert_allclose(np.stack([points[sample_id] for sample_id in shapes.sample_ids]), expected, rtol=1e-6)


def test_reviewed_samples_are_never_removed(own, fo, shapes, make_run):
    dataset = own[0]
    sample = dataset.last()
    sample["review"] = fo.Classification(label="ok")
    sample.save()
    fewer = shapes.subset(np.arange(10))
    with pytest.raises(DatabaseError, match="1 reviewed samples that are not in this run, such as shapes/test/11"):
        build_dataset(make_run(fewer, "fewer"), fewer, dataset_name="shapes")
    assert dataset.count() == 36


def test_another_run_gets_a_dataset_of_its_own(own, fo, shapes, make_run):
    fewer = shapes.subset(np.arange(10))
    assert build_dataset(make_run(fewer, "shapes-10"), fewer).name == "shapes-10"
    assert own[0].count() == 36


def test_dataset_of_somebody_else_is_not_touched(fo, shapes, make_run):
    theirs = fo.Dataset("shapes")
    theirs.add_sample(fo.Sample(filepath="/theirs.png"))
    with pytest.raises(DatabaseError, match="that curate did not make is there already; give another name with --dataset-name"):
        build_dataset(make_run(shapes), shapes)
    assert theirs.values("filepath") == ["/theirs.png"]


def test_dataset_of_other_images_is_not_replaced_unless_it_is_named(own, shapes, make_run, tmp_path):
    others = replace(shapes, images=255 - shapes.images)
    elsewhere = make_run(others, "elsewhere/shapes")
    with pytest.raises(DatabaseError, match="'shapes' holds other images"):
        build_dataset(elsewhere, others)
    assert build_dataset(elsewhere, others, dataset_name="shapes").num_samples == 36


def test_dataset_is_current_until_the_run_finds_anew(own, shapes, make_run):
    run = make_run(shapes)
    build_dataset(run, shapes)
    assert is_current("shapes", run)
    run.meta["steps"]["find"] = {"started": "later"}
    assert not is_current("shapes", run)


def test_name_that_fiftyone_takes_for_the_same_is_refused(fo, shapes, make_run):
    fo.Dataset("my-shapes")
    with pytest.raises(DatabaseError, match="--dataset-name"):
        build_dataset(make_run(shapes), shapes, dataset_name="My shapes")


def test_killed_build_is_repaired_by_the_next(fo, shapes, make_run, monkeypatch):
    def write_half(dataset, columns, embeddings, progress):
        half = {name: values[:20] for name, values in columns.items()}
        write_documents(dataset, half, embeddings[:20], progress)
        raise KeyboardInterrupt

    run = make_run(shapes)
    with monkeypatch.context() as patch:
        patch.setattr("curate.app.dataset.write_documents", write_half)
        with pytest.raises(KeyboardInterrupt):
            build_dataset(run, shapes)
    assert fo.load_dataset("shapes").info["curate"]["is_complete"] is False
    assert build_dataset(run, shapes).num_added == 16
    assert fo.load_dataset("shapes").info["curate"]["is_complete"] is True


def test_run_of_another_set_is_refused_before_anything_is_made(fo, shapes, make_run):
    other = replace(shapes, sample_ids=np.char.replace(shapes.sample_ids, "shapes", "forms"))
    with pytest.raises(RunError, match="has other samples than the dataset 'shapes'"):
        build_dataset(make_run(other), shapes)
    assert fo.list_datasets() == []


def test_missing_issue_table_names_the_step(fo, shapes, make_run):
    run = make_run(shapes)
    (run.path / "issues.parquet").unlink()
    with pytest.raises(RunError, match="curate find"):
        build_dataset(run, shapes)


def test_nothing_is_printed(fo, shapes, make_run, capfd):
    build_dataset(make_run(shapes), shapes)
    assert capfd.readouterr() == ("", "")


def test_a_map_that_is_still_being_made_is_awaited_when_all_samples_are_written(fo, make_run, shapes):
    run = make_run(shapes)
    points = run.load_array("projection.npy") + 1
    (run.path / "projection.npy").unlink()
    told = []

    def projection():
        told.append(len(fo.load_dataset(shapes.name)))
        return points

    name = build_dataset(run, shapes, projection=projection).name
    assert told == [len(shapes)]
    np.testing.assert_allclose(fo.load_dataset(name).load_brain_results(MAP).points, points, rtol=1e-6)
