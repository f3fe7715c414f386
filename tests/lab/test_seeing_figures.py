import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from curate.errors import UsageError
from curate.lab.excitation import most_exciting
from curate.lab.figure import to_png
from curate.lab.layers import feature_maps, kind_of_layer
from curate.lab.run_saliency import Evidence, SampleSaliency
from curate.lab.seeing_figures import depth_figure, excitation_figure, filters_figure, maps_figure, saliency_figure
from curate.lab.visible import visible

pytestmark = pytest.mark.usefixtures("one_thread")


def pictures(figure):
    """The images in a figure's first axes by their titles."""
    axes = figure.axes[0]
    return {text.get_text(): image.get_array() for text, image in zip(axes.texts, axes.images, strict=True)}


def is_drawn(figure):
    width, height = Image.open(io.BytesIO(to_png(figure))).size
    return width > 400 and height > 200


def conv(inputs, outputs, side=3):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(inputs, outputs, side))


def note_of(figure):
    """The explanation below, as one line."""
    return " ".join(figure.get_supxlabel().split())


def test_first_filters_of_colour_images_are_drawn_in_colour():
    figure = filters_figure(conv(3, 6), "0")
    shown = pictures(figure)
    assert list(shown) == [f"filter {i}" for i in range(6)] and all(picture.shape == (3, 3, 3) for picture in shown.values())
    assert "6 filters of 3 × 3 over red, green and blue" in note_of(figure) and is_drawn(figure)


def test_filters_of_one_channel_show_zero_as_the_middle_of_the_scale():
    figure = filters_figure(conv(1, 4), "0")
    assert {image.get_clim() for image in figure.axes[0].images} == {(-1, 1)}
    assert len(pictures(figure)) == 4 and is_drawn(figure)
    assert "red: a bright pixel there raises the answer" in note_of(figure)


def test_a_note_of_filters_counts_the_convolutions():
    figure = filters_figure(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 3, 3)), "2")
    assert note_of(figure).startswith("Convolution 2 of 2. 3 filters of 3 × 3")


def test_of_many_deep_filters_the_strongest_are_shown_and_that_is_said():
    figure = filters_figure(conv(70, 30), "0")
    assert len(pictures(figure)) == 24
    assert "The 24 of 30 filters" in note_of(figure) and "64 strongest of its 70 kernels" in note_of(figure)


def test_all_maps_of_a_layer_share_one_scale_beside_the_image():
    image = np.zeros((1, 8, 8), np.uint8)
    image[0, :, 4:] = 255
    net = conv(1, 5)
    maps = feature_maps(net, torch.from_numpy(image)[None].float() / 255, "0")[0]
    figure = maps_figure(image, maps, "0", name="half")
    shown = pictures(figure)
    assert list(shown) == ["image", *(f"map {i}" for i in range(5))]
    assert all(np.array_equal(shown[f"map {i}"], maps[i]) for i in range(5))
    assert len({image.get_clim() for image in figure.axes[0].images[1:]}) == 1


def rows_of(figure):
    """What stands beside the rows of a sheet."""
    return [label.get_text() for label in figure.axes[1].get_yticklabels()]


def maps_of(figure):
    """What stands above the maps of a sheet."""
    return [text.get_text() for text in figure.axes[1].texts]


def test_maps_of_several_layers_have_a_row_each():
    maps = {"first": torch.randn(12, 8, 8), "second": torch.rand(3, 4, 4)}
    figure = depth_figure(np.zeros((3, 8, 8), np.uint8), maps, name="black")
    assert rows_of(figure) == ["first\n12 × 8 × 8", "second\n3 × 4 × 4"]
    assert len(maps_of(figure)) == 8 + 3 and is_drawn(figure)


def test_a_row_of_maps_says_what_its_layer_is():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2))
    kinds = {name: kind_of_layer(net, name) for name in ("0", "1", "max_pool2d")}
    assert kinds == {"0": "convolution", "1": "max pooling", "max_pool2d": ""}
    maps = {"0": torch.rand(2, 6, 6), "max_pool2d": torch.rand(2, 3, 3)}
    figure = depth_figure(np.zeros((1, 8, 8), np.uint8), maps, name="x", kinds=kinds)
    assert rows_of(figure) == ["0\nconvolution\n2 × 6 × 6", "max_pool2d\n2 × 3 × 3"]


