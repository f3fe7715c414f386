"""How good is the detection here? Precision, recall and errors left, estimated from planted flips, and said in sentences."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.find.label_issues import LabelIssues
from curate.find.label_noise import AMONG_MISTAKES, SHARED, LabelNoise, redrawn, unclear
from curate.find.ranking import channel_quality
from curate.intervals import Estimate

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


NUM_PLANTED = 5000
NUM_DRAWS = 20
TIES = (0.3, 0.5)  # between these the log-odds of a net's mistakes at a tie are drawn
MISFIT = 0.3  # deviation of the logarithm of the ambiguous noise: what the curve was off by on people's labels
MISCOUNT = 0.12  # the same of systematic confusions: what their count was off by where they were planted
TAILS = (0.025, 0.975)
BLIND_SPOT = "Errors that the nets make too cannot be seen this way; a random check of labels that are not flagged can."


@dataclass(frozen=True)
class SelfEstimate:
    """What an audit says of itself.

    Attributes:
        num_errors: wrong labels in all.
        precision: of the flagged, the share that is wrong.
        recall: of the wrong, the share that is flagged.
        num_left: wrong labels that are not flagged.
        num_planted: flips that recall was measured on.
    """

    num_errors: Estimate
    precision: Estimate
    recall: Estimate
    num_left: Estimate
    num_planted: int

    def to_json(self) -> dict[str, Any]:
        """Numbers and intervals; None for NaN and infinity."""

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: plain(item) for key, item in value.items()}
            return value if math.isfinite(value) else None

        return plain(asdict(self))


def estimate_detection(issues: LabelIssues, labels: ArrayLike, pred_probs: ArrayLike, *, seed: int = 0) -> SelfEstimate:
    """Precision, recall and errors left of the flags of `issues`.

    The number of errors is that of the noise that was estimated; recall is the share of planted flips that would be flagged. The
    interval covers chance in the counts, the number planted, and how far both counts were off where the truth was known.

    It cannot see what the curve cannot: noise that thins out with the net's margin just as its own mistakes do looks like difficulty.
    Where more labels are flagged, by what the nets contradict where they hardly err, than the noise can have made, the wrong ones are too
    few to be told from the nets' mistakes: precision, recall and errors left are then NaN, not a guess. MNIST is such a set.

    Args:
        issues: from `find_label_issues`.
        labels: (N,) in -1..K-1.
        pred_probs: (N, K) out-of-fold; may be a memory map.
        seed: of planting and of the draws.
    """
    noise, given = issues.noise, np.asarray(labels)
    num_flagged = int(issues.is_label_issue.sum())
    planted = planted_qualities(noise, given, issues.predicted, pred_probs, num=NUM_PLANTED, seed=seed)
    nothing = Estimate(float("nan"), 0.0, 1.0)
    if noise.curve is None:
        return SelfEstimate(Estimate(0.0, 0.0, 0.0), nothing, nothing, Estimate(0.0, 0.0, 0.0), 0)
    cut = issues.label_quality[issues.is_label_issue].max(initial=0)
    hits = int((planted <= cut).sum()) if num_flagged else 0
    share = hits / len(planted) if len(planted) else float("nan")
    generator = np.random.default_rng([seed, 1])
    errors, caught = (np.empty(NUM_DRAWS) for _ in range(2))
    for draw in range(NUM_DRAWS):
        curve = redrawn(noise.curve, generator, tie=generator.uniform(*TIES))
        factor = np.exp(generator.normal(0, MISFIT))
        systematic = noise.confusions.num_errors * np.exp(generator.normal(0, MISCOUNT))
        errors[draw] = systematic + curve.num_uniform + factor * curve.num_ambiguous
        caught[draw] = generator.beta(hits + 0.5, len(planted) - hits + 0.5)
    middle = _outcome(np.array([noise.num_errors]), np.array([share]), num_flagged)
    spread = _outcome(errors, caught, num_flagged)
    num_errors, precision, recall, num_left = (_figure(float(value[0]), draws) for value, draws in zip(middle, spread, strict=True))
    if num_flagged > num_errors.high:
        at_most = Estimate(num_errors.value, num_errors.low, float(num_flagged))
        return SelfEstimate(at_most, nothing, nothing, Estimate(float("nan"), 0.0, float("inf")), len(planted))
    return SelfEstimate(num_errors, precision, recall, num_left, len(planted))


def _outcome(errors: NDArray, caught: NDArray, num_flagged: int) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Errors, precision, recall and errors left."""
    found = np.minimum(errors * np.nan_to_num(caught), num_flagged)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = found / num_flagged if num_flagged else np.full(len(found), np.nan)
        recall = np.where(errors >= 0.5, found / errors, np.nan)
    return errors, precision, recall, errors - found


def _figure(value: float, draws: NDArray[np.float64]) -> Estimate:
    known = np.append(draws, value)
    known = known[~np.isnan(known)]
    low, high = np.quantile(known, TAILS) if len(known) else (float("nan"), float("nan"))
    return Estimate(value, min(float(low), value), max(float(high), value)) if value == value else Estimate(value, float(low), float(high))


TOO_FEW = (
    "So few labels are wrong that they cannot be told from the nets' own mistakes by their number. Flagged is what the nets contradict "
    "where they hardly err; how many of it is wrong, and how many errors are left, only a review of it and of the random check tells."
)


def estimate_sentences(detection: dict[str, Any]) -> list[str]:
    """What an audit says of itself, as read from `findings.json`: how many labels are wrong, what was found, and why the cut is there.

    Args:
        detection: from `SelfEstimate.to_json`.
    """
    errors, left = detection["num_errors"], detection["num_left"]
    if left["value"] is None:
        return [TOO_FEW, BLIND_SPOT]
    sentences = [
        f"About {_count(errors)} of the labels are estimated to be wrong ({_range(errors)}); as many are flagged, the most suspect first, "
        f"but no fewer than the nets contradict where they hardly err."
    ]
    precision, recall = detection["precision"], detection["recall"]
    if precision["value"] is not None and recall["value"] is not None:
        sentences.append(
            f"Of the flagged, {precision['value']:.0%} are estimated to be wrong ({_shares(precision)}); they hold "
            f"{recall['value']:.0%} of all wrong labels ({_shares(recall)}), and about {_count(left)} are left ({_range(left)}), by "
            f"{detection['num_planted']:,} flips that were planted to see where they would rank."
        )
    return [*sentences, BLIND_SPOT]


def _count(figure: dict[str, Any]) -> str:
    return f"{figure['value']:,.0f}"


def _range(figure: dict[str, Any]) -> str:
    return f"95 %: {figure['low']:,.0f} to {figure['high']:,.0f}"


def _shares(figure: dict[str, Any]) -> str:
    return f"95 %: {figure['low']:.0%} to {figure['high']:.0%}"
