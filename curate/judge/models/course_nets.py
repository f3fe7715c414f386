"""The nets of the courses' slides, number for number: two for MNIST, two for CIFAR-10.

They are here to be counted, drawn and trained as on the slides. The nets that curate trains by default, `mnist-cnn` and `cifar-cnn`,
have batch norm and other widths.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from curate.judge.models.base import ConvNet

SMALLEST_SIZE = 8
STAGES = (("conv1",), ("conv2",))


class CourseMnist(ConvNet):
    """32 and 64 maps of 3x3, each halved by max pooling, then 3,136 -> 128 -> 10: 421,642 parameters for MNIST."""

    stages = STAGES
    draws_globally = False

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=64)
        self.conv1 = nn.Conv2d(in_channels, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(64 * (image_size[0] // 4) * (image_size[1] // 4), 128)
        self.fc2 = nn.Linear(128, num_classes)

    def forward_maps(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (B, 32, 14, 14)
        return F.max_pool2d(F.relu(self.conv2(x)), 2)  # (B, 64, 7, 7)

    def forward_head(self, maps: Tensor) -> Tensor:
        return self.fc2(F.relu(self.fc1(maps.flatten(1))))


class CourseMnistFCN(ConvNet):
    """The same without fully connected layers: 128 maps more, adaptive max pooling to one pixel, a 1x1 convolution: 93,962."""

    stages = (*STAGES, ("conv3",))
    draws_globally = False

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=128)
        self.conv1 = nn.Conv2d(in_channels, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1)
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.classifier = nn.Conv2d(128, num_classes, 1)

    def forward_maps(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (B, 32, 14, 14)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (B, 64, 7, 7)
        return F.relu(self.conv3(x))  # (B, 128, 7, 7)

    def forward_head(self, maps: Tensor) -> Tensor:
        return self.classifier(self.pool(maps)).flatten(1)  # (B, K)


class _CourseCifar(ConvNet):
    """16 and 32 maps of 5x5, each halved by max pooling, then a head of 120, 84 and 10."""

    stages = STAGES
    draws_globally = False

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int], num_inputs: int) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=32)
        self.conv1 = nn.Conv2d(in_channels, 16, 5, padding=2)
        self.conv2 = nn.Conv2d(16, 32, 5, padding=2)
        self.fc1 = nn.Linear(num_inputs, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward_maps(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (B, 16, 16, 16)
        return F.max_pool2d(F.relu(self.conv2(x)), 2)  # (B, 32, 8, 8)

    def _classified(self, x: Tensor) -> Tensor:
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class CourseCifar(_CourseCifar):
    """Maps are flattened, 2,048 numbers: 270,942 parameters for CIFAR-10."""

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int]) -> None:
        flat = 32 * (image_size[0] // 4) * (image_size[1] // 4)
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_inputs=flat)

    def forward_head(self, maps: Tensor) -> Tensor:
        return self._classified(maps.flatten(1))


class CourseCifarGlobal(_CourseCifar):
    """Mean and maximum of each map, 64 numbers, in place of flattening: 32,862 parameters, and images of any size."""

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_inputs=64)

    def forward_head(self, maps: Tensor) -> Tensor:
        return self._classified(self.pooling(maps))
