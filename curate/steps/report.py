"""report: the page of a run."""

from pathlib import Path

from curate.datasets.image_set import ImageSet
from curate.progress import Progress, silent
from curate.report.page import write_report
from curate.run import Run


def report(run: Run, image_set: ImageSet, *, progress: Progress = silent) -> Path:
    """Writes `report.html` and returns its path.

    Raises:
        RunError: `find` has not been run.
    """
    with run.step("report"):
        return write_report(run, image_set, progress=progress)
