"""How good is the detection here? Precision, recall and errors left, estimated without any truth."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.estimate import Estimate
from curate.issues.label_issues import LabelIssues
from curate.issues.noise_curve import redrawn
from curate.issues.planting import planted_qualities

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
