"""The random check: labels drawn from those that are not believed wrong; deciding them tells how many errors were missed."""

import hashlib

import numpy as np
import pandas as pd

NUM_CHECKED = 1000  # labels that are given a place, for whoever wants to know it better


def check_ranks(table: pd.DataFrame, num: int = NUM_CHECKED) -> list[int | None]:
    """1, 2, … for `num` labels drawn at random from those that are not flagged; None for all others.

    The order is that of a hash of the sample ids, so that an audit that flags others keeps most of the sample that was reviewed.
    """
    unflagged = np.flatnonzero(~table["is_label_issue"].to_numpy(bool) & table["given_label"].notna().to_numpy())
    ids = table["sample_id"].tolist()
    drawn = sorted(unflagged.tolist(), key=lambda row: hashlib.blake2b(ids[row].encode(), digest_size=8).digest())[:num]
    ranks: list[int | None] = [None] * len(table)
    for rank, row in enumerate(drawn, 1):
        ranks[row] = rank
    return ranks
