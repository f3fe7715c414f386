"""The estimate of how good detection is, in sentences."""

from typing import Any

from curate.issues.self_estimate import BLIND_SPOT

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
