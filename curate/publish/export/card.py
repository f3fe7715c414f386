"""The dataset card of an exported image folder: `README.md` as people and the hub read it.

Source of the format: https://github.com/huggingface/hub-docs/blob/main/datasetcard.md and, for `features` in `configs`, which make `label`
a class and not text, `datasets.utils.metadata.MetadataConfigs`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from curate.data.catalog import CATALOG
from curate.data.image_set import SPLITS
from curate.publish.export.tree import METADATA, UNLABELLED, class_folders

HUB_LICENCES = {"CC BY-SA 3.0": "cc-by-sa-3.0", "CC BY-SA 4.0": "cc-by-sa-4.0", "MIT": "mit", "no licence stated": "unknown"}
"""How a licence of the catalog begins, and its identifier on the Hub. Source: https://huggingface.co/docs/hub/repositories-licenses"""

CITATIONS = {
    "mnist": "LeCun, Bottou, Bengio & Haffner 1998: Gradient-based learning applied to document recognition. Proc. IEEE 86(11), 2278–2324.",
    "fashion-mnist": "Xiao, Rasul & Vollgraf 2017: Fashion-MNIST, a novel image dataset for benchmarking machine learning algorithms. "
    "arXiv:1708.07747.",
    "kmnist": "Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto & Ha 2018: Deep learning for classical Japanese literature. "
    "arXiv:1812.01718.",
    "cifar10": "Krizhevsky 2009: Learning multiple layers of features from tiny images. Technical report, University of Toronto.",
    "cifar100": "Krizhevsky 2009: Learning multiple layers of features from tiny images. Technical report, University of Toronto.",
    "svhn": "Netzer, Wang, Coates, Bissacco, Wu & Ng 2011: Reading digits in natural images with unsupervised feature learning. "
    "NIPS workshop on deep learning and unsupervised feature learning.",
    "gtsrb": "Stallkamp, Schlipsing, Salmen & Igel 2012: Man vs. computer, benchmarking machine learning algorithms for traffic sign "
    "recognition. Neural Networks 32, 323–332.",
}


def hub_licence(source: str) -> dict[str, str]:
    """`license`, and for one that the Hub has no name for also `license_name` and `license_link`; `unknown` outside the catalog."""
    entry = CATALOG.get(source)
    if entry is None:
        return {"license": "unknown"}
    for start, identifier in HUB_LICENCES.items():
        if entry.licence.startswith(start):
            return {"license": identifier}
    return {"license": "other", "license_name": f"terms-of-{entry.name}", "license_link": entry.homepage}


def source_text(source: str) -> list[str]:
    """Paragraphs on source, licence and citation."""
    entry = CATALOG.get(source)
    if entry is None:
        return [
            "The images are the exporter's own. No licence is known: state one here and as `license` at the top of this file "
            "before you publish."
        ]
    return [
        f"{entry.title}, from <{entry.homepage}>.",
        f"Terms of the original, which hold for this version as well: {entry.licence}.",
        f"Please cite: {CITATIONS[entry.name]}",
    ]


SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))
LARGER = "10M<n<100M"
ACTIONS = {"keep": "kept", "relabel": "relabelled", "drop": "dropped", "abstain": "abstained"}
POLICIES = {
    "drop": "samples whose label is believed wrong were dropped",
    "relabel": "samples whose label is believed wrong got the suggested class where the model is sure of it, and were dropped elsewhere",
    "abstain": "samples whose label is believed wrong lost it and were kept apart",
    "reviewed": "only what people decided was done",
}


@dataclass(frozen=True)
class Provenance:
    """How the cleaned labels came about.

    Attributes:
        name: of the dataset.
        source: its name in the catalog, or anything else.
        command: what cleans the run again, such as `curate clean mnist --policy drop`.
        policy: one of `POLICIES`.
        meta: `run.json`.
        has_own_labels: the given labels came from a label file.
        corrections_file: name of the file of corrected labels beside the card.
    """

    name: str
    source: str
    command: str
    policy: str
    meta: dict[str, Any]
    has_own_labels: bool
    corrections_file: str


def dataset_card(table: pd.DataFrame, class_names: Sequence[str], provenance: Provenance) -> str:
    """The text of `README.md` for the image tree of `table`, from `export_table`."""
    labelled = table[table["label"].notna()]
    splits = [split for split in SPLITS if (labelled["split"] == split).any()]
    title = _title(provenance)
    return "\n".join(
        [
            "---",
            *_front_matter(title, provenance.source, len(labelled), splits, class_names),
            "---",
            "",
            f"# {title}",
            "",
            *_what_it_is(table, class_names, provenance),
            "## How it was cleaned",
            "",
            *_how_it_was_cleaned(table, provenance),
            "## Files",
            "",
            *_files(labelled, splits, class_names, provenance),
            "## How to load it",
            "",
            *_how_to_load(splits),
            "## Source, licence, citation",
            "",
            "\n\n".join(source_text(provenance.source)),
            "",
        ]
    )


