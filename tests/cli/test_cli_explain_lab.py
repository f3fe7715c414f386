"""`curate explain conv`, `pool`, `arithmetic`, `receptive-field`, `equivariance`, `invariance`, as users type them."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner

from curate.cli.group import CommandLine
from curate.cli.verbs_explain import explain
from curate.data.catalog import CATALOG
from curate.data.entry import CatalogEntry, DataFile
from curate.judge.models.zoo import ZOO
from curate.lab.explain_image import load_image
from curate.lab.explain_net import new_net


@pytest.fixture
def run():
    app = typer.Typer(cls=CommandLine, pretty_exceptions_enable=False)
    app.add_typer(explain)

    def invoke(*args):
        return CliRunner().invoke(app, ["explain", *map(str, args)])

    return invoke


@pytest.fixture
def picture(tmp_path):
    """A photo of 20 x 16 pixels in colour."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def catalogued(tmp_path, monkeypatch):
    """A dataset `made-up` of the catalog, whose files lie in the folder that this gives: image number i is of brightness i."""
    content = bytes(range(30))
    entry = CatalogEntry(
        name="made-up",
        title="",
        class_names=("a", "b"),
        image_shape=(1, 8, 8),
        num_train=20,
        num_test=10,
        licence="",
        homepage="https://example.org/made-up",
        files=(DataFile("values", "sha256:" + hashlib.sha256(content).hexdigest(), len(content)),),
        downloads=(),
        mirrors=(),
        read=lambda folder: (
            np.frombuffer((folder / "values").read_bytes(), np.uint8).repeat(64).reshape(30, 1, 8, 8),
            np.arange(30) % 2,
            20,
        ),
    )
    monkeypatch.setitem(CATALOG, "made-up", entry)
    (tmp_path / "made-up").mkdir()
    (tmp_path / "made-up" / "values").write_bytes(content)
    return tmp_path / "made-up"


def width_of(path):
    with Image.open(path) as image:
        return image.width


def test_explain_alone_lists_its_verbs(run):
    result = run()
    assert result.exit_code == 0
    for verb in ("conv", "pool", "arithmetic", "receptive-field", "equivariance", "invariance"):
        assert f" {verb} " in result.stdout


def test_conv_draws_and_tells_shapes_and_formula(run, picture, tmp_path):
    result = run("conv", picture, "--kernel", "sobel-vertical", "--stride", 2, "--to", tmp_path / "out.png", "--json")
    told = json.loads(result.stdout)
    assert told["result_shape"] == "3×7×9"
    assert told["formula"] == "⌊(16 + 2·0 − 3)/2⌋ + 1 = 7; ⌊(20 + 2·0 − 3)/2⌋ + 1 = 9"
    assert width_of(told["figure"]) > 1000


def test_conv_takes_a_matrix_of_ones_own(run, picture, tmp_path):
    result = run("conv", picture, "--kernel", "0 -1 0; -1 5 -1; 0 -1 0", "--padding", "reflect", "--to", tmp_path / "o.svg", "--json")
    assert json.loads(result.stdout)["result_shape"] == "3×16×20"


def test_convolution_turns_the_sign_of_an_edge_kernel_and_the_note_says_so(run, picture, tmp_path):
    ranges = []
    for flags in ((), ("--convolution",)):
        told = json.loads(run("conv", picture, *flags, "--to", tmp_path / "o.png", "--json").stdout)
        ranges.append((told["smallest"], told["largest"]))
        assert "180°" in told["note"]
    assert ranges[0] == (-ranges[1][1], -ranges[1][0])


