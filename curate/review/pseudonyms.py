"""Ids that tell nothing of the label, as a blind review uses them: folders are often called after classes."""

from curate.review.journal import content_id

BLIND = "blind/"


def pseudonym(sample_id: str) -> str:
    """The same for the same sample; `sample_of` leads back."""
    return BLIND + content_id("blind", sample_id)[:16]


def is_pseudonym(sample_id: str) -> bool:
    return sample_id.startswith(BLIND)
