"""Audit: a run and its images, and all that can be done with them: every verb of a run as one method."""

import contextlib
import html
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import CurateError
from curate.options import LookFor, Shown
from curate.progress import Progress, silent
from curate.run import Run

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from curate.data.image_set import ImageSet


class Audit:
    """A run and its images: what is known of a dataset, and all that can be done with it.

    Attributes:
        run: the run folder.
        told: where the call that made it put a FiftyOne dataset and what it tracked.
    """

    def __init__(
        self, run: Run, image_set: "ImageSet | None" = None, *, root: Path | str | None = None, progress: Progress = silent
    ) -> None:
        """
        Args:
            image_set: the images of the run; None = read from where the run says when they are needed.
            root: where the images are on this machine, if not where they were.
            progress: is told of all long work.
        """
        self.run = run
        self._image_set = image_set
        self._root = None if root is None else Path(root)
        self._progress = progress
        self.told: dict[str, Any] = {}

    @property
    def image_set(self) -> "ImageSet":
        """The images that the run was made from, under the labels that the run folder holds.

        Raises:
            RunError: the images are not the same any more.
        """
        if self._image_set is None:
            from curate.sources import images_of

            self._image_set = images_of(self.run, root=self._root, progress=self._progress)
        return self._image_set

    @cached_property
    def issues(self) -> "pd.DataFrame":
        """One row per sample, the most suspect label first: `issues.parquet` of the run by `rank`."""
        from curate.find.saved_table import load_table

        return load_table(self.run).sort_values("rank", ignore_index=True)

    @property
    def findings(self) -> dict[str, Any]:
        """What is known of the dataset as a whole: `findings.json`."""
        return json.loads(self.run.require("findings.json", "find").read_text(encoding="utf-8"))

    @property
    def pred_probs(self) -> "NDArray[np.float32]":
        """(N, K) out-of-fold probabilities in dataset order, a memory map."""
        return self.run.load_array("pred_probs.npy", mmap=True)

    @property
    def figures(self) -> dict[str, Any]:
        """The main figures: accuracy, counts, and what the detection is worth by its own estimate."""
        from curate.find.self_estimate import estimate_sentences

        findings = self.findings
        detection = findings.get("detection") or {}  # none in runs of before there was an estimate
        return {
            "run": self.run.name,
            "folder": self.run.path,
            **self.run.meta["metrics"],
            **findings["counts"],
            "estimated": " ".join(estimate_sentences(detection)),
        }

    def outcome(self) -> dict[str, Any]:
        """What `curate audit` tells at its end: the figures, where everything is, and how long each step took."""
        from curate.review.decisions import decided_elsewhere

        return {
            **self.figures,
            **self.told,
            "handle": self.run.handle,
            "report": self.run.require("report.html", "report"),
            "seconds": {step: record["seconds"] for step, record in self.run.meta["steps"].items()},
            "peak_memory_mib": {step: record["peak_memory_mib"] for step, record in self.run.meta["steps"].items()},
            **self._read_and_left_out(),
            "decided_elsewhere": decided_elsewhere(self.run),
        }

    def _read_and_left_out(self) -> dict[str, Any]:
        """What was read, what was not and why, and who judged why."""
        from curate.data.image_set import intake
        from curate.judge.given import Given

        meta = self.run.meta
        taken = intake(meta["dataset"])
        judged = {key: value for key, value in (meta.get("judged") or {}).items() if key in ("num_groups", "num_grouped", "weak_classes")}
        reason = meta["config"].get("chosen", {}).get("reason")
        licences = meta["config"].get("backbone_licences")
        told = {"judge": reason, "licence": licences, "own_probabilities": meta["config"].get("judge") == Given.name}
        return {**{name: value for name, value in told.items() if value}, **judged, **taken}

    def find(self, look_for: LookFor = LookFor(), *, pred_probs: Path | str | None = None, with_map: bool = True) -> dict[str, Any]:
        """Judges labels, outliers and duplicates from the probabilities and embeddings of the run; returns the main figures.

        Args:
            pred_probs: out-of-fold probabilities (N, K) of your own in place of the run's, a .npy, .csv or .parquet file.
            with_map: make the 2-D map too, which takes most of the time.
        """
        from curate.find.find import find

        self.__dict__.pop("issues", None)
        given = None if pred_probs is None else Path(pred_probs)
        with self.run.only_one("find"):
            return find(self.run, self.image_set, look_for, pred_probs=given, with_map=with_map, progress=self._progress)

    def report(self, to: Path | str | None = None) -> "Page":
        """Writes `report.html`, the self-contained page of the run, or the file `to`; in a notebook it shows itself."""
        from curate.publish.report.page import report

        return Page(report(self.run, self.image_set, to=None if to is None else Path(to), progress=self._progress))

    def summary(self, to: Path | str | None = None) -> "Page":
        """Writes `summary.html`, one sheet for a manager: what was wrong, what was done, what it brought; in a notebook it shows itself."""
        from curate.publish.summary_page import summary_page

        try:
            image_set = self.image_set
        except CurateError:
            image_set = None  # the sheet has no pictures then
        return Page(summary_page(self.run, image_set, to=None if to is None else Path(to), progress=self._progress))

    def gallery(self, to: Path | str | None = None, *, review: bool = False, **options: Any) -> dict[str, Any]:
        """Writes the suspects as a static site; with `review`, as a page to decide on them, a folder or one `.html` file.

        Options as `curate.publish.gallery.site.gallery` has them; with `review`, the fields of `curate.options.Shown`.
        """
        place = None if to is None else Path(to)
        if review:
            from curate.publish.review_page.send_away import review_page

            return review_page(self.run, self.image_set, Shown(**options), to=place, progress=self._progress)
        from curate.publish.gallery.site import gallery

        return gallery(self.run, self.image_set, to=place, progress=self._progress, **options)

    def clean(
        self, policy: str = "drop", *, min_confidence: float | None = None, confirm: Callable[[str], None] | None = None
    ) -> "Cleaned":
        """Writes `cleaned.csv`: every sample with its action and the label that it ends up with.

        Args:
            policy: `drop` flagged samples, `relabel` them, `abstain` (keep them unlabelled), or do as `reviewed`.
            min_confidence: relabel only where the suggestion is at least so sure.
            confirm: called before more than a third of the samples is dropped, with how many; what it raises leaves all as it was.
        """
        from curate.review.clean import clean

        return Cleaned(self, clean(self.run, policy=policy, min_confidence=min_confidence, confirm=confirm))

    def retrain(self, *, labels: str = "cleaned", seeds: Sequence[int] = (0, 1, 2, 3, 4), device: str = "auto") -> dict[str, Any]:
        """Trains nets on the training split under `given` or `cleaned` labels, keeps their weights, and tests them."""
        from curate.gain.retrain import retrain

        return retrain(self.run, self.image_set, labels=labels, seeds=tuple(seeds), device=device, progress=self._progress)

    def compare(
        self,
        *,
        policy: str | None = None,
        min_confidence: float | None = None,
        seeds: Sequence[int] = (0, 1, 2, 3, 4),
        votes: Path | str | None = None,
        device: str = "auto",
    ) -> dict[str, Any]:
        """Trains before and after cleaning, and gives the difference on the test images with its interval; the report has it too."""
        from curate.gain.compare import compare

        result = compare(
            self.run,
            self.image_set,
            policy=policy,
            min_confidence=min_confidence,
            seeds=tuple(seeds),
            votes=None if votes is None else Path(votes),
            device=device,
            progress=self._progress,
        )
        return {**result, "report": self.report().path}

    def export(
        self,
        to: Path | str,
        format: str = "folder",
        *,
        policy: str | None = None,
        min_confidence: float | None = None,
        splits: Sequence[str] | None = None,
        with_media: bool = True,
    ) -> dict[str, Any]:
        """Writes the cleaned dataset, its labels, or the FiftyOne dataset of the run for others.

        Args:
            to: a new or an empty folder, or a file; an earlier export there is replaced.
            format: `folder` (images with a dataset card), `csv`, `parquet`, `corrected` or `fiftyone`.
            policy: as `clean` takes it; as it did last by default.
            min_confidence: likewise.
            splits: those to export; None = all.
            with_media: of `fiftyone`: copy the images, too.
        """
        from curate.publish.export.export import export
        from curate.publish.export.target import new_folder

        options: dict[str, Any] = {"policy": policy, "min_confidence": min_confidence, "splits": splits, "with_media": with_media}
        result = export(self.run, Path(to), lambda: self.image_set, format=format, progress=self._progress, **options)
        if format == "fiftyone":
            from curate.app.fiftyone_export import export_fiftyone
            from curate.app.review.store import sync_journal
            from curate.review.journal import JOURNAL

            name = self.build()["dataset_name"]
            sync_journal(name, self.run.path / JOURNAL)  # decisions that were imported since the App was open
            with new_folder(Path(to)) as folder:
                num_samples = export_fiftyone(name, folder, with_media=with_media, progress=self._progress)
            result |= {"dataset_name": name, "num_samples": num_samples, "with_media": with_media}
        return result

    def decisions(self) -> dict[str, Any]:
        """What reviewers decided, how alike they judge, and what an audit changed since."""
        from curate.review.decisions import decisions

        return decisions(self.run)

    def import_decisions(self, file: Path | str, *, who: str = "") -> dict[str, Any]:
        """Adds decisions made elsewhere; doing it twice adds nothing. `who` reviewed where the file names nobody.

        A decision follows its picture where that has another id here: by what a review page wrote beside it, or the run that it is of.
        """
        from curate.review.decisions import import_decisions

        return import_decisions(self.run, Path(file), who=who, contents=self._contents)

    def _contents(self) -> dict[str, str]:
        """What is in each picture by its sample id; nothing where neither the run nor this machine knows."""
        from curate.data.content import CONTENTS, by_sample, contents_of

        try:
            contents = self.run.load_array(CONTENTS) if self.run.has(CONTENTS) else contents_of(self.image_set)
            return by_sample(self.run.load_array("sample_ids.npy"), contents)
        except CurateError:
            return {}

    def build(self, dataset_name: str | None = None) -> dict[str, Any]:
        """The FiftyOne dataset of the run, made or brought up to date where needed; returns its name and the database.

        Raises:
            DatabaseError: MongoDB cannot be used, or the dataset of that name was not made by curate.
            RunError: `find` has not been run.
        """
        from curate.app.database import connect
        from curate.app.dataset import build
        from curate.app.ownership import is_current

        database = connect()
        name = dataset_name or self.run.meta.get("fiftyone", {}).get("dataset")
        if name and self._root is None and is_current(name, self.run):
            return {"dataset_name": name, **database.told(), "num_samples": self.run.meta["dataset"]["num_samples"]}
        with self.run.only_one("app") if self.run.can_be_written else contextlib.nullcontext():
            return build(self.run, self.image_set, dataset_name=name, progress=self._progress)

    def app(self, dataset_name: str | None = None, **options: Any) -> None:
        """Shows the run in the FiftyOne App until Ctrl-C; `port`, `address`, `reviewer` and the like as `curate.app.session.open_app`."""
        from curate.app.session import open_app

        open_app(dataset_name or self.build()["dataset_name"], **options)

    def review(
        self,
        reviewer: str | None = None,
        *,
        inline: bool | None = None,
        queue: str | None = None,
        dataset_name: str | None = None,
        **options: Any,
    ) -> Any:
        """Opens the review at what `reviewer` has not decided yet: in a notebook as a widget, else in the App until Ctrl-C.

        Args:
            inline: a widget (True), the App (False); None = a widget where this runs in a notebook.
            queue: the saved view of the App to start at.
            dataset_name: the FiftyOne dataset of the App, if not the run's.
        """
        if inline or (inline is None and queue is None and dataset_name is None and _in_notebook()):
            return self.review_inline(reviewer, **options)
        name = self.build(dataset_name)["dataset_name"]
        self.app(name, reviewer=reviewer, view=queue or self.queue(name, reviewer), **options)
        return None

    def review_inline(self, reviewer: str | None = None, **options: Any) -> Any:
        """A widget to decide on the suspects inside a notebook, without a server; options are the fields of `curate.options.Shown`."""
        from curate.publish.review_page.widget import review_widget

        return review_widget(self.run, self.image_set, Shown(**options), reviewer=reviewer)

    def queue(self, dataset_name: str, reviewer: str | None = None) -> str:
        """The saved view of what `reviewer` has not decided yet, made or brought up to date."""
        from curate.app.session import review_queue

        return review_queue(dataset_name, reviewer)

    def add_brain(self, dataset_name: str) -> dict[str, Any]:
        """FiftyOne Brain's uniqueness, hardness and mistakenness as fields of the dataset, and how they go with ours."""
        from curate.app.brain import add_brain_fields

        return add_brain_fields(dataset_name, self.run, progress=self._progress)

    def track(self, tracker: str) -> Path:
        """Writes configuration, curves, figures and suspects for `wandb` or `tensorboard`; returns where."""
        from curate.publish.tracking import track

        return track(self.run, self.image_set, tracker)

    def explain_model(self, *, against: Sequence[str] | None = None, train_alternatives: bool = False, **options: Any) -> dict[str, Any]:
        """Writes a page about the net of the run: what it is, how good, how sure, how quick, and against which others."""
        from curate.lab.model_page.explain_model import explain_model

        train_on = self.image_set if train_alternatives else None
        return explain_model(self.run, against=against, train_on=train_on, progress=self._progress, **options)

    def filters(self, *, layer: str | None = None, to: Path | None = None) -> dict[str, Any]:
        """Draws what the convolutions of a layer have learnt."""
        from curate.lab.explain_run import picture_of_filters

        return picture_of_filters(self.run, layer=layer, to=to)

    def maps(self, subject: str, *, layer: str | None = None, to: Path | None = None) -> dict[str, Any]:
        """Draws what the layers make of a sample, or of an image file."""
        from curate.lab.explain_run import picture_of_maps

        return picture_of_maps(self.run, self.image_set, subject, layer=layer, to=to)

    def excite(self, **options: Any) -> dict[str, Any]:
        """Draws which images excite the channels of a layer most; `layer`, `channel`, `limit`, `to`."""
        from curate.lab.explain_run import picture_of_excitation

        return picture_of_excitation(self.run, self.image_set, progress=self._progress, **options)

    def saliency(self, sample_id: str, *, method: str = "auto", to: Path | None = None) -> dict[str, Any]:
        """Draws why the net believes another label of a sample than the given one."""
        from curate.lab.explain_run import picture_of_saliency

        return picture_of_saliency(self.run, self.image_set, sample_id, method=method, to=to)

    def __repr__(self) -> str:
        if not self.run.has("findings.json"):
            return f"<Audit '{self.run.name}', nothing looked for yet>"
        counts = self.findings["counts"]
        return f"<Audit '{self.run.name}': {counts['label_issues']:,} label issues in {self.run.meta['dataset']['num_samples']:,} samples>"

    def _repr_html_(self) -> str:
        if not self.run.has("findings.json"):
            return html.escape(repr(self))
        from curate.publish.inline import audit_inline

        try:
            image_set = self.image_set
        except CurateError:
            image_set = None  # the pictures are not on this machine
        return audit_inline(self.run, self.issues, self.findings, image_set)


def _in_notebook() -> bool:
    """Whether a notebook's kernel runs this, not a shell or a script."""
    import sys

    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


@dataclass(frozen=True)
class Page:
    """A page on disk that shows itself in a notebook.

    Attributes:
        path: of the file; `os.fspath` and `str` give it, too.
    """

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        page = html.escape(self.path.read_text(encoding="utf-8"), quote=True)
        return f'<iframe srcdoc="{page}" style="width:100%;height:80vh;border:0"></iframe>'


@dataclass(frozen=True)
class Cleaned:
    """The dataset of an audit as a policy cleans it.

    Attributes:
        audit: what it was made from.
        figures: how many samples are kept, dropped, relabelled, and where it was written.
    """

    audit: Audit
    figures: dict[str, Any]

    @property
    def table(self) -> "pd.DataFrame":
        """sample_id, given_label, label and action of every sample: `cleaned.csv`."""
        import pandas as pd

        return pd.read_csv(self.audit.run.require("cleaned.csv", "clean"), dtype=str, keep_default_na=False)

    def export(self, to: Path | str, format: str = "folder", **options: Any) -> dict[str, Any]:
        """Writes it for others, as `Audit.export` does."""
        return self.audit.export(to, format, **options)