def test_conv_for_people_is_a_list_of_facts(run, picture, tmp_path):
    assert "result shape  3×14×18" in run("conv", picture, "--to", tmp_path / "out.png").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kernel", "sobell-vertical"], "unknown kernel 'sobell-vertical'; did you mean sobel-vertical"),
        (["--kernel", "box-blur", "--size", "17"], "the kernel of 17x17 is larger than the padded image of 16x20"),
        (["--kernel", "1 2; 3"], "the rows of a kernel must have one length"),
        (["--mode", "same"], "padding 'none' and mode 'same' contradict each other"),
        (["--padding", "zeros", "--mode", "full"], "unknown mode 'full'"),
        (["--padding", "zeros", "--mode", "-1"], "cannot be padded by -1 pixels"),
        (["--padding", "zeros", "--mode", "2000000"], "cannot be padded by 2000000 pixels; take 4096 at most"),
        (["--padding", "circular", "--dilation", "2000000"], "cannot be padded by 2000000 pixels"),
        (["--kernel", "box-blur", "--size", "2000000"], "the size of a kernel must be 1 to 1024, found 2000000"),
        (["--stride", "0"], "stride and dilation must be 1 or more, found 0 and 1"),
        (["--to", "out.jpg"], "a figure is written as .png, .svg, .pdf"),
    ],
)
def test_bad_options_of_conv_are_one_line(run, picture, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("conv", picture, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ") and message in result.stderr and result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gone.png", "there is no image file 'gone.png', and it is no sample id either, such as mnist/test/3520"),
        ("mnist/validation/3", "no sample id either"),
        ("mnist/test/-3", "no sample id either"),
        ("mnist/test/²", "no sample id either"),
        ("notes.txt", "image notes.txt cannot be read (no image that Pillow knows)"),
        ("half.png", "image half.png cannot be read"),
    ],
)
def test_what_is_no_image_is_told(run, source, message, picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "half.png").write_bytes(picture.read_bytes()[:300])
    result = run("conv", source)
    assert result.exit_code == 2
    assert message in result.stderr


