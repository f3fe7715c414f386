"""Matrices in, numbers out; one layer, and nets from files: as users type them."""

import json
import subprocess
import sys

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from curate.cli.group import CommandLine
from curate.cli.verbs_explain import explain
from curate.lab.convolution import convolve
from curate.lab.kernels import parse_kernel
from curate.lab.matrices import CONVOLUTIONS, POOLINGS, read_matrix
from curate.lab.pooling import pool

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.last = nn.Linear(4, num_classes)

    def forward(self, x):
        return self.last(self.conv(x).relu().mean((2, 3)))

class Needs(nn.Module):
    def __init__(self, width):
        super().__init__()

class Pair(nn.Module):
    def forward(self, x, y):
        return x + y

def made():
    return Net()

number = 3
"""


@pytest.fixture
def run():
    app = typer.Typer(cls=CommandLine, pretty_exceptions_enable=False)
    app.add_typer(explain)

    def invoke(*args):
        return CliRunner().invoke(app, ["explain", *map(str, args)])

    return invoke


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_worked_convolution_gives_the_slides_answer(name):
    example = CONVOLUTIONS[name]
    options = dict(example.options)
    kernel = parse_kernel(example.kernel, size=options.pop("size", None))
    np.testing.assert_allclose(convolve(read_matrix(example.matrix), kernel, **options), read_matrix(example.answer))


@pytest.mark.parametrize("name", POOLINGS)
def test_a_worked_pooling_gives_the_slides_answer(name):
    example = POOLINGS[name]
    kind = example.options.get("kind", "max")
    assert pool(read_matrix(example.matrix), kind).tolist() == read_matrix(example.answer).tolist()


def test_a_matrix_is_printed_with_kernel_result_and_how_the_first_number_comes_about(run):
    text = run("conv", "--matrix", "vertical-edge").stdout
    assert "output\n 0  30  30   0\n" in text
    assert "turned by 180° first (--convolution) the result goes from -30 to 0" in text
    assert "10·1 + 10·0 + 10·(−1)" in text


def test_the_turned_kernel_gives_the_other_sign(run):
    told = json.loads(run("conv", "--matrix", "vertical-edge", "--convolution", "--json").stdout)
    assert told["output"] == [[0, -30, -30, 0]] * 4
    assert told["operation"] == "convolution"


def test_a_csv_file_is_a_matrix(run, tmp_path):
    (tmp_path / "m.csv").write_text("1,3,2,1\n2,9,1,1\n1,3,2,3\n5,6,1,2\n")
    told = json.loads(run("pool", "--matrix", tmp_path / "m.csv", "--to", tmp_path / "p.png", "--json").stdout)
    assert told["max"] == [[9, 2], [6, 3]]
    assert (tmp_path / "p.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conv", "--matrix", "1 2; 3"], "row 1 of the matrix has 2 numbers, row 2 has 1"),
        (["conv", "--matrix", "1 2; x 4"], "'x' in row 2 of the matrix is no number"),
        (["conv", "--matrix", "1 2; nan 4"], "'nan' in row 2 of the matrix is not finite"),
        (["conv", "--matrix", "1 2; 3 4"], "the kernel of 3x3 is larger than the padded image of 2x2"),
        (["conv", "--matrix", "gone.csv"], "there is no file 'gone.csv' with a matrix"),
        (["conv", "--matrix", ";"], "the matrix has no numbers"),
        (["conv", "--matrix", "vertical-egde"], "unknown worked example 'vertical-egde'; did you mean vertical-edge"),
        (["conv"], "give an image, such as mnist/test/3520, or --matrix"),
        (["pool", "a.png", "--matrix", "1 2"], "found both"),
        (["pool", "--matrix", "1 2; 3 4", "--size", "3"], "a window of 3x3 is larger than the image of 2x2"),
        (["arithmetic", "conv", "--in", "3x5x5"], "how many filters it has"),
        (["arithmetic", "conv", "--in", "3x5x5", "--filters", "2", "--kernel", "9"], "larger than the padded image of 5x5"),
        (["arithmetic", "conv", "--in", "3x5x5", "--filters", "2", "--groups", "2"], "2 groups divide neither evenly"),
        (["arithmetic", "lenet5", "--filters", "3"], "--filters is for one layer"),
        (["arithmetic", "gone.py:Net"], "there is no Python file 'gone.py'"),
        (["photo", "flower", "--model", "lenet5"], "take a net of ImageNet"),
    ],
)
def test_bad_input_is_one_line(run, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.py:Gone", NET, "has no 'Gone'; it has Net, Needs, Pair"),
        ("net.py:number", NET, "is a int, not a torch.nn.Module"),
        ("net.py:Needs", NET, "cannot be made without arguments"),
        ("net.py", NET, "holds 3 nets; say which"),
        ("net.py", "x = 1", "holds no torch.nn.Module"),
        ("net.py", "1 / 0", "cannot be run: ZeroDivisionError: division by zero"),
        ("net.py", "raise SystemExit", "cannot be run: SystemExit"),
        ("net.py", "class Net(", "cannot be run: SyntaxError: "),
    ],
)
def test_a_file_without_a_usable_net_is_one_line(run, name, content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(content)
    result = run("arithmetic", name)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("Net", "3x2x2", "Net cannot take images of 3x2x2; the smallest square ones that it can are 3x3x3 ("),
        ("Net", "1x32x32", "Net cannot take images of 1x32x32, nor square ones of any size that was tried ("),
        ("Pair", "3x8x8", "net.py:Pair cannot take one image of 3×8×8: TypeError: "),
        ("Pair", None, "net.py:Pair takes none of the usual images; say which it takes, such as --in 3x64x64"),
    ],
)
def test_an_image_that_a_net_from_a_file_cannot_take_is_one_line(run, name, shape, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    result = run("arithmetic", f"net.py:{name}", *(["--in", shape] if shape else []))
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert message in result.stderr


@pytest.mark.parametrize("name", ["Net", "made"])
def test_a_net_from_a_file_is_counted(run, name, tmp_path):
    (tmp_path / "net.py").write_text(NET)
    told = json.loads(run("arithmetic", f"{tmp_path}/net.py:{name}", "--json").stdout)
    assert (told["parameters"], told["input"]) == (3 * 4 * 9 + 4 + 50, [3, 32, 32])
    assert json.loads(run("arithmetic", f"{tmp_path}/net.py:Net", "--classes", 5, "--json").stdout)["parameters"] == 3 * 4 * 9 + 4 + 25


def test_inception_says_that_it_lacks_its_auxiliary_head(run):
    told = json.loads(run("arithmetic", "inception-v3", "--json").stdout)
    assert (told["input"], told["published_parameters"]) == ([3, 299, 299], 27_161_264)
    assert "without its auxiliary head (3,326,696" in told["note"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["conv", "--matrix", "sharpen"],
        ["pool", "--matrix", "max-pool-4x4"],
        ["invariance", "flower", "--to", "picture.png"],
        ["arithmetic", "conv", "--in", "3x32x32", "--filters", "10"],
    ],
)
def test_what_needs_no_net_does_not_wait_for_torch(arguments, tmp_path):
    code = f"import sys; from curate.cli import app; app({['explain', *arguments]!r}, standalone_mode=False)"
    check = "import atexit, sys; atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr))\n"
    done = subprocess.run([sys.executable, "-c", check + code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith("False")


def test_counting_a_net_does_not_import_the_compiler():
    code = "import sys; from curate.lab.explain_net import arithmetic_of; arithmetic_of('vgg16'); print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


CHATTY = """
import os, sys
print("imported")

class Talking(Net):
    def forward(self, x):
        print("forward")
        sys.__stdout__.write("past sys.stdout\\n")
        os.write(1, b"by the descriptor\\n")
        return super().forward(x)
"""


def test_what_a_net_from_a_file_prints_is_not_among_the_results(tmp_path):
    (tmp_path / "net.py").write_text(NET + CHATTY)
    call = [sys.executable, "-m", "curate", "explain", "arithmetic", "net.py:Talking", "--json"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["parameters"] == 3 * 4 * 9 + 4 + 50
    assert all(line in done.stderr for line in ("imported", "forward", "past sys.stdout", "by the descriptor"))
