"""The saved views of a curate dataset: what an analyst opens first, and what was looked for only sometimes."""

from collections.abc import Callable
from typing import Any

from curate.app.fields import EVALUATION, PICTURE_CHECKS
from curate.options import NUM_CHECK

RED, ORANGE, YELLOW, VIOLET, BLUE, GREEN = "#ee0000", "#ee6600", "#d4b106", "#9254de", "#0066ff", "#009900"
TEAL, GREY = "#009999", "#8a8f99"
NUM_SHOWN = 500
"""Samples in a view that is the first part of an order rather than what is flagged."""


def save_more_views(dataset: Any) -> None:
    """Saves the views; those of the same name are replaced, and those whose fields are gone or empty are removed."""
    from fiftyone import ViewField as F

    flags = {f"is_{check}_issue": (f"{check}_score", f"{check.replace('_', ' ')} pictures") for check in PICTURE_CHECKS}
    views: dict[str, tuple[str, Any, str, str]] = {  # name: the field it needs, what it shows, colour, description
        "underperforming groups": (
            "is_underperforming_group_issue",
            lambda: dataset.match(F("is_underperforming_group_issue") == True).sort_by("label_quality"),  # noqa: E712
            VIOLET,
            "Pictures of a kind on which the model errs at least twice as often as elsewhere, worst labels first.",
        ),
        "needs another annotator": (
            "annotation_score",
            lambda: dataset.exists("annotation_score").sort_by("annotation_score").limit(NUM_SHOWN),
            TEAL,
            f"The {NUM_SHOWN} samples on which one more label would tell most.",
        ),
        "annotators disagree": (
            "annotator_agreement",
            lambda: dataset.match(F("annotator_agreement") < 1).sort_by("consensus_quality"),
            TEAL,
            "Samples whose annotators gave different labels, the least sure consensus first.",
        ),
        "same perceptual hash": (
            "is_hash_duplicate_issue",
            lambda: dataset.match(F("is_hash_duplicate_issue") == True).sort_by("hash_set"),  # noqa: E712
            BLUE,
            "Pictures that cleanvision takes for near duplicates, those of one set side by side.",
        ),
        "same perceptual hash across splits": (
            "is_hash_leak_issue",
            lambda: dataset.match(F("is_hash_leak_issue") == True).sort_by("hash_set"),  # noqa: E712
            BLUE,
            "Near duplicates by cleanvision of which one is in another split: what training has seen, the test cannot measure.",
        ),
        "most mistaken by FiftyOne Brain": (
            "brain_mistakenness",
            lambda: dataset.exists("brain_mistakenness").sort_by("brain_mistakenness", reverse=True).limit(NUM_SHOWN),
            GREY,
            f"The {NUM_SHOWN} labels that FiftyOne Brain finds most mistaken; beside them our rank.",
        ),
    }
    for flag, (score, name) in flags.items():
        views[name] = (
            flag,
            lambda flag=flag, score=score: dataset.match(F(flag) == True).sort_by(score),  # noqa: E712
            BLUE,
            f"Pictures that are flagged as {name.removesuffix(' pictures')} by cleanvision's threshold, worst first.",
        )
    schema, saved = dataset.get_field_schema(), set(dataset.list_saved_views())
    for name, (needed, view, color, description) in views.items():
        shown = view() if needed in schema else None
        if shown is not None and shown.count() > 0:
            dataset.save_view(name, shown, description=description, color=color, overwrite=True)
        elif name in saved:
            dataset.delete_saved_view(name)


LABEL_ISSUES = "label issues"
RANDOM_CHECK, CONFLICTS, CHANGED = "random check of the rest", "conflicts", "changed since review"


def save_views(dataset: Any, *, has_test: bool) -> None:
    """Saves the views; those of the same name are replaced, all others are left alone.

    Args:
        dataset: the FiftyOne dataset.
        has_test: whether there is a test split to look at.
    """
    from fiftyone import ViewField as F

    label_issues = dataset.match(F("is_label_issue") == True)  # noqa: E712 (an expression, not a value)
    views: dict[str, tuple[Callable[[], Any], str, str]] = {
        LABEL_ISSUES: (lambda: label_issues.sort_by("rank"), RED, "Labels that are believed wrong, worst first."),
        "label issues by given class": (
            lambda: label_issues.group_by("ground_truth.label", order_by="rank"),
            ORANGE,
            "The same, one stack per given class: open a stack to see its worst labels first.",
        ),
        "outliers": (
            lambda: dataset.match(F("is_outlier_issue") == True).sort_by("outlier_score"),  # noqa: E712
            VIOLET,
            "Images unlike all others, the strangest first: broken files, or what belongs to no class.",
        ),
        "near duplicates": (
            lambda: dataset.match(F("is_duplicate_issue") == True).sort_by("duplicate_set"),  # noqa: E712
            BLUE,
            "Images that are the same or almost the same, those of one set side by side.",
        ),
        "near duplicates across splits": (
            lambda: dataset.match(F("is_leak_issue") == True).sort_by("duplicate_set"),  # noqa: E712
            BLUE,
            "Almost equal images of which one is in another split: what training has seen, the test cannot measure.",
        ),
        "label issues by pair": (
            lambda: label_issues.group_by("label_pair", order_by="rank"),
            ORANGE,
            "One stack per pair of given and suggested class: errors of one kind side by side.",
        ),
        RANDOM_CHECK: (
            lambda: dataset.match((F("check_rank") >= 1) & (F("check_rank") <= NUM_CHECK)).sort_by("check_rank"),
            BLUE,
            f"{NUM_CHECK} labels drawn at random from those that are not believed wrong: how many errors were missed?",
        ),
        CONFLICTS: (
            lambda: dataset.match(F("review.action") == "conflict").sort_by("rank"),
            YELLOW,
            "Samples on which reviewers do not agree; a decision here settles it.",
        ),
        CHANGED: (
            lambda: dataset.match(F("review.is_changed") == True).sort_by("rank"),  # noqa: E712
            YELLOW,
            "Decided when the given or the suggested label was another one than now.",
        ),
        "reviewed": (lambda: dataset.exists("review.label"), GREEN, "Samples that an analyst has decided on."),
    }
    if has_test:
        views["disagreements in test"] = (
            lambda: dataset.match_tags("test").match(F(EVALUATION) == False).sort_by("rank"),  # noqa: E712
            YELLOW,
            "Test samples whose out-of-fold prediction is not the given label, worst first: wrong labels and hard images.",
        )
    for name, (view, color, description) in views.items():
        dataset.save_view(name, view(), description=description, color=color, overwrite=True)
