"""MobileNet v1 and ShuffleNet v1: the first nets made for telephones, after their papers; torchvision has only their successors.

Sources: Howard et al., MobileNets, arXiv:1704.04861; Zhang et al., ShuffleNet, arXiv:1707.01083.
"""

import torch
from torch import Tensor, nn

MOBILE_WIDTHS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""Table 1: width and stride of each depthwise separable convolution."""
SHUFFLE_STAGES = ((240, 4), (480, 8), (960, 4))
"""Table 1, three groups: width and units of each stage."""


def _conv(in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, groups: int = 1, relu: bool = True) -> nn.Sequential:
    """A convolution without bias, batch norm, and ReLU where `relu`."""
    convolution = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), *([nn.ReLU(inplace=True)] if relu else []))


class MobileNetV1(nn.Module):
    """A convolution, then 13 times: one 3x3 filter for each map (depthwise), and a 1x1 convolution that mixes them (pointwise)."""

    def __init__(self, *, num_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv(3, 32, 3, stride=2)]
        in_channels = 32
        for width, stride in MOBILE_WIDTHS:
            layers.append(
                nn.Sequential(*_conv(in_channels, in_channels, 3, stride=stride, groups=in_channels), *_conv(in_channels, width, 1))
            )
            in_channels = width
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(in_channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.flatten(self.avgpool(self.features(x))))


class Shuffle(nn.Module):
    """Deals the channels of each group out to all groups: (B, C, H, W), the same numbers in another order."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)


class ShuffleUnit(nn.Module):
    """1x1 in groups, shuffle, 3x3 depthwise, 1x1 in groups; added to its input, or beside that, pooled, where it halves the sides."""

    def __init__(self, in_channels: int, out_channels: int, *, groups: int, first_groups: int, stride: int) -> None:
        super().__init__()
        inner = out_channels // 4
        own = out_channels - in_channels if stride == 2 else out_channels
        self.branch = nn.Sequential(
            _conv(in_channels, inner, 1, groups=first_groups),
            Shuffle(groups),
            _conv(inner, inner, 3, stride=stride, groups=inner, relu=False),
            _conv(inner, own, 1, groups=groups, relu=False),
        )
        self.shortcut = nn.AvgPool2d(3, 2, 1) if stride == 2 else nn.Identity()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        beside, own = self.shortcut(x), self.branch(x)
        return torch.relu(torch.cat([beside, own], dim=1) if self.stride == 2 else beside + own)


class ShuffleNetV1(nn.Module):
    """ShuffleNet of width 1 with 3 groups, its 1x1 convolutions in groups, between which the channels are shuffled."""

    def __init__(self, *, num_classes: int, groups: int = 3) -> None:
        super().__init__()
        self.conv1 = _conv(3, 24, 3, stride=2)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        in_channels = 24
        for number, (width, units) in enumerate(SHUFFLE_STAGES, 2):
            stage = []
            for unit in range(units):
                first = 1 if number == 2 and unit == 0 else groups  # few channels go in: not in groups
                stage.append(ShuffleUnit(in_channels, width, groups=groups, first_groups=first, stride=2 if unit == 0 else 1))
                in_channels = width
            self.add_module(f"stage{number}", nn.Sequential(*stage))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(in_channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))
        for number in (2, 3, 4):
            x = self.get_submodule(f"stage{number}")(x)
        return self.fc(self.flatten(self.avgpool(x)))
