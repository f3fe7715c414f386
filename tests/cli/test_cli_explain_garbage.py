import gc

import typer
from typer.testing import CliRunner

from curate.cli import verbs_explain_lab
from curate.cli.group import CommandLine
from curate.cli.verbs_explain import RARELY, explain


def test_garbage_is_looked_for_rarely_during_a_command_and_as_before_afterwards(monkeypatch):
    app, before, during = typer.Typer(cls=CommandLine, pretty_exceptions_enable=False), gc.get_threshold(), []
    app.add_typer(explain)
    monkeypatch.setattr(verbs_explain_lab, "show", lambda *args, **options: during.append(gc.get_threshold()[0]))
    assert CliRunner().invoke(app, ["explain", "conv", "--matrix", "sharpen"]).exit_code == 0
    assert (during, gc.get_threshold()) == ([RARELY], before)
