"""Rows of the page's tables, and remarks about the dataset as a whole."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate.data.image_set import SPLITS, intake
from curate.publish.report.evidence import Evidence
from curate.publish.report.suspects import Gallery
from curate.publish.report.wording import count, counted, duration, memory, percent

MOST_NAMED = 5
SMALL_EFFECT = 0.05  # of the order statistic in [0, 1]


def remarks(evidence: Evidence) -> list[str]:
    """Sentences on what was read, the balance of the classes and the order of the samples, from `run.json` and `findings.json`."""
    findings, sentences = evidence.findings, intake_sentences(evidence)
    if "class_imbalance" in findings:
        sentences.append(_balance(findings["class_imbalance"]))
    if "order" in findings:
        sentences.append(_order(findings["order"]))
    return sentences


def intake_sentences(evidence: Evidence) -> list[str]:
    """What was read and what was not, who judged and why, and what was kept together."""
    meta = evidence.meta
    taken: dict[str, Any] = intake(meta["dataset"]) if "dataset" in meta else {"num_read": len(evidence.table)}
    left_out = [f"{number} x {reason}" for reason, number in taken.get("passed_over", {}).items()]
    broken = taken.get("skipped", [])
    sentences = [f"The judge: {meta['config']['chosen']['reason']}."] if meta.get("config", {}).get("chosen") else []
    told = f"; skipped: {', '.join(left_out)}" if left_out else ""
    if left_out or broken or taken.get("remarks"):
        sentences.append(f"{counted(taken['num_read'], 'picture')} read{told}.")
        sentences += [f"Could not be read: {_without_folders(line, meta)}." for line in broken[:MOST_NAMED]]
        if len(broken) > MOST_NAMED:
            sentences.append(f"And {counted(len(broken) - MOST_NAMED, 'more file')} that could not be read; run.json names all.")
        sentences += [f"{line[0].upper()}{_without_folders(line[1:], meta)}." for line in taken.get("remarks", [])[:MOST_NAMED]]
    judged = meta.get("judged") or {}
    if judged.get("num_groups"):
        pictures = counted(judged["num_grouped"], "picture")
        sentences.append(f"{counted(judged['num_groups'], 'group')} of {pictures} that belong together shared a fold.")
    if judged.get("weak_classes"):
        names = ", ".join(judged["weak_classes"][:MOST_NAMED])
        sentences.append(f"Judged weakly, by neighbours alone, because they have few samples: {names}.")
    return sentences


def _without_folders(line: str, meta: dict[str, Any]) -> str:
    """`line` without the folders of this machine: the page may be sent to others."""
    source = str((meta["dataset"].get("origin") or {}).get("source") or "")
    if Path(source).is_absolute():  # first, since its name may have blanks
        line = line.replace(f"{source}/", "")
    return re.sub(r"(?<![\w.])/(?:[^\s/]+/)+", "", line)


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


HASH = re.compile("[0-9a-f]{40,}")  # shortened on the page; run.json has all of it


@dataclass(frozen=True)
class Figure:
    """One key figure: what it is, its value, and a line that puts it in proportion."""

    name: str
    value: str
    note: str


def key_figures(evidence: Evidence, gallery: Gallery) -> list[Figure]:
    """The figures below the headline."""
    table, labelled = evidence.table, evidence.is_labelled
    sizes = table["split"].value_counts()
    present = [split for split in SPLITS if split in sizes]
    num_labelled = int(labelled.sum())
    duplicates, leaks = int(table["is_duplicate_issue"].sum()), int(table["is_leak_issue"].sum())
    accuracies = [f"{split} {percent(out_of_fold_accuracy(evidence, table['split'].to_numpy() == split), 2)}" for split in present]
    figures = [
        Figure("Samples", count(len(table)), " · ".join(f"{count(sizes[split])} {split}" for split in present)),
        Figure("Label issues", count(gallery.num_suspects), f"{percent(gallery.num_suspects / max(num_labelled, 1))} of the labels"),
        Figure("Outliers", count(gallery.num_outliers), "unlike anything else"),
        Figure("Near duplicates", count(duplicates), f"in {counted(gallery.num_duplicate_sets, 'set')}"),
        Figure("Leaks", count(leaks), "near duplicates across splits" if len(present) > 1 else "there is one split only"),
        Figure(
            "Out-of-fold accuracy",
            percent(out_of_fold_accuracy(evidence), 2),
            " · ".join(accuracies) if len(present) > 1 else "on unseen samples",
        ),
    ]
    if evidence.unjudged is not None:
        return [figure for figure in figures if figure.name in ("Samples", "Outliers", "Near duplicates", "Leaks")]
    if num_labelled < len(table):
        figures.insert(1, Figure("Unlabelled", count(len(table) - num_labelled), "not checked for label issues"))
    return figures


def out_of_fold_accuracy(evidence: Evidence, among: np.ndarray | None = None) -> float:
    """Share of the labelled samples whose given label is the predicted one; NaN without such samples."""
    chosen = evidence.is_labelled if among is None else evidence.is_labelled & among
    rows = evidence.table[chosen & evidence.table["predicted_label"].notna().to_numpy()]
    return float((rows["given_label"] == rows["predicted_label"]).mean()) if len(rows) else float("nan")


def class_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """One row per class, worst first; `bar` in [0, 1] is the flagged share relative to the worst class."""
    rows = evidence.table[evidence.is_labelled]
    accuracy = (rows["given_label"] == rows["predicted_label"]).groupby(rows["given_label"]).mean()
    mistaken: dict[str, tuple[str, int]] = {}
    for pair in evidence.label_pairs.itertuples():  # the most frequent pair of a class comes first
        mistaken.setdefault(pair.given_label, (pair.suggested_label, pair.num_samples))
    classes = []
    for row in evidence.class_health.to_dict("records"):
        name, size = row["class_name"], int(row["num_samples"])
        share = row["num_issues"] / size if size else 0.0
        classes.append(
            {
                "name": name,
                "num_samples": size,
                "num_issues": int(row["num_issues"]),
                "share": share,
                "label_noise": row["label_noise"],
                "inverse_label_noise": row["inverse_label_noise"],
                "label_quality": row["label_quality"],
                "accuracy": float(accuracy.get(name, float("nan"))),
                "looks_like": mistaken.get(name),
            }
        )
    worst = max((c["share"] for c in classes), default=0) or 1
    return [{**c, "bar": round(c["share"] / worst, 4)} for c in sorted(classes, key=lambda c: -c["share"])]


def step_rows(meta: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, time, memory and further notes of each step; `bar` in [0, 1] is its share of the longest."""
    steps = {name: step for name, step in meta.get("steps", {}).items() if name != "report"}  # how long this page takes, it cannot know
    longest = max((step.get("seconds", 0) for step in steps.values()), default=0) or 1
    return [
        {
            "name": name,
            "time": duration(step.get("seconds", 0)),
            "memory": memory(step["peak_memory_mib"]) if "peak_memory_mib" in step else "–",
            "bar": round(step.get("seconds", 0) / longest, 4),
        }
        for name, step in steps.items()
    ]


