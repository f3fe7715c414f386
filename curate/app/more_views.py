"""Saved views of what was looked for only sometimes: pictures, groups, annotators, FiftyOne Brain; each where its fields are."""

from typing import Any

from curate.app.fields import PICTURE_CHECKS

BLUE, VIOLET, TEAL, GREY = "#0066ff", "#9254de", "#009999", "#8a8f99"
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
