"""The notebooks: as they lie in the repository, and run from the first cell to the last."""

import base64
import io
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TIMEOUT_SECONDS = 300


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_valid_and_without_outputs(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code_cells(notebook))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_first_cell_says_that_outputs_are_not_kept_and_how_long_it_takes(path):
    first = code_cells(read(path))[0].source
    assert re.search(r"Outputs are not kept in this file; all cells together take about .+ on two cores", first)


def test_all_notebooks_start_alike():
    starts = {re.sub(r"take about .+ on two cores|\(\d+ MB", "", code_cells(read(path))[0].source) for path in NOTEBOOKS}
    assert len(NOTEBOOKS) == 4 and len(starts) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_leads_to_the_audit(path):
    assert "`curate audit " in "".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if "audit" in "".join(cell.source for cell in code_cells(read(path)))])
def test_where_an_audit_is_made_it_shows_itself_and_is_reviewed_inline(path):
    sources = [cell.source for cell in code_cells(read(path))]
    assert "audit" in sources and any(source.startswith("audit.review(") for source in sources)


@pytest.fixture
def first_cell_without_curate(monkeypatch, tmp_path):
    """Runs the first cell where there is no curate, in a folder, and returns what pip was asked to install."""
    asked = []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("subprocess.run", lambda command, check: asked.append(command[-1]))
    monkeypatch.setenv("CURATE_DATA", str(tmp_path))

    def run(folder):
        monkeypatch.chdir(folder)
        exec(code_cells(read(NOTEBOOKS[0]))[0].source, {})
        return asked

    return run


def test_a_notebook_in_a_checkout_installs_that_checkout(first_cell_without_curate):
    assert first_cell_without_curate(ROOT / "notebooks") == [f"{ROOT}[explain,notebook]"]


def test_a_notebook_on_its_own_installs_from_the_address_it_is_given(first_cell_without_curate, monkeypatch, tmp_path):
    monkeypatch.setenv("CURATE_REPOSITORY", "https://example.org/team/curate")
    assert first_cell_without_curate(tmp_path) == ["curate[explain,notebook] @ git+https://example.org/team/curate"]


def test_a_notebook_on_its_own_without_an_address_says_what_to_fill_in(first_cell_without_curate, tmp_path):
    with pytest.raises(SystemExit, match="write its address into REPOSITORY"):
        first_cell_without_curate(tmp_path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_cell_names_a_place_of_one_machine(path):
    assert not [cell.source for cell in read(path).cells if re.search(r"['\"\s(](/|~/|[A-Z]:\\)\w", cell.source)]


@pytest.fixture(scope="module")
def executed(request, tmp_path_factory):
    """Runs a notebook in the environment of the tests, with a data folder of its own that has the raw files of this one."""
    from nbclient import NotebookClient
    from traitlets.config import Config

    from curate.data.fetch import fetch

    data = tmp_path_factory.mktemp("data")
    (data / "raw").mkdir()
    for name in ("mnist", "cifar10"):
        (data / "raw" / name).symlink_to(fetch(name, root=ROOT / "data" / "raw" / name))

    def run(path):
        notebook = read(path)
        sockets = Config(ConnectionFileMixin={"transport": "ipc", "ip": str(tmp_path_factory.mktemp("k") / "s")})
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("CURATE_DATA", str(data))
            patched.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
            here = {"metadata": {"path": str(path.parent)}}
            NotebookClient(notebook, kernel_name="python3", timeout=TIMEOUT_SECONDS, resources=here, config=sockets).execute()
        return notebook

    return run


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_from_top_to_bottom_and_draws(executed, path):
    notebook = executed(path)
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    words = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    pictures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 2
    for png in pictures:
        assert np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("L")).std() > 5  # not blank
    CHECKS[path.stem[:2]](words)


def check_convolutions(words):
    assert "sharpened in the middle: 50.0" in words
    assert words.count("0 30 30  0") == 4
    assert "5·5·3·10 + 10 = 760" in words
    assert float(re.search(r"torch's conv2d: (\S+)", words).group(1)) < 1e-4


def check_seeing(words):
    assert float(re.search(r"([\d.]+) % of the digits", words).group(1)) > 90


def check_audit(words):
    precision, recall = re.search(r"flagged; ([\d.]+) % of them are really wrong, and ([\d.]+) %", words).groups()
    assert float(precision) > 85 and float(recall) > 85
    assert re.search(r"gain: [+-][\d.]+ points, 95 % interval", words)


def check_photographs(words):
    """Bounds that hold on any pictures: whoever flagged so many by chance would hardly ever hit so many, and mended labels are believed."""
    from scipy.stats import hypergeom

    told = re.search(r"(\d+) of (\d+) flagged; (\d+) of them are misfiled, of (\d+) in all", words)
    flagged, num, hit, misfiled = map(int, told.groups())
    assert hypergeom.sf(hit - 1, num, misfiled, flagged) < 1e-6
    now, before = map(int, re.search(r"(\d+) flagged now, (\d+) before", words).groups())
    assert now < before == flagged


CHECKS = {"01": check_convolutions, "02": check_seeing, "03": check_audit, "04": check_photographs}
