"""Other nets for the data of a run: which ones, where they were trained on it already, and training them quickly."""

from collections.abc import Sequence
from pathlib import Path

from curate.data.image_set import ImageSet
from curate.errors import DataError, DependencyError, RunError, UnknownNameError
from curate.judge.judgement import judge_into
from curate.judge.models.base import ConvNet
from curate.judge.models.registry import MODELS, make_model
from curate.judge.nets import Nets
from curate.lab.model_page.model_facts import Trained
from curate.options import Place
from curate.progress import Progress, silent
from curate.run import Run, data_root, run_path

USUAL = ("lenet5", "mnist-cnn", "cifar-cnn-gap", "resnet-small", "airbench")


def make_rivals(run: Run, names: Sequence[str] | None) -> dict[str, ConvNet]:
    """New nets for the run's images and classes, by name, without the one that the run has.

    Args:
        names: models of the registry; None takes the small ones that can take the images, and those that have a run on the same data.

    Raises:
        UnknownNameError: there is no such model.
        DataError, DependencyError: one that was asked for cannot take the images, or its package is missing.
    """
    for name in names or ():
        if name not in MODELS:
            raise UnknownNameError.of("model", name, MODELS)
    wanted = names if names is not None else [name for name in MODELS if name in USUAL or find_rival(run, name)]
    channels, height, width = run.meta["dataset"]["image_shape"]
    num_classes = len(run.meta["dataset"]["class_names"])
    found = {}
    for name in dict.fromkeys(wanted):
        if name == run.meta["config"]["model"]:
            continue
        try:
            found[name] = make_model(name, num_classes=num_classes, in_channels=channels, image_size=(height, width), seed=0)
        except (DataError, DependencyError):
            if names is not None:
                raise
    return found


def find_rival(run: Run, name: str) -> Run | None:
    """The run of model `name` on the same images and labels as `run`: one of the same preset before others, then the latest."""
    folders = {path.resolve() for root in (data_root() / "runs", run.path.parent) for path in root.glob("*/run.json")}
    runs = [other for folder in folders if (other := _opened(folder.parent)) is not None and _is_alike(run, other, name)]
    return max(runs, key=lambda other: (is_alike_trained(run, other), str(other.meta["created"])), default=None)


def is_alike_trained(run: Run, other: Run) -> bool:
    """Whether both were trained by the same preset or recipe."""
    ours, theirs = run.meta["config"], other.meta["config"]
    return all(ours.get(key) == theirs.get(key) for key in ("preset", "recipe_name"))


def train_rival(run: Run, image_set: ImageSet, name: str, *, device: str = "auto", progress: Progress = silent) -> Run:
    """Cross-validates model `name` on the images of `run` as those of `run` were trained, into a run of its own: `mnist-lenet5-quick`.

    Raises:
        RunError: a run of that name is another one.
        DivergedError: the training diverged.
    """
    config = run.meta["config"]
    recipe = config.get("recipe_name")
    path = run_path(f"{run.name}-{name}-{recipe or config['preset']}")
    return judge_into(
        image_set,
        path,
        Nets(
            model=name,
            preset=config["preset"],
            recipe=recipe,
            num_folds=config["num_folds"],
            num_repeats=config["num_repeats"],
            seed=config["seed"],
            pool_splits=config["pool_splits"],
        ),
        place=Place(device=device),
        command=f"curate explain model {run.handle} --against {name} --train-alternatives",
        progress=progress,
    )


def training_of(run: Run) -> Trained:
    """How the nets of `run` were trained."""
    config, step = run.meta["config"], run.meta["steps"]["train"]
    return Trained(
        run=run.handle,
        preset=f"{config['preset']}, recipe {config['recipe_name']}" if config.get("recipe_name") else config["preset"],
        epochs=config["recipe"]["epochs"],
        num_nets=config["num_folds"] * config["num_repeats"],
        seconds=step["seconds"],
        is_resumed=bool(step.get("resumed")),
    )


def _opened(path: Path) -> Run | None:
    try:
        return Run.open(path)
    except RunError:
        return None


def _is_alike(run: Run, other: Run, model: str) -> bool:
    """Whether `other` has trained `model` on what `run` was trained on."""
    ours, theirs = run.meta, other.meta
    return (
        theirs.get("config", {}).get("model") == model
        and "train" in theirs["steps"]
        and "pred_probs" not in theirs
        and other.has("pred_probs.npy")
        and all(ours["dataset"][key] == theirs.get("dataset", {}).get(key) for key in ("images_hash", "labels_hash"))
        and ours["config"]["pool_splits"] == theirs["config"].get("pool_splits")
    )
