"""Recipes: everything that decides how one network is trained, and the presets that choose them by model."""

from dataclasses import dataclass, fields, replace

from curate.errors import UnknownNameError, UsageError
from curate.judge.models.zoo import ZOO

OPTIMIZERS = ("muon", "sgd", "adamw")
BORDERS = ("reflect", "zeros")
VIEWS = (1, 2, 5, 6, 10)
EXTRAS = ("sure", "border", "color_jitter", "cutout", "mixup", "dropout", "head_epochs", "stage_epochs", "stage_decay", "constant_rate")


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    Attributes:
        epochs: passes over the training samples.
        batch_size: B.
        optimizer: `muon` (filters by Muon, the rest by SGD), `sgd` (Nesterov) or `adamw`.
        peak_lr: highest learning rate; for Muon, that of the filters.
        head_lr, bias_lr: rates of linear layers and of one-dimensional parameters, where the optimizer is not `adamw`.
        momentum: of SGD; Muon's own is `muon_momentum`.
        weight_decay: of AdamW, and of SGD's filters and head (coupled).
        warmup: share of the steps in which the rate rises from 0 to the peak; it falls to 0 linearly after that.
        label_smoothing: share of the target spread over all classes.
        shift: largest random shift in pixels; mirror: whether images are mirrored at random.
        views: predictions are averaged over `1` view, `2` (mirrored too), `6` (each also shifted by a pixel two ways), `5` (the
            centre and the four corner crops of the image padded by `shift`, or by a pixel), or `10` (those, mirrored too).
        sure: an image of whose class its plain view is so sure is judged by that view alone; 1 = every image by all views.
        border: what a shifted image shows beyond its edge: `reflect`, its mirror image, or `zeros`, black.
        color_jitter: deviation of the noise along the principal axes of the training pixels; 0.1 in AlexNet.
        cutout: side in pixels of a square that is blanked at a random place; 16 suits CIFAR-10.
        mixup: alpha of Beta(alpha, alpha), the share in which two images are blended; 1 is uniform.
        dropout: share of the last feature maps that is dropped.
        head_epochs: epochs in which only the head learns.
        stage_epochs: epochs from one stage that joins in to the next below it; 0 = all at once after `head_epochs`.
        stage_decay: rate of a stage as a share of that of the part above it.
        constant_rate: the learning rate stays at its peak from the first step to the last: no warm-up, no fall.

    All from `sure` on are off by default: see `curate.judge.training.augment`, and for the last three `curate.judge.training.fit`.
    """

    epochs: int
    batch_size: int = 500
    optimizer: str = "adamw"
    peak_lr: float = 0.01
    head_lr: float = 0.5
    bias_lr: float = 0.05
    momentum: float = 0.85
    muon_momentum: float = 0.6
    weight_decay: float = 0.01
    warmup: float = 0.2
    label_smoothing: float = 0.0
    shift: int = 0
    mirror: bool = False
    views: int = 1
    sure: float = 1.0
    border: str = "reflect"
    color_jitter: float = 0.0
    cutout: int = 0
    mixup: float = 0.0
    dropout: float = 0.0
    head_epochs: int = 0
    stage_epochs: int = 0
    stage_decay: float = 1.0
    constant_rate: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise UsageError(f"a recipe needs at least 1 epoch and a batch of 1, found {self.epochs} and {self.batch_size}")
        for kind, name, known in (("optimizer", self.optimizer, OPTIMIZERS), ("border", self.border, BORDERS)):
            if name not in known:
                raise UnknownNameError.of(kind, name, known)
        if self.views not in VIEWS:
            raise UsageError(f"views must be {', '.join(map(str, VIEWS[:-1]))} or {VIEWS[-1]}, found {self.views}")
        if not 0 <= self.sure <= 1:
            raise UsageError(f"sure must be a probability in 0..1, found {self.sure}")
        for extra in ("color_jitter", "cutout", "mixup"):
            if not getattr(self, extra) >= 0:
                raise UsageError(f"{extra} must be 0 (off) or more, found {getattr(self, extra)}")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout must be 0 (off) or more and less than 1, found {self.dropout}")
        if self.head_epochs < 0 or self.stage_epochs < 0 or not 0 < self.stage_decay <= 1:
            raise UsageError(
                "head_epochs and stage_epochs must be 0 or more and stage_decay more than 0 and at most 1, "
                f"found {self.head_epochs}, {self.stage_epochs} and {self.stage_decay}"
            )
        if (self.head_epochs or self.stage_epochs or self.stage_decay < 1) and self.optimizer != "adamw":
            raise UsageError(f"head_epochs, stage_epochs and stage_decay need optimizer adamw, found {self.optimizer}")

    def to_json(self) -> dict:
        """What `Recipe(**...)` takes; extras that are off are left out, so that runs from before there were any go on."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in EXTRAS or getattr(self, f.name) != f.default}


PRESETS = ("quick", "default", "best")


@dataclass(frozen=True)
class Preset:
    """A recipe with the number of folds and repeats that go with it."""

    recipe: Recipe
    num_folds: int
    num_repeats: int


FEWEST_BATCH = 32
STEPS = {"quick": 150, "default": 600, "best": 1200}
"""Optimizer steps by preset that a net gets whatever the number of images: CIFAR-10, for which the recipes were chosen, has 640."""


def least_steps(recipe: "Recipe", num_samples: int, num_steps: int) -> "Recipe":
    """The recipe with enough epochs, and batches that are small enough, for `num_steps` optimizer steps on `num_samples` images.

    Few images get fewer: no image is seen more than 60 times for that. The rates fall with the root of the batch.
    """
    size = max(min(recipe.batch_size, num_samples // 40), min(recipe.batch_size, FEWEST_BATCH))
    steps_an_epoch = -(-num_samples // size)
    epochs = max(recipe.epochs, min(-(-num_steps // steps_an_epoch), 60))
    if size == recipe.batch_size and epochs == recipe.epochs:
        return recipe
    slower = (size / recipe.batch_size) ** 0.5
    rates = {name: getattr(recipe, name) * slower for name in ("peak_lr", "head_lr", "bias_lr")}
    return replace(recipe, batch_size=size, epochs=epochs, **rates)


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
COURSE = Recipe(epochs=10, batch_size=128, optimizer="adamw", peak_lr=0.001, weight_decay=0.01, constant_rate=True)
"""What the courses' slides train by: AdamW as torch has it, at a constant 0.001, for 10 epochs, images as they are."""
RECIPES = {"course": COURSE}
"""Recipes by name, for any net, in place of the preset's own."""
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
