"""Label noise: how many given labels are wrong and of what kind, from probabilities and labels alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curate.issues.confusions import Confusions, find_confusions
from curate.issues.label_evidence import LabelEvidence
from curate.issues.noise_curve import NoiseCurve, fit_noise_curve, make_bins

SPREAD = 0.7  # share of the usual rate in that of a confusion that is not systematic
LEARNT = 0.75  # power of a systematic confusion's rate, in units of the usual one: the net has learnt some of it, and shows some itself
RARE_MISTAKE = 0.05  # chance of the net's mistake under which a label that it contradicts is clearly suspect
LOWEST_USUAL = 0.01  # of wrong labels per class, spread over the other classes


@dataclass(frozen=True)
class LabelNoise:
    """The noise of N labels over K classes.

    Attributes:
        confusions: pairs of classes that are mistaken systematically.
        curve: all other wrong labels; None where no sample is labelled.
        num_clear: labels that the net contradicts where it hardly errs.
    """

    confusions: Confusions
    curve: NoiseCurve | None
    num_clear: int

    @property
    def num_errors(self) -> float:
        """How many of the N labels are wrong."""
        return self.confusions.num_errors + (self.curve.num_errors if self.curve else 0.0)

    @property
    def rivals(self) -> NDArray[np.float64]:
        """(K, K), row = true class, column = given label: how likely this mistake is, in units of the usual one; 0 on the diagonal."""
        confusions = self.confusions
        others = ~np.eye(len(confusions.rates), dtype=bool)
        weight = (others & ~confusions.is_systematic) * confusions.num_predicted[:, None]
        usual = (confusions.rates * weight).sum() / max(1, weight.sum())
        usual = max(usual, LOWEST_USUAL / max(1, len(others) - 1))
        mixed = (1 - SPREAD) * confusions.rates + SPREAD * usual
        systematic = usual * np.maximum(1, confusions.rates / usual) ** LEARNT
        return np.where(confusions.is_systematic, systematic, mixed) * others / usual


def estimate_label_noise(evidence: LabelEvidence, pred_probs: ArrayLike) -> LabelNoise:
    """The noise that the labels have.

    Args:
        evidence: of N samples.
        pred_probs: (N, K) out-of-fold; may be a memory map.
    """
    confusions = find_confusions(evidence, pred_probs)
    labelled = np.flatnonzero(evidence.labels >= 0)
    if not len(labelled):
        return LabelNoise(confusions, None, 0)
    given, predicted = evidence.labels[labelled], evidence.predicted[labelled]
    disagrees = (given != predicted) & ~confusions.is_systematic[predicted, given]
    curve = fit_noise_curve(make_bins(confusions.margin[labelled], disagrees), np.shape(pred_probs)[1])
    is_sure = curve.mistakes_at(confusions.margin[labelled]) < RARE_MISTAKE
    return LabelNoise(confusions, curve, int((disagrees & is_sure).sum()))
