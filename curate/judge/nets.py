"""Nets: the judge that trains CNNs by K-fold cross-validation, so that every sample is judged by nets that never saw it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from curate.errors import DependencyError, UnknownNameError, UsageError
from curate.judge.judgement import PART, Judgement, Ready
from curate.options import PRESET_HELP, PRESETS, RECIPE_NAMES, TRAINING, Place, described, option
from curate.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.data.image_set import ImageSet
    from curate.judge.models.base import ConvNet
    from curate.judge.models.registry import ModelSpec
    from curate.judge.training.cross_validation import OutOfFold
    from curate.judge.training.device import Device
    from curate.judge.training.executors import Executor
    from curate.judge.training.recipes import Recipe
    from curate.run import Run


JUDGED_TWICE = 10_000
"""Samples up to which the default preset cross-validates twice, unless a recipe is named: two opinions measure what one can only assume,
and small sets need them most, since nets that learnt from few samples are weak."""


@described
@dataclass(frozen=True)
class Nets:
    """CNNs trained by K-fold cross-validation.

    Where the set has a test split beside others, the nets are trained on the others only, so that no decision about training labels
    depends on test labels; every sample is still judged by a net that never saw it. Test images, and images without a label, are judged
    by the mean of all nets, which saw none of them; an exact duplicate of a training image by the net of its fold alone. Samples of a class
    with fewer groups than folds are judged by their neighbours in the features of the net that never saw them.
    """

    name: ClassVar[str] = "nets"
    step: ClassVar[str] = "train"

    model: str | None = option(None, "The net; by default one that suits the pictures.", metavar="NAME", panel=TRAINING)
    preset: str = option("default", PRESET_HELP, choices=PRESETS)
    recipe: str | None = option(
        None,
        "How to train, in place of the preset. course trains as on the slides: AdamW at a constant 0.001 for 10 epochs.",
        choices=RECIPE_NAMES,
        panel=TRAINING,
    )
    pretrained: str | None = option(
        None,
        "Weights to start from: ImageNet's, or a .safetensors file, by curate or of the published net.",
        metavar="imagenet|FILE",
        panel=TRAINING,
    )
    num_folds: int | None = option(None, "Number of folds; by default the preset's.", flag="--folds", metavar="N", least=2, panel=TRAINING)
    num_repeats: int | None = option(
        None,
        f"Cross-validations to average; two or more are independent opinions. By default two for up to {JUDGED_TWICE:,} pictures.",
        flag="--repeats",
        metavar="N",
        least=1,
        panel=TRAINING,
    )
    seed: int = option(0, "Makes a run repeatable.", metavar="N", least=0, most=2**32 - 1, panel=TRAINING)
    pool_splits: bool = option(
        False, "Learn from test pictures, too: decisions on training labels then depend on test labels.", panel=TRAINING
    )

    @contextlib.contextmanager
    def ready(self, image_set: "ImageSet", place: Place, progress: Progress = silent) -> Iterator[Ready]:
        """Chooses what the options left open; `config` has model, recipe, folds, repeats and precision.

        Raises:
            DataError: the model cannot take the images, or the weights do not fit or were trained on these images.
            UsageError: fewer than 2 folds or 1 repeat, or Ray's options without Ray.
            UnknownNameError, DependencyError: there is no such model or preset, or a package is missing.
        """
        from curate.judge.models.pretrained import check_unseen
        from curate.judge.models.registry import ModelSpec, default_model
        from curate.judge.training.executors import open_executor
        from curate.judge.training.folds import trainable_samples
        from curate.judge.training.recipes import RECIPES, STEPS, least_steps, preset_for

        channels, height, width = image_set.images.shape[1:]
        model = self.model or default_model((height, width), channels)
        preset = preset_for(model, self.preset, in_channels=channels, pretrained=self.pretrained is not None)
        if self.recipe is not None:
            if self.recipe not in RECIPES:
                raise UnknownNameError.of("recipe", self.recipe, RECIPES)
            preset = replace(preset, recipe=RECIPES[self.recipe])
        num_folds = preset.num_folds if self.num_folds is None else self.num_folds
        num_learnt = int((trainable_samples(image_set, pool_splits=self.pool_splits) & (image_set.labels >= 0)).sum())
        twice = self.preset == "default" and self.recipe is None and num_learnt <= JUDGED_TWICE
        num_repeats = (2 if twice else preset.num_repeats) if self.num_repeats is None else self.num_repeats
        if num_folds < 2 or num_repeats < 1:
            raise UsageError(f"cross-validation needs at least 2 folds and 1 repeat, found {num_folds} and {num_repeats}")
        recipe = preset.recipe
        if self.pretrained is None and self.recipe is None:  # a recipe by name is what it says
            recipe = least_steps(recipe, max(num_learnt * (num_folds - 1) // num_folds, 1), STEPS[self.preset])
        with open_executor(place.executor, address=place.address, data_parallel=place.data_parallel) as executor:
            device = executor.pick_device(place.device)
            spec = ModelSpec(model, image_set.num_classes, channels, (height, width), self.pretrained)
            if self.pretrained is None:
                spec(self.seed)  # says now, not after the folder is made, that the model cannot take these images
            else:
                check_unseen(self.pretrained, image_set.images_hash)
                spec(self.seed, progress=progress)
            config = {
                "model": model,
                "preset": self.preset,
                "recipe": recipe.to_json(),
                "num_folds": num_folds,
                "num_repeats": num_repeats,
                "seed": self.seed,
                "pool_splits": self.pool_splits,
                "precision": device.precision,
                **({"data_parallel": place.data_parallel} if place.data_parallel > 1 else {}),  # sums are rounded otherwise
                **({"recipe_name": self.recipe} if self.recipe is not None else {}),
                **({"pretrained": self.pretrained} if self.pretrained is not None else {}),
            }

            def judge(run: "Run", progress: Progress) -> Judgement:
                run.replace_sections(device=device.to_json())
                result = cross_validated(
                    image_set,
                    spec,
                    recipe,
                    self,
                    device=device,
                    executor=executor,
                    folds=(num_folds, num_repeats),
                    run=run,
                    progress=progress,
                )
                with_neighbours_of_rare(run, image_set, result, device=device, pool_splits=self.pool_splits)
                opinions = {f"{PART}-{number}": half for number, half in enumerate(result.halves)}  # of other seeds and divisions
                return Judgement(result.pred_probs, result.embeddings, result.fold, opinions)

            yield Ready(config, judge)


def cross_validated(
    image_set: "ImageSet",
    spec: "ModelSpec",
    recipe: "Recipe",
    nets: Nets,
    *,
    device: "Device",
    executor: "Executor",
    folds: tuple[int, int],
    run: "Run",
    progress: Progress,
) -> "OutOfFold":
    """Trains what is not trained yet of the folds and repeats; finished folds are in the folder `folds` of the run.

    Raises:
        DataError: fewer than two classes can be learnt from, or the training diverged.
    """
    import numpy as np

    from curate.data.exact_duplicates import duplicate_groups
    from curate.data.image_set import SPLITS
    from curate.judge.training.cross_validation import cross_validate
    from curate.judge.training.folds import trainable_samples
    from curate.judge.training.local_executor import num_processes

    num_folds, num_repeats = folds
    return cross_validate(
        spec,
        image_set.images,
        image_set.labels,
        num_classes=image_set.num_classes,
        recipe=recipe,
        device=device,
        num_folds=num_folds,
        num_repeats=num_repeats,
        seed=nets.seed,
        groups=duplicate_groups(image_set.images),
        strata=np.array([SPLITS.index(split) for split in image_set.splits.tolist()]),
        trainable=trainable_samples(image_set, pool_splits=nets.pool_splits),
        class_names=image_set.class_names,
        keep_rare=True,
        num_workers=num_processes(num_folds * num_repeats, image_set.images.nbytes, device),
        executor=executor,
        store=RunFolds(run),
        progress=progress,
    )


def with_neighbours_of_rare(run: "Run", image_set: "ImageSet", result: "OutOfFold", *, device: "Device", pool_splits: bool) -> None:
    """Puts the neighbours' word in the place of the nets' for samples of rare classes, and notes those classes in the run."""
    import numpy as np

    from curate.data.exact_duplicates import duplicate_groups
    from curate.judge.rare_classes import judge_rare
    from curate.judge.training.folds import trainable_samples, weak_classes

    learnt = trainable_samples(image_set, pool_splits=pool_splits) & (image_set.labels >= 0)
    groups, fold = duplicate_groups(image_set.images), result.fold[0]
    weak = weak_classes(image_set.labels, groups, learnt, num_classes=image_set.num_classes, num_folds=int(fold.max()) + 1)
    if not weak:
        return
    rare = judge_rare(run, image_set, weak=weak, fold=fold, groups=groups, learnt=learnt, device=device)
    for probs in (result.pred_probs, *result.halves):
        probs[rare.positions] = rare.pred_probs
    num = int(np.isin(image_set.labels, weak).sum())
    run.replace_sections(judged={"weak_classes": [image_set.class_names[k] for k in weak], "num_judged_weakly": num})


class RunFolds:
    """Finished folds in the folder `folds` of a run; a killed run goes on after the last one."""

    def __init__(self, run: "Run") -> None:
        self.run = run

    def load(self, name: str) -> "NDArray | None":
        file = f"folds/{name}.npy"
        return self.run.load_array(file) if self.run.has(file) else None

    def save(self, name: str, array: "NDArray") -> None:
        self.run.save_array(f"folds/{name}.npy", array)

    def save_model(self, name: str, model: "ConvNet") -> None:
        from curate.judge.models.weights import save_weights

        try:
            save_weights(self.run.path / f"{name}.safetensors", model, trained_on=self.run.meta["dataset"]["images_hash"])
        except DependencyError:  # a bare GPU machine: everything but the weights is kept
            return
