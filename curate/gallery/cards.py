"""Which samples the site shows, worst first."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from curate.cleaning.decisions import Decision
from curate.cleaning.standing import Verdict, verdict_of
from curate.errors import DataError, UnknownNameError, UsageError
from curate.gallery.opinions import state_of

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
