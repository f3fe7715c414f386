"""docs/lab.md: each checkable number of the courses' slides, the command, and the answer. The table is made here.

`CURATE_WRITE_DOCS=1 python -m pytest tests/lab/test_lab_table.py` writes it anew.
"""

import json
import os
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from curate.cli.group import CommandLine
from curate.cli.verbs_benchmark import benchmark
from curate.cli.verbs_explain import explain
from curate.judge.models.zoo import ZOO

DOCS = Path(__file__).parents[2] / "docs" / "lab.md"


def matrix(table):
    """`0 30 30 0; …` of a list of rows."""
    return "; ".join(" ".join(f"{value:g}" for value in row) for row in table)


SIZE, COUNT, OUT = "output", "parameters", "output"
ROWS = [
    # what the slides say, the command, the key of the answer, the answer on the slide
    ("LeNet-5, parameters", "arithmetic lenet5", COUNT, "61,706"),
    ("LeNet-5 of 1998, trainable without its fixed output: 60,000; with a linear output", "arithmetic lenet5-1998", COUNT, "60,850"),
    ("MNIST net with 32 and 64 maps, 3136 → 128 → 10", "arithmetic course-mnist", COUNT, "421,642"),
    ("its fully convolutional form", "arithmetic course-mnist-fcn", COUNT, "93,962"),
    ("CIFAR net, 16 and 32 maps of 5x5, flatten", "arithmetic course-cifar", COUNT, "270,942"),
    ("the same with GlobalPooling", "arithmetic course-cifar-gap", COUNT, "32,862"),
    ("AlexNet, input 224", "arithmetic alexnet", COUNT, "61,100,840"),
    ("AlexNet, input 227", "arithmetic alexnet --in 3x227x227", COUNT, "61,100,840"),
    ("AlexNet, 100 classes (see below on 57,409,444)", "arithmetic alexnet --classes 100", COUNT, "57,413,540"),
    ("AlexNet's last layer", "arithmetic linear --in 4096 --units 1000", COUNT, "4,097,000"),
    ("VGG-16", "arithmetic vgg16", COUNT, "138,357,544"),
    ("VGG-16, receptive field of the last pooling", "arithmetic vgg16", "sees", "212×212"),
    ("ResNet-50", "arithmetic resnet50", COUNT, "25,557,032"),
    ("ResNet-101", "arithmetic resnet101", COUNT, "44,549,160"),
    ("ResNet-152", "arithmetic resnet152", COUNT, "60,192,808"),
    ("MobileNet v1", "arithmetic mobilenet-v1", COUNT, "4,231,976"),
    ("MobileNet v1, multiply-adds (paper: 569 M)", "arithmetic mobilenet-v1", "multiply_adds", "568,740,352"),
    ("ShuffleNet v1, 3 groups, multiply-adds (paper: 137 M)", "arithmetic shufflenet-v1", "multiply_adds", "137,460,672"),
    ("ViT-B/16, multiply-adds, with attention's products", "arithmetic vit-b16", "multiply_adds", "17,563,828,224"),
    ("10 filters 5x5 on 32x32x3, padding 2", "arithmetic conv --in 3x32x32 --filters 10 --kernel 5 --padding 2", COUNT, "760"),
    ("… its output", "arithmetic conv --in 3x32x32 --filters 10 --kernel 5 --padding 2", "output_channels_last", "32×32×10"),
    ("… parameters of one filter", "arithmetic conv --in 3x32x32 --filters 10 --kernel 5 --padding 2", "parameters_of_one_filter", "76"),
    ("6 filters 5x5 on 32x32x3", "arithmetic conv --in 3x32x32 --filters 6 --kernel 5", "output_channels_last", "28×28×6"),
    ("1x1: 512x32x32 to 64x32x32", "arithmetic conv --in 512x32x32 --filters 64 --kernel 1", COUNT, "32,832"),
    ("AlexNet's first layer, size", "arithmetic conv --in 3x227x227 --filters 96 --kernel 11 --stride 4", OUT, "96×55×55"),
    ("7x7, kernel 3, stride 2", "arithmetic conv --in 1x7x7 --filters 1 --kernel 3 --stride 2", OUT, "1×3×3"),
    ("28x28, kernel 3, padding 1", "arithmetic conv --in 1x28x28 --filters 1 --kernel 3 --padding 1", OUT, "1×28×28"),
    ("7x7, kernel 3, dilation 2", "arithmetic conv --in 1x7x7 --filters 1 --kernel 3 --dilation 2", OUT, "1×3×3"),
    ("pooling 2x2 of 64x14x14", "arithmetic pool --in 64x14x14", OUT, "64×7×7"),
    ("sharpen on 10 … 90", "conv --matrix sharpen", OUT, "50"),
    ("upright edge, 6x6", "conv --matrix vertical-edge", OUT, "0 30 30 0; 0 30 30 0; 0 30 30 0; 0 30 30 0"),
    (
        "the same, dark to light",
        "conv --matrix vertical-edge-dark-to-light",
        OUT,
        "0 -30 -30 0; 0 -30 -30 0; 0 -30 -30 0; 0 -30 -30 0",
    ),
    ("level edge, 6x6", "conv --matrix horizontal-edge", OUT, "0 0 0 0; 30 10 -10 -30; 30 10 -10 -30; 0 0 0 0"),
    ("36 numbers, edge kernel", "conv --matrix numbers-6x6", OUT, "-5 -4 0 8; -10 -2 2 3; 0 -2 -4 -7; -3 -2 -3 -16"),
    ("the same at stride 2", "conv --matrix stride-2-6x6", OUT, "-5 0; 0 -4"),
    (
        "7x7 at stride 2 (the lecture says 83 for 88, 127 for 117; see below)",
        "conv --matrix stride-2-7x7",
        OUT,
        "91 100 88; 69 91 117; 44 72 74",
    ),
    ("8x7 at stride 2, upper left 108 126; 288 306", "conv --matrix stride-2-8x7", OUT, "108 126 144; 288 306 324; 468 486 504"),
    ("filter 1 0 1, 0 1 0, 1 0 1 on 5x5", "conv --matrix one-zero-one", OUT, "4 3 4; 2 4 3; 2 3 4"),
    ("blur 3x3", "conv --matrix blur-3x3", OUT, "10 10 10; 10 10 10; 10 10 10"),
    ("blur 5x5", "conv --matrix blur-5x5", OUT, "; ".join(["4 4 4 4 4"] * 5)),
    ("bell 1/16 (1 2 1; 2 4 2; 1 2 1)", "conv --matrix gaussian-3x3", OUT, "10 20 10; 20 40 20; 10 20 10"),
    ("padding 1 keeps 3x3", "conv --matrix padding-1", OUT, "12 21 16; 27 45 33; 24 39 28"),
    ("dilation 2", "conv --matrix dilation-2", OUT, "117"),
    ("max pooling, 4x4", "pool --matrix max-pool-4x4", "max", "9 6; 9 8"),
    ("mean pooling, 4x4 (slides may print 36)", "pool --matrix mean-pool-4x4", "mean", "36.5 80; 12 15"),
]
MNIST = Path(os.environ.get("CURATE_TRUTH", Path(__file__).parents[3] / "shared" / "data")) / "labelerrors-mnist"
LABEL_ERRORS = [
    # what the slides show, the sample, what people said of it
    ("labelerrors.com, MNIST test 3520: 6, or 4?", 3520, "given 6: 2 of 5 keep it, 0 say 4, 3 neither"),
    ("labelerrors.com, MNIST test 1901: 9, or 4?", 1901, "given 9: 2 of 5 keep it, 3 say 4"),
    ("labelerrors.com, MNIST test 2654: 6, or 1?", 2654, "given 6: 0 of 5 keep it, 2 say 1, 3 neither"),
]


