"""Planted flips: wrong labels made up as the dataset's own noise makes them, to see where they would stand in the ranking."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.issues.label_noise import LabelNoise
from curate.issues.noise_curve import AMONG_MISTAKES, SHARED, unclear
from curate.issues.ranking import channel_quality

PAIR, UNIFORM, AMBIGUOUS = 0, 1, 2


def planted_qualities(
    noise: LabelNoise, labels: NDArray[np.int64], predicted: NDArray[np.int64], pred_probs: ArrayLike, *, num: int, seed: int = 0
) -> NDArray[np.float32]:
    """The qualities that `num` wrong labels would get, of the kinds that `noise` consists of.

    A sample's own label is not among those that its net was trained on, so another label in its place changes nothing but its own
    quality: no net has to be trained again. The true class of a sample is that which the net predicts, or, as often as the curve says
    that the net errs at that margin, another in proportion to its probability. Wrong labels are those of a systematic confusion of that
    class; of uniform noise, any other class; of ambiguous noise, rather on less clear samples, the net's own other choices, or, where the
    net errs, often its mistake.

    Args:
        noise: from `estimate_label_noise`.
        labels, predicted: (N,); -1 = unlabelled.
        pred_probs: (N, K) out-of-fold; may be a memory map.
        num: how many to plant.
        seed: of the choice of samples and labels.

    Returns:
        (M,), M <= num: 0 where there is no noise, or nothing to plant it on.
    """
    confusions, curve = noise.confusions, noise.curve
    labelled = np.flatnonzero(labels >= 0)
    if curve is None or noise.num_errors <= 0:
        return np.empty(0, dtype=np.float32)
    generator = np.random.default_rng(seed)
    pairs = np.where(confusions.is_systematic, confusions.rates, 0.0)
    kinds = np.array([confusions.num_errors, curve.num_uniform, curve.num_ambiguous])
    num_pairs, num_uniform, num_ambiguous = generator.multinomial(num, kinds / kinds.sum())

    margin, top = confusions.margin[labelled], predicted[labelled]
    mistakes = curve.mistakes_at(margin)
    place = np.empty(len(labelled))
    place[np.argsort(margin, kind="stable")] = (np.arange(len(labelled)) + 0.5) / len(labelled)
    clear, mistaken = (1 - mistakes) * unclear(place), AMONG_MISTAKES * mistakes
    # (P,) positions among the labelled, by kind of noise, and whether the net mistakes them
    chosen = [
        _drawn(generator, pairs.sum(axis=1)[top], num_pairs),
        _drawn(generator, np.ones(len(top)), num_uniform),
        _drawn(generator, clear + mistaken, num_ambiguous),
    ]
    chances = [mistakes[chosen[0]], mistakes[chosen[1]], (mistaken / np.maximum(clear + mistaken, 1e-12))[chosen[2]]]
    kind, rows = np.repeat([PAIR, UNIFORM, AMBIGUOUS], [len(part) for part in chosen]), labelled[np.concatenate(chosen)]
    is_mistaken = generator.random(len(rows)) < np.concatenate(chances)

    probs = np.empty((len(rows), np.shape(pred_probs)[1]))
    order = np.argsort(rows, kind="stable")  # a memory map is read from its beginning to its end
    probs[order] = np.asarray(pred_probs[rows[order]])  # type: ignore[index]
    top = predicted[rows]
    true = np.where(is_mistaken, _class_drawn(generator, _without(probs, top)), top)
    weights = _without(probs, true)
    weights[kind == UNIFORM] = 1
    weights[kind == PAIR] = pairs[true[kind == PAIR]]
    shared = is_mistaken & (kind == AMBIGUOUS) & (generator.random(len(rows)) < SHARED / AMONG_MISTAKES)
    planted = np.where(shared, top, _class_drawn(generator, _without(weights, true)))
    planted, probs = planted[planted != true], probs[planted != true]  # of a pair, where the true class has no confusion
    return channel_quality(planted, probs / probs.sum(axis=1, keepdims=True), noise.rivals)


def _drawn(generator: np.random.Generator, weight: NDArray[np.float64], num: int) -> NDArray[np.int64]:
    """(num,) positions in proportion to their weights, with replacement; none where all weights are 0."""
    total = weight.cumsum()
    if num == 0 or total[-1] <= 0:
        return np.empty(0, dtype=np.int64)
    return np.searchsorted(total, generator.random(num) * total[-1], side="right").clip(max=len(weight) - 1)


def _without(weights: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """A copy of (P, K) with 0 at one class (P,) of each row."""
    others = weights.copy()
    others[np.arange(len(others)), classes] = 0
    return others


def _class_drawn(generator: np.random.Generator, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """(P,) a class of each row in proportion to (P, K) weights; the last where all are 0."""
    cumulative = weights.cumsum(axis=1)
    drawn = generator.random(len(weights)) * cumulative[:, -1]
    return np.minimum((cumulative <= drawn[:, None]).sum(axis=1), weights.shape[1] - 1)
