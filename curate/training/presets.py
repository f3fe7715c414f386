"""Presets: how long to train, by model; what the figures of the README were measured with."""

from dataclasses import dataclass, replace

from curate.errors import UnknownNameError
from curate.models.zoo import ZOO
from curate.training.recipe import Recipe

PRESETS = ("quick", "default", "best")


@dataclass(frozen=True)
class Preset:
    """A recipe with the number of folds and repeats that go with it."""

    recipe: Recipe
    num_folds: int
    num_repeats: int


SMALL = Recipe(epochs=5, batch_size=250, optimizer="adamw", peak_lr=0.005, weight_decay=0.01, label_smoothing=0.1, shift=1)
LENET_AT_ONCE = Recipe(epochs=1, batch_size=128, optimizer="adamw", peak_lr=0.01, weight_decay=0.01)
"""LeNet-5 in one pass, as accurate as in three of Adam at a constant rate: what `curate benchmark speed` trains by."""
AIRBENCH = Recipe(
    epochs=8,
    batch_size=500,
    optimizer="muon",
    peak_lr=0.15,
    head_lr=0.4,
    bias_lr=0.03,
    weight_decay=1e-3,
    warmup=0.0,
    label_smoothing=0.2,
    shift=2,
)
PUBLISHED = Recipe(epochs=8, batch_size=64, optimizer="adamw", peak_lr=0.001, weight_decay=0.05, label_smoothing=0.1, shift=2)
"""For nets of the zoo: a batch that fits into memory at 224 pixels, too. Not tuned."""
GENTLE = ("convnext-tiny", "vit-b16", "swin-t")
"""Nets with layer norm and attention or its like; they get a third of the rate."""


def preset_for(model: str, preset: str, *, in_channels: int, pretrained: bool = False) -> Preset:
    """The preset named `preset` for the architecture named `model`.

    Colour images are mirrored at random, greyscale ones (digits, characters) are not. Nets with pretrained weights are trained by
    AdamW; their head learns alone for an epoch, and each stage at half the rate of the one above it.

    Raises:
        UnknownNameError: there is no such preset.
    """
    if preset not in PRESETS:
        raise UnknownNameError.of("preset", preset, PRESETS)
    if model == "airbench" and not pretrained:
        mirrored = in_channels > 1
        recipe = replace(AIRBENCH, mirror=mirrored, views=6 if mirrored else 1)
        quick, best = replace(recipe, epochs=3, views=min(recipe.views, 2)), replace(recipe, epochs=16)
    else:
        recipe = PUBLISHED if model in ZOO else SMALL
        recipe = replace(recipe, peak_lr=0.0003) if model in GENTLE else recipe
        recipe = replace(recipe, head_epochs=1, stage_decay=0.5) if pretrained else recipe
        recipe = replace(recipe, mirror=in_channels > 1, views=2 if in_channels > 1 else 1)
        quick, best = replace(recipe, epochs=3), replace(recipe, epochs=2 * recipe.epochs)
        if model == "lenet5" and not pretrained:
            quick = replace(LENET_AT_ONCE, mirror=recipe.mirror, views=recipe.views)
    return {"quick": Preset(quick, 2, 1), "default": Preset(recipe, 5, 1), "best": Preset(best, 5, 3)}[preset]
