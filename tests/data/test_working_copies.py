"""Working copies: the original is decoded once, and whatever comes later reads the copy."""

import os

import numpy as np
import pytest
from PIL import Image

from curate.data.decode import decode_images
from curate.data.load import load
from curate.data.working_copies import COPY_SIDE, centre_square, in_threads
from curate.errors import DataError


def photograph(path, size=(500, 400), seed=0, **options):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8))
    small.resize(size, Image.Resampling.BICUBIC).save(path, **options)
    return str(path)


@pytest.fixture
def shop(tmp_path):
    """Two classes of three photographs, and files that are none."""
    for kind in ("shoes", "hats"):
        (tmp_path / "shop" / kind).mkdir(parents=True)
        for i in range(3):
            photograph(tmp_path / "shop" / kind / f"{i}.jpg", seed=3 * len(kind) + i)
    return tmp_path / "shop"


def test_photographs_keep_their_aspect_and_size_in_the_facts(shop):
    image_set = load(str(shop))
    assert image_set.images.shape == (6, 3, 64, 64)
    assert image_set.pictures.facts["width"].tolist() == [500] * 6
    assert image_set.pictures.image(0).size == (COPY_SIDE * 500 // 400, COPY_SIDE)
    assert image_set.pictures.copy_path(0).read_bytes()[:2] == b"\xff\xd8"  # a JPEG that any browser shows


def test_small_pictures_of_one_size_need_no_copies(tmp_path):
    paths = [photograph(tmp_path / f"{i}.png", size=(32, 32), seed=i) for i in range(3)]
    assert decode_images(paths, cache=tmp_path / "cache" / "decoded").pictures is None


def test_the_second_time_no_original_is_opened(shop, monkeypatch):
    first = load(str(shop))
    monkeypatch.setattr("curate.data.decode.decode", lambda *_, **__: pytest.fail("decoded again"))
    second = load(str(shop))
    assert first.images_hash == second.images_hash and np.array_equal(first.pictures.facts, second.pictures.facts)


def test_a_picture_that_moved_to_another_class_is_known_by_its_content(shop, monkeypatch):
    load(str(shop))
    (shop / "shoes" / "0.jpg").rename(shop / "hats" / "moved.jpg")
    monkeypatch.setattr("curate.data.working_copies.decode", lambda *_, **__: pytest.fail("decoded again"))
    assert len(load(str(shop))) == 6


def test_a_copy_that_was_deleted_is_made_again(shop):
    pictures = load(str(shop)).pictures
    before = np.asarray(pictures.image(2))
    pictures.copy_path(2).unlink()
    assert np.abs(np.asarray(pictures.image(2), int) - before).mean() < 2
    assert pictures.copy_path(2).is_file()


def test_an_image_set_is_the_same_whether_or_not_there_were_copies_of_its_pictures(shop, tmp_path):
    caches = tmp_path / "one" / "decoded", tmp_path / "two" / "decoded"
    paths = sorted(map(str, shop.glob("*/*.jpg")))
    first = decode_images(paths, cache=caches[0])
    for path in paths:
        os.utime(path, (1, 1))  # so that what was decoded does not count any more; the copies do
    again = decode_images(paths, cache=caches[0])
    elsewhere = decode_images(paths, cache=caches[1])
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.images, elsewhere.images)
    assert (first.pictures.facts == again.pictures.facts).all()


def test_a_copy_that_is_made_again_shows_the_same(shop):
    pictures = load(str(shop)).pictures
    before = np.asarray(pictures.image(0))
    pictures.copy_path(0).unlink()
    np.testing.assert_array_equal(np.asarray(pictures.image(0)), before)


def test_an_original_that_changed_is_not_taken_for_the_one_that_was_audited(shop):
    pictures = load(str(shop)).pictures
    pictures.copy_path(0).unlink()
    photograph(pictures.filepaths[0], seed=99)
    with pytest.raises(DataError, match="is not the one that was audited"):
        pictures.image(0)


def test_what_is_read_and_what_is_passed_over_are_all_that_was_there(shop):
    (shop / "hats" / "note.txt").write_text("a note")
    (shop / "hats" / "phone.cr2").write_bytes(b"raw")
    (shop / "shoes" / "cut.jpg").write_bytes((shop / "shoes" / "0.jpg").read_bytes()[:300])
    (shop / "shoes" / "empty.png").write_bytes(b"")
    (shop / "loose.jpg").write_bytes((shop / "shoes" / "0.jpg").read_bytes())
    (shop / "scarves").mkdir()
    there = sum(path.is_file() for path in shop.rglob("*"))
    image_set = load(str(shop))
    origin = image_set.origin
    assert len(image_set) + len(origin["skipped"]) + sum(origin["passed_over"].values()) == there
    assert origin["left_out"] == {
        "not a picture, by the file name": ["hats/note.txt"],
        ".cr2 is not read; convert it to JPEG, PNG or TIFF": ["hats/phone.cr2"],
        "lies beside the class folders": ["loose.jpg"],
    }
    assert any("empty.png" in line and "the file is empty" in line for line in origin["skipped"])
    assert origin["remarks"] == ["class folder scarves has no images that are read"]


def test_strict_stops_at_the_first_broken_file(shop):
    (shop / "shoes" / "cut.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"cut\.jpg cannot be read \(the file is empty\).*--strict"):
        load(str(shop), strict=True)


def test_a_file_twice_in_a_table_is_a_remark(shop):
    table = shop / "table.csv"
    table.write_text("file_name,label\nshoes/0.jpg,a\n./shoes/0.jpg,b\nhats/1.jpg,b\n")
    image_set = load(str(table))
    assert len(image_set) == 2 and "there as 'a', here as 'b'" in image_set.origin["remarks"][0]


def test_a_table_of_several_labels_a_row_says_what_is_supported(shop):
    (shop / "table.csv").write_text('filepath,label\nshoes/0.jpg,"a,b"\nhats/1.jpg,"b,c"\nhats/0.jpg,"c,a"\n')
    with pytest.raises(DataError, match="one label a picture"):
        load(str(shop / "table.csv"))


def test_groups_come_from_a_column_a_folder_or_an_expression(shop):
    (shop / "table.csv").write_text("filepath,label,group\nshoes/0.jpg,a,x\nshoes/1.jpg,a,\nhats/1.jpg,b,x\n")
    assert load(str(shop / "table.csv")).groups.tolist() == [0, -1, 0]
    (shop / "table.csv").unlink()
    assert load(str(shop), group_by=r"(\d)\.jpg").groups.tolist() == [0, 1, 2, 0, 1, 2]
    (shop / "hats" / "p1").mkdir()
    (shop / "hats" / "0.jpg").rename(shop / "hats" / "p1" / "0.jpg")
    assert sorted(load(str(shop), group_by="folder").groups.tolist()) == [-1] * 5 + [0]


def test_the_middle_square_keeps_the_aspect():
    image = Image.new("RGB", (300, 100))
    image.paste((255, 0, 0), (100, 0, 200, 100))
    assert np.asarray(centre_square(image, 50)).reshape(-1, 3).mean(axis=0) == pytest.approx([255, 0, 0], abs=6)


def test_results_come_in_order_and_errors_in_their_place():
    def work(i):
        if i == 3:
            raise DataError("no")
        return i

    found = list(in_threads(work, range(10), ahead=2))
    assert [x for x in found if not isinstance(x, DataError)] == [0, 1, 2, 4, 5, 6, 7, 8, 9] and isinstance(found[3], DataError)
