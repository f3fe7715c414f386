"""A story as TensorBoard event files."""

import shutil
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from curate.tracking.story import CURVES, Story, flat


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
