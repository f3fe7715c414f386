import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from curate.cli.output import jsonable, show, working
from curate.cli.summary import render, text_of


def test_json_has_no_nan_no_numpy_and_no_paths():
    value = {
        "a": np.float32(0.5),
        "b": np.arange(2),
        "c": float("nan"),
        "d": Path("x/y"),
        3: (np.int64(1), np.float64("inf"), np.bool_(True)),
    }
    assert json.loads(json.dumps(jsonable(value), allow_nan=False)) == {
        "a": 0.5,
        "b": [0, 1],
        "c": None,
        "d": "x/y",
        "3": [1, None, True],
    }


def test_json_is_one_line_on_stdout(capsys):
    show({"name": "größe", "nested": {"x": [1, 2]}}, as_json=True)
    assert capsys.readouterr().out == '{"name": "größe", "nested": {"x": [1, 2]}}\n'


def test_what_libraries_and_child_processes_print_while_working_goes_to_stderr(capfd):
    with working() as progress:
        progress("read", 1, 1)
        print("from python")
        os.write(1, b"from C\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    print("the result")
    out, err = capfd.readouterr()
    assert out == "the result\n"
    assert all(line in err for line in ("read: done", "from python", "from C", "from a child"))


def test_a_long_path_is_neither_wrapped_nor_cut(capsys):
    path = "/data/" + "deep/" * 60 + "report.html"
    render({"report": path})
    assert f"report  {path}\n" in capsys.readouterr().out


def test_brackets_in_names_are_printed_as_they_are(capsys):
    render({"name": "[red]cats[/red]", "records": [{"name": "[bold]"}]})
    out = capsys.readouterr().out
    assert "[red]cats[/red]" in out and "[bold]" in out


def test_a_nested_result_is_facts_and_tables(capsys):
    render({"metrics": {"out_of_fold_accuracy": 0.99213}, "num_samples": 70_000, "test": [{"name": "as given", "difference": -0.0005}]})
    out = capsys.readouterr().out
    assert "out-of-fold accuracy 99.21 %" in out
    assert "70,000" in out and "-0.05 points" in out and "as given" in out


def test_facts_within_a_record_of_a_table_stand_in_one_cell(capsys):
    render({"rounds": [{"round": 1, "seconds": {"train": 8.12, "find": 2.5}, "errors": {"value": 12.0, "low": 3.0, "high": 20.0}}]})
    shown = capsys.readouterr().out
    assert "train 8.1, find 2.5" in shown
    assert "12 (3 to 20)" in shown


def test_a_warning_goes_to_stderr_and_stays_in_json(capsys):
    show({"run": "a", "warning": "another database"}, as_json=False)
    assert capsys.readouterr() == ("run  a\n", "warning: another database\n")
    show({"run": "a", "warning": "another database"}, as_json=True)
    assert json.loads(capsys.readouterr().out)["warning"] == "another database"


@pytest.mark.parametrize(
    ("value", "text"), [(22577.0, "22,577"), (-1234567.8, "-1,234,568"), (9999.4, "9999"), (0.25, "0.25"), (1e9, "1,000,000,000")]
)
def test_large_numbers_have_no_powers_of_ten(value, text):
    assert text_of("global_sum", value) == text
