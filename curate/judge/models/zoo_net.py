"""ZooNet: a published net as a ConvNet, adapted to class count, channels and small images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from curate.judge.models.base import ConvNet

SMALL_SIDE = 96
"""Images whose shorter side has fewer pixels get the adaptation to small images."""

RGB = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and deviation of ImageNet's channels, by which torchvision normalises."""

ADDED: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "avgpool": lambda: nn.AdaptiveAvgPool2d(1), "flatten": lambda: nn.Flatten(1)}
"""Steps that the published code writes as functions; as modules they can be named, and hooks can be put on them."""


@dataclass(frozen=True)
class ZooSpec:
    """One published net.

    Attributes:
        description: what it is, in a line.
        published: its name in torchvision, or in timm where `package` says so.
        stages: modules of the convolutional part in forward order, by stage; they end in maps (B, M, h, w).
        head: modules from there to the logits, in forward order.
        num_maps: M.
        smallest_size: the smallest side that it takes.
        lifted: convolutions and poolings of the stem that lose their stride on small images.
        has_hidden_head: whether the head has fully connected hidden layers, which small images go without.
        options: keywords of the factory.
        package: `torchvision`, `timm`, or `curate` where it is written here.
        input_statistics: mean and deviation that the ImageNet weights were trained with.
        parameters: learned numbers of the published net with 1,000 classes; 0 where no exact number was published.
        own_input: (C, H, W) of the images of ImageNet that it was made for.
        note: what the published net has and this one has not, with the number of its parameters; '' where they are the same.
    """

    description: str
    published: str
    stages: tuple[tuple[str, ...], ...]
    head: tuple[str, ...]
    num_maps: int
    smallest_size: int
    lifted: tuple[str, ...] = ()
    has_hidden_head: bool = False
    options: Mapping[str, bool] = field(default_factory=dict)
    package: str = "torchvision"
    input_statistics: tuple[tuple[float, ...], tuple[float, ...]] = RGB
    parameters: int = 0
    own_input: tuple[int, int, int] = (3, 224, 224)
    note: str = ""


class ZooNet(ConvNet):
    """The net of a ZooSpec; its modules and tensors have the names of the published one.

    What is adapted:
      - the last layer gives K logits; auxiliary classifiers (GoogLeNet, Inception) are left out;
      - the first convolution takes C channels;
      - where the shorter side has under SMALL_SIDE pixels, the stem keeps its kernels but not its strides (`spec.lifted`: stride 1,
        no pooling), as in the CIFAR forms of these nets, so that 32 x 32 ends in maps of about 4 x 4 instead of 1 x 1. All
        ImageNet weights still fit. Nets with hidden layers in the head (AlexNet, VGG) get global mean and one linear layer in
        their place, which would else see the same few pixels many times over.
    """

    def __init__(self, spec: ZooSpec, published: nn.Module, *, num_classes: int, in_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=spec.num_maps)
        self.stages, self.head_modules = spec.stages, spec.head
        wanted = {name.partition(".")[0] for part in (*spec.stages, spec.head) for name in part}
        for name, module in published.named_children():
            if name in wanted:
                self.add_module(name, module)
        for name, make in ADDED.items():
            if name in wanted and not hasattr(self, name):
                self.add_module(name, make())
        if in_channels != 3:
            take_channels(self, in_channels)
        if is_small(image_size):
            for name in spec.lifted:
                lift_stride(self, name)
            if spec.has_hidden_head:
                self.avgpool, self.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(spec.num_maps, num_classes)

    def forward_maps(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            for name in stage:
                x = self.get_submodule(name)(x)
        return x

    def forward_head(self, maps: Tensor) -> Tensor:
        for name in self.head_modules:
            maps = self.get_submodule(name)(maps)
        return maps


class VisionTransformerNet(ZooNet):
    """ViT-B with 16 x 16 patches, or 4 x 4 on small images.

    Maps are the outputs of the patches, (B, 768, h, w), and the head is a linear layer on their mean, not on the class token,
    so that embeddings and explanations have places. The class token stays in the sequence. Images of other sizes than multiples of
    the patch are padded with zeros at the right and at the bottom.

    Source: Dosovitskiy et al. 2021, arXiv:2010.11929; the mean for the token: Beyer et al. 2022, arXiv:2205.01580.
    """

    class_token: nn.Parameter
    conv_proj: nn.Conv2d
    encoder: Any
    heads: Any

    def __init__(self, spec: ZooSpec, published: nn.Module, *, num_classes: int, in_channels: int, image_size: tuple[int, int]) -> None:
        super().__init__(spec, published, num_classes=num_classes, in_channels=in_channels, image_size=image_size)
        self.patch = 4 if is_small(image_size) else 16
        self.register_parameter("class_token", published.get_parameter("class_token"))
        if self.patch != 16:
            self.conv_proj = nn.Conv2d(in_channels, spec.num_maps, self.patch, self.patch)
            nn.init.normal_(self.conv_proj.weight, std=self.conv_proj.weight[0].numel() ** -0.5)
        nn.init.normal_(self.heads.head.weight, std=0.02)  # torchvision starts at 0, where the first step reaches nothing below
        height, width = self.grid
        self.encoder.pos_embedding = nn.Parameter(torch.empty(1, 1 + height * width, spec.num_maps).normal_(std=0.02))

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return -(-self.image_size[0] // self.patch), -(-self.image_size[1] // self.patch)

    def forward_maps(self, x: Tensor) -> Tensor:
        x = self.conv_proj(F.pad(x, (0, -x.shape[3] % self.patch, 0, -x.shape[2] % self.patch)))  # (B, D, h, w)
        height, width = x.shape[2:]
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], dim=1)  # (B, 1 + h * w, D)
        tokens = self.encoder(tokens)[:, 1:]
        return tokens.transpose(1, 2).unflatten(2, (height, width))  # (B, D, h, w)


def is_small(image_size: tuple[int, int]) -> bool:
    """Whether nets are adapted to small images at this size (H, W)."""
    return min(image_size) < SMALL_SIDE


def first_convolution(net: nn.Module) -> str:
    """The name of the convolution that sees the image."""
    return next(name for name, module in net.named_modules() if isinstance(module, nn.Conv2d))


def take_channels(net: nn.Module, in_channels: int) -> None:
    """Puts a first convolution of `in_channels` channels in place; its outputs have the same deviation as before."""
    name = first_convolution(net)
    old: Any = net.get_submodule(name)
    new = nn.Conv2d(in_channels, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None)
    with torch.no_grad():
        new.weight.normal_().mul_(old.weight.std() * (old.in_channels / in_channels) ** 0.5)
    new.bias = old.bias
    replace_module(net, name, new)


def lift_stride(net: nn.Module, name: str) -> None:
    """Takes the stride from the convolution `name`, or takes the pooling `name` away."""
    module = net.get_submodule(name)
    if isinstance(module, nn.Conv2d):
        module.stride = (1, 1)
    else:
        replace_module(net, name, nn.Identity())


def replace_module(net: nn.Module, name: str, new: nn.Module) -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(net.get_submodule(parent), leaf, new)
