"""Features: the judge for photographs: a frozen pretrained net sees every picture once, and cheap heads judge out of fold."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec

from curate.errors import DataError, UnknownNameError, UsageError
from curate.judge.judgement import Judgement, Ready
from curate.options import PRESET_HELP, PRESETS, Place, described, option
from curate.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.data.image_set import ImageSet
    from curate.judge.alike import Neighbors
    from curate.judge.backbones import Backbone
    from curate.judge.extraction import Extracted
    from curate.judge.training.device import Device
    from curate.run import Run

Parameters = ParamSpec("Parameters")
PANEL = "How features judge"
NUM_FOLDS = 5
EMBEDDED_DIMENSIONS = 256
"""Axes of the features that map, similarity, outliers and duplicates are made from."""


@described
@dataclass(frozen=True)
class Features:
    """Out-of-fold heads on the features of a frozen pretrained net.

    Three opinions come of the same features: a multinomial logistic regression, whose strength is chosen inside the folds; exact
    leave-one-out ridge regression; and the nearest neighbours. No sample is judged by a head that learnt from it, from a near duplicate of
    it, or from anything of its group. The preset `quick` takes the smallest of the nets that are installed with curate; `best` fine-tunes
    the net that sees most, a net for each fold, which takes the place of the logistic regression.

    Test images, and images without a label, are judged and never learnt from. Where fewer than two
    classes have labels nothing is judged: the features serve as embeddings.
    """

    name: ClassVar[str] = "features"
    step: ClassVar[str] = "judge"

    backbone: str | None = option(
        None,
        "The pretrained net: efficientnet-lite0, efficientnet-lite2 (both are installed with curate, and together the default), "
        "dinov2-small, dinov3-small, siglip2-base, convnext-tiny, resnet50, any name of timm, local-dir:FOLDER, or NAME@FILE.safetensors; "
        "join several with +.",
        metavar="NAME",
        panel=PANEL,
    )
    preset: str = option("default", PRESET_HELP, choices=PRESETS)
    mirrored: bool | None = option(None, "Average the features with those of the mirrored picture; takes twice the time.", panel=PANEL)
    near_duplicates: bool | None = option(None, "Keep near duplicates in one fold; the default.", panel=PANEL)
    num_folds: int | None = option(None, "Number of folds; 5 by default.", flag="--folds", metavar="N", least=2, panel=PANEL)
    seed: int = option(0, "Makes a run repeatable.", metavar="N", least=0, most=2**32 - 1, panel=PANEL)
    pool_splits: bool = option(
        False, "Learn from test pictures, too: decisions on training labels then depend on test labels.", panel=PANEL
    )

    @property
    def backbones(self) -> str:
        """The names of the nets that are taken, joined by `+`."""
        from curate.judge.backbones import DEFAULT, QUICK

        return self.backbone or (QUICK if self.preset == "quick" else DEFAULT)

    @contextlib.contextmanager
    def ready(self, image_set: "ImageSet", place: Place, progress: Progress = silent) -> Iterator[Ready]:
        """Loads the net; `config` has its name and weights, the folds and the seed.

        Raises:
            DependencyError, FetchError, IntegrityError: the net or its weights are not to be had.
            UnknownNameError: there is no such net or preset.
            UsageError: fewer than two folds, or a Ray cluster.
            DataError: there is one picture only.
        """
        from curate.judge.backbones import load_backbones
        from curate.judge.fine_tune import FineTuning
        from curate.judge.training.device import pick_device

        if place.executor != "local":
            raise UsageError("features are computed on this machine; leave --executor out, or take --judge nets")
        num_folds = NUM_FOLDS if self.num_folds is None else self.num_folds
        if num_folds < 2:
            raise UsageError(f"cross-validation needs at least 2 folds, found {num_folds}")
        if len(image_set) < 2:
            raise DataError(f"expected two or more pictures to compare, found one: {image_set.sample_ids[0]}")
        if self.preset not in PRESETS:
            raise UnknownNameError.of("preset", self.preset, PRESETS)
        progress("backbone", 0, 1)
        backbones = load_backbones(self.backbones)
        progress("backbone", 1, 1, ", ".join(backbone.name for backbone in backbones))
        device = pick_device(place.device)
        mirrored = self.mirrored is True
        config = {
            "judge": self.name,
            "backbones": [backbone.name for backbone in backbones],
            "backbone_identities": [backbone.identity for backbone in backbones],
            "backbone_licences": [f"{backbone.name}: {backbone.licence}" for backbone in backbones if backbone.licence],
            "pixels": [backbone.pixels for backbone in backbones],
            "mirrored": mirrored,
            "near_duplicates": self.near_duplicates is not False,
            "num_folds": num_folds,
            "num_repeats": 1,
            "seed": self.seed,
            "pool_splits": self.pool_splits,
            "precision": device.precision,
            **({"fine_tuning": asdict(FineTuning())} if self.preset == "best" else {}),
        }

        def judge(run: "Run", progress: Progress) -> Judgement:
            run.replace_sections(device=device.to_json())
            found = [extracted(image_set, backbone, device, mirrored=mirrored, progress=progress) for backbone in backbones]
            features = [each.features for each in found]
            if num_labelled_classes(image_set) > 1:
                judged = judge_features(
                    image_set,
                    features,
                    num_folds=num_folds,
                    seed=self.seed,
                    near_duplicates=self.near_duplicates is not False,
                    pool_splits=self.pool_splits,
                    progress=progress,
                )
                if self.preset == "best":
                    judged = self._fine_tuned(image_set, judged, backbones, features, device, run, progress)
            else:
                judged = embedded(image_set, features)
            seconds = {
                "extraction_seconds": [round(each.seconds, 2) for each in found],
                "num_extracted": [each.num_computed for each in found],
            }
            run.replace_sections(judged={**judged.facts, **seconds})
            run.save_array("groups.npy", judged.groups)
            return judged.judgement

        yield Ready(config, judge)

    def _fine_tuned(
        self,
        image_set: "ImageSet",
        judged: "Judged",
        backbones: "tuple[Backbone, ...]",
        features: "list[NDArray[np.float16]]",
        device: "Device",
        run: "Run",
        progress: Progress,
    ) -> "Judged":
        """The same with a fine-tuned net as the judge, in the place of the logistic regression.

        Ridge regression stays: a second linear judge of the same frozen features would only outvote the one that sees others. Samples of
        rare classes are judged by their neighbours as before.
        """
        import numpy as np

        from curate.judge.fine_tune import fine_tuned, largest_of
        from curate.judge.nets import RunFolds
        from curate.judge.training.folds import trainable_samples

        before = judged.judgement
        backbone, own = largest_of(backbones, features)
        learnt = trainable_samples(image_set, pool_splits=self.pool_splits) & (image_set.labels >= 0)
        assert before.fold is not None
        pred_probs = fine_tuned(
            image_set,
            backbone,
            own,
            before.fold[0],
            learnt=learnt,
            device=device,
            seed=self.seed,
            store=RunFolds(run),
            progress=progress,
        )
        is_weak = np.isin(image_set.labels, [image_set.class_names.index(name) for name in judged.facts["weak_classes"]])
        pred_probs[is_weak] = before.pred_probs[is_weak]
        return replace(judged, judgement=replace(before, pred_probs=pred_probs), facts={**judged.facts, "fine_tuned": backbone.name})


def extracted(
    image_set: "ImageSet", backbone: "Backbone", device: "Device", *, mirrored: bool = False, progress: Progress = silent
) -> "Extracted":
    """The features of every picture, from the cache in the data folder where they are there."""
    from curate.judge.extraction import extract
    from curate.run import data_root

    return extract(image_set, backbone, device=device, folder=data_root() / "features", mirrored=mirrored, progress=progress)


FEW = 20_000
"""Samples up to which heads are made with one thread."""


def one_thread_for_few(
    judge: "Callable[Concatenate[ImageSet, Parameters], Judged]",
) -> "Callable[Concatenate[ImageSet, Parameters], Judged]":
    """`judge`, which computes with one thread where there are few samples.

    The matrices of few samples are so small that threads wait for each other most of the time: with two of them on two busy cores the heads
    of 1,192 photographs took 80 to 130 s, with one 10 to 24 s.
    """

    @functools.wraps(judge)
    def judged(image_set: "ImageSet", *arguments: "Parameters.args", **options: "Parameters.kwargs") -> Judged:
        import torch
        from threadpoolctl import threadpool_limits  # comes with scikit-learn

        num_threads = torch.get_num_threads()
        if len(image_set) > FEW or num_threads == 1:
            return judge(image_set, *arguments, **options)
        try:
            with threadpool_limits(1):
                torch.set_num_threads(1)
                return judge(image_set, *arguments, **options)
        finally:
            torch.set_num_threads(num_threads)

    return judged


@dataclass(frozen=True)
class Judged:
    """What heads on features say.

    Attributes:
        judgement: probabilities, embeddings, folds and opinions.
        groups: (N,) int64, what shared a fold.
        facts: `num_groups` of two and more, `num_grouped` samples in them, `weak_classes` by name, penalties.
    """

    judgement: Judgement
    groups: "NDArray[np.int64]"
    facts: dict[str, Any] = field(default_factory=dict)


@one_thread_for_few
def judge_features(
    image_set: "ImageSet",
    features: "Sequence[NDArray[np.floating]]",
    *,
    num_folds: int = NUM_FOLDS,
    seed: int = 0,
    near_duplicates: bool = True,
    pool_splits: bool = False,
    progress: Progress = silent,
) -> Judged:
    """Judges every sample of the set by its features, (N, D) of one net or of several.

    Samples of a class with fewer groups than folds are judged by their neighbours: what a head learns of them changes from fold to fold.

    Raises:
        DataError: all pictures have the same features, or fewer than two classes can be learnt from.
    """
    import numpy as np

    from curate.judge.alike import nearest, neighbors_opinion
    from curate.judge.heads import HeadOptions, joint_space, logistic_out_of_fold
    from curate.judge.ridge import ridge_leave_one_out
    from curate.judge.training.folds import assign_folds, trainable_samples, weak_classes

    steps = ("principal axes", "neighbours", "logistic regression", "ridge regression")
    progress("heads", 0, len(steps), steps[0])
    options = HeadOptions()
    space = joint_space(features, dimensions=options.dimensions, power=options.power)
    progress("heads", 1, len(steps), steps[1])
    neighbors = nearest(space)
    labels, num_classes = image_set.labels, image_set.num_classes
    groups = groups_of(image_set, neighbors, near_duplicates=near_duplicates)
    learnt = trainable_samples(image_set, pool_splits=pool_splits) & (labels >= 0)
    _, strata = np.unique(image_set.splits, return_inverse=True)
    fold = assign_folds(labels, num_folds=num_folds, seed=seed, groups=groups, strata=strata, trainable=learnt, keep_rare=True)
    progress("heads", 2, len(steps), steps[2])
    head = logistic_out_of_fold(space, labels, fold, num_classes=num_classes, trainable=learnt, options=options)
    progress("heads", 3, len(steps), steps[3])
    ridge = ridge_leave_one_out(space, labels, groups, fold, num_classes=num_classes, trainable=learnt)
    by_neighbors = neighbors_opinion(neighbors, labels, groups, num_classes=num_classes, learnt=learnt)
    weak = weak_classes(labels, groups, learnt, num_classes=num_classes, num_folds=num_folds)
    pred_probs = head.pred_probs
    judged_weakly = np.isin(labels, weak)
    pred_probs[judged_weakly] = by_neighbors[judged_weakly]
    sizes = np.bincount(groups)
    facts = {
        "num_groups": int((sizes > 1).sum()),
        "num_grouped": int(sizes[sizes > 1].sum()),
        "weak_classes": [image_set.class_names[k] for k in weak],
        "num_judged_weakly": int(judged_weakly.sum()),
        "penalties": list(head.penalties),
        "ridge_penalty": ridge.penalty,
    }
    progress("heads", len(steps), len(steps))
    opinions = {"ridge": ridge.pred_probs, "neighbours": by_neighbors}
    embeddings = np.ascontiguousarray(space[:, :EMBEDDED_DIMENSIONS])
    return Judged(Judgement(pred_probs, embeddings, fold[None], opinions), groups, facts)


def embedded(image_set: "ImageSet", features: "Sequence[NDArray[np.floating]]") -> Judged:
    """Embeddings of pictures of fewer than two classes, under probabilities (N, K) that favour no class.

    Raises:
        DataError: all pictures have the same features.
    """
    import numpy as np

    from curate.judge.alike import nearest
    from curate.judge.heads import HeadOptions, joint_space

    options = HeadOptions()
    space = joint_space(features, dimensions=options.dimensions, power=options.power)
    groups = groups_of(image_set, nearest(space))
    sizes = np.bincount(groups)
    facts = {"num_groups": int((sizes > 1).sum()), "num_grouped": int(sizes[sizes > 1].sum())}
    pred_probs = np.full((len(image_set), image_set.num_classes), 1 / max(image_set.num_classes, 1), np.float32)
    return Judged(Judgement(pred_probs, np.ascontiguousarray(space[:, :EMBEDDED_DIMENSIONS])), groups, facts)


def num_labelled_classes(image_set: "ImageSet") -> int:
    """How many classes have labels."""
    import numpy as np

    return len(np.unique(image_set.labels[image_set.labels >= 0]))


def groups_of(image_set: "ImageSet", neighbors: "Neighbors", *, near_duplicates: bool = True) -> "NDArray[np.int64]":
    """(N,) what must share a fold: the user's groups, exact duplicates, and near duplicates by the features."""
    import numpy as np

    from curate.data.exact_duplicates import exact_duplicates
    from curate.judge.alike import Neighbors, near_duplicate_groups

    n = len(image_set)
    near = neighbors if near_duplicates else Neighbors(np.empty((n, 0), np.int64), np.empty((n, 0), np.float32))
    groups = near_duplicate_groups(near, exact_duplicates(image_set))
    return groups if image_set.groups is None else joined(groups, image_set.groups)


def joined(groups: "NDArray[np.int64]", others: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """(N,) groups such that samples that share a group by either of two divisions share one; negative in `others` = in none."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, first = len(groups), int(groups.max()) + 1
    named = np.flatnonzero(others >= 0)
    rows = np.concatenate([np.arange(n), named])
    columns = n + np.concatenate([groups, first + others[named]])
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(n + first + int(others.max(initial=0)) + 1,) * 2)
    component = connected_components(graph, directed=False)[1][:n]
    return np.unique(component, return_inverse=True)[1].astype(np.int64)
