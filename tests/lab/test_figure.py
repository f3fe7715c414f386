import sys

import numpy as np
import pytest
import torch

from curate.errors import DataError, UsageError
from curate.lab.figure import PALETTE, new_figure, save, styled, to_bytes, to_png
from curate.lab.figure_images import image_grid, number, show_matrix, show_numbers


def test_a_figure_is_written_as_its_ending_says(tmp_path):
    figure, _ = new_figure(title="Nothing yet")
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    for suffix, start in starts.items():
        assert save(figure, tmp_path / f"a.{suffix}").read_bytes().startswith(start)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(suffix):
    images = [np.arange(16.0).reshape(4, 4)] * 3
    assert to_bytes(image_grid(images, title="x"), suffix) == to_bytes(image_grid(images, title="x"), suffix)


def test_another_ending_is_refused_before_anything_is_written(tmp_path):
    figure, _ = new_figure()
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf; 'a\.txt' ends otherwise"):
        save(figure, tmp_path / "a.txt")
    assert not list(tmp_path.iterdir())


def test_drawing_leaves_the_settings_of_the_process_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    to_png(image_grid([torch.rand(3, 4, 4)], ["one"], title="x"))
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_imported():
    import subprocess

    code = (
        "import sys, numpy as np; from curate.lab.figure import to_png; "
        "from curate.lab.figure_images import image_grid; to_png(image_grid([np.eye(3)], ['a']));"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_colours_of_lines_are_the_palette():
    @styled
    def lines():
        _, axes = new_figure()
        return [axes[0, 0].plot([i, i])[0].get_color() for i in range(len(PALETTE))]

    assert tuple(lines()) == PALETTE


def test_a_grid_draws_every_image_under_its_title():
    shapes = [(4, 4), (8, 4), (4, 8), (2, 2), (5, 3)]
    (axes,) = image_grid([torch.rand(1, *shape) for shape in shapes], list("abcde"), columns=3).axes
    assert [text.get_text() for text in axes.texts] == list("abcde")
    extents = [image.get_extent() for image in axes.images]
    assert [(right - left) / (bottom - top) for left, right, bottom, top in extents] == pytest.approx([w / h for h, w in shapes])
    middles = [(left + right) / 2 for left, right, _, _ in extents]
    assert middles == pytest.approx([*middles[:3], *middles[:2]]) and middles[0] < middles[1] < middles[2]
    assert middles == pytest.approx([text.get_position()[0] for text in axes.texts])
    assert all(text.get_position()[1] < top for text, (*_, top) in zip(axes.texts, extents, strict=True))
    assert max(bottom for _, _, bottom, _ in extents[:3]) < min(text.get_position()[1] for text in axes.texts[3:])


def test_cells_of_a_matrix_carry_their_numbers():
    _, axes = new_figure()
    show_matrix(axes[0, 0], np.array([[0, -1], [0.5, 12]]))
    assert [text.get_text() for text in axes[0, 0].texts] == ["0.0", "−1.0", "0.5", "12.0"]


def test_whole_numbers_have_no_decimals():
    _, axes = new_figure()
    show_matrix(axes[0, 0], np.array([[0, -1], [10, 2]]))
    assert [text.get_text() for text in axes[0, 0].texts] == ["0", "−1", "10", "2"]


def test_a_table_of_numbers_writes_whole_ones_as_such_beside_others():
    _, axes = new_figure()
    show_numbers(axes[0, 0], np.array([[36.5, 80], [12, -0.25]]))
    assert [text.get_text() for text in axes[0, 0].texts] == ["36.5", "80", "12", "−0.2"]


def test_zero_has_no_sign():
    assert [number(-0.0001, ".2f"), number(-0.25, ".2f"), number(-10, ".0f")] == ["0.00", "−0.25", "−10"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], None), "0 images and 0 titles"),
        (([np.eye(2)], ["a", "b"]), "1 images and 2 titles"),
        (([np.zeros((2, 4, 4))], None), r"found \(2, 4, 4\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        image_grid(*arguments)


def test_one_bar_for_all_images_needs_one_scale():
    with pytest.raises(DataError, match="give vmin and vmax"):
        image_grid([np.eye(2)], bar="value")
