"""The fields of a curate dataset in FiftyOne: their types, what they say to an analyst, and where the sidebar shows them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class FieldSpec:
    """One field.

    Attributes:
        name: of the sample field.
        kind: its type; a sample without a value lacks the field.
        group: of the sidebar.
        description: what the App shows when the pointer rests on it.
    """

    name: str
    kind: Literal["classification", "float", "int", "bool", "str", "vector", "metadata"]
    group: str
    description: str


LABELS, LABEL_ISSUES, OTHER_ISSUES, MODEL = "labels", "label issues", "outliers and duplicates", "model"
FILE = "metadata"  # the App shows a group of that name always, so it had better hold something
READ_ONLY = "ground_truth.label"
"""A field marked read-only as a whole breaks the App of FiftyOne 1.22: each opened sample says `invalid label schema(s)`."""

PICTURE_CHECKS = {  # of curate.find.image_checks
    "dark": "is dark",
    "light": "is overexposed",
    "blurry": "is blurred",
    "low_information": "holds little",
    "odd_size": "is far larger or smaller than usual",
    "odd_aspect_ratio": "is a strip",
}
FIELDS = (
    FieldSpec("ground_truth", "classification", LABELS, "The label as given. Read-only: decisions go to `review`."),
    FieldSpec(
        "suggested",
        "classification",
        LABELS,
        "The most probable other class, where the model doubts the given label; with its probability.",
    ),
    FieldSpec(
        "prediction",
        "classification",
        LABELS,
        "The class that a model says which never saw this image (out-of-fold), with its probability.",
    ),
    FieldSpec("review", "classification", LABELS, "What the reviewers decided. Kept when the audit runs again."),
    FieldSpec(
        "is_label_issue",
        "bool",
        LABEL_ISSUES,
        "Whether the given label is believed wrong; docs/detection.md says how.",
    ),
    FieldSpec(
        "label_quality",
        "float",
        LABEL_ISSUES,
        "0 to 1, low = suspect: the probability that the given label is right.",
    ),
    FieldSpec("label_pair", "str", LABEL_ISSUES, "Given label → suggested label, of label issues: errors of one kind often come in rows."),
    FieldSpec("rank", "int", LABEL_ISSUES, "1 = the most suspect label of the whole dataset. Sort by it to review the worst first."),
    FieldSpec(
        "check_rank",
        "int",
        MODEL,
        "Place in the random check, of labels that are not believed wrong; none elsewhere. The view 'random check of the rest' shows them.",
    ),
    FieldSpec("is_outlier_issue", "bool", OTHER_ISSUES, "Whether the image is unlike the others: another subject, or a broken image."),
    FieldSpec("outlier_score", "float", OTHER_ISSUES, "0 to 1, low = unlike its nearest neighbours in the embedding."),
    FieldSpec("is_duplicate_issue", "bool", OTHER_ISSUES, "Whether another image is the same, or almost the same."),
    FieldSpec(
        "is_leak_issue", "bool", OTHER_ISSUES, "Whether an almost equal image is in another split: a test image that training has seen."
    ),
    FieldSpec("duplicate_set", "int", OTHER_ISSUES, "Images of one set are near duplicates of each other; -1 = of none."),
    FieldSpec("fold", "int", MODEL, "The cross-validation fold that held this image out; in the first repeat."),
    FieldSpec("embedding", "vector", MODEL, "Features of the image from one model for all images; similarity and the map use them."),
    FieldSpec("sample_id", "str", FILE, "Dataset, split and position in the official file order, as in mnist/test/3520."),
    FieldSpec("index", "int", FILE, "Position in the official file order of its split."),
    FieldSpec("metadata", "metadata", FILE, "Size and type of the image file."),
)
PICTURES, GROUPS, ANNOTATORS, BRAIN = "pictures", "groups", "annotators", "FiftyOne Brain"
THUMBNAIL = "thumbnail_path"
"""The field with a small picture that any browser shows; the App's grid takes it, the opened sample the original."""
OPTIONAL = (  # fields of what was looked for only sometimes: there where the issue table has them
    FieldSpec("error_probability", "float", LABEL_ISSUES, "0 to 1: the probability that the given label is wrong."),
    FieldSpec(
        "is_underperforming_group_issue", "bool", GROUPS, "Whether the model errs twice as often on pictures like this one as on all."
    ),
    FieldSpec("group", "int", GROUPS, "Number of the group of similar pictures; groups.csv of the run tells what it is made of."),
    *(
        FieldSpec(f"is_{check}_issue", "bool", PICTURES, f"Whether the picture {told}, by cleanvision's threshold.")
        for check, told in PICTURE_CHECKS.items()
    ),
    *(FieldSpec(f"{check}_score", "float", PICTURES, f"0 to 1, low = the picture {told}.") for check, told in PICTURE_CHECKS.items()),
    FieldSpec("is_hash_duplicate_issue", "bool", PICTURES, "Whether another picture has the same perceptual hash."),
    FieldSpec("is_hash_leak_issue", "bool", PICTURES, "Whether a picture of another split has the same perceptual hash."),
    FieldSpec(THUMBNAIL, "str", FILE, "A small upright JPEG of the picture, which the grid shows."),
    FieldSpec("is_judged_weakly", "bool", MODEL, "Whether its class has too few samples: its neighbours alone judge."),
    FieldSpec("hash_set", "int", PICTURES, "Pictures of one set have the same perceptual hash; -1 = of none."),
    FieldSpec("consensus_label", "str", ANNOTATORS, "The label that annotators and model together believe."),
    FieldSpec("consensus_quality", "float", ANNOTATORS, "0 to 1, how sure the consensus is; low = doubtful."),
    FieldSpec("annotator_agreement", "float", ANNOTATORS, "Share of this sample's annotators who gave the consensus."),
    FieldSpec("num_annotations", "int", ANNOTATORS, "How many annotators labelled this sample."),
    FieldSpec("annotation_score", "float", ANNOTATORS, "0 to 1; low = one more annotator would tell most here."),
)
BRAIN_FIELDS = (
    FieldSpec("brain_uniqueness", "float", BRAIN, "FiftyOne Brain's: 1 = farthest from its neighbours."),
    FieldSpec("brain_hardness", "float", BRAIN, "FiftyOne Brain's: entropy of the out-of-fold prediction."),
    FieldSpec("brain_mistakenness", "float", BRAIN, "FiftyOne Brain's: 1 = a sure prediction of another class than the given label."),
)
EVALUATION = "out_of_fold"  # evaluation key, and the field that FiftyOne writes for it
EVALUATION_DESCRIPTION = "Whether the model that never saw the image predicts the given label: True or False."
REVIEW = {  # what the `review` of a sample holds beside its label, and what the App says of it
    "action": (
        "str",
        "ok, confirm_error, accept_suggestion, relabel, ambiguous, drop; conflict: reviewers differ; stale: on another given label.",
    ),
    "final": ("str", "The label that the sample should have; none where it is not known."),
    "reviewers": ("list", "Who decided."),
    "when": ("datetime", "When the decision was taken, UTC."),
    "note": ("str", "What the reviewer noted."),
    "is_adjudicated": ("bool", "Whether a conflict was settled by this decision."),
    "is_changed": ("bool", "Whether given or suggested label are others now than when the decision was taken."),
}
METADATA = ("size_bytes", "mime_type", "width", "height", "num_channels")
SIDEBAR = (  # group, paths beyond those of FIELDS, expanded
    (LABELS, (), True),
    (LABEL_ISSUES, (), True),
    (OTHER_ISSUES, (), True),
    (GROUPS, (), True),
    (PICTURES, (), True),
    (ANNOTATORS, (), True),
    (BRAIN, (), True),
    ("tags", ("tags", "_label_tags"), True),
    (MODEL, (EVALUATION,), False),
    (FILE, (*(f"metadata.{name}" for name in METADATA), "id", "filepath", "created_at", "last_modified_at"), False),
)
INDEXES: tuple[Any, ...] = (
    "sample_id",
    "rank",
    "ground_truth.label",
    "suggested.label",
    "review.label",
    "label_pair",
    "check_rank",
    [("is_label_issue", 1), ("rank", 1)],
    [("is_outlier_issue", 1), ("outlier_score", 1)],
    [("is_duplicate_issue", 1), ("duplicate_set", 1)],
    [("is_leak_issue", 1), ("duplicate_set", 1)],
    [("tags", 1), (EVALUATION, 1), ("rank", 1)],
    "review.action",
    "review.is_changed",
)
"""One for every saved view and every query of the panel: without, each reads all samples."""


