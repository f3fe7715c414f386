"""Remarks: what was found about the dataset as a whole, one sentence each."""

from typing import Any

from curate.issues.estimate_wording import estimate_sentences
from curate.report.evidence import Evidence
from curate.report.wording import count, counted

SMALL_EFFECT = 0.05  # of the order statistic in [0, 1]


def remarks(evidence: Evidence) -> list[str]:
    """Sentences on the number of errors, the balance of the classes and the order of the samples, from `findings.json`."""
    findings, sentences = evidence.findings, []
    if "detection" in findings:
        sentences += estimate_sentences(findings["detection"])
    if "class_imbalance" in findings:
        sentences.append(_balance(findings["class_imbalance"]))
    if "order" in findings:
        sentences.append(_order(findings["order"]))
    return sentences


def _balance(balance: dict[str, Any]) -> str:
    rarest = f"{balance['rarest_class']} with {counted(balance['rarest_count'], 'sample')}"
    most = f"{balance['most_frequent_class']} with {count(balance['most_frequent_count'])}"
    if balance["is_imbalance_issue"]:
        return f"The classes are out of balance: the rarest is {rarest}, the most frequent {most}; look twice at suspects of rare classes."
    return f"The classes are in balance: the rarest is {rarest}, the most frequent {most}."


def _order(order: dict[str, Any]) -> str:
    p_value = f"p {'< 0.001' if order['p_value'] < 0.001 else '= ' + format(order['p_value'], '.2g')}"
    if not order["is_order_issue"]:
        return f"The order of the samples says nothing about their content ({p_value})."
    effect = "a small effect" if order["statistic"] < SMALL_EFFECT else "a clear effect"
    return (
        f"Similar pictures stand near each other in the order of the dataset more often than chance allows ({p_value}, {effect}: "
        f"{order['statistic']:.3f} of 1): it may be sorted, or made in blocks; shuffle before splitting it by position."
    )
