"""The dataset card: its head is YAML of the form that the Hub and `datasets` 5.2 read, its text tells the truth about the files."""

import pytest
import yaml
from making import export

from curate.data.catalog import CATALOG
from curate.publish.export.card import CITATIONS, LARGER, SIZES, Provenance, dataset_card, hub_licence, quoted
from curate.publish.export.export import cleaned_for_export

META = {"config": {"model": "lenet5", "preset": "quick", "num_folds": 3}, "metrics": {"out_of_fold_accuracy": 0.98765}, "versions": {}}


def head_and_text(card):
    _, head, text = card.split("---\n", 2)
    return yaml.safe_load(head), text


def provenance(name="pets", source="", policy="reviewed", **changes):
    values = {"command": f"curate clean {name} --policy {policy}", "meta": META, "has_own_labels": False}
    return Provenance(name=name, source=source, policy=policy, corrections_file="corrected.csv", **{**values, **changes})


@pytest.fixture
def table(reviewed):
    return cleaned_for_export(reviewed.run).table


@pytest.fixture
def card(table, pets):
    return dataset_card(table, pets.class_names, provenance())


def test_the_head_has_what_the_hub_reads(card, pets):
    head, _ = head_and_text(card)
    assert head["task_categories"] == ["image-classification"] and head["size_categories"] == ["n<1K"] and head["license"] == "unknown"
    (config,) = head["configs"]
    assert config["data_files"] == [{"split": "train", "path": "train/**"}, {"split": "test", "path": "test/**"}]
    assert config["features"] == head["dataset_info"]["features"]
    by_name = {feature["name"]: feature["dtype"] for feature in config["features"]}
    assert list(by_name) == ["image", "label", "given_label", "sample_id", "action"] and by_name["image"] == "image"
    assert by_name["label"] == {"class_label": {"names": {str(i): name for i, name in enumerate(pets.class_names)}}}


def test_the_counts_of_the_text_are_those_of_the_table(card, table):
    _, text = head_and_text(card)
    for split in ("train", "test"):
        actions = table["action"][table["split"] == split].value_counts()
        counts = [actions.get(action, 0) for action in ("keep", "relabel", "drop", "abstain")]
        assert f"| {split} | {' | '.join(map(str, counts))} | {sum(counts)} |" in text
    assert "People decided on 6 samples" in text


def test_the_text_tells_how_it_was_cleaned(card):
    _, text = head_and_text(card)
    assert "    curate clean pets --policy reviewed\n" in text
    assert "3-fold cross-validation of `lenet5`" in text and "98.77 % of them" in text


def test_without_decisions_it_says_that_nobody_looked(pets, run):
    text = dataset_card(cleaned_for_export(run, policy="drop").table, pets.class_names, provenance(policy="drop"))
    assert "No labels were judged by people." in text


@pytest.mark.parametrize("splits", [None, ["test"]])
def test_doubted_test_labels_that_stand_are_counted(pets, run, splits):
    text = dataset_card(cleaned_for_export(run, policy="drop", splits=splits).table, pets.class_names, provenance(policy="drop"))
    assert "1 doubted ones stand as given" in text
    train = dataset_card(cleaned_for_export(run, policy="drop", splits=["train"]).table, pets.class_names, provenance(policy="drop"))
    assert "Test labels" not in train


def test_a_class_that_lost_its_folder_in_a_split_is_told(pets, run):
    table = cleaned_for_export(run, policy="drop").table
    table.loc[(table["split"] == "test") & (table["label"] == "cat"), ["action", "label"]] = ["drop", None]
    assert "In `test` there is no image of cat, and so no folder" in dataset_card(table, pets.class_names, provenance())


def test_classes_that_make_no_folder_names_are_listed_with_their_folders(table):
    renamed = table.assign(label=table["label"].replace("cat", "a|b/c"))
    head, text = head_and_text(dataset_card(renamed, ("10", "2", "a|b/c"), provenance()))
    assert r'| `"a\|b/c"` | `a-b-c` |' in text
    assert head["configs"][0]["features"][1]["dtype"]["class_label"]["names"]["2"] == "a|b/c"


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_datasets_of_the_catalog_have_licence_source_and_citation(table, name):
    head, text = head_and_text(dataset_card(table, ("10", "2", "cat"), provenance(name, name)))
    entry = CATALOG[name]
    assert head["pretty_name"] == f"{entry.title}, cleaned" and head["license"] in (
        "mit",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "unknown",
        "other",
    )
    assert (head["license"] == "other") == ("license_link" in head)
    assert entry.licence in text and entry.homepage in text and CITATIONS[name] in text


def test_a_licence_is_never_freer_than_the_catalog_says():
    assert hub_licence("mnist") == {"license": "cc-by-sa-3.0"} and hub_licence("fashion-mnist") == {"license": "mit"}
    assert hub_licence("cifar10") == {"license": "unknown"} and hub_licence("svhn")["license"] == "other"


def test_own_images_need_a_licence_before_they_are_published(card):
    assert "No licence is known: state one" in card


@pytest.mark.parametrize("text", ['a"b\\c', "yes", "1", "a: b # c", "\x07\u2028\x85", "日本", "🐈", " "])
def test_any_class_name_survives_yaml(text):
    assert yaml.safe_load(f"'0': {quoted(text)}") == {"0": text}


def test_sizes_are_those_of_the_hub():
    assert [name for _, name in SIZES] + [LARGER] == ["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M"]


def test_no_path_of_this_machine_is_told(reviewed, tmp_path):
    export(reviewed.run, tmp_path / "out", format="folder")
    texts = [path.read_text() for path in (tmp_path / "out").rglob("*") if path.suffix in (".md", ".jsonl", ".csv", ".json")]
    assert len(texts) == 6 and not any(str(tmp_path) in text for text in texts)


def test_reviewers_are_not_named_in_what_is_published(reviewed, tmp_path):
    export(reviewed.run, tmp_path / "out", format="folder")
    assert not any("ann" in path.read_text() for path in (tmp_path / "out").rglob("*") if path.suffix in (".md", ".jsonl", ".csv"))


def test_own_labels_are_told(table, pets):
    assert "came from a file of their own" in dataset_card(table, pets.class_names, provenance(has_own_labels=True))


def test_images_of_a_single_split(pets, make_run):
    only = pets.subset(pets.splits == "train")
    head, _ = head_and_text(dataset_card(cleaned_for_export(make_run(only), policy="drop").table, only.class_names, provenance()))
    assert [entry["split"] for entry in head["configs"][0]["data_files"]] == ["train"]
