"""Batches: windows of the padded image, mirrored in turn, normalised by the training images alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import UsageError
from curate.judge.training.augment import Batches, pixel_statistics, reflect_pad

pytestmark = pytest.mark.usefixtures("one_thread")


def pictures(num=20, channels=2, height=7, width=9, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num, channels, height, width)).astype(np.uint8)


def started(images, **options):
    batches = Batches(torch.from_numpy(images), **options)
    batches.start(torch.Generator().manual_seed(0))
    return batches


def raw(batches, x):
    """The pixels that `normalise` was given."""
    return ((x + batches.offset) / batches.scale).round().numpy().astype(np.uint8)


@given(st.integers(1, 5), st.integers(2, 9), st.integers(2, 9), st.data())
@settings(deadline=None)
def test_reflect_pad_is_that_of_numpy(num, height, width, data):
    images = pictures(num, 3, height, width)
    pad = data.draw(st.integers(0, min(height, width) - 1))
    expected = np.pad(images, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="reflect")
    padded = reflect_pad(torch.from_numpy(images), pad)
    assert padded.dtype == torch.uint8 and np.array_equal(padded.numpy(), expected)


def test_reflect_pad_works_in_blocks_of_a_few_images(monkeypatch):
    monkeypatch.setattr("curate.judge.training.augment.LARGEST_BLOCK", 12)  # numbers of four bytes: three padded images of 16 pixels
    images = np.arange(5000 * 4, dtype=np.uint64).astype(np.uint8).reshape(5000, 1, 2, 2)
    expected = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    assert np.array_equal(reflect_pad(torch.from_numpy(images), 1).numpy(), expected)


@pytest.mark.parametrize("shift", [1, 2, 5])
def test_every_image_is_a_window_of_its_own_padded_one_and_all_windows_occur(shift):
    images = pictures(4)
    padded = np.pad(images, ((0, 0), (0, 0), (shift, shift), (shift, shift)), mode="reflect")
    span = 2 * shift + 1
    windows = [
        {padded[i, :, dy : dy + 7, dx : dx + 9].tobytes(): (dy, dx) for dy in range(span) for dx in range(span)} for i in range(len(images))
    ]
    batches, generator = started(images, shift=shift), torch.Generator().manual_seed(1)
    chosen = torch.arange(4).repeat(40 * span * span)
    seen = [windows[i].get(image.tobytes()) for i, image in zip(chosen.tolist(), raw(batches, batches(chosen, 0, generator)), strict=True)]
    assert None not in seen
    assert len(set(seen)) == span * span


def test_without_shift_and_mirror_the_images_stay():
    images = pictures()
    batches = started(images)
    chosen = torch.tensor([3, 0, 3])
    assert np.array_equal(raw(batches, batches(chosen, 0, torch.Generator())), images[[3, 0, 3]])


def test_each_image_is_mirrored_in_every_other_epoch_and_about_half_of_them_at_once():
    images = pictures(400)
    batches, chosen = started(images, mirror=True), torch.arange(400)
    epochs = [raw(batches, batches(chosen, epoch, torch.Generator())) for epoch in range(4)]
    mirrored = np.array([[np.array_equal(a, b[:, :, ::-1]) for a, b in zip(epoch, images, strict=True)] for epoch in epochs])
    kept = np.array([[np.array_equal(a, b) for a, b in zip(epoch, images, strict=True)] for epoch in epochs])
    assert (mirrored ^ kept).all()
    assert (mirrored[0] != mirrored[1]).all() and (mirrored[0] == mirrored[2]).all() and (mirrored[1] == mirrored[3]).all()
    assert 140 < mirrored[0].sum() < 260


def test_normalised_training_images_have_mean_0_and_deviation_1_per_channel():
    images = pictures(300, 3)
    images[:, 1] //= 4
    batches, chosen = Batches(torch.from_numpy(images)), torch.arange(0, 300, 3)
    batches.standardise(chosen)
    x = batches.normalise(batches.images[chosen])
    torch.testing.assert_close(x.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(x.std(dim=(0, 2, 3), correction=0), torch.ones(3), atol=1e-4, rtol=0)


def test_statistics_are_those_of_the_chosen_images_and_no_others():
    images = pictures(9000, 2, 4, 4)
    chosen = np.random.default_rng(0).permutation(9000)[:5000]
    mean, std = pixel_statistics(torch.from_numpy(images), torch.from_numpy(chosen))
    pixels = images[chosen].transpose(1, 0, 2, 3).reshape(2, -1) / 255
    np.testing.assert_allclose(mean, pixels.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(std, pixels.std(axis=1), atol=1e-6)
    rest = np.setdiff1d(np.arange(9000), chosen)
    images[rest] = 255
    again = pixel_statistics(torch.from_numpy(images), torch.from_numpy(chosen))
    assert torch.equal(mean, again[0]) and torch.equal(std, again[1])


def test_a_channel_of_one_colour_stays_finite():
    batches = Batches(torch.full((5, 1, 4, 4), 255, dtype=torch.uint8))
    assert batches.normalise(batches.images).abs().max() < 1e-5


@pytest.mark.parametrize("shift", [-1, 7])
def test_a_shift_that_does_not_fit_the_images_is_told(shift):
    with pytest.raises(UsageError, match=f"images of 7 x 9 pixels cannot be shifted by {shift}; expected 0 to 6"):
        Batches(torch.from_numpy(pictures()), shift=shift)
