"""What messages of `curate explain` advise, done: the command that they name, or with the value that they name, works."""

import numpy as np
import pytest
import torch
from PIL import Image

from curate.cli import app

MATRIX = "1 2 3; 4 5 6; 7 8 9"
ADVICE = {  # a command that cannot be, what is said, the command as that says
    "a kernel": (
        "conv photo.png --kernel sobell-vertical",
        "did you mean sobel-vertical",
        "conv photo.png --kernel sobel-vertical",
    ),
    "a ragged kernel": (
        ["conv", "photo.png", "--kernel", "1 2; 3"],
        "the rows of a kernel must have one length, found 1 and 2 numbers",
        ["conv", "photo.png", "--kernel", "1 2; 3 4"],
    ),
    "no kernel": (
        ["conv", "photo.png", "--kernel", "1 x; 3 4"],
        "write numbers and ';' between rows, such as '0 -1 0; -1 5 -1; 0 -1 0'",
        ["conv", "photo.png", "--kernel", "0 -1 0; -1 5 -1; 0 -1 0"],
    ),
    "a large kernel": (
        "conv photo.png --kernel box-blur --size 17",
        "take a smaller kernel, or more padding",
        "conv photo.png --kernel box-blur --size 17 --padding zeros",
    ),
    "a kernel of one size": (
        "conv photo.png --kernel sharpen --size 5",
        "kernel 'sharpen' is 3 x 3; only",
        "conv photo.png --kernel box-blur --size 5",
    ),
    "a kernel without sigma": (
        "conv photo.png --kernel box-blur --sigma 2",
        "only gaussian-blur has a sigma",
        "conv photo.png --kernel gaussian-blur --sigma 2",
    ),
    "a width": (
        "conv photo.png --kernel gaussian-blur --sigma 0",
        "the sigma of a Gaussian must be above 0, found 0",
        "conv photo.png --kernel gaussian-blur --sigma 0.5",
    ),
    "a stride": ("conv photo.png --stride 0", "must be 1 or more, found 0", "conv photo.png --stride 1"),
    "a figure": ("conv photo.png --to out.jpg", "a figure is written as .png, .svg, .pdf", "conv photo.png --to out.svg"),
    "nothing to look at": ("conv", "give an image, such as mnist/test/3520, or --matrix with numbers", ["conv", "--matrix", MATRIX]),
    "a ragged matrix": (
        ["conv", "--matrix", "1 2 3; 4 5"],
        "row 1 of the matrix has 3 numbers, row 2 has 2",
        ["conv", "--matrix", MATRIX],
    ),
    "no number": (["pool", "--matrix", "1 a; 2 3"], "write numbers, and ';' between rows", ["pool", "--matrix", "1 0; 2 3"]),
    "not finite": (["pool", "--matrix", "1 nan; 2 3"], "write ordinary numbers", ["pool", "--matrix", "1 0; 2 3"]),
    "no rows": (["pool", "--matrix", ";"], "write rows such as '10 10 0; 10 10 0'", ["pool", "--matrix", "10 10 0; 10 10 0"]),
    "a window": ("pool photo.png --size 0", "of 1 pixel or more, found 0", "pool photo.png --size 1"),
    "a model": ("arithmetic lenet55", "did you mean lenet5", "arithmetic lenet5"),
    "an input": ("arithmetic lenet5 --in 28x28", "such as 3x227x227; found '28x28'", "arithmetic lenet5 --in 1x28x28"),
    "several nets": ("arithmetic two.py", "say which, such as two.py:First; there are First, Second", "arithmetic two.py:First --in 3x8x8"),
    "no net": ("arithmetic none.py", "write a class such as `class Net(nn.Module)`", "arithmetic two.py:Second --in 3x8x8"),
    "a net with arguments": (
        "arithmetic wants.py:Net --in 3x8x8",
        "write a function that returns the net, and name that",
        "arithmetic wants.py:made --in 3x8x8",
    ),
    "an odd net": ("arithmetic odd.py", "say which it takes, such as --in 3x64x64", "arithmetic odd.py --in 5x9x9"),
    "a shift": ("invariance photo.png --largest 20", "less than the image's 20 pixels, found 20", "invariance photo.png --largest 3"),
    "a net without classes": (
        "photo photo.png --model lenet5 --pretrained none",
        "take a net of ImageNet: ",
        "photo photo.png --model squeezenet --pretrained none",
    ),
    "a file for a folder": (
        "photo photo.png --model squeezenet --pretrained none --to photo.png",
        "photo.png is a file; --to names a folder for the pictures",
        "photo photo.png --model squeezenet --pretrained none --to pictures",
    ),
    "weights": (
        "photo photo.png --model squeezenet --pretrained pickled.pth",
        "save the net's state_dict()",
        "photo photo.png --model squeezenet --pretrained saved.pth",
    ),
}
TWO = "from torch import nn\nclass First(nn.Sequential):\n    def __init__(self):\n        super().__init__(nn.Conv2d(3, 4, 3))\n"
WANTS = "from torch import nn\nclass Net(nn.Sequential):\n    def __init__(self, maps):\n        super().__init__(nn.Conv2d(3, maps, 3))\n"
ODD = (
    "from torch import nn\nclass Net(nn.Sequential):\n    def __init__(self):\n        super().__init__(nn.Flatten(), nn.Linear(405, 2))\n"
)


@pytest.fixture
def folder(tmp_path, monkeypatch, one_thread):
    """This process stands in it, beside a photograph of 20 x 16 pixels, nets of one's own and weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)).save("photo.png")
    (tmp_path / "two.py").write_text(TWO + TWO.partition("\n")[2].replace("First", "Second"))
    (tmp_path / "none.py").write_text("number = 3\n")
    (tmp_path / "wants.py").write_text(f"{WANTS}def made():\n    return Net(4)\n")
    (tmp_path / "odd.py").write_text(ODD)
    return tmp_path


@pytest.fixture
def weights(folder):
    """Weights of a squeezenet as its state_dict(), and the same in a dict beside a number."""
    from curate.lab.explain_net import new_net

    tensors = new_net("squeezenet", (3, 224, 224), num_classes=1000).state_dict()
    torch.save(tensors, folder / "saved.pth")
    torch.save({"state": tensors, "epoch": 3}, folder / "pickled.pth")


def explain(words):
    with pytest.raises(SystemExit) as ended:
        app(["explain", *(words.split() if isinstance(words, str) else words)])
    return ended.value.code


@pytest.mark.parametrize("case", ADVICE)
def test_a_command_works_as_the_message_says(folder, request, capsys, case):
    wrong, message, right = ADVICE[case]
    if case == "weights":
        request.getfixturevalue("weights")
    before = sorted(folder.iterdir())
    assert explain(wrong) == 2
    told = capsys.readouterr()
    lines = [line for line in told.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and lines[0] == told.err.splitlines()[-1] and message in lines[0], told.err
    assert told.out == "" and [path for path in sorted(folder.iterdir()) if path.name != "__pycache__"] == before
    assert explain(right) == 0
