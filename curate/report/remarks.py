"""Remarks: what was found about the dataset as a whole, one sentence each."""

from curate.report.evidence import Evidence


def remarks(evidence: Evidence) -> list[str]:
    return []
