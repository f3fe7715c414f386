"""What the tour is about: a run of LeNet-5, one of its images, and the net that never saw it."""

import shlex
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from curate.data.image_set import ImageSet
from curate.errors import DataError, RunError
from curate.judge.fold_nets import FoldNet, RunNets
from curate.lab.layers import one_thread
from curate.lab.tour.learning import Lesson, take_lesson
from curate.publish.report.evidence import Evidence, read_evidence
from curate.run import Run

MODEL = "lenet5"
NUM_IMAGES = 2000
"""Held-out images that measurements over many images take."""


@dataclass(frozen=True)
class Subject:
    """Everything that the sections are made from.

    Attributes:
        nets: of the run, with its images.
        evidence: what the run found.
        position: of the image in the dataset.
    """

    nets: RunNets
    evidence: Evidence
    position: int

    @property
    def image_set(self) -> ImageSet:
        return self.evidence.image_set

    @property
    def run(self) -> str:
        """What names the run in a command."""
        return self.evidence.run_name

    @property
    def sample_id(self) -> str:
        return str(self.image_set.sample_ids[self.position])

    @property
    def source(self) -> str:
        """What names the image in a command that knows no run: its id, or its file."""
        files = self.image_set.filepaths
        return self.sample_id if files is None else shlex.quote(str(files[self.position]))

    @property
    def image(self) -> NDArray[np.uint8]:
        """(H, W)."""
        return self.image_set.images[self.position, 0]

    @cached_property
    def judge(self) -> FoldNet:
        """The net that never saw the image."""
        return self.nets.judge(self.position)

    @cached_property
    def x(self) -> Tensor:
        """The image as the net takes it, (1, 1, H, W)."""
        return self.judge.normalised(self.image[None, None])

    @cached_property
    def lesson(self) -> Lesson | None:
        """A training on half of the classes, and what it brings to the other half."""
        with one_thread():
            return take_lesson(MODEL, self.image_set.images, self.image_set.labels, self.image_set.class_names)

    @cached_property
    def held_out(self) -> NDArray[np.int64]:
        """Positions of up to NUM_IMAGES labelled images, evenly spaced, that the judge never saw."""
        fold = self.nets.run.load_array("fold.npy")[0]
        found = np.flatnonzero((fold == self.judge.fold) & (self.image_set.labels >= 0))
        return found[np.linspace(0, len(found) - 1, min(NUM_IMAGES, len(found))).astype(int)]


def make_subject(run: Run, image_set: ImageSet, sample_id: str | None) -> Subject:
    """The run, checked, and the image `sample_id`, by default the first of the dataset.

    Raises:
        RunError: the run is not of LeNet-5, or `find` has not been run.
        DataError: the images are not grey, or there is no such sample.
    """
    model = run.meta["config"]["model"]
    if model != MODEL:
        raise RunError(
            f"the tour goes through a {MODEL}, and run '{run.name}' has a {model}; "
            f"make one with: curate train mnist --model {MODEL} --run mnist-{MODEL}"
        )
    check_grey(image_set)
    nets = RunNets(run, image_set)
    return Subject(nets, read_evidence(run, image_set), 0 if sample_id is None else nets.position(sample_id))


def check_grey(image_set: ImageSet) -> None:
    """Raises a DataError where the images have other than one channel."""
    channels = image_set.images.shape[1]
    if channels != 1:
        raise DataError(
            f"the tour shows one number for each pixel and takes grey images, those of '{image_set.name}' have {channels} channels; "
            "take mnist, fashion-mnist, kmnist or grey images of your own"
        )
