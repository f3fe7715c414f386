"""Judges: who says what every sample shows; and Judgement, what a judge says. Whatever comes after is the same for all judges."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from curate.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.data.image_set import ImageSet
    from curate.options import Place
    from curate.run import Run


@dataclass(frozen=True)
class Judgement:
    """What a judge says of the N samples of an image set, each judged without having been learnt from.

    Attributes:
        pred_probs: (N, K) float32, out-of-fold, rows sum to 1.
        embeddings: (N, D) float32, all from one model; None where the judge has none.
        fold: (repeats, N) int16, the fold that held each sample out; None where it is not known.
        opinions: further out-of-fold probabilities (N, K) by name, of models that are independent of those behind `pred_probs`: they
            tell a net's mistakes from wrong labels. Where the names begin with `PART`, they are what `pred_probs` is the mean of.
    """

    pred_probs: "NDArray[np.float32]"
    embeddings: "NDArray[np.float32] | None" = None
    fold: "NDArray[np.int16] | None" = None
    opinions: "Mapping[str, NDArray[np.float32]]" = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """A judge that has looked at images and machine, and can begin.

    Attributes:
        config: all that decides the result, JSON-able: a run goes on only under the same.
        judge: judges every sample; what is finished is kept in the run folder, so that a killed call goes on.
    """

    config: dict[str, Any]
    judge: "Callable[[Run, Progress], Judgement]"


class Judge(Protocol):
    """Gives a Judgement of an image set; a frozen dataclass of options, which `run.json` keeps.

    Attributes:
        name: how it is called on the command line and in `run.json`.
        step: the name of its step in `run.json`.
    """

    @property
    def name(self) -> str: ...

    @property
    def step(self) -> str: ...

    def ready(self, image_set: "ImageSet", place: "Place", progress: Progress = silent) -> "AbstractContextManager[Ready]":
        """Context in which it can judge `image_set`. Says at once what cannot work, before a run folder is made.

        Raises:
            CurateError: the options do not fit each other, the images or the machine.
        """


OPINIONS = "opinions"
PART = "part"


def judge_into(
    image_set: "ImageSet",
    path: Path,
    judge: Judge,
    *,
    place: "Place",
    options: Mapping[str, Any] | None = None,
    command: str = "",
    progress: Progress = silent,
) -> "Run":
    """The run at `path` with what `judge` says: `pred_probs.npy`, and `fold.npy`, `embeddings.npy`, `opinions/` where it has them.

    A run that is judged already is given back at once; one that was killed goes on.

    Args:
        options: what the user chose, for `run.json`.
        command: what the user typed, for `run.json`.

    Raises:
        RunError: the folder holds another run, or another process is judging it.
        CurateError: what the judge raises.
    """
    from curate.data.image_set import describe
    from curate.run import Run, versions

    with judge.ready(image_set, place, progress) as ready:
        about = {"dataset": describe(image_set), "config": ready.config, "options": dict(options or {})}
        run = Run.create(path, {"command": command, **about})
        if is_judged(run, judge.step):
            return run  # nothing to do, and the record of how long it took stays
        with run.only_one(judge.step):
            run.replace_sections(versions=versions(), pred_probs=None)  # what was given to `find` goes: the run's own are made again
            save_image_set(run, image_set)
            resumed = any((run.path / "folds").glob("pred_probs-*.npy"))
            with run.step(judge.step, resumed=resumed):  # the seconds of a resumed run are those of its last part
                found = ready.judge(run, progress)
                for name, array in (("fold", found.fold), ("embeddings", found.embeddings), ("pred_probs", found.pred_probs)):
                    if array is not None:
                        run.save_array(f"{name}.npy", array)
                for name, pred_probs in found.opinions.items():
                    run.save_array(f"{OPINIONS}/{name}.npy", pred_probs)
                run.replace_sections(opinions=sorted(found.opinions))
                run.update("metrics", **accuracies(image_set, found.pred_probs))
    return run


def save_image_set(run: "Run", image_set: "ImageSet") -> None:
    """What later steps and later runs read of an image set: ids, splits, labels, contents; and the images where they are in no file."""
    from curate.data import annotations, content

    for name in ("sample_ids", "splits", "labels"):
        run.save_array(f"{name}.npy", getattr(image_set, name))
    are_arrays = image_set.origin.get("kind") == "arrays"
    if are_arrays:
        run.save_array("images.npy", image_set.images)
    if are_arrays or image_set.filepaths is not None:  # their ids may come to mean other pictures; those of the catalog never do
        run.save_array(content.CONTENTS, content.contents_of(image_set))
    if image_set.annotations is not None:
        run.save_array(annotations.ARRAY, image_set.annotations.array)
        run.save_array(annotations.NAMES, image_set.annotations.names)


def arrays_of(run: "Run") -> "ImageSet":
    """The images that were given as arrays: the run folder has them."""
    from curate.data.image_set import ImageSet

    dataset = run.meta["dataset"]
    return ImageSet(
        dataset["name"],
        run.load_array("images.npy", mmap=True),
        run.load_array("labels.npy").astype("int64"),
        run.load_array("sample_ids.npy"),
        run.load_array("splits.npy"),
        tuple(dataset["class_names"]),
        None,
        dataset["origin"],
    )


def is_judged(run: "Run", step: str) -> bool:
    """Whether the run holds what its own judge says, and all of it."""
    return step in run.meta["steps"] and run.has("pred_probs.npy") and not run.meta.get("pred_probs")


def read_opinions(run: "Run") -> dict[str, "NDArray[np.float32]"]:
    """The independent opinions (N, K) of a run by name, as memory maps; none where its judge has a single one."""
    return {name: run.load_array(f"{OPINIONS}/{name}.npy", mmap=True) for name in run.meta.get("opinions") or ()}


def independent_opinions(run: "Run") -> list["NDArray[np.float32]"]:
    """The (N, K) probabilities of all independent judges of a run, as memory maps; their mean judges.

    Probabilities of the user's own in place of the run's stand alone.
    """
    pred_probs = run.load_array("pred_probs.npy", mmap=True)
    opinions = {} if run.meta.get("pred_probs") else read_opinions(run)
    parts = [array for name, array in opinions.items() if name.startswith(PART)]
    others = [array for name, array in opinions.items() if not name.startswith(PART)]
    return [*(parts if len(parts) > 1 else [pred_probs]), *others]


def accuracies(image_set: "ImageSet", pred_probs: "NDArray[np.float32]") -> dict:
    """Out-of-fold accuracy against the given labels, over all labelled samples and by split; `pred_probs` may be a memory map.

    Nothing where fewer than two classes have labels.
    """
    import numpy as np

    from curate.row_blocks import row_blocks

    if len(np.unique(image_set.labels[image_set.labels >= 0])) < 2:
        return {}
    return agreement(image_set, np.concatenate([block.argmax(axis=1) for _, block in row_blocks(pred_probs)]))


def agreement(image_set: "ImageSet", predicted: "NDArray[np.int64]") -> dict:
    """The same, of the classes (N,) that were predicted out of fold."""
    from curate.data.image_set import SPLITS

    labelled = image_set.labels >= 0
    correct = predicted == image_set.labels
    by_split = {
        split: float(correct[labelled & (image_set.splits == split)].mean())
        for split in SPLITS
        if (labelled & (image_set.splits == split)).any()
    }
    return {"out_of_fold_accuracy": float(correct[labelled].mean()), "out_of_fold_accuracy_by_split": by_split}
