"""track: what a run did and found, written for Weights & Biases or TensorBoard."""

import importlib.util
import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.data.image_set import ImageSet
from curate.errors import CurateError, DependencyError, UnknownNameError, UsageError
from curate.files import RUN, storage_errors
from curate.find.saved_table import load_table
from curate.publish.shown import picture_of
from curate.run import Run

if TYPE_CHECKING:
    import pandas as pd

CURVES = ("loss", "accuracy")


@dataclass(frozen=True)
class Picture:
    """An image (H, W, 3) uint8 with its caption."""

    image: NDArray[np.uint8]
    caption: str


@dataclass(frozen=True)
class Story:
    """What a tracker shows of a run.

    Attributes:
        name: of the run.
        config: dataset, model, recipe, versions, device; dicts may be nested.
        figures: results such as accuracies, by name.
        curves: by fold, (E, 2) float32: loss and accuracy on the training samples in each epoch.
        held_out: by fold, the accuracy on the samples that it held out, after training.
        issues: the worst rows of the issue table, missing values None; None where nothing has been found yet.
        pictures: the worst suspects.
    """

    name: str
    config: Mapping[str, Any]
    figures: Mapping[str, float]
    curves: Mapping[str, NDArray[np.float32]]
    held_out: Mapping[str, float]
    issues: "pd.DataFrame | None" = None
    pictures: tuple[Picture, ...] = ()


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested dicts by their dotted names; lists as text."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, (bool, int, float, str)) else str(value)


def write_tensorboard(story: Story, folder: Path) -> Path:
    """Writes the story into `folder`/tensorboard, in place of what was there, and returns where, for `tensorboard --logdir`.

    Each fold is a TensorBoard run of its own, so that their curves share a chart; everything else is in the run `.`:
    configuration and figures (HPARAMS, and TEXT), the issues as a table (TEXT), the suspects (IMAGES).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TensorBoard's own imports
        from torch.utils.tensorboard import SummaryWriter

    folder = folder / "tensorboard"
    shutil.rmtree(folder, ignore_errors=True)
    for fold, curve in story.curves.items():
        with SummaryWriter(str(folder / fold)) as writer:
            for epoch, values in enumerate(curve.tolist(), start=1):
                for name, value in zip(CURVES, values, strict=True):
                    writer.add_scalar(f"training/{name}", value, epoch)
            if fold in story.held_out:
                writer.add_scalar("held-out/accuracy", story.held_out[fold], len(curve))
    with SummaryWriter(str(folder)) as writer:
        config = dict(flat(story.config))
        writer.add_hparams(config, dict(story.figures), run_name=".")
        writer.add_text("configuration", _table(["setting", "value"], config.items()))
        if story.issues is not None:
            writer.add_text("issues", _table(story.issues.columns.tolist(), story.issues.itertuples(index=False)))
        for place, picture in enumerate(story.pictures, start=1):
            writer.add_image(f"suspects/{place:02} {picture.caption}".replace(" ", "_"), picture.image, dataformats="HWC")
    return folder


def _table(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """A Markdown table; None is an empty cell."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("|" + "|".join("" if cell is None else str(cell).replace("|", "\\|") for cell in line) + "|" for line in lines)


PROJECT = "curate"
SECONDS_TO_ANSWER = 30.0
MODES = ("online", "offline", "disabled")


def check_mode() -> None:
    """Raises a UsageError where WANDB_MODE is none of W&B's."""
    mode = os.environ.get("WANDB_MODE")
    if mode and mode not in MODES:
        raise UsageError(f"WANDB_MODE must be {', '.join(MODES[:-1])} or {MODES[-1]}, found '{mode}'")


def write_wandb(story: Story, folder: Path) -> Path:
    """Writes the story as a new run of the project `curate`, with its files in `folder`/wandb, and returns where.

    WANDB_MODE decides whether it goes to the server; where that is not set, it does if a key is known, and else the files wait for
    `wandb sync`. Nobody is asked for anything, and `offline` sends nothing.

    Raises:
        UsageError: WANDB_MODE is none of W&B's, or `online` without a key.
        CurateError: the server cannot be reached, or refuses the key.
    """
    import wandb

    check_mode()
    folder.mkdir(parents=True, exist_ok=True)
    quiet = wandb.Settings(
        console="off", silent=True, disable_git=True, init_timeout=SECONDS_TO_ANSWER, x_disable_stats=True, x_disable_machine_info=True
    )
    try:
        mode: Any = os.environ.get("WANDB_MODE") or ("online" if wandb.login(prompt=False) else "offline")
        if mode == "online" and not wandb.login(prompt=False):
            raise UsageError("WANDB_MODE is online, but there is no key; run `wandb login` first, or use WANDB_MODE=offline")
        with wandb.init(
            project=PROJECT,
            name=story.name,
            dir=str(folder),
            mode=mode,
            config=dict(story.config),
            reinit="create_new",  # beside a run that the caller may have open
            settings=quiet,
        ) as run:
            run.define_metric("epoch")
            run.define_metric("training/*", step_metric="epoch")
            for epoch in range(max((len(curve) for curve in story.curves.values()), default=0)):
                run.log({"epoch": epoch + 1, **_point(story, epoch)})
            run.summary.update({**story.figures, **{f"held-out/accuracy/{fold}": value for fold, value in story.held_out.items()}})
            if story.issues is not None:
                run.log({"issues": wandb.Table(dataframe=story.issues)})
            if story.pictures:
                run.log({"suspects": [wandb.Image(picture.image, caption=picture.caption) for picture in story.pictures]})
    except wandb.errors.Error as error:
        told = " ".join(str(error).split())
        raise CurateError(f"Weights & Biases did not take the run ({told}); with WANDB_MODE=offline it is written to files") from error
    return folder / "wandb"