def _front_matter(title: str, source: str, num_images: int, splits: list[str], class_names: Sequence[str]) -> list[str]:
    licence = [f"{key}: {quoted(value)}" for key, value in hub_licence(source).items()]
    size = next((name for limit, name in SIZES if num_images < limit), LARGER)
    data_files = [line for split in splits for line in (f"  - split: {split}", f"    path: {split}/**")]
    features = [
        "  features:",
        "  - name: image",
        "    dtype: image",
        "  - name: label",
        "    dtype:",
        "      class_label:",
        "        names:",
        *(f"          '{i}': {quoted(name)}" for i, name in enumerate(class_names)),
        *(line for name in ("given_label", "sample_id", "action") for line in (f"  - name: {name}", "    dtype: string")),
    ]
    return [
        f"pretty_name: {quoted(title)}",
        *licence,
        "task_categories:",
        "- image-classification",
        "size_categories:",
        f"- {size}",
        "tags:",
        "- label-errors",
        "- curate",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *data_files,
        *features,
        "dataset_info:",
        *features,
    ]


def _what_it_is(table: pd.DataFrame, class_names: Sequence[str], provenance: Provenance) -> list[str]:
    counts = {split: table[table["split"] == split]["action"].value_counts() for split in SPLITS if (table["split"] == split).any()}
    rows = [
        [split, *(f"{int(actions.get(action, 0)):,}" for action in ACTIONS), f"{int(actions.sum()):,}"] for split, actions in counts.items()
    ]
    given = " The labels that were cleaned came from a file of their own, not with the images." if provenance.has_own_labels else ""
    return [
        f"{provenance.name}, {len(class_names)} classes, with cleaned labels.{given} Of its {len(table):,} samples:",
        "",
        *_markdown_table(["split", *ACTIONS.values(), "all"], rows),
        "",
    ]


def _how_it_was_cleaned(table: pd.DataFrame, provenance: Provenance) -> list[str]:
    meta = provenance.meta
    config, accuracy = meta["config"], meta["metrics"].get("out_of_fold_accuracy")
    version = meta.get("versions", {}).get("curate")
    by_model = (
        f"Every image was judged by a net that never saw it: {config['num_folds']}-fold cross-validation of `{config['model']}`, "
        f"preset `{config['preset']}`."
        if {"num_folds", "model", "preset"} <= config.keys()
        else "Every image was judged by a net that never saw it (cross-validation)."
    )
    if accuracy is not None:
        by_model += f" Its class was the given label for {100 * accuracy:.2f} % of them."
    decided = int(table["decision"].notna().sum())
    lines = [
        f"    {provenance.command}",
        "",
        f"By curate{f' {version}' if version else ''}: {POLICIES[provenance.policy]}. {by_model}",
        "",
        f"People decided on {decided:,} samples; what they decided holds before any flag."
        if decided
        else "No labels were judged by people.",
    ]
    left = table[(table["split"] == "test") & table["is_label_issue"] & table["decision"].isna() & (table["action"] == "keep")]
    if len(left):
        lines += [
            "",
            f"Test labels were changed only where people decided so, since a test set without what a model doubts would flatter models: "
            f"{len(left):,} doubted ones stand as given.",
        ]
    return [*lines, ""]


def _files(labelled: pd.DataFrame, splits: list[str], class_names: Sequence[str], provenance: Provenance) -> list[str]:
    lines = [
        f"- `<split>/<class>/<file>`: the images that have a label. Beside the class folders, `{METADATA}` says of each file which sample",
        "  it is, the label that it was given, its label now, and what was done.",
        f"- `{UNLABELLED}/<split>/<file>`: images without a label: abstained, or never labelled. Loaders pass this folder over.",
        f"- `{provenance.corrections_file}`: every sample whose label changed or was judged, dropped ones as well.",
    ]
    renamed = [
        [f"`{quoted(name)}`", f"`{folder}`"] for name, folder in zip(class_names, class_folders(class_names), strict=True) if name != folder
    ]
    if renamed:
        lines += ["", "Class names that make no folder names:", "", *_markdown_table(["class", "folder"], renamed)]
    for split in splits:
        here = set(labelled["label"][labelled["split"] == split])
        lacking = [name for name in class_names if name not in here]
        if lacking:
            lines += [
                "",
                f"In `{split}` there is no image of {', '.join(lacking)}, and so no folder: go by names, not by numbers of folders.",
            ]
    return [*lines, ""]


def _how_to_load(splits: list[str]) -> list[str]:
    split = splits[0] if splits else "train"
    return [
        "```python",
        "from datasets import load_dataset",
        "",
        'dataset = load_dataset("path/to/this/folder")  # labels as classes, in the order of the original',
        'dataset = load_dataset("imagefolder", data_dir="path/to/this/folder")  # the same with labels as text',
        "",
        "from torchvision.datasets import ImageFolder",
        "",
        f'{split} = ImageFolder("path/to/this/folder/{split}")  # classes in alphabetical order of their folders',
        "```",
        "",
    ]


def _title(provenance: Provenance) -> str:
    entry = CATALOG.get(provenance.source)
    return f"{entry.title if entry else provenance.name}, cleaned"


def _markdown_table(head: list[str], rows: list[list[str]]) -> list[str]:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *escaped)]


def quoted(text: str) -> str:
    """`text` as a double-quoted scalar of YAML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
