import json
import shutil

import numpy as np
import pytest
from PIL import Image

from curate.data.load import load, reload
from curate.errors import DataError, UnknownNameError, UsageError

pytestmark = pytest.mark.usefixtures("data_folder")


def picture(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (16, 16), value).save(path)


@pytest.fixture
def pets(tmp_path):
    """Class folders: two cats, one of them deeper, and two dogs."""
    for i, name in enumerate(("dog/b.png", "cat/old/z.png", "cat/a.png", "dog/a.png")):
        picture(tmp_path / "pets" / name, i)
    return tmp_path / "pets"


@pytest.fixture
def split_pets(tmp_path):
    for i, name in enumerate(("test/cat/a.png", "val/dog/a.png", "train/dog/a.png", "train/cat/a.png")):
        picture(tmp_path / "pets" / name, i)
    return tmp_path / "pets"


@pytest.fixture
def table(tmp_path):
    for i in range(4):
        picture(tmp_path / "images" / f"{i}.png", i)
    (tmp_path / "pets.csv").write_text(
        "filepath,label,split\nimages/3.png,dog,test\nimages/0.png,cat,\nimages/1.png,,train\nimages/2.png,dog,val\n"
    )
    return tmp_path / "pets.csv"


def same(a, b):
    return a.images_hash == b.images_hash and a.labels_hash == b.labels_hash and a.splits.tolist() == b.splits.tolist()


def test_class_folders_become_classes_in_alphabetical_order(pets):
    image_set = load(str(pets))
    assert image_set.name == "pets" and image_set.class_names == ("cat", "dog")
    assert image_set.sample_ids.tolist() == ["pets/cat/a.png", "pets/cat/old/z.png", "pets/dog/a.png", "pets/dog/b.png"]
    np.testing.assert_array_equal(image_set.labels, [0, 0, 1, 1])
    np.testing.assert_array_equal(image_set.images[:, 0, 0, 0], [2, 1, 3, 0])
    assert set(image_set.splits) == {"train"}


def test_split_folders_become_splits_training_first(split_pets):
    image_set = load(str(split_pets))
    assert image_set.splits.tolist() == ["train", "train", "validation", "test"]
    assert image_set.sample_ids.tolist() == ["pets/train/cat/a.png", "pets/train/dog/a.png", "pets/val/dog/a.png", "pets/test/cat/a.png"]


def test_filepaths_are_those_of_the_images(pets):
    assert load(str(pets), limit=2).filepaths.tolist() == [str(pets / "cat/a.png"), str(pets / "dog/b.png")]


def test_classes_that_are_numbers_come_in_the_order_of_numbers(tmp_path):
    for name in ("10", "9", "2"):
        picture(tmp_path / "set" / name / "a.png", 0)
    assert load(str(tmp_path / "set")).class_names == ("2", "9", "10")


def test_a_class_may_be_called_like_a_split(tmp_path):
    for name in ("train", "car"):
        picture(tmp_path / "vehicles" / name / "a.png", 0)
    assert load(str(tmp_path / "vehicles")).class_names == ("car", "train")


def test_hidden_and_other_files_are_passed_over(pets):
    (pets / "notes.txt").write_text("")
    (pets / ".cache").mkdir()
    (pets / "cat" / "Thumbs.db").write_text("")
    (pets / "cat" / "._a.png").write_text("")
    assert len(load(str(pets))) == 4


def test_an_empty_folder_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty is empty; expected one folder per class"):
        load(str(tmp_path / "empty"))


def test_images_without_class_folders_are_unlabelled(tmp_path):
    for name in ("b.png", "a.png", ".hidden.png"):
        picture(tmp_path / "flat" / name, 0)
    (tmp_path / "flat" / "notes.txt").write_text("x")
    found = load(str(tmp_path / "flat"))
    assert found.class_names == () and found.labels.tolist() == [-1, -1]
    assert found.sample_ids.tolist() == ["flat/a.png", "flat/b.png"]
    assert found.origin["passed_over"] == {"not a picture, by the file name": 1}


def test_a_table_of_files_alone_has_no_labels_and_one_with_another_column_asks_which(table):
    rows = [line.split(",") for line in table.read_text().splitlines()]
    table.write_text("\n".join(row[0] for row in rows) + "\n")
    assert (load(str(table)).labels == -1).all()
    table.write_text("filepath,breed\n" + "\n".join(f"{row[0]},x" for row in rows[1:]) + "\n")
    with pytest.raises(DataError, match=r"has no column 'label'.*--field"):
        load(str(table))


def test_a_class_folder_without_images_is_a_remark(pets):
    (pets / "cow").mkdir()
    assert load(str(pets)).origin["remarks"] == ["class folder cow has no images that are read"]


def test_a_stranger_beside_split_folders_is_named(split_pets):
    picture(split_pets / "extra" / "cat" / "a.png", 0)
    with pytest.raises(DataError, match=r"split folders \(test, train, val\) and beside them 'extra'"):
        load(str(split_pets))


def test_one_class_is_read(tmp_path):
    picture(tmp_path / "set" / "cat" / "a.png", 0)
    assert load(str(tmp_path / "set")).class_names == ("cat",)


def test_a_manifest_keeps_its_order_and_its_gaps(table):
    image_set = load(str(table))
    assert image_set.sample_ids.tolist() == [f"pets/images/{i}.png" for i in (3, 0, 1, 2)]
    np.testing.assert_array_equal(image_set.labels, [1, 0, -1, 1])
    assert image_set.splits.tolist() == ["test", "train", "train", "validation"]
    np.testing.assert_array_equal(image_set.images[:, 0, 0, 0], [3, 0, 1, 2])


