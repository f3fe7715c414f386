"""gallery: the suspects of a run as a static site."""

from pathlib import Path
from typing import Any

import numpy as np

from curate.cleaning.changes import without_stale
from curate.cleaning.decision_files import read_decisions
from curate.cleaning.decisions import read_journal
from curate.cleaning.known import Known, given_labels
from curate.cleaning.standing import standing_decisions
from curate.datasets.image_set import ImageSet
from curate.errors import RunError
from curate.gallery.cards import choose_cards
from curate.gallery.folder import check_replaceable
from curate.gallery.site import write_site
from curate.progress import Progress, silent
from curate.run import Run
from curate.steps.clean import JOURNAL
from curate.steps.find import load_table


def gallery(
    run: Run,
    image_set: ImageSet,
    *,
    to: Path | None = None,
    title: str | None = None,
    only: str | None = None,
    limit: int | None = None,
    votes: Path | None = None,
    with_names: bool = False,
    licence: str | None = None,
    source: str | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Writes the site and returns where it is and what it shows.

    Decisions about another given label than today's are left out, as `clean` leaves them out.

    Args:
        run: on which `find` has been done.
        image_set: the images of the run.
        to: the folder of the site, `gallery` in the run folder by default; an earlier gallery there is replaced.
        title: of the page.
        only: `issues`, `reviewed` or `errors`; by default what is flagged or reviewed.
        limit: the most pictures, the worst of them.
        votes: decisions made elsewhere that count beside those of the run, see `curate.cleaning.decision_files`.
        with_names: publish the reviewers' names, not only how many they are.
        licence, source: of the pictures, where the catalog does not know them.

    Raises:
        RunError: `find` has not been run, or the run is of other samples.
        UsageError: there is nothing to show, or something else is at `to`.
        DataError: a decision is about another dataset, or `votes` is not readable.
    """
    target = run.path / "gallery" if to is None else to
    check_replaceable(target)
    with run.step("gallery"):
        table = load_table(run)
        if not np.array_equal(table["sample_id"].to_numpy(dtype=str), image_set.sample_ids.astype(str)):
            raise RunError(
                f"{run.path} holds the issues of {len(table)} samples, which are not the {len(image_set)} of '{image_set.name}'; "
                "load the dataset as it was audited, or run `curate find` again"
            )
        decisions = list(read_journal(run.path / JOURNAL).decisions)
        if votes is not None:
            decisions += read_decisions(votes, Known.of(table, image_set.class_names))
        standing, stale = without_stale(standing_decisions(decisions), given_labels(table))
        cards = choose_cards(table, standing, only=only, limit=limit)
        index = write_site(
            target,
            cards,
            image_set,
            table,
            run.meta,
            title=title,
            with_names=with_names,
            licence=licence,
            source=source,
            progress=progress,
        )
    return {
        "run": run.name,
        "gallery": index,
        "num_pictures": len(cards),
        "num_reviewed": len(cards) - cards.num_in("open"),
        "num_errors": cards.num_in("error"),
        "num_stale_decisions": len(stale),
    }
