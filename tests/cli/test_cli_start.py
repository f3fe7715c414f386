import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from curate.cli import app

VERBS = ("audit", "fetch", "train", "find", "app", "clean", "retrain", "compare", "report", "doctor")
HEAVY = ("torch", "torchvision", "fiftyone", "pandas", "cleanlab", "sklearn", "numpy", "PIL")


def curate(*args):
    return CliRunner().invoke(app, list(args))


def test_help_lists_every_verb():
    result = curate("--help")
    assert result.exit_code == 0
    assert all(f" {verb} " in result.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb):
    result = curate(verb, "--help")
    assert result.exit_code == 0 and "--json" in result.stdout


def test_without_a_verb_the_help_is_printed():
    result = curate()
    assert result.exit_code == 0 and "audit" in result.stdout


def test_help_begins_with_three_examples_that_are_commands():
    told = curate("--help").stdout
    assert all(f"curate {verb} photos" in told for verb in ("audit", "review", "export"))


def test_the_help_of_audit_shows_ten_options_and_the_others_under_headings():
    first, *others = curate("audit", "--help").stdout.split("─ Options ─")[1].split("╭─ ")
    assert len(set(re.findall(r"^│ (--[a-z-]+) ", first, re.MULTILINE)) - {"--help"}) == 10
    assert {"More about the data", "Where it runs"} <= {part.split(" ─")[0] for part in others}


def test_help_imports_nothing_heavy():
    code = "import sys; from curate.cli import app\ntry: app(['audit', '--help'])\nexcept SystemExit: pass\n"
    code += f"print(*[m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []


def test_python_dash_m_curate_is_the_command_line():
    done = subprocess.run([sys.executable, "-m", "curate", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("curate ") and done.stderr == ""


@pytest.mark.parametrize(
    "args, words",
    [
        (["trian"], ["'trian'", "'train'"]),
        (["audit"], ["SOURCE", "curate audit --help"]),
        (["train", "mnist", "--folds", "1"], ["--folds", "2"]),
        (["train", "mnist", "--repeats", "0"], ["--repeats", "1"]),
        (["train", "mnist", "--limit", "0"], ["--limit", "1"]),
        (["train", "mnist", "--seed", "-1"], ["--seed", "0"]),
        (["train", "mnist", "--preset", "fast"], ["--preset", "quick"]),
        (["train", "mnist", "--device", "tpu"], ["--device", "cuda"]),
        (["train", "mnist", "--split", "val"], ["--split", "test"]),
        (["clean", "mnist", "--policy", "fix"], ["--policy", "relabel"]),
        (["clean", "mnist", "--min-confidence", "2"], ["--min-confidence", "1"]),
        (["retrain", "mnist", "--seeds", "0"], ["--seeds", "1"]),
        (["app", "mnist", "--port", "99999"], ["--port", "65535"]),
        (["audit", "mnist", "--jsn"], ["--jsn", "--json"]),
    ],
)
def test_a_usage_error_is_one_line_on_stderr_and_exit_code_2(args, words):
    result = curate(*args)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert all(word in result.stderr for word in words) and "Value error" not in result.stderr