def test_a_parquet_manifest_is_read_like_a_csv(table):
    import pandas

    frame = pandas.read_csv(table)
    frame.to_parquet(table.with_suffix(".parquet"))
    assert same(load(str(table)), load(str(table.with_suffix(".parquet"))))


def test_numbered_classes_of_a_parquet_manifest_with_gaps_stay_whole(table):
    import pandas

    pandas.DataFrame({"filepath": ["images/0.png", "images/1.png", "images/2.png"], "label": [10, None, 9]}).to_parquet(
        table.with_suffix(".parquet")
    )
    assert load(str(table.with_suffix(".parquet"))).class_names == ("9", "10")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("picture,label\na.png,cat\n", "has no column 'filepath'; expected filepath, label and optionally split and group, found picture"),
        ("filepath,label\n", "has no rows"),
        ("filepath,label\n,cat\n", r"line 2 of .* has no filepath"),
        ("filepath,label,split\nimages/0.png,cat,later\n", r"line 2 of .* has split 'later'; expected train, validation or test"),
        ("filepath,label\nimages/0.png,cat\nimages/gone.png,dog\n", r"image .*gone\.png is missing"),
    ],
)
def test_a_manifest_that_is_not_right_says_where(table, content, message):
    table.write_text(content)
    with pytest.raises(DataError, match=message):
        load(str(table), strict=True)


def test_a_file_that_is_no_parquet_is_told(table):
    shutil.copy(table, table.with_suffix(".parquet"))
    with pytest.raises(DataError, match="cannot be read as parquet"):
        load(str(table.with_suffix(".parquet")))


def test_manifest_paths_may_be_relative_to_another_folder(table, tmp_path):
    expected = load(str(table))
    shutil.move(tmp_path / "images", tmp_path / "elsewhere" / "images")
    assert same(load(str(table), root=tmp_path / "elsewhere"), expected)


def test_a_label_file_replaces_the_given_labels(pets, tmp_path):
    np.save(tmp_path / "vendor.npy", np.array([1, 1, 0, -1]))
    np.testing.assert_array_equal(load(str(pets), labels=tmp_path / "vendor.npy").labels, [1, 1, 0, -1])


def test_broken_images_are_skipped_on_demand_and_listed_in_the_origin(pets):
    (pets / "cat" / "a.png").write_text("broken")
    image_set = load(str(pets))
    assert len(image_set) == 3 and image_set.sample_ids[0] == "pets/cat/old/z.png"
    assert len(image_set.origin["skipped"]) == 1 and "cat/a.png" in image_set.origin["skipped"][0]


def test_a_label_file_for_all_still_fits_when_images_were_skipped(pets, tmp_path):
    (pets / "cat" / "a.png").write_text("broken")
    np.save(tmp_path / "vendor.npy", np.array([0, 1, 0, 1]))
    np.testing.assert_array_equal(load(str(pets), labels=tmp_path / "vendor.npy").labels, [1, 0, 1])


def test_a_set_is_read_again_from_its_origin(pets, tmp_path):
    np.save(tmp_path / "vendor.npy", np.array([1, 1, 0, 0]))
    (pets / "cat" / "a.png").write_text("broken")
    image_set = load(str(pets), limit=3, labels=tmp_path / "vendor.npy", image_size=24)
    assert same(reload(json.loads(json.dumps(image_set.origin))), image_set)


def test_a_moved_folder_is_read_again_from_its_new_place(pets, tmp_path):
    image_set = load(str(pets))
    shutil.move(pets, tmp_path / "renamed")
    assert same(reload(image_set.origin, root=tmp_path / "renamed"), image_set)


def test_a_moved_manifest_is_read_again_from_its_new_place(table, tmp_path):
    image_set = load(str(table))
    shutil.move(tmp_path / "images", tmp_path / "new" / "images")
    shutil.move(table, tmp_path / "new" / "pets.csv")
    assert same(reload(image_set.origin, root=tmp_path / "new"), image_set)


def test_a_name_that_is_nothing_brings_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean cifar10"):
        load("cifar-10")


@pytest.mark.parametrize("source", ["no/such/folder", "no-such.csv"])
def test_a_path_that_is_nothing_is_named(source):
    with pytest.raises(DataError, match=f"no image folder or table at .*{source}"):
        load(source)


def test_a_file_of_another_kind_is_told(tmp_path):
    (tmp_path / "set.rar").write_text("")
    with pytest.raises(DataError, match=r"neither an image folder nor a table \(\.csv or \.tsv or \.parquet or \.jsonl\)"):
        load(str(tmp_path / "set.rar"))


def test_catalog_images_keep_their_size():
    with pytest.raises(UsageError, match="mnist comes as 28 x 28 images"):
        load("mnist", image_size=32)


def test_a_folder_has_no_root(pets):
    with pytest.raises(UsageError, match="is itself the folder to read"):
        load(str(pets), root=pets)


def test_a_file_name_may_have_any_letters(pets):
    picture(pets / "cat" / "höher\u202f10 %.png", 0)
    assert "pets/cat/höher\u202f10 %.png" in load(str(pets)).sample_ids


def test_a_file_name_that_is_no_text_is_told(pets):
    picture(pets / "cat" / "\udcff.png", 0)
    with pytest.raises(DataError, match="is no text in UTF-8 on one line; rename it"):
        load(str(pets))


def test_the_folder_name_gives_a_plain_name(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / "my pets (new)" / name / "a.png", 0)
    assert load(str(tmp_path / "my pets (new)")).name == "my-pets-new"


def test_what_curate_made_beside_the_images_is_no_class(pets):
    run = pets / "data" / "runs" / "pets"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    picture(pets / "data" / "media" / "0.png", 9)
    assert load(str(pets)).class_names == ("cat", "dog")
