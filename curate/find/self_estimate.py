"""What an audit says of itself: wrong labels, how many of the flagged are wrong, how many wrong ones are not flagged; in sentences too."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curate.find.error_probability import ALL, ALL_OF_TWO, MISFIT, MISFIT_OF_TWO, NOTHING, NOTHING_OF_TWO, TAILS, Errors
from curate.intervals import Estimate

LESS_MISSED, MORE_MISSED = 0.1, 2.5  # how far the missed share was off where the truth was known
UNSURE = 0.35  # of the labels: an interval so wide says nothing
LOOKING_PAYS = 0.05  # probability of an error down to which a look at a label pays


@dataclass(frozen=True)
class SelfEstimate:
    """What an audit says of itself; each figure with an interval that holds the true one in 95 of 100 cases.

    Attributes:
        num_labels: labels that were judged.
        num_flagged: of them flagged.
        num_errors: wrong labels in all.
        num_flagged_errors: wrong labels among the flagged.
        precision: of the flagged, the share that is wrong.
        recall: of the wrong, the share that is flagged.
        num_left: wrong labels that are not flagged.
        num_worth_a_look: labels that are wrong with a probability of at least 5 %.
        can_count: whether the figures mean anything.
        reason: why not; None where they do.
        num_opinions: independent judges; with a single one the intervals are wide.
    """

    num_labels: int
    num_flagged: int
    num_errors: Estimate
    num_flagged_errors: Estimate
    precision: Estimate
    recall: Estimate
    num_left: Estimate
    num_worth_a_look: int
    can_count: bool
    reason: str | None
    num_opinions: int

    def to_json(self) -> dict[str, Any]:
        """Numbers and intervals; None for NaN and infinity."""

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: plain(item) for key, item in value.items()}
            return None if isinstance(value, float) and not math.isfinite(value) else value

        return plain(asdict(self))


def estimate_detection(errors: Errors, flagged: NDArray[np.bool_]) -> SelfEstimate:
    """How many labels are wrong, how many of the flagged, and how many of the others.

    The number of wrong labels is the sum of their probabilities. The intervals cover how far channels differ that are all believed, how far
    counts were off beyond that where the truth was known, and chance.

    Args:
        errors: from `estimate_errors`.
        flagged: (N,) by whatever method.
    """
    probability = errors.probability
    known = ~np.isnan(probability)
    num, num_flagged = errors.num_labelled, int((flagged & known).sum())
    worth = int((probability[known] >= LOOKING_PAYS).sum())
    unknown = Estimate(float("nan"), 0.0, 1.0)
    if not num:
        none, share = Estimate(0.0, 0.0, 0.0), unknown
        return SelfEstimate(0, 0, none, none, share, share, none, 0, False, errors.reason, errors.num_opinions)
    total = float(probability[known].sum(dtype=np.float64))
    hit = float(probability[flagged & known].sum(dtype=np.float64))
    in_sample = flagged[errors.sample]
    scale = num / len(errors.sample)
    hits = errors.wrong[:, in_sample].sum(axis=1, dtype=np.float64) * scale
    misses = errors.wrong[:, ~in_sample].sum(axis=1, dtype=np.float64) * scale
    contradicted = (1 - errors.agreement) * num
    nothing = (NOTHING if errors.num_opinions == 1 else NOTHING_OF_TWO) * contradicted
    at_least = (ALL if errors.num_opinions == 1 else ALL_OF_TWO) * contradicted  # of the upper end
    wrong = _interval(total, hits + misses, errors, nothing, at_least, float(num))
    left = _interval(total - hit, misses, errors, nothing, min(at_least, max(0.0, contradicted - num_flagged)), float(num - num_flagged))
    found = _interval(hit, hits, errors, 0.0, 0.0, float(num_flagged))
    precision = Estimate(hit / num_flagged, found.low / num_flagged, found.high / num_flagged) if num_flagged else unknown
    shares = np.divide(hits, hits + misses, out=np.zeros(len(hits)), where=hits + misses > 0)
    recall = unknown
    if total >= 0.5:
        low, high = _quantiles(shares, errors.weight)
        value = hit / total
        missed = 1 - value
        recall = Estimate(value, max(0.0, min(low, value, 1 - MORE_MISSED * missed - 0.02)), max(high, 1 - LESS_MISSED * missed))
    reason = errors.reason
    if reason is None and (wrong.high - wrong.low) > UNSURE * num:
        contradicts = f"{100 * (1 - errors.agreement):.0f} % of the labels"
        reason = f"this judge contradicts {contradicts}, and nothing tells how often it errs itself; a second, independent opinion would"
    if errors.reason is not None:
        wrong = Estimate(float("nan"), 0.0, max(contradicted, wrong.high))
        left = Estimate(float("nan"), 0.0, wrong.high)
        found, precision, recall = Estimate(float("nan"), 0.0, float(num_flagged)), unknown, unknown
    return SelfEstimate(num, num_flagged, wrong, found, precision, recall, left, worth, reason is None, reason, errors.num_opinions)


def _interval(value: float, counts: NDArray[np.float64], errors: Errors, nothing: float, at_least: float, at_most: float) -> Estimate:
    down, up = MISFIT if errors.num_opinions == 1 else MISFIT_OF_TWO
    low, high = _quantiles(counts, errors.weight)
    low, high = min(low, value), max(high, value)
    low = max(0.0, low * down - nothing - 2 * math.sqrt(low * down))
    high = min(at_most, max(at_least, high * up) + 2 * math.sqrt(high * up) + 3)
    return Estimate(value, min(low, value), max(high, value))


def _quantiles(values: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Between which values of a few, each with its weight, all but the tails lie."""
    order = np.argsort(values)
    reached = weight[order].cumsum()
    low, high = (min(int(np.searchsorted(reached, tail)), len(values) - 1) for tail in TAILS)
    return float(values[order[low]]), float(values[order[high]])


