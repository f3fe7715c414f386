"""What the recipes of the published figures show a net has not moved by a pixel since those were measured."""

import hashlib

import numpy as np
import pytest
import torch

from curate.judge.models.registry import make_model
from curate.judge.training.augment import Batches
from curate.judge.training.fit import fit
from curate.judge.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

# The pixels of all batches, in order: test_golden_batches.shown(recipe, cpu) on commit e343a48, before the extras were there.
GOLDEN = {
    (0, False): "701301b3aaed1f9d001e51bb584577bdfa2c83ddfe1c3601ae2655ec474ca3f0",
    (2, True): "1351d83f6fdb9fb4091aa648f2e8e72fbbc783bb9af94d07ef92cd03e30e2604",
}


def shown(recipe, cpu) -> str:
    """SHA-256 of the uint8 pixels of all images that a net is trained on, batch by batch."""
    images = (
        np.arange(50 * 3 * 13 * 12, dtype=np.uint64).astype(np.uint8).reshape(50, 3, 13, 12)
        ^ np.arange(50, dtype=np.uint8)[:, None, None, None]
    )
    batches = Batches(torch.from_numpy(images), shift=recipe.shift, mirror=recipe.mirror)
    seen = hashlib.sha256()

    def look(_net, arguments):
        pixels = (arguments[0] + batches.offset) / batches.scale
        seen.update(pixels.round().to(torch.uint8).contiguous().numpy().tobytes())

    net = make_model("lenet5", num_classes=5, in_channels=3, image_size=(13, 12), seed=0)
    net.register_forward_pre_hook(look)
    fit(net, batches, torch.arange(50) % 5, torch.arange(0, 50, 2), recipe, cpu, seed=7)
    return seen.hexdigest()


@pytest.mark.parametrize(("shift", "mirror"), GOLDEN)
def test_the_pixels_of_every_batch_are_those_of_the_published_figures(cpu, shift, mirror):
    assert shown(Recipe(epochs=3, batch_size=6, shift=shift, mirror=mirror), cpu) == GOLDEN[shift, mirror]
