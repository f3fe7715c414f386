"""Small nets for small pictures: the MNIST and CIFAR CNNs of the courses, and a residual net of nine layers.

Source: the shape of David Page's ResNet-9 (How to Train Your ResNet, 2018), at half its widths and with global pooling.
"""

from torch import Tensor, nn

from curate.judge.models.base import ConvNet, Dropout, conv_block

MNIST_SMALLEST_SIZE = 8
MNIST_WIDTHS = (16, 32, 64)
MNIST_STAGES = (("body.0",), ("body.1",), ("body.2",))


def mnist_body(in_channels: int, widths: tuple[int, int, int]) -> nn.Sequential:
    """Three convolution blocks, each of which halves the sides: (B, C, H, W) -> (B, M, H // 8, W // 8)."""
    first, second, last = widths
    return nn.Sequential(
        conv_block(in_channels, first, pool=True),
        conv_block(first, second, pool=True),
        conv_block(second, last, pool=True),
    )


class MnistCNN(ConvNet):
    """Three convolution blocks, then flatten, a hidden layer with dropout, and the output layer."""

    stages = MNIST_STAGES
    draws_globally = False

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        widths: tuple[int, int, int] = MNIST_WIDTHS,
        num_hidden: int = 128,
        dropout: float = 0.25,
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=widths[-1])
        self.body = mnist_body(in_channels, widths)
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

    stages = MNIST_STAGES
    draws_globally = False

    def __init__(
        self, *, num_classes: int, in_channels: int, image_size: tuple[int, int], widths: tuple[int, int, int] = MNIST_WIDTHS
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=widths[-1])
        self.body = mnist_body(in_channels, widths)
        self.classifier = nn.Conv2d(widths[-1], num_classes, 1)
        self.mean = nn.AdaptiveAvgPool2d(1)

    def forward_maps(self, x: Tensor) -> Tensor:
        return self.body(x)

    def forward_head(self, maps: Tensor) -> Tensor:
        return self.mean(self.classifier(maps)).flatten(1)  # (B, K)


CIFAR_SMALLEST_SIZE = 8
CIFAR_WIDTHS = (32, 64, 128)
CIFAR_STAGES = (("body.0", "body.1"), ("body.2", "body.3"), ("body.4", "body.5"))


def cifar_body(in_channels: int, widths: tuple[int, int, int]) -> nn.Sequential:
    """Three pairs of convolution blocks, each of which halves the sides: (B, C, H, W) -> (B, M, H // 8, W // 8)."""
    blocks = []
    for width in widths:
        blocks += [conv_block(in_channels, width), conv_block(width, width, pool=True)]
        in_channels = width
    return nn.Sequential(*blocks)


class CifarCNN(ConvNet):
    """Three pairs of convolutions, then flatten, a hidden layer with dropout, and the output layer."""

    stages = CIFAR_STAGES
    draws_globally = False

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        widths: tuple[int, int, int] = CIFAR_WIDTHS,
        num_hidden: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=widths[-1])
        self.body = cifar_body(in_channels, widths)
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

    stages = CIFAR_STAGES
    draws_globally = False

    def __init__(
        self, *, num_classes: int, in_channels: int, image_size: tuple[int, int], widths: tuple[int, int, int] = CIFAR_WIDTHS
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=widths[-1])
        self.body = cifar_body(in_channels, widths)
        self.classifier = nn.Linear(self.num_features, num_classes)

    def forward_maps(self, x: Tensor) -> Tensor:
        return self.body(x)

    def forward_head(self, maps: Tensor) -> Tensor:
        return self.classifier(self.pooling(maps))


RESNET_SMALLEST_SIZE = 8
RESNET_WIDTHS = (32, 64, 128, 256)


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
        self, *, num_classes: int, in_channels: int, image_size: tuple[int, int], widths: tuple[int, int, int, int] = RESNET_WIDTHS
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
