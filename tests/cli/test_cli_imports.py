"""Short verbs answer at once: what takes seconds to import is not imported by them. Modules are counted, not seconds."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "torchvision",
    "fiftyone",
    "cleanlab",
    "sklearn",
    "scipy.stats",
    "matplotlib",
    "umap",
    "numba",
    "faiss",
    "timm",
    "ray",
    "IPython",
)
TABLES = ("pandas", "pyarrow")
START = """
import json, shlex, sys
from curate.cli import app
for words in sys.argv[1:]:
    sys.argv = ["curate", *shlex.split(words)]
    try:
        app()
    except SystemExit as end:
        assert not end.code, (words, end.code)
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
HELP = ("--version", "--help", "audit --help", "explain --help")
READING = (
    "decisions shapes",
    "import-decisions shapes decisions.jsonl",
    "clean shapes",
    "report shapes --to page.html",
    "report shapes --summary --to sheet.html",
    "gallery shapes --to gallery",
    "gallery shapes --review --to review.html",
    "export shapes --format csv --to cleaned.csv",
    "export shapes --format folder --to cleaned",
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory, make_shapes, write_shapes):
    """A data folder with the run `shapes`, audited by given probabilities, of which one label is wrong."""
    folder = tmp_path_factory.mktemp("imports")
    source = write_shapes(make_shapes(48), folder / "shapes")
    code = """
import sys
import numpy as np
import curate
images = curate.load(sys.argv[1])
probs = np.full((len(images), 3), 0.02)
probs[np.arange(len(images)), images.labels] = 0.96
probs[0] = np.roll(probs[0], 1)
curate.audit(images, judge=curate.Given(pred_probs=[probs]), look_for=curate.LookFor(method="predicted_neq_given"), run="shapes")
print(images.sample_ids[0])
"""
    made = {**os.environ, "CURATE_DATA": str(folder / "data")}
    done = subprocess.run([sys.executable, "-c", code, str(source)], env=made, check=True, capture_output=True, text=True)
    decision = {"sample_id": done.stdout.split()[-1], "action": "ok", "who": "a", "when": "2026-01-01T00:00:00+00:00"}
    (folder / "decisions.jsonl").write_text(json.dumps(decision) + "\n")
    return {**made, "FOLDER": str(folder)}


def imported(environment, commands):
    """By command the modules that are imported after it, in one process that does them in this order: the first to have one imported it."""
    done = subprocess.run(
        [sys.executable, "-c", START, *commands], env=environment, capture_output=True, text=True, cwd=environment["FOLDER"]
    )
    assert done.returncode == 0, done.stderr
    lists = [line for line in done.stderr.splitlines() if line.startswith("[")]
    return {words: set(json.loads(line)) for words, line in zip(commands, lists, strict=True)}


@pytest.fixture(scope="module")
def after_help(environment):
    return imported(environment, HELP)


@pytest.fixture(scope="module")
def after_reading(environment):
    return imported(environment, READING)


@pytest.mark.parametrize("words", HELP)
def test_help_imports_no_package_of_numbers(after_help, words):
    assert after_help[words] & {*HEAVY, *TABLES, "numpy", "scipy", "PIL"} == set()


@pytest.mark.parametrize("words", READING)
def test_a_verb_that_only_reads_a_run_imports_tables_and_nothing_heavier(after_reading, words):
    assert after_reading[words] & {*HEAVY} == set() and "pandas" in after_reading[words]


def test_importing_curate_imports_nothing_at_all():
    code = "import sys; import curate; print(*sorted(name for name in sys.modules if name.split('.')[0] in sys.argv[1:]))"
    names = [*{name.split(".")[0] for name in (*HEAVY, *TABLES)}, "numpy", "PIL", "typer", "rich", "jinja2", "filelock"]
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
