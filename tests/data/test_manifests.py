"""Tables of files: whatever way they write a path, a file is found, and it is one sample."""

import json
import os
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curate.data.listing import Finder, list_manifest
from curate.data.load import load
from curate.errors import DataError, UsageError

pytestmark = pytest.mark.usefixtures("data_folder")
NFD = unicodedata.normalize("NFD", "café")


@pytest.fixture
def pictures(tmp_path):
    for number, name in enumerate(("img/a.png", "img/b.png", f"{NFD}/c.png", "img/d e.jpg")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (16, 16), 40 * number).save(tmp_path / name)
    return tmp_path


def table(folder, *paths, name="set.csv", labels=("cat", "dog")):
    path = folder / name
    path.write_text("filepath,label\n" + "".join(f"{one},{labels[i % len(labels)]}\n" for i, one in enumerate(paths)))
    return path


@pytest.mark.parametrize(
    "written",
    ["img/a.png", "./img/a.png", "img//a.png", "img\\a.png", "{}/img/a.png", "file://{}/img/a.png", "img/a", "img/../img/a.png"],
)
def test_a_file_is_found_however_its_path_is_written_and_is_one_sample(pictures, written):
    found = list_manifest(table(pictures, "img/b.png", "img/a.png", written.format(pictures)))
    assert [os.path.basename(path) for path in found.filepaths] == ["b.png", "a.png"]
    assert found.passed_over == {"named again in the table": 1} and len(found.remarks) == 1


def test_a_file_is_found_in_either_unicode_form(pictures):
    found = list_manifest(table(pictures, "café/c.png", "img/b.png"))
    assert os.path.isfile(found.filepaths[0]) and found.keys[0] == "café/c.png"


def test_an_escaped_address_is_a_path(pictures):
    assert Finder(pictures).find(f"file://{pictures}/img/d%20e.jpg")[1] == str(pictures / "img" / "d e.jpg")


def test_paths_that_all_lead_nowhere_name_the_folder_and_the_option_and_the_option_helps(pictures):
    path = table(pictures, "a.png", "b.png")
    with pytest.raises(DataError, match=r"none of the 2 files that .*set.csv names is there, such as .*/a.png; .* by --root"):
        load(str(path))
    assert len(load(str(path), root=pictures / "img")) == 2


def test_a_missing_file_is_told_with_what_helps(pictures):
    path = table(pictures, "img/a.png", "img/b.png", "img/x.png")
    assert len(load(str(path)).origin["skipped"]) == 1
    with pytest.raises(DataError, match=r"x.png is missing; put it back, or take it off the list, or go on without such files"):
        load(str(path), strict=True)


def test_many_files_that_come_again_make_no_flood_of_remarks(pictures):
    found = list_manifest(table(pictures, "img/a.png", "img/b.png", *["img/a.png"] * 30))
    assert len(found.remarks) == 11 and found.remarks[-1] == "20 more lines of set.csv name a file again"


def test_whole_numbers_of_a_column_with_gaps_are_the_classes_that_they_mean(pictures):
    found = list_manifest(table(pictures, "img/a.png", "img/b.png", f"{NFD}/c.png", labels=("0.0", "1.0", "")))
    assert found.class_names == ("0", "1") and found.labels.tolist() == [0, 1, -1]


def test_a_table_of_a_hub_folder_may_have_one_class_and_files_may_lie_about(pictures):
    for split, label in (("train", "cat"), ("test", "dog")):
        folder = pictures / "hub" / split
        folder.mkdir(parents=True)
        Image.new("L", (16, 16), len(split)).save(folder / "1.png")
        (folder / "metadata.jsonl").write_text(json.dumps({"file_name": "1.png", "label": label}))
    (pictures / "hub" / "README.md").write_text("")
    found = load(str(pictures / "hub"))
    assert found.class_names == ("cat", "dog") and found.origin["passed_over"] == {"not a picture, by the file name": 1}


