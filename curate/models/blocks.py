"""The convolution block that the batch-normalised nets are built from."""

from torch import nn


def conv_block(in_channels: int, out_channels: int, *, pool: bool = False) -> nn.Sequential:
    """3x3 convolution that keeps the size, batch norm, ReLU, and 2x2 max pooling where `pool`.

    The convolution has no bias because batch norm brings one. Pooling comes before batch norm and ReLU: the result
    is the same kind of function (ReLU commutes with the maximum) at a quarter of their cost.
    """
    convolution = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    return nn.Sequential(convolution, *([nn.MaxPool2d(2)] if pool else []), nn.BatchNorm2d(out_channels), nn.ReLU())