def _point(story: Story, epoch: int) -> dict[str, float]:
    """The values of all folds in one epoch."""
    return {
        f"training/{name}/{fold}": float(curve[epoch, column])
        for fold, curve in story.curves.items()
        if epoch < len(curve)
        for column, name in enumerate(CURVES)
    }


TRACKERS: dict[str, Callable[[Story, Path], Path]] = {"wandb": write_wandb, "tensorboard": write_tensorboard}


def check_tracker(name: str) -> None:
    """Says now, and not after the training, that a tracker cannot be used.

    Raises:
        UnknownNameError: there is no tracker of that name.
        DependencyError: its package is not installed.
        UsageError: WANDB_MODE is none of W&B's.
    """
    if name not in TRACKERS:
        raise UnknownNameError.of("tracker", name, TRACKERS)
    if importlib.util.find_spec(name) is None:
        raise DependencyError(f"--track {name} needs the package {name}; install it with: pip install 'curate[track]'")
    if name == "wandb":
        check_mode()


NUM_ISSUES = 100
NUM_PICTURES = 24


def track(run: Run, image_set: ImageSet, tracker: str) -> Path:
    """Writes what the run folder holds for `tracker`, below the folder `tracking` of the run, and returns where.

    Curves come from the files that the folds left, so that a run that was killed and goes on is shown whole.

    Args:
        tracker: `wandb` or `tensorboard`.

    Raises:
        UnknownNameError, DependencyError: as `check_tracker`.
        RunError: what is in the run folder cannot be read.
        StorageError: the folder cannot be written.
        CurateError: the server of Weights & Biases did not take it.
    """
    check_tracker(tracker)
    folder = run.path / "tracking"
    with storage_errors(folder, remedy=RUN):
        return TRACKERS[tracker](story_of(run, image_set), folder)


def story_of(run: Run, image_set: ImageSet) -> Story:
    """What is told of a run: as far as it has come, and without folds where its probabilities were given."""
    divided = run.load_array("fold.npy") if run.has("fold.npy") else ()
    folds = [(repeat, fold) for repeat, held in enumerate(divided) for fold in range(held.max() + 1)]
    names = {f"r{repeat}-f{fold}": (repeat, fold) for repeat, fold in folds}
    dataset = {key: value for key, value in run.meta["dataset"].items() if key != "origin"}  # folders of this machine stay here
    table = load_table(run).sort_values("rank") if run.has("issues.parquet") else None
    return Story(
        name=run.name,
        config={**{key: run.meta[key] for key in ("config", "versions", "device") if key in run.meta}, "dataset": dataset},
        figures={name: float(value) for name, value in flat(run.meta["metrics"]) if isinstance(value, (int, float))},
        curves={name: run.load_array(file) for name in names if run.has(file := f"folds/curve-{name}.npy")},
        held_out={name: value for name, place in names.items() if (value := held_out_accuracy(run, *place)) is not None},
        issues=None if table is None else _with_none(table.head(NUM_ISSUES)),
        pictures=() if table is None else tuple(_pictures(table[table["given_label"].notna()].head(NUM_PICTURES), image_set)),
    )


def held_out_accuracy(run: Run, repeat: int, fold: int) -> float | None:
    """Accuracy against the given labels on what one fold held out; None where none of it is labelled, or the fold is not there."""
    file = f"folds/pred_probs-r{repeat}-f{fold}.npy"
    if not run.has(file):
        return None
    labels = run.load_array("labels.npy")[run.load_array("fold.npy")[repeat] == fold]
    probs = run.load_array(file)[: len(labels)]  # after them come samples that every net judges
    correct = (probs.argmax(axis=1) == labels)[labels >= 0]
    return float(correct.mean()) if len(correct) else None


def _with_none(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype(object).where(table.notna(), None)


def _pictures(rows: pd.DataFrame, image_set: ImageSet) -> Iterator[Picture]:
    for position, row in zip(rows.index, _with_none(rows).to_dict("records"), strict=True):
        suggested = f", suggested {row['suggested_label']}" if row["suggested_label"] is not None else ""
        caption = f"{row['sample_id']}: given {row['given_label']}{suggested}, quality {row['label_quality']:.3f}"
        yield Picture(np.asarray(picture_of(image_set, position).convert("RGB")), caption)