JSON = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.recursive(st.none() | st.integers() | st.text(), lambda e: st.lists(e) | st.dictionaries(st.text(), e)), max_size=4)
)
def test_any_json_lines_are_a_listing_or_one_line(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("lines") / "set.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError, match=r"set\.jsonl"):
        list_manifest(path)


@pytest.mark.parametrize("separator", [",", "|", "; "])
def test_rows_of_several_labels_among_others_count_as_unlabelled_and_are_told(pictures, separator):
    labels = ('"cat"', f'"cat{separator}red"', '"dog"', f'"dog{separator}red"', '"dog"')
    files = ("img/a.png", "img/b.png", f"{NFD}/c.png", "img/d e.jpg", "img/e.png")
    Image.new("L", (16, 16), 200).save(pictures / "img/e.png")
    found = list_manifest(table(pictures, *files, labels=labels))
    assert found.class_names == ("cat", "dog") and found.labels.tolist() == [0, -1, 1, -1, 1]
    assert f"2 rows of set.csv hold several labels, such as 'cat{separator}red', and count as unlabelled" in found.remarks[0]


def test_names_of_classes_may_have_commas(pictures):
    names = ('"maillot"', '"maillot, tank suit"', '"tabby, tabby cat"', '"tench, Tinca tinca"')
    found = list_manifest(table(pictures, "img/a.png", "img/b.png", f"{NFD}/c.png", "img/d e.jpg", labels=names))
    assert found.class_names == ("maillot", "maillot, tank suit", "tabby, tabby cat", "tench, Tinca tinca") and not found.remarks


def test_a_column_for_each_label_is_told(pictures):
    (pictures / "hot.csv").write_text("filepath,cat,dog\nimg/a.png,1,0\nimg/b.png,0,1\n")
    with pytest.raises(DataError, match=r"hot\.csv has a column for each label \(cat, dog: 0 or 1\).*by --field cat"):
        list_manifest(pictures / "hot.csv")
    assert list_manifest(pictures / "hot.csv", label_column="cat").class_names == ("0", "1")


def test_what_to_group_by_is_taken_before_a_column_called_group(pictures):
    (pictures / "shots.csv").write_text("filepath,label,group\nimg/a.png,cat,x\nimg/b.png,dog,x\n")
    assert load(str(pictures / "shots.csv")).groups.tolist() == [0, 0]
    assert load(str(pictures / "shots.csv"), group_by=r"(\w)\.png").groups.tolist() == [0, 1]
    with pytest.raises(UsageError, match="--group-by shop finds no group"):
        load(str(pictures / "shots.csv"), group_by="shop")


NO_PATHS = {  # how a table names the four files, what is said, how that says to name them
    "addresses": ("https://example.org/{}", "bring the files here, and name them relative to the table"),
    "buckets": ("s3://bucket/{}", "bring the files here, and name them relative to the table"),
    "another machine": ("D:\\photos\\{}", "name the files relative to a folder"),
    "another machine, slashes": ("D:/photos/{}", "name the files relative to a folder"),
    "single quotes": ("'{}'", "take off the quotes"),
    "typographic quotes": ("\u201c{}\u201d", "take off the quotes"),
}


@pytest.mark.parametrize("kind", NO_PATHS)
def test_what_no_root_finds_is_found_once_it_is_as_the_message_says(pictures, kind):
    form, message = NO_PATHS[kind]
    names = ["img/a.png", "img/b.png"]
    with pytest.raises(DataError, match=message):
        list_manifest(table(pictures, *map(form.format, names)))
    assert len(list_manifest(table(pictures, *names)).filepaths) == 2


@pytest.mark.parametrize("header", ["FilePath,LABEL", "File Name,Class", "IMAGE,Category", "Path,class name"])
def test_columns_are_known_in_any_case(pictures, header):
    path = table(pictures, "img/a.png", "img/b.png")
    path.write_text(path.read_text().replace("filepath,label", header))
    assert list_manifest(path).class_names == ("cat", "dog")


def test_the_column_of_splits_is_known_in_any_case(pictures):
    path = pictures / "set.csv"
    path.write_text("Filepath,Label,Split\nimg/a.png,cat,train\nimg/b.png,dog,TEST\n")
    assert list_manifest(path).splits.tolist() == ["train", "test"]


@pytest.mark.parametrize(
    ("labels", "are_alike"),
    [
        (("1", "01"), True),
        (("1", "1.0"), True),
        (("1000", "1e3"), True),
        (("+1", "1"), True),
        (("TRUE", "true"), True),
        (("c\u200bat", "cat"), True),
        (("caf\u00e9", "cafe"), True),
        (("1", "10"), False),
        (("1.5", "15"), False),
        (("-2", "2"), False),
        (("1a", "1b"), False),
    ],
)
def test_classes_that_a_reader_takes_for_one_are_remarked(pictures, labels, are_alike):
    found = list_manifest(table(pictures, "img/a.png", "img/b.png", labels=labels))
    assert len(found.class_names) == 2
    assert [remark.startswith(f"classes '{found.class_names[0]}' and ") for remark in found.remarks] == [True] * are_alike


def test_signs_without_a_width_at_the_end_of_a_label_make_no_other_class(pictures):
    assert list_manifest(table(pictures, "img/a.png", "img/b.png", labels=("cat\u200b", "\ufeffcat"))).class_names == ("cat",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")
def test_a_pipe_among_the_files_of_a_table_is_told_and_not_waited_for(pictures):
    os.mkfifo(pictures / "img" / "pipe.png")
    found = load(str(table(pictures, "img/a.png", "img/pipe.png", "img/b.png", "img/d e.jpg")))
    assert len(found) == 3 and "pipe.png cannot be read (a pipe" in found.origin["skipped"][0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")
@pytest.mark.parametrize("name", ["pipe.csv", "pipe.parquet", "pipe.zip", "pipe"])
def test_a_pipe_in_place_of_a_table_is_told_and_not_waited_for(pictures, name):
    os.mkfifo(pictures / name)
    with pytest.raises(DataError, match="save what comes from it as a file"):
        load(str(pictures / name))
    with pytest.raises(DataError, match="there is no label file at"):
        load(str(table(pictures, "img/a.png", "img/b.png")), labels=pictures / name)
