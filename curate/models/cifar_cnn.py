"""The CIFAR CNNs: one body, with a head that flattens (`cifar-cnn`) or pools globally (`cifar-cnn-gap`)."""

from torch import Tensor, nn

from curate.models.base import ConvNet
from curate.models.blocks import conv_block
from curate.models.dropout import Dropout

SMALLEST_SIZE = 8
WIDTHS = (32, 64, 128)
STAGES = (("body.0", "body.1"), ("body.2", "body.3"), ("body.4", "body.5"))


def body(in_channels: int, widths: tuple[int, int, int]) -> nn.Sequential:
    """Three pairs of convolution blocks, each of which halves the sides: (B, C, H, W) -> (B, M, H // 8, W // 8)."""
    blocks = []
    for width in widths:
        blocks += [conv_block(in_channels, width), conv_block(width, width, pool=True)]
        in_channels = width
    return nn.Sequential(*blocks)


class CifarCNN(ConvNet):
    """Three pairs of convolutions, then flatten, a hidden layer with dropout, and the output layer."""

    stages = STAGES
    draws_globally = False

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        widths: tuple[int, int, int] = WIDTHS,
        num_hidden: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=widths[-1])
        self.body = body(in_channels, widths)
        area = (image_size[0] // 8) * (image_size[1] // 8)
        self.head = nn.Sequential(
            nn.Flatten(),  # (B, M * h * w)
            nn.Linear(widths[-1] * area, num_hidden),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(num_hidden, num_classes),
        )

    def forward_maps(self, x: Tensor) -> Tensor:
        return self.body(x)

    def forward_head(self, maps: Tensor) -> Tensor:
        return self.head(maps)


class CifarCNNWithGlobalPooling(ConvNet):
    """The same convolutions; the head is one linear layer on mean and maximum of each map, so any size goes in."""

    stages = STAGES
    draws_globally = False

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int], widths: tuple[int, int, int] = WIDTHS) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=widths[-1])
        self.body = body(in_channels, widths)
        self.classifier = nn.Linear(self.num_features, num_classes)

    def forward_maps(self, x: Tensor) -> Tensor:
        return self.body(x)

    def forward_head(self, maps: Tensor) -> Tensor:
        return self.classifier(self.pooling(maps))
