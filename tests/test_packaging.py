"""The built wheel works outside the checkout: with its templates, its types and its command."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
CHECKOUT = Path(__file__).parents[1]


def output(*command, cwd, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of the sources, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    sources.mkdir()
    for name in ("curate", "pyproject.toml", "README.md", "LICENSE"):
        (sources / name).symlink_to(CHECKOUT / name)
    output(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, sources, cwd=folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A virtual environment with the wheel, which sees the dependencies of this one but not the checkout."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = folder / "lib" / version / "site-packages"
    command = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--no-deps", "--no-index", "--quiet", wheel]
    output(*command, cwd=folder)
    dependencies = sysconfig.get_paths()["purelib"]
    (own / "dependencies.pth").write_text(dependencies + "\n")  # a folder on the path; the .pth files inside it are not read
    return folder / "bin"


def test_the_wheel_holds_what_is_not_python_too(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    report = {f"curate/publish/pages/{file.name}" for file in (CHECKOUT / "curate" / "publish" / "pages").iterdir()}
    assert len(report) >= 3 and report | {"curate/py.typed"} <= names
    modules = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "curate").rglob("*.py")}
    assert modules <= names
    assert not [name for name in names if not re.match(r"curate(/|-[\d.]+\.dist-info/)", name)]
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_installed_package_is_the_one_of_the_wheel(installed, tmp_path):
    where = Path(output(installed / "python", "-c", "import curate; print(curate.__file__)", cwd=tmp_path).strip())
    assert installed.parent in where.parents and CHECKOUT not in where.resolve().parents


def test_the_installed_command_names_its_version_and_verbs(installed, tmp_path):
    assert re.search(r"\d+\.\d+", output(installed / "curate", "--version", cwd=tmp_path))
    told = output(installed / "curate", "--help", cwd=tmp_path)
    assert all(verb in told for verb in ("audit", "train", "find", "report"))


def test_a_folder_is_audited_by_the_installed_command(installed, tmp_path, make_shapes, write_shapes):
    write_shapes(make_shapes(45), tmp_path / "shapes")
    settings = {"CURATE_DATA": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"}

    def curate(*arguments):
        return json.loads(output(installed / "curate", *arguments, "--json", cwd=tmp_path, **settings))

    options = ("--model", "lenet5", "--preset", "quick", "--folds", "2", "--device", "cpu", "--run", "tried")
    assert curate("train", tmp_path / "shapes", *options)["run"] == "tried"
    assert curate("find", "tried")["run"] == "tried"
    page = Path(curate("report", "tried")["report"]).read_text()
    assert "<style" in page and "shapes" in page and len(page) > 10_000
