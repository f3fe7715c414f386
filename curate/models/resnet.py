"""`resnet-small`: a residual net of nine layers, small enough for a CPU.

Source: the shape of David Page's ResNet-9 (How to Train Your ResNet, 2018), at half its widths and with global pooling.
"""

from torch import Tensor, nn

from curate.models.base import ConvNet
from curate.models.blocks import conv_block

SMALLEST_SIZE = 8
WIDTHS = (32, 64, 128, 256)


class Residual(nn.Module):
    """x + two convolution blocks of x, at the same width and size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(conv_block(channels, channels), conv_block(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class ResNetSmall(ConvNet):
    """One convolution, three that halve the sides, the first and last of them followed by a residual block."""

    stages = (("body.0",), ("body.1", "body.2"), ("body.3",), ("body.4", "body.5"))
    draws_globally = False

    def __init__(
        self, *, num_classes: int, in_channels: int, image_size: tuple[int, int], widths: tuple[int, int, int, int] = WIDTHS
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=widths[-1])
        stem, first, second, last = widths
        self.body = nn.Sequential(
            conv_block(in_channels, stem),
            conv_block(stem, first, pool=True),
            Residual(first),
            conv_block(first, second, pool=True),
            conv_block(second, last, pool=True),
            Residual(last),
        )
        self.classifier = nn.Linear(self.num_features, num_classes)

    def forward_maps(self, x: Tensor) -> Tensor:
        return self.body(x)

    def forward_head(self, maps: Tensor) -> Tensor:
        return self.classifier(self.pooling(maps))
