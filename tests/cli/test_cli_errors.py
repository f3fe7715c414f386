import errno
import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

import curate
from curate.cli.group import CommandLine
from curate.errors import DataError


def raising(exception):
    """A program with two verbs, one of which raises `exception`."""
    app = typer.Typer(cls=CommandLine, pretty_exceptions_enable=False)

    @app.command()
    def work():
        raise exception

    @app.command()
    def other(ctx: typer.Context):
        print(ctx.obj)

    return app


def run(exception, *args):
    return CliRunner().invoke(raising(exception), list(args or ["work"]))


def test_an_error_of_curate_is_one_unwrapped_line_and_exit_code_2():
    message = "labels has 3 rows but there are 5 images;\n" + "x" * 300
    result = run(DataError(message))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: labels has 3 rows but there are 5 images; " + "x" * 300 + "\n"


def test_ctrl_c_says_how_to_go_on_and_exits_with_130():
    result = run(KeyboardInterrupt())
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "stopped; run the same command again to go on where it stopped\n"


def test_a_full_disk_is_an_error_line_with_the_path():
    result = run(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/runs/mnist/x"))
    assert result.exit_code == 2
    assert result.stderr.startswith("error: cannot write data/runs/mnist/x: the disk is full")


@pytest.mark.parametrize("exception", [ValueError("a bug"), FileNotFoundError(errno.ENOENT, "no such file", "x")])
def test_any_other_exception_is_a_bug_and_keeps_its_traceback(exception):
    assert run(exception).exception is exception


def test_an_exit_code_of_a_verb_is_the_programs():
    assert run(typer.Exit(7)).exit_code == 7


def test_a_verb_knows_the_command_as_it_was_typed():
    assert run(None, "other").stdout == "curate other\n"


def test_a_reader_that_goes_away_gets_no_complaint():
    code = "import sys\nfrom curate.cli import app\napp(['--help'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


@pytest.mark.parametrize(
    "words", [("audit", "caf\udce9"), ("report", "caf\udce9"), ("export", "x", "--to", "caf\udce9"), ("audit", "a\nb")]
)
def test_a_name_that_cannot_be_written_down_is_an_error_line_before_any_work(words):
    result = run(AssertionError("work was done"), *words)
    assert (
        result.exit_code == 2
        and result.stderr.endswith("is no text in UTF-8 on one line; rename it\n")
        and len(result.stderr.splitlines()) == 1
    )


def test_a_folder_of_such_a_name_is_no_place_to_begin_from(tmp_path, monkeypatch):
    (tmp_path / "caf\udce9").mkdir()
    monkeypatch.chdir(tmp_path / "caf\udce9")
    assert "is no text in UTF-8 on one line; rename it" in run(AssertionError("work was done")).stderr
    with pytest.raises(DataError, match=r"is no text in UTF-8 on one line; rename it"):
        curate.load(".")


def test_a_folder_that_is_gone_is_no_place_to_begin_from(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert "the folder that this command was given in is gone; change to one that is there" in run(AssertionError("work was done")).stderr
