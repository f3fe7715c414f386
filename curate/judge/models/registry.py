"""MODELS: every architecture by name. A further one is a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from curate.errors import DataError, UnknownNameError
from curate.judge.models import airbench, course_nets, lenet, small_nets
from curate.judge.models.base import ConvNet
from curate.judge.models.pretrained import load_pretrained
from curate.judge.models.zoo import ZOO, make_zoo_net
from curate.progress import Progress, silent


@dataclass(frozen=True)
class Architecture:
    """One entry: a factory with keywords num_classes, in_channels and image_size (H, W), and the smallest side it takes.

    Attributes:
        own_input: (C, H, W) of the images that the net was made for.
        own_classes: how many classes it was made for.
    """

    factory: Callable[..., ConvNet]
    description: str
    smallest_size: int
    own_input: tuple[int, int, int] = (3, 32, 32)
    own_classes: int = 10


DIGITS = (1, 28, 28)


MODELS: dict[str, Architecture] = {
    "lenet5": Architecture(lenet.LeNet5, "LeNet-5 in its modern form: ReLU and max pooling", lenet.SMALLEST_SIZE, DIGITS),
    "lenet5-1998": Architecture(lenet.LeNet5Of1998, "LeNet-5 in the shape of the 1998 paper", lenet.SMALLEST_SIZE, DIGITS),
    "mnist-cnn": Architecture(small_nets.MnistCNN, "three convolutions, fully connected head", small_nets.MNIST_SMALLEST_SIZE, DIGITS),
    "mnist-fcn": Architecture(small_nets.MnistFCN, "three convolutions, 1x1 convolution as head", small_nets.MNIST_SMALLEST_SIZE, DIGITS),
    "cifar-cnn": Architecture(small_nets.CifarCNN, "six convolutions, flatten, fully connected head", small_nets.CIFAR_SMALLEST_SIZE),
    "cifar-cnn-gap": Architecture(small_nets.CifarCNNWithGlobalPooling, "six convolutions, global pooling", small_nets.CIFAR_SMALLEST_SIZE),
    "resnet-small": Architecture(small_nets.ResNetSmall, "residual net of nine layers, global pooling", small_nets.RESNET_SMALLEST_SIZE),
    "airbench": Architecture(
        airbench.Airbench,
        "frozen whitening, three groups of two convolutions: the quickest to train on CIFAR",
        airbench.SMALLEST_SIZE,
    ),
    "course-mnist": Architecture(
        course_nets.CourseMnist, "the MNIST net of the slides: 32 and 64 maps, 3,136 to 128 to 10", course_nets.SMALLEST_SIZE, DIGITS
    ),
    "course-mnist-fcn": Architecture(
        course_nets.CourseMnistFCN,
        "its fully convolutional form: 128 maps, adaptive max pooling, 1x1 convolution",
        course_nets.SMALLEST_SIZE,
        DIGITS,
    ),
    "course-cifar": Architecture(
        course_nets.CourseCifar, "the CIFAR net of the slides: 16 and 32 maps of 5x5, flatten", course_nets.SMALLEST_SIZE
    ),
    "course-cifar-gap": Architecture(
        course_nets.CourseCifarGlobal, "the same with GlobalPooling, mean and maximum of each map", course_nets.SMALLEST_SIZE
    ),
    **{
        name: Architecture(partial(make_zoo_net, name), spec.description, spec.smallest_size, spec.own_input, 1000)
        for name, spec in ZOO.items()
    },
}


def model_names() -> tuple[str, ...]:
    """The names that `make_model` knows."""
    return tuple(MODELS)


def make_model(
    name: str,
    *,
    num_classes: int,
    in_channels: int,
    image_size: int | tuple[int, int],
    seed: int | None = None,
    pretrained: str | None = None,
    progress: Progress = silent,
) -> ConvNet:
    """A new net, in training mode, on the CPU.

    Args:
        name: one of `model_names()`.
        num_classes: K, the number of logits.
        in_channels: C.
        image_size: (H, W) in pixels; one number for square images.
        seed: makes the initial weights the same every time and leaves the global generator alone; None draws from
            the global generator, as torch does.
        pretrained: weights to start from, all but the output layer: see `load_pretrained`. None = all random.
        progress: of the download, where there is one.

    Raises:
        UnknownNameError: there is no architecture `name`.
        DataError: the images are too small for it, a number is less than 1, or the pretrained weights do not fit.
        DependencyError: it comes from a package that is not installed.
        FetchError: the pretrained weights are not there and cannot be downloaded.
    """
    if name not in MODELS:
        raise UnknownNameError.of("model", name, MODELS)
    if num_classes < 1 or in_channels < 1:
        raise DataError(f"a model needs at least 1 class and 1 channel; found {num_classes} classes and {in_channels} channels")
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    architecture = MODELS[name]
    smallest = architecture.smallest_size
    if min(height, width) < smallest:
        raise DataError(
            f"model '{name}' takes images from {smallest}x{smallest} pixels up, these have {height}x{width}; "
            "choose another --model or a larger --image-size"
        )
    shape = {"num_classes": num_classes, "in_channels": in_channels, "image_size": (height, width)}
    if seed is None:
        model = architecture.factory(**shape)
    else:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            model = architecture.factory(**shape)
    model.name = name
    if pretrained is not None:
        load_pretrained(model, pretrained, progress=progress)
    return model


@dataclass(frozen=True)
class ModelSpec:
    """Makes nets of one kind, a new one for each seed; travels to other processes."""

    name: str
    num_classes: int
    in_channels: int
    image_size: tuple[int, int]
    pretrained: str | None = None

    def __call__(self, seed: int, *, progress: Progress = silent) -> ConvNet:
        """A new net, as `make_model` makes it."""
        return make_model(
            self.name,
            num_classes=self.num_classes,
            in_channels=self.in_channels,
            image_size=self.image_size,
            seed=seed,
            pretrained=self.pretrained,
            progress=progress,
        )


def default_model(image_size: int | tuple[int, int], in_channels: int) -> str:
    """The name of the net that suits such images: small greyscale ones get `mnist-cnn`, all others `airbench`."""
    largest = image_size if isinstance(image_size, int) else max(image_size)
    return "mnist-cnn" if in_channels == 1 and largest <= 32 else "airbench"
