"""What the site knows of its cards: the content of `data.js`."""

import json
from collections.abc import Sequence
from typing import Any

from curate.datasets.image_set import SPLITS
from curate.gallery.cards import Cards
from curate.gallery.opinions import STATES, class_number, count_opinions, opinion


def card_data(cards: Cards, name: str, class_names: Sequence[str], *, with_names: bool = False) -> dict[str, Any]:
    """One list per field, in the order of the cards; classes, splits and states are numbers, which keeps 50,000 cards small.

    `opinions` has, by the card's number, how many reviewers hold which opinion (see `curate.gallery.opinions`); `reviewers`, who does.

    Args:
        cards: from `choose_cards`.
        name: of the dataset; ids are shortened by it.
        class_names: K names.
        with_names: tell who decided what, not only how many.

    Raises:
        UnknownNameError: a reviewer named a class that there is not.
    """
    table = cards.table
    number = {class_name: i for i, class_name in enumerate(class_names)}
    given = [number[label] for label in table["given_label"]]
    guessed = table["suggested_label"].where(table["suggested_label"].notna(), table["predicted_label"])
    prefix = f"{name}/" if table["sample_id"].str.startswith(f"{name}/").all() else ""
    corrected, opinions, adjudicated, reviewers = [-1] * len(table), {}, [], {}
    for i, (sample_id, state) in enumerate(zip(table["sample_id"], table["state"], strict=True)):
        if state == "open":
            continue
        verdict, by_who = cards.verdicts[sample_id], cards.standing[sample_id]
        if state == "error" and verdict.label is not None:
            corrected[i] = class_number(verdict.label, class_names)
        opinions[i] = count_opinions(by_who, given[i], class_names)
        if verdict.is_adjudicated:
            adjudicated.append(i)
        if with_names:
            reviewers[i] = {who: opinion(decision, given[i], class_names) for who, decision in sorted(by_who.items())}
    return {
        "name": name,
        "classes": list(class_names),
        "splits": list(SPLITS),
        "states": list(STATES),
        "prefix": prefix,
        "id": [sample_id[len(prefix) :] for sample_id in table["sample_id"]],
        "split": [SPLITS.index(split) for split in table["split"]],
        "position": table["index"].tolist(),
        "given": given,
        "guessed": [number[label] for label in guessed],
        "quality": [float(f"{value:.3g}") for value in table["label_quality"]],
        "state": [STATES.index(state) for state in table["state"]],
        "corrected": corrected,
        "opinions": opinions,
        "adjudicated": adjudicated,
        "reviewers": reviewers,
    }


def as_script(data: dict[str, Any]) -> str:
    """`data` as a script, since a page that was opened from a folder may not read files in any other way."""
    return f"window.GALLERY = {json.dumps(data, separators=(',', ':'), allow_nan=False)};\n"
