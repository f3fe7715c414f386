import numpy as np
import pytest
from PIL import Image

from curate.publish.gallery.contact_sheets import MAX_SIDE, write_sheets
from curate.sources import from_arrays


def set_of(images):
    return from_arrays(images, np.arange(len(images)) % 2)


def tile(folder, sheet, i):
    """The pixels that the page shows for card `i`."""
    number, place = divmod(i, sheet["columns"] ** 2)
    row, column = divmod(place, sheet["columns"])
    with Image.open(folder / f"{number}{sheet['suffix']}") as picture:
        pixels = np.asarray(picture)
    height, width = sheet["height"], sheet["width"]
    return pixels[row * height : (row + 1) * height, column * width : (column + 1) * width]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 9, 5)])
def test_each_small_picture_is_there_pixel_by_pixel(tmp_path, shape):
    images = np.random.default_rng(0).integers(0, 256, (90, *shape), dtype=np.uint8)
    rows = np.random.default_rng(1).permutation(90)[:70]
    sheet = write_sheets(set_of(images), rows, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    for i, row in enumerate(rows):
        pixels = images[row].transpose(1, 2, 0) if shape[0] == 3 else images[row, 0]
        assert np.array_equal(tile(tmp_path, sheet, i), pixels)


def test_large_pictures_are_scaled_down_and_keep_their_form(tmp_path):
    images = np.zeros((3, 3, 400, 800), dtype=np.uint8)
    images[1] = 255
    sheet = write_sheets(set_of(images), np.arange(3), tmp_path)
    assert (sheet["width"], sheet["height"], sheet["crisp"]) == (MAX_SIDE, MAX_SIDE // 2, False)
    assert [round(tile(tmp_path, sheet, i)[40, 80].mean() / 255) for i in range(3)] == [0, 1, 0]


def test_progress_ends_with_all_pictures(tmp_path):
    told = []
    write_sheets(set_of(np.zeros((70, 1, 4, 4), np.uint8)), np.arange(70), tmp_path, progress=lambda *args: told.append(args))
    assert told[-1][1:3] == (70, 70)
