"""Options: what to read, who judges, where it runs, what to look for; each is written down once, here or beside its judge.

An option is a field of a frozen dataclass, made by `option`. The Python API takes the dataclasses, the command line is made from them
(`curate.cli.arguments`), and `run.json` keeps them as they are. To add one: a line in its dataclass.
"""

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

METHODS = (
    "error_probability",
    "predicted_neq_given",
    "prune_by_noise_rate",
    "prune_by_class",
    "both",
    "confident_learning",
    "low_normalized_margin",
    "low_self_confidence",
)
PRESETS = ("quick", "default", "best")
PRESET_HELP = "How thoroughly to judge; best trains longer, and fine-tunes the pretrained net: for a GPU, or a night."
RECIPE_NAMES = ("course",)
MORE = "More about the data"
TRAINING = "How the nets are trained"
PLACE = "Where it runs"
FINDING = "What to look for"
REVIEW = "With --review"
NUM_CHECK = 200  # labels of the random check, in the App, on the page and in the notebook


def option(
    default: Any,
    help: str,
    *,
    flag: str | None = None,
    metavar: str | None = None,
    choices: Sequence[str] | None = None,
    least: int | None = None,
    most: int | None = None,
    panel: str | None = None,
) -> Any:
    """A field of an options dataclass.

    Args:
        help: one sentence, as `--help` prints it.
        flag: the option of the command line; by default the field's name with dashes.
        metavar: what stands for the value in `--help`.
        choices: the values that are allowed.
        least, most: bounds of a number.
        panel: the heading that `--help` puts it under; None = among those that most people need.
    """
    words = {"help": help, "flag": flag, "metavar": metavar, "choices": choices, "least": least, "most": most, "panel": panel}
    return dataclasses.field(default=default, metadata=words)


Class = TypeVar("Class", bound=type)


def described(options: Class) -> Class:
    """The options dataclass with the help of each option in its docstring, for `help()` and a notebook's `?`."""
    helps = [f"    {field.name}: {field.metadata['help']}" for field in dataclasses.fields(options) if field.metadata]
    options.__doc__ = "\n".join([inspect.cleandoc(options.__doc__ or ""), "", "Options:", *helps])
    return options


def to_json(options: Any) -> dict[str, Any]:
    """An options dataclass as `run.json` keeps it: paths and arrays by name, all else as it is."""
    return {field.name: _plain(getattr(options, field.name)) for field in dataclasses.fields(options)}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "shape"):
        return f"array {tuple(value.shape)}"
    return str(value)


@described
@dataclass(frozen=True)
class Source:
    """What to read: a catalog name (mnist, cifar10, …), a folder with one folder per class, a table, or fiftyone:DATASET."""

    name: str
    split: str = option("all", "Only the pictures of this split.", choices=("all", "train", "validation", "test"), panel=MORE)
    limit: int | None = option(None, "Only N pictures, evenly spaced over the dataset.", metavar="N", least=1)
    labels: Path | None = option(
        None,
        "Other labels for the same pictures: a CSV with sample_id,label (and annotator, where there are several), or .npy.",
        metavar="FILE",
    )
    corrections: Path | None = option(
        None, "Corrected labels by `curate export`, applied to the given ones or to those of --labels.", metavar="FILE", panel=MORE
    )
    root: Path | None = option(None, "Folder with the dataset's files, if you have them already.", metavar="FOLDER", panel=MORE)
    field: str | None = option(
        None, "Where the labels are: a column of a table, or a field of fiftyone:DATASET, classifications or detections.", panel=MORE
    )
    group_by: str | None = option(
        None,
        "Pictures that belong together (shots of one product, patient or video): those of one folder, with one value in COLUMN of the "
        "table, or with the same (part) of the path by REGEX. A column `group` is taken by itself.",
        metavar="folder|COLUMN|REGEX",
    )
    strict: bool = option(False, "Stop at the first file that cannot be read, instead of going on without it and listing it.", panel=MORE)
    image_size: int | None = option(
        None, "With --judge nets: the side that your pictures are scaled to.", metavar="PIXELS", least=1, panel=MORE
    )

    @classmethod
    def of_origin(cls, origin: Mapping[str, Any]) -> "Source":
        """What was read, from the `origin` of an image set or of a run, also of an older version that had fewer options."""
        known = {field.name: origin[field.name] for field in dataclasses.fields(cls) if field.name in origin and field.name != "name"}
        paths = {name: Path(known[name]) for name in PATHS if known.get(name) is not None}
        return cls(**{**known, **paths, "name": origin["source"]})

    def to_origin(self) -> dict[str, Any]:
        """The same as `of_origin` reads it back; JSON-able."""
        options = to_json(self)
        return {"source": options.pop("name"), **options}


PATHS = ("labels", "corrections", "root")
"""Fields of a Source that are paths."""


@described
@dataclass(frozen=True)
class Place:
    """Where nets are trained."""

    device: str = option(
        "auto", "Where nets compute; auto takes a GPU if there is one.", choices=("auto", "cpu", "cuda", "mps"), panel=PLACE
    )
    executor: str = option("local", "This machine, or a Ray cluster; the results are the same.", choices=("local", "ray"), panel=PLACE)
    address: str | None = option(
        None, "The Ray cluster; by default $RAY_ADDRESS, else one on this machine.", metavar="HOST:PORT", panel=PLACE
    )
    data_parallel: int = option(
        1, "Workers of the Ray cluster, each with a GPU, that train one fold together.", metavar="N", least=1, panel=PLACE
    )


@described
@dataclass(frozen=True)
class LookFor:
    """What `find` looks for, and how labels are flagged."""

    method: str = option(
        METHODS[0],
        f"How labels are flagged: by their error probability, or by a filter of cleanlab ({', '.join(METHODS[1:])}).",
        metavar="METHOD",
        choices=METHODS,
        panel=FINDING,
    )
    threshold: float = option(0.5, "Flag labels whose error probability is above P.", metavar="P", panel=FINDING)
    image_checks: bool | None = option(
        None, "Look for dark, blurry and odd pictures; by default in image files of your own.", panel=FINDING
    )


@described
@dataclass(frozen=True)
class Shown:
    """What of a run a gallery, a review page or the review in a notebook shows."""

    title: str | None = option(None, "Title of the page.", metavar="TEXT")
    only: str | None = option(
        None,
        "issues: suspects. reviewed: what was decided on. errors: confirmed errors. conflicts: with --review. By default suspects and what "
        "was decided on.",
        choices=("issues", "reviewed", "errors", "conflicts"),
    )
    limit: int | None = option(None, "Only the N worst.", metavar="N", least=1)
    blind: bool = option(False, "Hide given and suggested labels, and ids, so that they sway nobody.", panel=REVIEW)
    check: int = option(NUM_CHECK, "How many labels the random check has.", metavar="N", least=0, panel=REVIEW)
    side: int = option(400, "Longer side of a picture.", metavar="PIXELS", least=16, panel=REVIEW)