def provenance(meta: dict[str, Any], methods: dict[str, int] | None = None) -> list[tuple[str, list[tuple[str, str]]]]:
    """What was audited and with what: groups of names and values, as `run.json` has them but for the folders of this machine.

    Args:
        methods: how many labels each way of flagging would flag, from `findings.json`.
    """
    dataset = dict(meta.get("dataset", {}))
    origin = dict(dataset.get("origin") or {})
    if origin.get("skipped"):
        origin["skipped"] = counted(len(origin["skipped"]), "file")  # run.json names them
    if origin:
        dataset["origin"] = origin
    class_names = dataset.pop("class_names", [])
    if class_names:
        dataset["classes"] = f"{len(class_names)}: {', '.join(map(str, class_names[:12]))}{', …' if len(class_names) > 12 else ''}"
    groups = {
        "Dataset": dataset,
        "Method": meta.get("config", {}),
        "Flagged, had --method been": methods or {},
        "Machine": meta.get("device", {}),
        "Versions": meta.get("versions", {}),
    }
    return [(title, _flatten(group)) for title, group in groups.items() if group]


def _flatten(group: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested names joined by a dot, values as text; what was not set is left out."""
    if not isinstance(group, dict):
        return [(prefix or "value", _text(group))]
    pairs = []
    for key, value in group.items():
        if value is None or value == []:
            continue
        name = f"{prefix}{key}".replace("_", " ")
        pairs += _flatten(value, f"{name} · ") if isinstance(value, dict) else [(name, _text(value))]
    return pairs


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,g}"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, (list, tuple)):
        return " × ".join(map(str, value)) if all(isinstance(v, int) for v in value) else ", ".join(map(str, value))
    if isinstance(value, str) and HASH.fullmatch(value):
        return f"{value[:16]}…"
    return Path(value).name or "/" if isinstance(value, str) and Path(value).is_absolute() else str(value)