def expected_yield(quality: NDArray[np.floating], rank: NDArray[np.integer], *, start: int = 0, num: int = 100) -> float:
    """How many of the next `num` labels of the queue are expected to be wrong.

    Args:
        quality: (N,) probability that each label is right; NaN where unlabelled.
        rank: (N,) 1 = looked at first.
        start: how many have been looked at.
    """
    ahead = (rank > start) & (rank <= start + num) & ~np.isnan(quality)
    return float((1 - quality[ahead].astype(np.float64)).sum())


def worth_a_look(table: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) which rows of an issue table are flagged, or wrong with a probability of at least LOOKING_PAYS; runs of 0.1 had flags only."""
    flagged = table["is_label_issue"].to_numpy(dtype=bool)
    return flagged | (table["error_probability"] >= LOOKING_PAYS).to_numpy() if "error_probability" in table else flagged


def estimate_sentences(detection: dict[str, Any]) -> list[str]:
    """What an audit says of itself, as read from `findings.json`.

    Args:
        detection: from `SelfEstimate.to_json`.
    """
    if not detection.get("num_labels"):  # no labels, or a run of before there was this estimate
        return [f"No label is judged: {detection['reason']}."] if detection.get("reason") else []
    labels, flagged = detection["num_labels"], detection["num_flagged"]
    worth = detection["num_worth_a_look"]
    have, they_are = ("label has", "It is") if worth == 1 else ("labels have", "They are")
    look = f"{worth:,} {have} an error probability of 5 % or more. {they_are} worth a look{'' if worth == 1 else ', worst first'}."
    if not detection["can_count"]:
        reason = detection["reason"]
        sentences = [f"We cannot tell how many labels are wrong: {reason}{'' if reason.endswith('?') else '.'}"]
        if detection["num_errors"]["value"] is not None and flagged:
            worst = f"the {flagged:,} most suspect" if flagged > 1 else "the most suspect one"
            sentences.append(f"We flag {worst} of {labels:,}. Look at some of them to see what the flags are worth.")
        elif not flagged:
            sentences.append("We flag none. The labels are ranked, the most suspect first.")
        return sentences
    errors, left = detection["num_errors"], detection["num_left"]
    number = about(errors["value"])
    sentences = [
        f"Hardly any of {labels:,} labels is wrong ({_range(errors)})."
        if number == "0"
        else f"About {number} of {labels:,} labels {'is' if number == '1' else 'are'} wrong ({_range(errors)})."
    ]
    if flagged:
        found, missed = about(detection["num_flagged_errors"]["value"]), about(left["value"])
        sentences[0] += f" We flag {flagged:,}; about {found} of them are really wrong. About {missed} wrong labels are not flagged."
    else:
        sentences[0] += " We flag none."
    return [*sentences, look] if worth > flagged else sentences


def about(value: float) -> str:
    """A number of labels with two digits that mean something."""
    if value < 10:
        return f"{value:.0f}"
    step = 10 ** (int(math.log10(value)) - 1)
    return f"{round(value / step) * step:,.0f}"


def _range(figure: dict[str, Any]) -> str:
    return f"{about(figure['low'])} to {about(figure['high'])}"
