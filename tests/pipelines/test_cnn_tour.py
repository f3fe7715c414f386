"""The pipeline of the tour on real digits, and every command that its page tells."""

import html
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from curate.data.fetch import fetch

PIPELINES = Path(__file__).parents[2] / "pipelines"
RUN = "mnist-1500-lenet5"


@pytest.fixture(scope="module")
def data(request, tmp_path_factory):
    """A data folder of its own with the raw files of MNIST."""
    data = tmp_path_factory.mktemp("data")
    (data / "raw").mkdir()
    (data / "raw" / "mnist").symlink_to(fetch("mnist", root=request.config.rootpath / "data" / "raw" / "mnist"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CURATE_DATA", str(data))
        yield data


def pipeline(*arguments):
    """The code that the script exits with."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["cnn_tour.py", *map(str, arguments)])
        try:
            runpy.run_path(str(PIPELINES / "cnn_tour.py"), run_name="__main__")
        except SystemExit as stop:
            return stop.code
    return 0


@pytest.fixture(scope="module")
def page(data):
    """The page about 1,500 digits; the run is trained for it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert pipeline("--limit", 1500) == 0
    yield (data / "runs" / RUN / "tour.html").read_text()
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.network
def test_tour_of_mnist_has_every_station(page):
    assert len(re.findall(r"<section id=", page)) == 19
    assert "mnist/train/0" in page and RUN in page


@pytest.mark.slow
@pytest.mark.network
def test_every_command_of_the_page_runs(page, tmp_path, monkeypatch, one_thread):
    from curate.cli.group import CommandLine
    from curate.cli.verbs_explain import explain

    monkeypatch.chdir(tmp_path)
    app = typer.Typer(cls=CommandLine, pretty_exceptions_enable=False)
    app.add_typer(explain, name="explain")
    app.command("other")(lambda: None)
    commands = [shlex.split(html.unescape(code)) for code in re.findall(r'<code class="command"[^>]*>(.*?)</code>', page)]
    assert len(commands) == 19 and len({tuple(command) for command in commands}) == 19
    shown = [command for command in commands if command[1] == "explain"]
    assert [command[:2] for command in commands if command not in shown] == [["curate", "audit"]] * 3  # they train: the audit has tests
    for program, *arguments in shown:
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert program == "curate" and result.exit_code == 0, (arguments, result.stderr)


@pytest.mark.slow
@pytest.mark.network
def test_second_tour_trains_nothing(page, data, tmp_path, monkeypatch, capfd):
    def fail(*_args, **_options):
        raise AssertionError("something was trained")

    monkeypatch.setattr("curate.judge.training.cross_validation.cross_validate", fail)
    assert pipeline("--limit", 1500, "--sample", "mnist/test/9999", "--to", tmp_path / "tour.html") == 0
    assert "mnist/test/9999" in (tmp_path / "tour.html").read_text()


def test_tour_of_colour_images_is_refused_before_any_training(tmp_path, monkeypatch, capsys, make_shapes):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path))
    monkeypatch.setattr("curate.sources.load_source", lambda *_args, **_options: make_shapes(12, channels=3))
    assert pipeline("--source", "shapes") == 2
    assert "takes grey images, those of 'shapes' have 3 channels" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_unknown_dataset_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path))
    assert pipeline("--source", "mnits") == 2
    assert "mnist" in capsys.readouterr().err