def declare_fields(dataset: Any, optional: Collection[str] = ()) -> None:
    """Adds to the FiftyOne dataset whatever field is missing and sets descriptions; fields of the user's own are left alone.

    Idempotent.

    Args:
        optional: names of those of OPTIONAL and BRAIN_FIELDS that it is to have, too.
    """
    import fiftyone as fo

    types: dict[str, tuple[Any, dict]] = {
        "classification": (fo.EmbeddedDocumentField, {"embedded_doc_type": fo.Classification}),
        "metadata": (fo.EmbeddedDocumentField, {"embedded_doc_type": fo.ImageMetadata}),
        "float": (fo.FloatField, {}),
        "int": (fo.IntField, {}),
        "bool": (fo.BooleanField, {}),
        "str": (fo.StringField, {}),
        "vector": (fo.VectorField, {}),
        "datetime": (fo.DateTimeField, {}),
        "list": (fo.ListField, {"subfield": fo.StringField}),
    }
    schema = dataset.get_field_schema()
    for spec in (*FIELDS, *(spec for spec in (*OPTIONAL, *BRAIN_FIELDS) if spec.name in optional)):
        if spec.name not in schema:
            ftype, options = types[spec.kind]
            dataset.add_sample_field(spec.name, ftype, description=spec.description, **options)
        else:
            describe(dataset, spec.name, spec.description)
    schema = dataset.get_field_schema(flat=True)
    for name, (kind, description) in REVIEW.items():
        if f"review.{name}" not in schema:
            ftype, options = types[kind]
            dataset.add_sample_field(f"review.{name}", ftype, description=description, **options)


def describe(dataset: Any, name: str, description: str) -> None:
    """Sets what the App shows when the pointer rests on field `name`."""
    field = dataset.get_field(name)
    if field.description != description:
        field.description = description
        field.save()


def protect_given_label(dataset: Any) -> None:
    """Marks the given label read-only, so that neither the App nor a script edits it by accident."""
    field = dataset.get_field(READ_ONLY)
    if not field.read_only:
        field.read_only = True
        field.save()
