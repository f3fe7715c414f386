"""A story as a run of Weights & Biases."""

import os
from pathlib import Path
from typing import Any

from curate.errors import CurateError, UsageError
from curate.tracking.story import CURVES, Story

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
