"""The tour: one page that leads a newcomer through a convolutional network, on real images and with a trained LeNet-5."""

from pathlib import Path

from curate.data.image_set import ImageSet
from curate.files import write_atomically
from curate.lab.tour.section import Section
from curate.lab.tour.stations_image import SECTIONS as LAB
from curate.lab.tour.stations_net import SECTIONS as NET
from curate.lab.tour.stations_photo import AFTER, BEFORE
from curate.lab.tour.stations_seeing import SECTIONS as SEEING
from curate.lab.tour.subject import Subject, make_subject
from curate.progress import Progress, silent
from curate.publish.report.page import environment
from curate.publish.report.page_pictures import is_crisp
from curate.publish.report.page_rows import Figure
from curate.publish.report.wording import count, counted, duration, percent
from curate.run import Run

STAGE = "tour"
SECTIONS = (*LAB, *BEFORE, *NET, *AFTER, *SEEING)
"""Functions from the subject to a section each, in the order of the page; None leaves the section out."""


def write_tour(run: Run, image_set: ImageSet, *, sample_id: str | None = None, to: Path | None = None, progress: Progress = silent) -> Path:
    """Writes the tour through `run` and returns its path. The page needs nothing but itself, and its content policy forbids any request.

    Args:
        run: of a `lenet5`, with the files of `train` and `find`.
        image_set: its images, grey.
        sample_id: the image that goes through the net; by default the first.
        to: the page; by default `tour.html` in the run folder.
        progress: called with the stage `tour`.

    Raises:
        RunError: the run is of another net, a step is missing, or `image_set` is not what the run is of.
        DataError: the images are not grey, or there is no such sample.
        StorageError: the page cannot be written.
    """
    subject = make_subject(run, image_set, sample_id)
    sections = []
    for done, make in enumerate(SECTIONS):
        progress(STAGE, done, len(SECTIONS), make.__name__)
        section = make(subject)
        if section is not None:
            sections.append(section)
    progress(STAGE, len(SECTIONS), len(SECTIONS))
    return write_atomically(to or run.path / "tour.html", render(subject, sections).encode())


def render(subject: Subject, sections: list[Section]) -> str:
    """The page as text."""
    return (
        environment()
        .get_template("tour.html")
        .render(
            name=subject.image_set.name,
            run=subject.run,
            meta=subject.evidence.meta,
            num_samples=len(subject.image_set),
            num_parameters=num_parameters(subject),
            figures=key_figures(subject),
            sections=sections,
            crisp=is_crisp(subject.image_set.images.shape),
        )
    )


def num_parameters(subject: Subject) -> int:
    return sum(parameter.numel() for parameter in subject.judge.net.parameters())


def key_figures(subject: Subject) -> list[Figure]:
    """The figures below the headline."""
    meta, num_suspects = subject.evidence.meta, len(subject.evidence.suspects)
    config, trained = meta["config"], meta["steps"]["train"]
    num_nets = config["num_folds"] * config["num_repeats"]
    return [
        Figure("Images", count(len(subject.image_set)), counted(subject.image_set.num_classes, "class", "classes")),
        Figure("Learned numbers", count(num_parameters(subject)), "LeNet-5 for these images"),
        Figure("Out-of-fold accuracy", percent(meta["metrics"]["out_of_fold_accuracy"], 2), "on images that a net never saw"),
        Figure("Training", duration(trained["seconds"]), f"{counted(num_nets, 'net')} of {counted(config['recipe']['epochs'], 'epoch')}"),
        Figure("Suspect labels", count(num_suspects), "where a net clearly believes another one"),
    ]
