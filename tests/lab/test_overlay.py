import io

import numpy as np
from PIL import Image

from curate.lab.saliency import overlay, overlay_png


def test_red_is_for_and_blue_against_and_nothing_leaves_the_grey():
    heat = np.zeros((3, 3), np.float32)
    heat[0, 0], heat[2, 2] = 1, -1
    picture = overlay(np.full((3, 3, 3), 255, np.uint8), heat, side=3).astype(int)
    assert picture[0, 0, 0] > picture[0, 0, 2] + 100 and picture[2, 2, 2] > picture[2, 2, 0] + 100
    assert (picture[0, 2] == 255).all()


def test_a_digit_on_black_is_printed_as_ink_on_white():
    digit = np.zeros((1, 8, 8), np.uint8)
    digit[:, 3:5, 3:5] = 255
    picture = overlay(digit, np.zeros((8, 8), np.float32), side=8)
    assert (picture[0, 0] == 255).all() and picture[4, 4, 0] < 128
    assert np.array_equal(overlay(255 - digit, np.zeros((8, 8), np.float32), side=8), picture)


def test_small_images_are_enlarged_and_large_ones_left():
    assert overlay(np.zeros((1, 4, 8), np.uint8), np.zeros((4, 8), np.float32), side=32).shape == (16, 32, 3)
    assert overlay(np.zeros((1, 40, 8), np.uint8), np.zeros((40, 8), np.float32), side=32).shape == (40, 8, 3)


def test_the_png_holds_the_pixels():
    generator = np.random.default_rng(0)
    image, heat = generator.integers(0, 256, (3, 6, 6), np.uint8), generator.uniform(-1, 1, (6, 6)).astype(np.float32)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(overlay_png(image, heat)))), overlay(image, heat))
