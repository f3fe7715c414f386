"""Presets: how long to train, by model; what the figures of the README were measured with."""

from dataclasses import dataclass, replace

from curate.errors import UnknownNameError
from curate.training.recipe import Recipe

PRESETS = ("quick", "default", "best")


@dataclass(frozen=True)
class Preset:
    """A recipe with the number of folds and repeats that go with it."""

    recipe: Recipe
    num_folds: int
    num_repeats: int


SMALL = Recipe(epochs=5, batch_size=250, optimizer="adamw", peak_lr=0.005, weight_decay=0.01, label_smoothing=0.1, shift=1)
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


def preset_for(model: str, preset: str, *, in_channels: int) -> Preset:
    """The preset named `preset` for the architecture named `model`.

    Colour images are mirrored at random, greyscale ones (digits, characters) are not.

    Raises:
        UnknownNameError: there is no such preset.
    """
    if preset not in PRESETS:
        raise UnknownNameError.of("preset", preset, PRESETS)
    if model == "airbench":
        mirrored = in_channels > 1
        recipe = replace(AIRBENCH, mirror=mirrored, views=6 if mirrored else 1)
        quick, best = replace(recipe, epochs=3, views=min(recipe.views, 2)), replace(recipe, epochs=16)
    else:
        recipe = replace(SMALL, mirror=in_channels > 1, views=2 if in_channels > 1 else 1)
        quick, best = replace(recipe, epochs=3), replace(recipe, epochs=10)
    return {"quick": Preset(quick, 2, 1), "default": Preset(recipe, 5, 1), "best": Preset(best, 5, 3)}[preset]