def test_a_pooling_shows_the_maps_of_its_convolution():
    conv = torch.randn(20, 8, 8, generator=torch.Generator().manual_seed(0))
    pooled = torch.nn.functional.max_pool2d(conv.roll(3, 0) * torch.arange(20)[:, None, None], 2)  # others vary most
    figure = depth_figure(np.zeros((3, 8, 8), np.uint8), {"conv": conv, "pool": pooled}, name="black")
    titles = maps_of(figure)
    assert titles[:8] == titles[8:]
    assert titles[8:] == [f"map {i}" for i in sorted(pooled.flatten(1).std(1).topk(8).indices.tolist())]


@pytest.mark.parametrize("channels", [1, 3])
def test_patches_of_three_pixels_keep_their_colours(channels):
    """Three rows could be taken for three channels."""
    images = np.random.default_rng(0).integers(0, 256, (6, channels, 8, 8), np.uint8)
    net = conv(channels, 2)
    found = most_exciting(net, [torch.from_numpy(images).float()], "0", num=4)
    seen = visible(net, torch.zeros(1, *images.shape[1:]), "0")
    figure = excitation_figure(images, found, seen, [1])
    (axes,) = figure.axes
    for rank, (drawn, whole) in enumerate(zip(axes.images[:4], axes.images[4:], strict=True)):
        y, x = found.places[1, rank]
        patch = images[found.indices[1, rank], :, y : y + 3, x : x + 3]
        assert np.array_equal(drawn.get_array(), np.moveaxis(np.broadcast_to(patch, (3, 3, 3)), 0, 2))
        left, _, _, top = whole.get_extent()
        pixel = (whole.get_extent()[1] - left) / 8
        frame = axes.patches[2 * rank]
        assert frame.get_xy() == pytest.approx((left + x * pixel, top + y * pixel)) and frame.get_width() == pytest.approx(3 * pixel)
    assert "sees 3 × 3 pixels" in note_of(figure)


def test_where_some_channels_are_drawn_it_is_said_of_how_many():
    net, images = conv(1, 3), np.random.default_rng(0).integers(0, 256, (2, 1, 8, 8), np.uint8)
    found = most_exciting(net, [torch.from_numpy(images).float()], "0", num=2)
    seen = visible(net, torch.zeros(1, 1, 8, 8), "0")
    notes = [note_of(excitation_figure(images, found, seen, channels)) for channels in ([0, 2], [0, 1, 2])]
    assert [note.startswith("2 of 3 channels. A place of this layer") for note in notes] == [True, False]


def test_a_channel_that_the_layer_does_not_have_is_refused():
    net, images = conv(1, 2), np.zeros((2, 1, 8, 8), np.uint8)
    found = most_exciting(net, [torch.from_numpy(images).float()], "0")
    with pytest.raises(UsageError, match="channels 0 to 1, found 2"):
        excitation_figure(images, found, visible(net, torch.zeros(1, 1, 8, 8), "0"), [2])


def evidence(name, probability):
    return Evidence(0, name, probability, np.zeros((8, 8), np.float32))


@pytest.mark.parametrize(
    ("given", "suggested", "title", "captions"),
    [
        (evidence("9", 0.03), evidence("4", 0.88), "Why 4 rather than 9?", ["given: 9, 3 %", "suggested: 4, 88 %"]),
        (evidence("9", 0.9), evidence("4", 0.05), "Why 9 rather than 4?", ["given: 9, 90 %", "next likely: 4, 5 %"]),
        (None, evidence("4", 0.88), "Why 4?", ["suggested: 4, 88 %"]),
    ],
)
def test_the_heat_maps_tell_labels_and_how_sure_the_net_is(given, suggested, title, captions):
    found = SampleSaliency("mnist/train/7", np.zeros((1, 8, 8), np.uint8), given, suggested, "occlusion", 2, False)
    figure = saliency_figure(found)
    assert figure.get_suptitle() == title
    assert [axes.get_title() for axes in figure.axes[: len(captions) + 1]] == ["mnist/train/7", *captions]
    assert "net of fold 2, which never saw this image" in note_of(figure) and is_drawn(figure)


def test_a_net_that_was_trained_on_the_image_is_named_as_such():
    found = SampleSaliency("x", np.zeros((3, 8, 8), np.uint8), None, evidence("cat", 0.5), "gradcam", 0, True)
    assert "trained on this image: the run kept no other net" in saliency_figure(found).get_supxlabel()
