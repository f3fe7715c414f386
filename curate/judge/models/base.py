"""What every architecture is: ConvNet, and the layers that several of them are built from."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


def conv_block(in_channels: int, out_channels: int, *, pool: bool = False) -> nn.Sequential:
    """3x3 convolution that keeps the size, batch norm, ReLU, and 2x2 max pooling where `pool`.

    The convolution has no bias because batch norm brings one. Pooling comes before batch norm and ReLU: the result
    is the same kind of function (ReLU commutes with the maximum) at a quarter of their cost.
    """
    convolution = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    return nn.Sequential(convolution, *([nn.MaxPool2d(2)] if pool else []), nn.BatchNorm2d(out_channels), nn.ReLU())


class GlobalPooling(nn.Module):
    """Mean and maximum of each activation map, concatenated: (B, C, h, w) -> (B, 2C) float32.

    The first C columns are the means, the last C the maxima. It has no parameters and takes maps of any size. It
    computes in float32 even under autocast, because embeddings are compared by small differences.
    """

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps.flatten(2).float()  # (B, C, h * w)
        return torch.cat([maps.mean(2), maps.amax(2)], dim=1)  # (B, 2C)


class Dropout(nn.Dropout):
    """`torch.nn.Dropout`, whose draws come from `generator` where there is one, and are the same for the same seed either way.

    Attributes:
        generator: on the device of the input; None = torch's global generator.
    """

    generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.generator is None or not self.training or self.p == 0:
            return super().forward(x)
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept.div_(1 - self.p)


class ConvNet(nn.Module, ABC):
    """A classifier made of a convolutional part, `forward_maps`, and a head, `forward_head`.

        x (B, C, H, W) ── forward_maps ──► maps (B, M, h, w) ─┬─ forward_head ──► logits (B, K)
                                                              └─ pooling ───────► features (B, D), D = 2M

    Input is float and already normalised. The head takes the maps, not the features, so that heads that flatten have
    pooled features too. Who wants logits and features of one batch calls `forward_maps` once and both on the result.

    Attributes:
        name: the name that `make_model` made it by; None where it was built otherwise.
        num_classes: K.
        in_channels: C.
        image_size: (H, W).
        num_features: D.
        pooling: the GlobalPooling that `forward_features` applies.
        stages: the convolutional part in forward order: for each stage the names of its modules or parameters. What is in none
            of them is the head.
        draws_globally: whether training may draw from torch's global generators (dropout other than `curate.judge.models.base`, say);
            folds of nets that do not can train in threads of one process.
        is_tiny: whether a training step is so short on a CPU that threads would wait for Python's lock; such folds get processes.
        num_frozen: how many stages, from the first on, learn nothing: see `freeze`.
        input_statistics: mean and deviation per channel, of pixels in [0, 1], that the weights are used to being normalised by;
            None where they come from the training images.
        loaded: names of the tensors that came from other weights, by `load_pretrained`.
    """

    name: str | None = None
    stages: tuple[tuple[str, ...], ...] = ()
    draws_globally: bool = True
    is_tiny: bool = False
    num_frozen: int = 0
    input_statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    loaded: frozenset[str] = frozenset()
    _learning: frozenset[str] | None = None

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int], num_maps: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.image_size = image_size
        self.num_features = 2 * num_maps
        self.pooling = GlobalPooling()

    @abstractmethod
    def forward_maps(self, x: Tensor) -> Tensor:
        """The last convolutional feature maps, (B, M, h, w)."""

    @abstractmethod
    def forward_head(self, maps: Tensor) -> Tensor:
        """Logits (B, K) from maps (B, M, h, w)."""

    def quick_maps(self, x: Tensor) -> Tensor:
        """What `forward_maps` gives, up to the rounding of bfloat16, by what is quickest on a CPU; hooks of layers may not be called."""
        return self.forward_maps(x)

    def init_from_images(self, images: Tensor) -> None:
        """Called once before training with some training images, float (B, C, H, W), normalised."""

    def forward_features(self, x: Tensor) -> Tensor:
        """Embeddings from global pooling, (B, D) float32."""
        return self.pooling(self.forward_maps(x))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (B, K)."""
        return self.forward_head(self.forward_maps(x))

    @property
    def output_layer(self) -> str:
        """The name of the layer that gives the logits: the last one that has parameters."""
        return list(dict(self.named_parameters()))[-1].rpartition(".")[0]

    def stage_of(self, name: str) -> int:
        """The index of the stage that the parameter `name` belongs to; the number of stages where it belongs to the head."""
        for number, stage in enumerate(self.stages):
            if any(name == part or name.startswith(f"{part}.") for part in stage):
                return number
        return len(self.stages)

    def freeze(self, num_stages: int) -> None:
        """Keeps the first `num_stages` stages as they are, and lets all above learn what they could before the first call.

        Frozen stages get no gradients; their batch-norm statistics stay, and their dropout is off, in training mode too.
        """
        if self._learning is None:
            self._learning = frozenset(name for name, parameter in self.named_parameters() if parameter.requires_grad)
        self.num_frozen = num_stages
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name in self._learning and self.stage_of(name) >= num_stages)
        self.train(self.training)

    def train(self, mode: bool = True) -> "ConvNet":
        super().train(mode)
        modules = dict(self.named_modules())
        for part in (part for stage in self.stages[: self.num_frozen] for part in stage if part in modules):
            modules[part].eval()
        return self
