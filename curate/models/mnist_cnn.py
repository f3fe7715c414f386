"""The MNIST CNNs: one body, with a fully connected head (`mnist-cnn`) or a fully convolutional one (`mnist-fcn`)."""

from torch import Tensor, nn

from curate.models.base import ConvNet
from curate.models.blocks import conv_block
from curate.models.dropout import Dropout

SMALLEST_SIZE = 8
WIDTHS = (16, 32, 64)
STAGES = (("body.0",), ("body.1",), ("body.2",))


def body(in_channels: int, widths: tuple[int, int, int]) -> nn.Sequential:
    """Three convolution blocks, each of which halves the sides: (B, C, H, W) -> (B, M, H // 8, W // 8)."""
    first, second, last = widths
    return nn.Sequential(
        conv_block(in_channels, first, pool=True),
        conv_block(first, second, pool=True),
        conv_block(second, last, pool=True),
    )


class MnistCNN(ConvNet):
    """Three convolution blocks, then flatten, a hidden layer with dropout, and the output layer."""

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
        dropout: float = 0.25,
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


class MnistFCN(ConvNet):
    """Convolutions only: a 1x1 convolution gives one score map per class, adaptive pooling its mean.

    Trained at one image size, it runs at any other.
    """

    stages = STAGES
    draws_globally = False

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int], widths: tuple[int, int, int] = WIDTHS) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=widths[-1])
        self.body = body(in_channels, widths)
        self.classifier = nn.Conv2d(widths[-1], num_classes, 1)
        self.mean = nn.AdaptiveAvgPool2d(1)

    def forward_maps(self, x: Tensor) -> Tensor:
        return self.body(x)

    def forward_head(self, maps: Tensor) -> Tensor:
        return self.mean(self.classifier(maps)).flatten(1)  # (B, K)
