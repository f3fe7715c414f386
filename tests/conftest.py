"""Made-up pictures for all tests, and a net that writes down what it saw."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image
from torch import nn

from curate.data.image_set import ImageSet
from curate.judge.models.base import ConvNet
from curate.judge.training.device import Device

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # no test depends on its speed
settings.load_profile("any machine")


def pytest_collection_modifyitems(items):
    """Files with slow tests come first: of two processes with a file each, none is then left with a long one while the other waits."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def cpu() -> Device:
    """The CPU in float32, where results repeat bit by bit."""
    return Device("cpu", "CPU", "float32", 1)


@pytest.fixture
def one_thread():
    """torch on one thread: tests share the machine, and results do not depend on how many cores it has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def make_shapes():
    return draw_shapes


def draw_shapes(num: int = 90, *, size: int = 16, channels: int = 1, num_test: int = 0, seed: int = 0) -> ImageSet:
    """Bars across, bars down and discs at random places on noise, in turn; the last `num_test` are the test split."""
    generator = np.random.default_rng(seed)
    labels = np.arange(num) % 3
    images = generator.integers(0, 60, (num, channels, size, size))
    y, x = np.mgrid[:size, :size]
    for image, label in zip(images, labels, strict=True):
        v, u = generator.integers(4, size - 4, 2)
        image[:, (abs(y - v) < 2, abs(x - u) < 2, (y - v) ** 2 + (x - u) ** 2 < 12)[label]] = 220
    splits = np.array(["train"] * (num - num_test) + ["test"] * num_test)
    counts = {"train": iter(range(num)), "test": iter(range(num))}
    sample_ids = np.array([f"shapes/{split}/{next(counts[split])}" for split in splits.tolist()])
    return ImageSet("shapes", images.astype(np.uint8), labels, sample_ids, splits, ("across", "down", "disc"))


@pytest.fixture(scope="session")
def write_shapes():
    """Writes an ImageSet as an image folder: `<split>/<class>/<number>.png`."""

    def write(image_set: ImageSet, folder):
        for i, (image, label, split) in enumerate(zip(image_set.images, image_set.labels, image_set.splits, strict=True)):
            file = folder / split / image_set.class_names[label] / f"{i:04}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[0]).save(file)
        return folder

    return write


BASE = 250


def coded_images(codes: np.ndarray) -> np.ndarray:
    """(N, 2, 12, 12) uint8 that carry their code < 62,500 so that no shift, mirroring or normalisation hides it.

    Each channel is a black, a grey and a white band; the two greys are the digits of the code, counted from 1.
    """
    digits = np.stack([codes % BASE, codes // BASE], axis=1)[:, :, None, None] + 1  # (N, 2, 1, 1)
    bands = [np.broadcast_to(value, (len(codes), 2, 4, 12)) for value in (0, digits, 255)]
    return np.concatenate(bands, axis=2).astype(np.uint8)


def decoded(x: torch.Tensor) -> set[int]:
    """The codes of augmented, normalised coded images."""
    flat = x.detach().flatten(2)  # (B, 2, 144)
    low, high = flat.amin(dim=2, keepdim=True), flat.amax(dim=2, keepdim=True)
    pixels = ((flat - low) / (high - low) * 255).round().long()
    is_grey = (pixels > 0) & (pixels < 255)
    digits = (pixels * is_grey).amax(dim=2) - 1  # (B, 2)
    assert bool((is_grey.sum(dim=2) > 0).all())
    return set((digits[:, 0] + BASE * digits[:, 1]).tolist())


class RecordingNet(ConvNet):
    """Writes down the codes it is trained on, and answers with its own number, so that probabilities tell who judged."""

    name = "lenet5"  # some name, so that its weights can be written

    def __init__(self, number: int, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, in_channels=2, image_size=(12, 12), num_maps=1)
        self.number = number
        self.unused = nn.Linear(1, num_classes)
        self.trained_on: set[int] = set()

    def init_from_images(self, images):
        self.trained_on |= decoded(images)

    def forward_maps(self, x):
        if self.training or torch.is_grad_enabled():
            self.trained_on |= decoded(x)
        return x[:, :1]

    def forward_head(self, maps):
        answer = torch.zeros(len(maps), self.num_classes)
        answer[:, self.number] = 30
        return answer + 0 * self.unused(maps.mean(dim=(2, 3)))


@pytest.fixture
def recorder():
    return Recorder()


class Recorder:
    """Makes recording nets, numbered in the order in which they are made, and keeps them."""

    coded_images = staticmethod(coded_images)

    def __init__(self) -> None:
        self.nets: list[RecordingNet] = []

    def factory(self, num_classes: int):
        def make(seed: int) -> RecordingNet:
            self.nets.append(RecordingNet(len(self.nets), num_classes))
            return self.nets[-1]

        return make

    def judges(self, pred_probs: np.ndarray) -> list[list[RecordingNet]]:
        """For each sample, the nets whose answers are in its probabilities."""
        return [[self.nets[k] for k in np.flatnonzero(row > 0.01)] for row in pred_probs]