def test_grey_transparent_and_turned_files_are_read_as_they_look(tmp_path):
    Image.new("L", (5, 4), 7).save(tmp_path / "grey.png")
    Image.new("RGBA", (5, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.new("RGB", (5, 4)).save(tmp_path / "turned.jpg", exif=exif)
    assert load_image(str(tmp_path / "grey.png")).tolist() == [[[7] * 5] * 4]
    assert load_image(str(tmp_path / "clear.png")).min() == 255
    assert load_image(str(tmp_path / "turned.jpg")).shape == (3, 5, 4)


def test_a_sample_of_a_dataset_is_found_by_its_id(catalogued):
    assert np.unique(load_image("made-up/train/7", root=catalogued)).tolist() == [7]
    assert np.unique(load_image("made-up/test/7", root=catalogued)).tolist() == [27]


def test_a_sample_behind_the_last_is_refused(run, catalogued):
    result = run("conv", "made-up/test/10", "--root", catalogued)
    assert result.exit_code == 2
    assert "there is no sample 'made-up/test/10'; made-up has made-up/test/0 to made-up/test/9" in result.stderr


def test_pool_tells_global_values(run, picture, tmp_path):
    told = json.loads(run("pool", picture, "--size", 4, "--to", tmp_path / "p.png", "--json").stdout)
    with Image.open(picture) as image:
        expected = np.asarray(image).mean((0, 1))
    assert told["result_shape"] == "3×4×5"
    assert told["global_mean"] == pytest.approx(expected.tolist())


def test_arithmetic_prints_a_table_with_formulas_and_totals(run):
    result = run("arithmetic", "lenet5", "--input", "1x28x28", "--classes", 10)
    assert "(28 + 2·2 − 5)/1 + 1 = 28" in result.stdout
    assert "5·5·1·6 + 6 = 156" in result.stdout
    assert "61,706" in result.stdout
    assert "fully connected 59,134 (95.8 %)" in result.stdout


def test_arithmetic_tells_what_units_really_see_if_asked(run, one_thread):
    asked = "arithmetic", "lenet5", "--input", "1x28x28", "--classes", 10
    lines = run(*asked, "--effective").stdout.splitlines()
    assert "really sees" in lines[0] and "really sees" not in run(*asked).stdout
    assert next(line.split()[7:11] for line in lines if line.startswith("conv1 ")) == ["5×5", "1", "0", "5×5"]
    told = json.loads(run(*asked, "--effective", "--json").stdout)["layers"]
    sizes = {row["name"]: row["effective_size"] for row in told if row["effective_size"] is not None}
    assert list(sizes) == ["conv1", "conv2"]
    assert 4 < sizes["conv1"] <= 5 < sizes["conv2"] <= 14
    assert all(row["effective_size"] is None for row in json.loads(run(*asked, "--json").stdout)["layers"])


def test_arithmetic_for_programs_has_every_layer(run, tmp_path):
    told = json.loads(run("arithmetic", "lenet5", "--input", "1x28x28", "--classes", 10, "--to", tmp_path / "a.png", "--json").stdout)
    assert sum(layer["parameters"] for layer in told["layers"]) == told["parameters"] == 61_706
    pooled = next(layer for layer in told["layers"] if layer["kind"] == "max_pool2d")
    assert pooled["output_shape"] == [6, 14, 14]
    assert pooled["receptive_field"] == {"size": [6, 6], "jump": [2, 2], "start": [0.5, 0.5]}
    assert told["layers"][-1]["receptive_field"]["size"] == "whole"
    assert width_of(told["figure"]) > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet5", "--input", "3x4000000x4000000"], "there is not enough memory for model 'lenet5' and images of 3x4000000x4000000"),
        (["lenet55"], "unknown model 'lenet55'; did you mean lenet5"),
        (["lenet5", "--input", "28x28"], "an input is channels x height x width, such as 3x227x227; found '28x28'"),
        (
            ["lenet5", "--input", "1x11x40"],
            "model 'lenet5' cannot take images of 1x11x40; the smallest square ones that it can are 1x12x12\n",
        ),
    ],
)
def test_bad_input_of_arithmetic_is_one_line(run, arguments, message):
    result = run("arithmetic", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize("name", ["alexnet", "inception-v3", "convnext-tiny"])
def test_the_smallest_size_of_the_zoo_is_the_one_found_by_trying(name):
    smallest = ZOO[name].smallest_size
    with pytest.raises(Exception, match=f"the smallest square ones that it can are 3x{smallest}x{smallest}$"):
        new_net(name, (3, 5, 5), num_classes=10)


def test_receptive_field_compares_theory_and_effect(run, tmp_path, one_thread):
    told = json.loads(run("receptive-field", "lenet5", "--input", "1x28x28", "--to", tmp_path / "r.png", "--json").stdout)
    assert [(row["layer"], row["size"], row["jump"]) for row in told["layers"]] == [("conv1", [5, 5], 1), ("conv2", [14, 14], 2)]
    assert all(row["effective_size"] <= row["size"][0] for row in told["layers"])
    text = run("receptive-field", "lenet5", "--layer", "conv2", "--to", tmp_path / "r.png").stdout
    assert text.splitlines()[-1].split()[:2] == ["conv2", "14×14"]


def test_equivariance_is_exact_at_multiples_of_the_jump(run, picture, tmp_path, one_thread):
    told = json.loads(run("equivariance", picture, "--model", "cifar-cnn", "--largest", 4, "--to", tmp_path / "e.png", "--json").stdout)
    assert told["largest_error_at_multiples_of_the_jump"] < 1e-4 < told["largest_error_between"]
    assert told["shifts"] == [0, 1, 2, 3, 4]


def test_invariance_tells_the_change_for_each_pooling(run, picture, tmp_path):
    told = json.loads(run("invariance", picture, "--pooling", "mean", "--to", tmp_path / "i.png", "--json").stdout)
    assert told["change"]["global mean"] == pytest.approx([0] * 9, abs=1e-12)
    assert "change at 8 px" in run("invariance", picture, "--to", tmp_path / "i.png").stdout


def test_a_shift_wider_than_the_image_is_refused(run, picture):
    result = run("invariance", picture, "--largest", 20)
    assert result.exit_code == 2
    assert "less than the image's 20 pixels, found 20" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("arithmetic", "lenet5", "--effective"),
        ("arithmetic", "xception"),  # timm imports torch's compiler
        ("receptive-field", "lenet5", "--input", "1x28x28"),
        ("equivariance", "photo.png", "--model", "cifar-cnn", "--largest", "2"),
        ("invariance", "photo.png"),
        ("photo", "photo.png", "--model", "squeezenet", "--pretrained", "none"),
    ],
)
def test_a_command_works_in_a_process_where_nobody_has_imported_all_of_torch(arguments, picture, tmp_path):
    call = [sys.executable, "-m", "curate", "explain", *arguments, "--json"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "rror" in line]) == (0, [])
    assert json.loads(done.stdout)


def test_trying_sizes_leaves_the_random_generator_alone():
    before = torch.get_rng_state()
    new_net("lenet5", (1, 28, 28), num_classes=10)
    assert torch.equal(torch.get_rng_state(), before)