@pytest.mark.skipif(not MNIST.is_dir(), reason=f"needs the MNIST files of cleanlab/label-errors in {MNIST}")
def test_the_votes_on_the_slides_three_digits_are_told():
    numbers = [part for _, sample, _ in LABEL_ERRORS for part in ("--sample", str(sample))]
    result = CliRunner().invoke(typer_app(), ["benchmark", "labelerrors", "--path", str(MNIST), *numbers, "--json"])
    told = json.loads(result.stdout)["samples"]
    assert [(one["sample"], one["says"], one["is_error"]) for one in told] == [(sample, says, True) for _, sample, says in LABEL_ERRORS]


def typer_app():
    """The commands of the table, without those that would import more."""
    app = typer.Typer(cls=CommandLine, pretty_exceptions_enable=False)
    app.add_typer(explain)
    app.add_typer(benchmark)
    return app


@pytest.fixture(scope="module")
def answer():
    app, known = typer_app(), {}

    def asked(command, key):
        if command not in known:
            result = CliRunner().invoke(app, ["explain", *shlex.split(command), "--json"])
            assert result.exit_code == 0, result.output
            known[command] = json.loads(result.stdout)
        found = known[command]
        if key == "sees":
            field = [layer["receptive_field"] for layer in found["layers"] if layer["kind"] == "MaxPool2d"][-1]
            return "×".join(f"{side:g}" for side in field["size"])
        value = found[key]
        return matrix(value) if isinstance(value, list) else f"{value:,}" if isinstance(value, int) else value

    return asked


@pytest.mark.parametrize(("what", "command", "key", "expected"), ROWS, ids=[f"{row[1]} {row[2]}" for row in ROWS])
def test_a_command_answers_what_the_slide_says(answer, what, command, key, expected):
    assert answer(command, key) == expected


def in_docs(name, lines):
    """Compares the block `name` of the docs with `lines`, or writes it where the environment says so."""
    text = DOCS.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    made = "\n".join(lines) + "\n"
    if os.environ.get("CURATE_WRITE_DOCS"):
        DOCS.write_text(before + begin + made + end + after)
    else:
        assert rest.partition(end)[0] == made, f"write {DOCS.name} anew with CURATE_WRITE_DOCS=1"


def test_the_table_of_the_docs_is_this_one():
    head = ["| on the slides | command | answer |", "|---|---|---|"]
    rows = [f"| {what} | `curate explain {command}` | {expected} |" for what, command, _, expected in ROWS]
    rows += [
        f"| {what} | `curate benchmark labelerrors --path label-errors --sample {sample}` | {says} |" for what, sample, says in LABEL_ERRORS
    ]
    in_docs("slides", head + rows)


def test_every_net_of_the_zoo_stands_in_the_docs_with_its_published_count():
    head = ["| name | what it is | published parameters, 1,000 classes | here |", "|---|---|---|---|"]
    rows = [
        f"| `{name}` | {spec.description} | {f'{spec.parameters:,}' if spec.parameters else 'about 1.9 M'} | {spec.note or 'the same'} |"
        for name, spec in ZOO.items()
    ]
    in_docs("zoo", head + [row.replace("about 1.9 M | the same", "about 1.9 M | 1,865,728") for row in rows])
