"""LeNet-5 in its modern form (`lenet5`) and in its original shape (`lenet5-1998`).

Source: LeCun, Bottou, Bengio & Haffner, Gradient-Based Learning Applied to Document Recognition, Proc. IEEE 86, 1998.
"""

from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from curate.judge.models.base import ConvNet
from curate.judge.models.pooled_products import Places, conv_relu_pool, to_phases

SMALLEST_SIZE = 12
MAPS = 16

# Table I of the paper: which maps of S2 feed each of the 16 maps of C3.
C3_INPUTS = (
    *((i, (i + 1) % 6, (i + 2) % 6) for i in range(6)),  # three neighbouring maps
    *((i, (i + 1) % 6, (i + 2) % 6, (i + 3) % 6) for i in range(6)),  # four neighbouring maps
    *((i, (i + 1) % 6, (i + 3) % 6, (i + 4) % 6) for i in range(3)),  # two pairs with a gap between them
    tuple(range(6)),
)


def padding_for(image_size: tuple[int, int]) -> tuple[int, int]:
    """2 where a side is under 32 pixels, so that 28 becomes the 32 that LeNet-5 was drawn for, else 0."""
    return (2 if image_size[0] < 32 else 0, 2 if image_size[1] < 32 else 0)


def map_area(image_size: tuple[int, int]) -> int:
    """h * w of the 16 maps after two rounds of 5x5 convolution and 2x2 pooling; 25 for 28x28 and 32x32."""
    sides = [((side + 2 * pad - 4) // 2 - 4) // 2 for side, pad in zip(image_size, padding_for(image_size), strict=True)]
    return sides[0] * sides[1]


class LeNet5(ConvNet):
    """LeNet-5 as it is trained today: ReLU, max pooling, every map connected; 61,706 parameters for MNIST."""

    stages = (("conv1",), ("conv2",))
    draws_globally = False
    is_tiny = True

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=MAPS)
        self.conv1 = nn.Conv2d(in_channels, 6, 5, padding=padding_for(image_size))
        self.conv2 = nn.Conv2d(6, MAPS, 5)
        self.fc1 = nn.Linear(MAPS * map_area(image_size), 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward_maps(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (B, 6, 14, 14)
        return F.max_pool2d(F.relu(self.conv2(x)), 2)  # (B, 16, 5, 5)

    @cached_property
    def places(self) -> tuple[Places, Places]:
        return Places(6, self.in_channels, 5, 4), Places(MAPS, 6, 5, 2)

    def quick_maps(self, x: Tensor) -> Tensor:
        padding = padding_for(self.image_size)
        if any((side + 2 * pad) % 4 for side, pad in zip(x.shape[2:], padding, strict=True)):
            return self.forward_maps(x)  # no whole number of 4x4 blocks
        first, second = self.places
        with torch.autocast("cpu", enabled=False):
            phases = to_phases(x, 4, padding, torch.bfloat16)  # (16 * C, 8, 8, B)
            phases = conv_relu_pool(phases, self.conv1.weight, self.conv1.bias, first)  # (4 * 6, 7, 7, B)
            maps = conv_relu_pool(phases, self.conv2.weight, self.conv2.bias, second)  # (16, 5, 5, B)
        return maps.permute(3, 0, 1, 2)  # (B, 16, 5, 5)

    def forward_head(self, maps: Tensor) -> Tensor:
        x = maps.flatten(1)  # (B, 400)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def squash(x: Tensor) -> Tensor:
    """The paper's scaled hyperbolic tangent, 1.7159 tanh(2x / 3): +-1 maps to +-1 (appendix A)."""
    return 1.7159 * torch.tanh(x * (2 / 3))


class Subsampling(nn.Module):
    """The mean of each 2x2 block, times one trainable coefficient, plus one trainable bias per map.

    The paper sums the four inputs where this takes their mean: the same function, its coefficient four times as large.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2) * self.coefficient + self.bias


class PartialConv2d(nn.Module):
    """A 5x5 convolution that has kernels only for the pairs (output map, input map) of `C3_INPUTS`."""

    places: Tensor

    def __init__(self) -> None:
        super().__init__()
        places = [6 * output + i for output, inputs in enumerate(C3_INPUTS) for i in inputs]
        self.register_buffer("places", torch.tensor(places), persistent=False)
        self.weight = nn.Parameter(torch.empty(len(places), 5, 5))  # 60 kernels
        self.bias = nn.Parameter(torch.empty(MAPS))

    def forward(self, x: Tensor) -> Tensor:
        kernels = self.weight.new_zeros(MAPS * 6, 5, 5).index_copy(0, self.places, self.weight)
        return F.conv2d(x, kernels.view(MAPS, 6, 5, 5), self.bias)


class LeNet5Of1998(ConvNet):
    """LeNet-5 in the shape of the paper: scaled tanh, trainable subsampling, the partial C3 of Table I.

    The paper's net has 60,000 trainable parameters (C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164) and an output
    layer of radial basis functions: squared distances of the 84 outputs of F6 to one fixed 7x12 bitmap per digit, with
    nothing to train. Bitmaps exist for ASCII only and the distances are no logits, so the output here is a trainable
    linear layer of 84 * K + K parameters: 60,850 in all for 10 classes. C5 is written as the linear layer that it is.
    """

    stages = (("c1", "s2"), ("c3", "s4"))
    draws_globally = False
    is_tiny = True

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=MAPS)
        self.c1 = nn.Conv2d(in_channels, 6, 5, padding=padding_for(image_size))
        self.s2 = Subsampling(6)
        self.c3 = PartialConv2d()
        self.s4 = Subsampling(MAPS)
        self.c5 = nn.Linear(MAPS * map_area(image_size), 120)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)
        self._initialise()

    def _initialise(self) -> None:
        """Uniform in +-2.4 / fan-in, as in appendix A; biases likewise."""
        for layer in (self.c1, self.c5, self.f6, self.output):
            bound = 2.4 / layer.weight[0].numel()
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound)
        with torch.no_grad():
            start = 0
            for output, inputs in enumerate(C3_INPUTS):
                bound = 2.4 / (25 * len(inputs))
                nn.init.uniform_(self.c3.weight[start : start + len(inputs)], -bound, bound)
                nn.init.uniform_(self.c3.bias[output : output + 1], -bound, bound)
                start += len(inputs)

    def forward_maps(self, x: Tensor) -> Tensor:
        x = squash(self.s2(squash(self.c1(x))))  # (B, 6, 14, 14)
        return squash(self.s4(squash(self.c3(x))))  # (B, 16, 5, 5)

    def forward_head(self, maps: Tensor) -> Tensor:
        x = maps.flatten(1)  # (B, 400)
        x = squash(self.c5(x))
        x = squash(self.f6(x))
        return self.output(x)
