"""Which samples the site shows, worst first, what reviewers say of them, and the content of `data.js`."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from curate.data.image_set import SPLITS
from curate.errors import DataError, UnknownNameError, UsageError
from curate.review.journal import Decision
from curate.review.verdicts import Verdict, verdict_of

STATES = ("open", "error", "right", "ambiguous", "conflict")
ERROR_ACTIONS = ("confirm_error", "drop", "relabel", "accept_suggestion")
WRONG, AMBIGUOUS, MISPLACED = -1, -2, -3  # opinions that name no class


def state_of(verdict: Verdict | None, given: str) -> str:
    """One of `STATES`: `open` where nobody decided, `error` where the given label is wrong, whether or not the right one is known."""
    if verdict is None:
        return "open"
    if verdict.action == "ok" or verdict.label == given:
        return "right"
    return "error" if verdict.action in ERROR_ACTIONS else verdict.action


def opinion(decision: Decision, given: int, class_names: Sequence[str]) -> int:
    """The class that a reviewer holds for right, or `WRONG`, `AMBIGUOUS` or `MISPLACED` (the image does not belong in the dataset).

    Args:
        decision: a standing one.
        given: the given label, in 0..K-1.
        class_names: K names.

    Raises:
        UnknownNameError: the decision names a class that there is not.
    """
    if decision.label is not None:
        return class_number(decision.label, class_names)
    return {"ok": given, "ambiguous": AMBIGUOUS, "drop": MISPLACED}.get(decision.action, WRONG)


def count_opinions(by_who: Mapping[str, Decision], given: int, class_names: Sequence[str]) -> list[tuple[int, int]]:
    """(opinion, number of reviewers who hold it), the most frequent first."""
    return Counter(opinion(decision, given, class_names) for decision in by_who.values()).most_common()


def class_number(name: str, class_names: Sequence[str]) -> int:
    """The place of `name` among `class_names`.

    Raises:
        UnknownNameError: it is not among them.
    """
    try:
        return class_names.index(name)
    except ValueError as error:
        raise UnknownNameError.of("class", name, class_names) from error


Standing = Mapping[str, Mapping[str, Decision]]
"""Standing decisions by sample id and reviewer."""

NOTHING = {
    "all": "no label is flagged and nobody decided anything",
    "issues": "no label is flagged",
    "reviewed": "nobody decided anything yet; review first, or leave --only out",
    "errors": "no reviewer confirmed an error yet; review first, or leave --only out",
}


@dataclass(frozen=True)
class Cards:
    """The samples of the site, worst first.

    Attributes:
        table: their rows of the issue table, indexed by the position in the dataset, with a column `state`, see `opinions.STATES`.
        standing: standing decisions by sample id and reviewer.
        verdicts: by sample id, of those that somebody reviewed.
        num_found: how many there were before a limit.
    """

    table: pd.DataFrame
    standing: Standing
    verdicts: Mapping[str, Verdict]
    num_found: int

    def __len__(self) -> int:
        return len(self.table)

    def num_in(self, *states: str) -> int:
        """How many are in one of `states`."""
        return int(self.table["state"].isin(states).sum())


def choose_cards(table: pd.DataFrame, standing: Standing, *, only: str | None = None, limit: int | None = None) -> Cards:
    """Labelled samples that are flagged or that somebody reviewed, worst first.

    Args:
        table: the issue table, N rows in dataset order.
        standing: from `standing_decisions`.
        only: `issues` for the flagged ones, `reviewed`, or `errors` for those that reviewers found wrong; None for flagged or reviewed.
        limit: the most cards; the worst of them stay.

    Raises:
        UnknownNameError: `only` is none of these.
        UsageError: nothing is left to show.
        DataError: a decision is about a sample that is not in the table.
    """
    if only is not None and only not in NOTHING:
        raise UnknownNameError.of("choice of cards", only, ("issues", "reviewed", "errors"))
    unknown = standing.keys() - set(table["sample_id"])
    if unknown:
        raise DataError(
            f"a decision is about sample '{min(unknown)}', which is not among the {len(table)} of this run; is the journal another run's?"
        )
    rows = table.reset_index(drop=True)
    rows = rows[rows["given_label"].notna()]
    verdicts = {sample_id: verdict_of(by_who) for sample_id, by_who in standing.items()}
    states = [state_of(verdicts.get(sample_id), given) for sample_id, given in zip(rows["sample_id"], rows["given_label"], strict=True)]
    rows = rows.assign(state=states)
    flagged, reviewed = rows["is_label_issue"].astype(bool), rows["state"] != "open"
    chosen = {"all": flagged | reviewed, "issues": flagged, "reviewed": reviewed, "errors": rows["state"] == "error"}
    found = rows[chosen[only or "all"]].sort_values("rank", kind="stable")
    if found.empty:
        raise UsageError(f"there is nothing to show: {NOTHING[only or 'all']}")
    return Cards(found.head(limit) if limit else found, standing, verdicts, len(found))


def card_data(cards: Cards, name: str, class_names: Sequence[str], *, with_names: bool = False) -> dict[str, Any]:
    """One list per field, in the order of the cards; classes, splits and states are numbers, which keeps 50,000 cards small.

    `opinions` has, by the card's number, how many reviewers hold which opinion (see `curate.publish.gallery.cards`); `reviewers`, who does.

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
