"""Sources of other tools: zip archives, parquet files with image bytes, Hugging Face image folders."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from curate.data.load import load
from curate.errors import DataError


def picture(path, seed):
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 255, (90, 120, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def pets(tmp_path):
    for i, kind in enumerate(("cat", "dog")):
        for j in range(2):
            picture(tmp_path / "pets" / kind / f"{j}.png", 2 * i + j)
    return tmp_path / "pets"


def test_a_zip_is_read_as_the_folder_in_it(pets, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "pets")
    image_set = load(archive)
    assert image_set.class_names == ("cat", "dog") and len(image_set) == 4 and image_set.name == "packed"
    assert image_set.sample_ids[0] == "packed/cat/0.png"


def test_a_damaged_zip_is_told(tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="cannot be read as a zip file"):
        load(str(tmp_path / "bad.zip"))


def test_an_image_folder_with_tables_takes_labels_from_them(tmp_path):
    folder = tmp_path / "hub"
    for split in ("train", "test"):
        rows = [{"file_name": f"{i}.png", "label": "cat" if i else "dog"} for i in range(2)]
        for i in range(3):
            picture(folder / split / f"{i}.png", 10 * len(split) + i)
        (folder / split / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    image_set = load(str(folder))
    assert sorted(image_set.splits.tolist()) == ["test", "test", "train", "train"] and image_set.class_names == ("cat", "dog")
    assert image_set.origin["passed_over"] == {"no row of the table": 2}


def test_pictures_inside_a_parquet_file_are_read_with_the_names_of_its_schema(pets, tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    files = sorted(pets.rglob("*.png"))
    table = pa.table(
        {"image": [{"bytes": file.read_bytes(), "path": f"{i}.png"} for i, file in enumerate(files)], "label": pa.array([0, 0, 1, 1])}
    )
    about = {"info": {"features": {"label": {"names": ["katze", "hund"], "_type": "ClassLabel"}}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(about)}), tmp_path / "hub.parquet")
    image_set = load(str(tmp_path / "hub.parquet"))
    assert [image_set.class_names[label] for label in image_set.labels] == ["katze", "katze", "hund", "hund"]
    assert image_set.pictures.facts["width"].tolist() == [120] * 4


def test_a_column_that_is_there_twice_is_told(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    columns = [pa.array([b"x"]), pa.array(["cat"]), pa.array(["dog"])]
    pq.write_table(pa.Table.from_arrays(columns, names=["image", "label", "label"]), tmp_path / "hub.parquet")
    with pytest.raises(DataError, match=r"hub\.parquet has the column 'label' twice; rename one of them"):
        load(str(tmp_path / "hub.parquet"))


def hub_parquet(path, kinds, first, **columns):
    """A parquet file with the bytes of a picture of each of `kinds`."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    images = [{"bytes": picture(path.parent.parent / "made" / f"{first + i}.png", first + i).read_bytes()} for i in range(len(kinds))]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": images, "label": kinds, **columns}), path)
    shutil.rmtree(path.parent.parent / "made")


def test_a_folder_of_parquet_files_is_one_dataset_with_the_splits_of_their_names(tmp_path):
    hub_parquet(tmp_path / "hub" / "data" / "train-00000-of-00002.parquet", ["cat", "dog"], 0)
    hub_parquet(tmp_path / "hub" / "data" / "train-00001-of-00002.parquet", ["dog"], 2)
    hub_parquet(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet", ["cat"], 3)
    image_set = load(str(tmp_path / "hub"))
    assert [image_set.class_names[label] for label in image_set.labels] == ["cat", "cat", "dog", "dog"]
    assert image_set.splits.tolist() == ["test", "train", "train", "train"]
    assert image_set.sample_ids[0] == "hub/data/test-00000-of-00001/000000"


def test_splits_of_parquet_files_may_be_folders_and_groups_a_column(tmp_path):
    hub_parquet(tmp_path / "hub" / "train" / "0000.parquet", ["cat", "dog", "cat"], 0, shop=["a", "b", "a"])
    hub_parquet(tmp_path / "hub" / "validation" / "0000.parquet", ["dog"], 3, shop=["b"])
    image_set = load(str(tmp_path / "hub"), group_by="shop")
    assert image_set.splits.tolist() == ["train"] * 3 + ["validation"]
    assert image_set.groups.tolist() == [0, 1, 0, 1]


def test_lists_of_labels_in_a_parquet_file_are_told(tmp_path):
    hub_parquet(tmp_path / "hub" / "data" / "train.parquet", [["cat", "red"], ["dog"]], 0)
    with pytest.raises(DataError, match=r"the column 'label' of .*train\.parquet holds several labels a row; curate judges one"):
        load(str(tmp_path / "hub"))


def test_an_image_folder_with_a_table_is_grouped_by_its_column(tmp_path):
    folder = tmp_path / "hub"
    for i in range(3):
        picture(folder / f"{i}.png", i)
    (folder / "metadata.csv").write_text("file_name,label,shop\n0.png,cat,a\n1.png,dog,b\n2.png,cat,a\n")
    assert load(str(folder), group_by="shop").groups.tolist() == [0, 1, 0]


@pytest.mark.parametrize("source", ["hub", "hub/data/train.parquet"])
def test_texts_of_several_labels_in_a_parquet_file_count_as_unlabelled(tmp_path, source):
    hub_parquet(tmp_path / "hub" / "data" / "train.parquet", ["cat", "cat|red", "dog", "dog|red", "cat"], 0)
    image_set = load(str(tmp_path / source))
    assert image_set.labels.tolist() == [0, -1, 1, -1, 0] and image_set.class_names == ("cat", "dog")
    assert "2 rows of train.parquet hold several labels, such as 'cat|red'" in image_set.origin["remarks"][0]
