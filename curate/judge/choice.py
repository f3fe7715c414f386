"""Who judges where nobody said: nets from scratch for small pictures, features for photographs, a short trial where it is not plain."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from curate.errors import DataError, DivergedError
from curate.judge.features import Features, num_labelled_classes
from curate.judge.judgement import Ready
from curate.judge.nets import Nets
from curate.options import Place
from curate.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.data.image_set import ImageSet

COLOURED, RICH, FLAT = 0.9, 7.0, 5.0
"""Photographs: so many of the pictures have colours, and their median entropy is at least RICH bits (of the histogram of all three
channels); at FLAT bits and less they are drawings or scans."""
TRIED = 1500
"""Pictures of the trial: enough to tell the judges apart, few enough for a minute or two."""
TRIAL_STEPS = 400
SEEN_LATER = 0.02
"""What a net from scratch gains on features when it learns from all pictures rather than from the trial's, where there are many more."""

TO_JUDGE = "to have labels judged, give two or more class folders, or a table with filepath,label"


@dataclass(frozen=True)
class Choose:
    """Whichever of the two suits the pictures, with these options.

    Attributes:
        nets, features: the options of either, should it be taken.
    """

    nets: Nets = field(default_factory=Nets)
    features: Features = field(default_factory=Features)


@dataclass(frozen=True)
class Choice:
    """A judge that was chosen for the pictures: it judges as itself, and the run keeps why it was taken.

    Attributes:
        judge: Nets or Features.
        reason: in one line.
    """

    judge: Nets | Features
    reason: str

    @property
    def name(self) -> str:
        """That of the judge."""
        return self.judge.name

    @property
    def step(self) -> str:
        """That of the judge."""
        return self.judge.step

    @contextlib.contextmanager
    def ready(self, image_set: "ImageSet", place: Place, progress: Progress = silent) -> Iterator[Ready]:
        """As the judge itself, with `chosen` in the config."""
        with self.judge.ready(image_set, place, progress) as ready:
            yield Ready({**ready.config, "chosen": {"judge": self.name, "reason": self.reason}}, ready.judge)


def choose_judge(
    image_set: "ImageSet",
    choose: Choose = Choose(),
    *,
    place: Place = Place(),
    earlier: dict[str, str] | None = None,
    progress: Progress = silent,
) -> Choice:
    """The judge that suits the pictures.

    Args:
        earlier: what an earlier call of the same run chose, `judge` and `reason`: it stays.
        progress: stages of the trial, where there is one.

    Raises:
        DataError: fewer than two classes have labels, and there are no features to compare pictures by.
        CurateError: what a judge of the trial raises.
    """
    from curate.judge.backbones import why_not

    nets, features = choose.nets, choose.features
    if earlier is not None:
        return Choice(nets if earlier["judge"] == nets.name else features, earlier["reason"])
    height, width = image_set.images.shape[2:]
    pictures = image_set.pictures
    if (num_classes := num_labelled_classes(image_set)) < 2:
        found = "all pictures are of one class" if num_classes else "no picture has a class"
        lacking = why_not(features.backbones)
        if lacking is not None:
            raise DataError(f"{found}, so there is no label to judge; outliers and duplicates need pretrained features, but {lacking}")
        return Choice(features, f"none, since {found}: outliers, near duplicates and what is wrong with pictures only; {TO_JUDGE}")
    if pictures is None:
        return Choice(nets, f"nets trained from scratch: the pictures are small ({width} x {height})")
    lacking = why_not(features.backbones)
    if lacking is not None:
        return Choice(nets, f"nets trained from scratch at {width} x {height}: pretrained features would suit photographs, but {lacking}")
    if place.executor != "local":
        return Choice(nets, f"nets trained from scratch at {width} x {height}: Ray trains nets only")
    name = features.backbones
    kind = kind_of(pictures.facts)
    if kind == "photographs":
        why = "installed with curate, needs no network" if features.backbone is None else "as asked for"
        return Choice(features, f"features of the pretrained {name} ({why}): these are photographs")
    by_features, by_nets, num = trial(image_set, nets, features, place=place, progress=progress)
    nets_are_better = by_nets is not None and by_features < by_nets + (SEEN_LATER if len(image_set) > 2 * num else 0)
    judge: Nets | Features = nets if nets_are_better else features
    taken = f"features of the pretrained {name}" if judge is features else f"nets trained from scratch at {width} x {height}"
    other = "a net from scratch could not be trained: it diverged" if by_nets is None else f"a net from scratch with {by_nets:.1%}"
    return Choice(judge, f"{taken}: on {num:,} of these {kind}, held out, features agree with {by_features:.1%} of the labels, {other}")


