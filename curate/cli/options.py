"""The options that several verbs share: one meaning and one default each."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Split(str, Enum):
    all = "all"
    train = "train"
    test = "test"


class Preset(str, Enum):
    quick = "quick"
    default = "default"
    best = "best"


class Device(str, Enum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Executor(str, Enum):
    local = "local"
    ray = "ray"


class Policy(str, Enum):
    drop = "drop"
    relabel = "relabel"
    abstain = "abstain"
    reviewed = "reviewed"


class Tracker(str, Enum):
    wandb = "wandb"
    tensorboard = "tensorboard"


SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A catalog name (mnist, cifar10, …), a folder with one folder per class, a CSV or parquet manifest, or fiftyone:DATASET.",
    ),
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run: its name, or its folder.")]

SplitOption = Annotated[Split, typer.Option(help="Which images.")]
LabelsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Labels in place of the given ones: .npy in dataset order, of all or of the training split, "
        "CSV with sample_id,label (and annotator), or `export`'s.",
    ),
]
RootOption = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder with the dataset's files, where they are there already.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only so many images, of all classes alike.")]
FieldOption = Annotated[str | None, typer.Option(help="The classification field of a fiftyone:DATASET.")]
SkipBrokenOption = Annotated[bool, typer.Option("--skip-broken", help="Leave out images that cannot be read, and list them.")]
ImageSizeOption = Annotated[int | None, typer.Option(min=1, metavar="PIXELS", help="Side that images of your own are scaled to.")]

RunOption = Annotated[str | None, typer.Option("--run", metavar="NAME", help="Name of the run folder; the dataset's by default.")]
ModelOption = Annotated[str | None, typer.Option(metavar="NAME", help="The net; one that suits the images by default.")]
PretrainedOption = Annotated[
    str | None,
    typer.Option(
        metavar="imagenet|FILE",
        help="Weights to start from: ImageNet's, or a .safetensors by curate, or with the tensors of the published net.",
    ),
]
PresetOption = Annotated[Preset, typer.Option(help="How long to train.")]
FoldsOption = Annotated[int | None, typer.Option(min=2, help="Parts of the cross-validation; the preset's by default.")]
RepeatsOption = Annotated[int | None, typer.Option(min=1, help="Cross-validations to average; the preset's by default.")]
SeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Makes a run repeatable.")]
DeviceOption = Annotated[Device, typer.Option(help="Where to train; auto takes a GPU where there is one.")]
ExecutorOption = Annotated[Executor, typer.Option(help="This machine, or a Ray cluster; the results are the same.")]
AddressOption = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="The Ray cluster; $RAY_ADDRESS by default, else one of this machine's own."),
]
DataParallelOption = Annotated[
    int, typer.Option("--data-parallel", min=1, metavar="N", help="Workers of the Ray cluster, a GPU each, that train one fold together.")
]
TrackOption = Annotated[Tracker | None, typer.Option(help="Also write curves, figures and suspects for Weights & Biases or TensorBoard.")]
PoolSplitsOption = Annotated[
    bool, typer.Option("--pool-splits", help="Train on test images too: more data, but decisions on train then depend on test labels.")
]
ImageChecksOption = Annotated[
    bool | None,
    typer.Option("--image-checks/--no-image-checks", help="Look for dark, blurry and odd pictures; by default in image files of your own."),
]
DatasetNameOption = Annotated[str | None, typer.Option(metavar="NAME", help="Name of the FiftyOne dataset, if not the run's.")]
PortOption = Annotated[int, typer.Option(min=1024, max=65535, help="Port of the App on 127.0.0.1.")]
PolicyOption = Annotated[Policy, typer.Option(help="What becomes of flagged samples.")]
MinConfidenceOption = Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Relabel only where the suggestion is at least so sure.")]
SeedsOption = Annotated[int, typer.Option(min=1, help="How many nets to train of each kind, with seeds 0, 1, 2, …")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
