"""From options dataclasses to the command line, and the arguments that several verbs share: one meaning and one default each."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A folder with one folder per class (or a .zip of it), a table with filepath and label, a published dataset (mnist, cifar10), "
        "or fiftyone:DATASET.",
    ),
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run: its name, or its folder.")]


class Policy(str, Enum):
    drop = "drop"
    relabel = "relabel"
    abstain = "abstain"
    reviewed = "reviewed"


class Tracker(str, Enum):
    wandb = "wandb"
    tensorboard = "tensorboard"


class Device(str, Enum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Preset(str, Enum):
    quick = "quick"
    default = "default"
    best = "best"


class JudgeName(str, Enum):
    auto = "auto"
    features = "features"
    nets = "nets"


JudgeOption = Annotated[
    JudgeName,
    typer.Option(
        "--judge",
        help="What judges: features of a pretrained net (for photographs), or nets trained from scratch (for small pictures). auto takes "
        "what suits.",
    ),
]
RootOption = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder with the dataset's files, if you have them already.")]
RunOption = Annotated[str | None, typer.Option("--run", metavar="NAME", help="Name of the run; by default that of the dataset.")]
DeviceOption = Annotated[Device, typer.Option(help="Where nets compute; auto takes a GPU if there is one.")]
TrackOption = Annotated[Tracker | None, typer.Option(help="Also write curves, figures and suspects for Weights & Biases or TensorBoard.")]
DatasetNameOption = Annotated[str | None, typer.Option(metavar="NAME", help="Name of the FiftyOne dataset, if not the run's.")]
PortOption = Annotated[int, typer.Option(min=1024, max=65535, help="Port of the App on 127.0.0.1.")]
PolicyOption = Annotated[Policy, typer.Option(help="What becomes of the suspects; reviewed applies what people decided.")]
MinConfidenceOption = Annotated[
    float | None, typer.Option(min=0.0, max=1.0, help="Of --policy relabel: only if the suggested label is at least this probable.")
]
SeedsOption = Annotated[int, typer.Option(min=1, metavar="N", help="How many nets to train of each kind.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def with_options(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb`, whose arguments may be options dataclasses, as Typer takes it: an option of the command line for every field.

    A field that two dataclasses have, such as `seed`, is one option for both. The field `name` of a Source is the argument NAME.
    """
    hints = get_type_hints(verb, include_extras=True)
    made: dict[str, inspect.Parameter] = {}
    for name, parameter in inspect.signature(verb).parameters.items():
        if not dataclasses.is_dataclass(hints[name]):
            made[name] = parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
            continue
        types = get_type_hints(hints[name])
        for field in dataclasses.fields(hints[name]):
            made.setdefault(field.name, _parameter(field, types[field.name]))

    @functools.wraps(verb)
    def flat(**values: Any) -> None:
        values = {name: value.value if isinstance(value, Enum) and name not in hints else value for name, value in values.items()}
        arguments = {}
        for name in inspect.signature(verb).parameters:
            kind = hints[name]
            if dataclasses.is_dataclass(kind):
                arguments[name] = kind(**{field.name: values[field.name] for field in dataclasses.fields(kind)})  # type: ignore[operator]
            else:
                arguments[name] = values[name]
        verb(**arguments)

    flat.__signature__ = inspect.Signature(list(made.values()))  # type: ignore[attr-defined]
    flat.__annotations__ = {name: parameter.annotation for name, parameter in made.items()}
    return flat


def _parameter(field: "dataclasses.Field[Any]", kind: Any) -> inspect.Parameter:
    """The parameter of a field, as `curate.options.option` describes it."""
    if not field.metadata:  # `name` of a Source
        return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, annotation=SourceArgument)
    about = dict(field.metadata)
    flag = about["flag"] or "--" + field.name.replace("_", "-")
    default = field.default
    if kind is Any:  # what the Python API takes as an array, too
        kind, default = (list[Path], []) if field.default == () else (Path | None, None)
    elif about["choices"]:
        values = Enum(field.name, {choice.replace("-", "_"): choice for choice in about["choices"]}, type=str)  # type: ignore[misc]
        kind, default = (values | None if _is_optional(kind) else values), None if default is None else values(default)
    if kind == bool | None:
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    option = typer.Option(
        flag,
        help=about["help"],
        metavar=about["metavar"],
        min=about["least"],
        max=about["most"],
        rich_help_panel=about["panel"],
        show_default=default not in (None, False, []),
    )
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _is_optional(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)


def changed(options: Any) -> list[str]:
    """The options of a dataclass that are not at their defaults, as the command line calls them."""
    fields = [field for field in dataclasses.fields(options) if field.metadata]
    return [
        field.metadata["flag"] or "--" + field.name.replace("_", "-")
        for field in fields
        if getattr(options, field.name) not in (field.default, [])
    ]
