"""Why this net, what speaks for it and what against: the questions of whoever has to decide, answered from the measured figures."""

import math

from curate.judge.models.registry import default_model
from curate.lab.model_page.model_facts import Candidate, ModelFacts
from curate.lab.model_page.model_wording import milliseconds, short
from curate.publish.report.wording import percent

SMALL, LARGE = 1_000_000, 20_000_000
"""Parameters below which a net fits anywhere, and above which it does not."""
QUICK, SLOW = 0.002, 0.05
"""Seconds for one image."""
UNEVEN = 0.1
"""By how much the recall of the worst class may be below the accuracy."""
DATA_HUNGRY = 5000
"""Images below which a net from random weights learns little."""


def why_this_net(facts: ModelFacts) -> list[str]:
    """Sentences on how the net was chosen, and where it stands among those that it was measured with."""
    itself, dataset = facts.itself, facts.meta["dataset"]
    channels, height, width = dataset["image_shape"]
    usual = default_model((height, width), channels)
    kind = "small grey images" if channels == 1 and max(height, width) <= 32 else "such images"
    text = [
        f"{itself.model} is the net that curate takes for {kind} if nobody chooses another."
        if usual == itself.model
        else f"{itself.model} was chosen by hand; without a choice curate takes {usual} for {kind}."
    ]
    judged = [each for each in facts.others if each.judged is not None]
    better = [each for each in judged if each.judged and each.judged.difference.low > 0]
    worse = [each for each in judged if each.judged and each.judged.difference.high < 0]
    if not judged:
        text.append("No other net was trained on these images, so that nothing is known of how much better another would be.")
    elif better:
        text.append(f"Beyond chance, {_listed(better)} {'is' if len(better) == 1 else 'are'} more accurate here.")
    else:
        text.append(f"Of the nets trained on these images none is more accurate beyond chance; {_listed(worse) or 'none'} less.")
    if facts.others:
        quicker = sum(each.latency.p50 < itself.latency.p50 for each in facts.others)
        text.append(f"In latency it is number {quicker + 1} of the {len(facts.others) + 1} measured.")
    return text


def pros(facts: ModelFacts) -> list[str]:
    """What speaks for the net."""
    costs, latency, found = facts.itself.costs, facts.itself.latency, facts.calibration
    text = []
    if costs.parameters <= SMALL:
        text.append(f"Small: {short(costs.parameters)} parameters, {short(costs.size_bytes, 'B')} on disk. It fits on any device.")
    if latency.p50 <= QUICK:
        text.append(f"Quick: one image in {milliseconds(latency.p50)}, {latency.images_per_second:,.0f} a second one by one.")
    if found.error.value < 2 * found.chance:
        text.append("Its probabilities can be taken at their word.")
    elif facts.rescaled.error.value < found.error.value / 2:
        text.append("Its probabilities are easily put right: one number (the temperature) does it.")
    gap = _gap(facts)
    if gap is not None and gap[1] < UNEVEN:
        text.append(f"Even: its worst class, {gap[0]}, is found nearly as well as the others.")
    weaker = [each for each in facts.others if each.judged and each.judged.difference.high < 0]
    if weaker:
        text.append(f"More accurate than {_listed(weaker)}, beyond chance.")
    return text or ["Nothing that the figures here would show."]


def cons(facts: ModelFacts) -> list[str]:
    """What speaks against the net."""
    costs, latency, found = facts.itself.costs, facts.itself.latency, facts.calibration
    text = []
    stronger = [each for each in facts.others if each.judged and each.judged.difference.low > 0]
    if stronger:
        text.append(f"Less accurate than {_listed(stronger)}, beyond chance.")
    if costs.parameters >= LARGE:
        text.append(f"Large: {short(costs.parameters)} parameters, {short(costs.size_bytes, 'B')} on disk.")
    if latency.p50 >= SLOW:
        text.append(f"Slow: {milliseconds(latency.p50)} for one image.")
    if found.error.value >= 2 * found.chance:
        way = "less sure than it is right" if found.confidence < found.accuracy else "surer than it is right"
        text.append(f"It is {way}, by {percent(found.error.value, 1)} on average.")
    gap = _gap(facts)
    if gap is not None and gap[1] >= UNEVEN:
        text.append(f"Uneven: of its worst class, {gap[0]}, it finds {percent(gap[1], 0)} less than of all.".replace("%", "points", 1))
    if not facts.meta["config"].get("pretrained") and facts.qualities["all"].num_samples < DATA_HUNGRY:
        text.append("It learned from random weights on few images; pretrained weights are likely to be better.")
    text.append("It knows these classes only: whatever else is shown to it is given one of them.")
    return text


def _gap(facts: ModelFacts) -> tuple[str, float] | None:
    """The class with the lowest recall, and how far that is below the accuracy."""
    known = [each for each in facts.classes if not math.isnan(each.recall.value)]
    if not known:
        return None
    worst = min(known, key=lambda each: each.recall.value)
    return worst.class_name, facts.accuracy.value - worst.recall.value


def _listed(candidates: list[Candidate]) -> str:
    return ", ".join(each.model for each in candidates)