def kind_of(facts: "NDArray[np.void]") -> str:
    """`photographs` where that is plain; else `grey pictures`, `drawings or scans`, or `mixed pictures`."""
    import numpy as np

    coloured = 1 - float(facts["is_grey"].mean())
    entropy = float(np.median(facts["entropy"]))
    if coloured >= COLOURED and entropy >= RICH:
        return "photographs"
    if entropy <= FLAT:
        return "drawings or scans"
    return "grey pictures" if coloured < COLOURED else "pictures"


def trial(
    image_set: "ImageSet", nets: Nets, features: Features, *, place: Place = Place(), progress: Progress = silent
) -> tuple[float, float | None, int]:
    """Shares of the labels with which features and a net from scratch agree, on the same fifth of a part of the pictures.

    Neither learnt from that fifth, and both learnt from all the rest of the part.

    Returns:
        The share of features, that of the net (None if its training diverged), and how many pictures took part.
    """
    import numpy as np

    from curate.judge.backbones import load_backbones
    from curate.judge.features import extracted, judge_features
    from curate.judge.training.device import pick_device

    labelled = np.flatnonzero((image_set.labels >= 0) & (image_set.splits != "test"))
    labelled = labelled if len(labelled) else np.flatnonzero(image_set.labels >= 0)
    chosen = labelled[np.linspace(0, len(labelled) - 1, min(TRIED, len(labelled))).round().astype(np.int64)]
    part = image_set.subset(chosen)
    device = pick_device(place.device)
    mirrored = features.mirrored is True
    backbones = load_backbones(features.backbones)
    found = [extracted(part, backbone, device, mirrored=mirrored, progress=progress).features for backbone in backbones]
    judged = judge_features(part, found, seed=0, progress=progress).judgement
    assert judged.fold is not None
    held_out = judged.fold[0] == 0
    by_features = float((judged.pred_probs[held_out].argmax(axis=1) == part.labels[held_out]).mean())
    by_nets = net_agreement(part, held_out, nets, place=place, progress=progress)
    return by_features, by_nets, len(part)


def net_agreement(
    image_set: "ImageSet", held_out: "NDArray[np.bool_]", nets: Nets, *, place: Place, progress: Progress = silent
) -> float | None:
    """The share of the held-out labels with which one net agrees that was trained on all the others, in TRIAL_STEPS steps.

    None if its training diverged: nothing was measured then, and the audit goes on with features.
    """
    try:
        probs = held_out_probs(image_set, held_out, nets, "quick", TRIAL_STEPS, place=place, progress=progress)
    except DivergedError:
        return None
    return float((probs.argmax(axis=1) == image_set.labels[held_out]).mean())


def held_out_probs(
    image_set: "ImageSet",
    held_out: "NDArray[np.bool_]",
    nets: Nets,
    preset: str,
    num_steps: int,
    *,
    seed: int = 0,
    place: Place = Place(),
    progress: Progress = silent,
) -> "NDArray[np.float32]":
    """(M, K) probabilities of the M held-out pictures, by one net that was trained on the others by the preset, as one fold is.

    Args:
        held_out: (N,).
        num_steps: optimizer steps at least, as far as `least_steps` goes.
        seed: of the initial weights, the order and the augmentation.
        progress: stage `trial of nets`.
    """
    from dataclasses import replace

    import numpy as np

    from curate.judge.models.registry import ModelSpec, default_model
    from curate.judge.training.device import pick_device
    from curate.judge.training.executors import LocalExecutor
    from curate.judge.training.jobs import FoldJob, FoldWork
    from curate.judge.training.recipes import least_steps, preset_for

    channels, height, width = image_set.images.shape[1:]
    model = nets.model or default_model((height, width), channels)
    recipe = preset_for(model, preset, in_channels=channels).recipe
    recipe = replace(recipe, views=1) if preset == "quick" else recipe
    learnt = ~held_out & (image_set.labels >= 0)
    work = FoldWork(
        ModelSpec(model, image_set.num_classes, channels, (height, width), None),
        image_set.images,
        image_set.labels,
        held_out.astype(np.int16)[None],  # fold 1 is held out, and the net of fold 0 is never asked for
        learnt,
        least_steps(recipe, int(learnt.sum()), num_steps),
        pick_device(place.device),
        seed,
    )
    job = FoldJob(0, 1)
    told = lambda job, share: progress("trial of nets", min(share, 0.999), 1)  # noqa: E731
    [(_, result)] = LocalExecutor().run_jobs(work, [job], told, done=set(), num_workers=1)
    progress("trial of nets", 1, 1)
    return result.probs
