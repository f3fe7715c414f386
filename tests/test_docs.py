"""README and docs say what is there: commands are parsed, tutorials are run, the site is built."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

import curate
from curate.cli import app, audit_summary
from curate.cli.group import ClickError
from curate.data.pictures import why_unread
from curate.find.self_estimate import estimate_sentences

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
README = (ROOT / "README.md").read_text()
TREE = (DOCS / "rooms.md").read_text().split("```")[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPENS_THE_APP = ("review", "app")
QUICK = "--preset quick --limit 3000 --device cpu --no-fiftyone"
INSTEAD = {  # what a test types where a tutorial takes minutes, or a MongoDB
    "curate audit photos/": "curate audit photos/ --no-fiftyone",
    "curate audit mnist": f"curate audit mnist --run mnist {QUICK}",
    "curate audit mnist --labels noisy.npy --run noisy": f"curate audit mnist --labels noisy.npy --run noisy {QUICK}",
}


def test_the_tree_names_every_room_and_no_other():
    named = set(re.findall(r"^    (\w+)/", TREE, re.MULTILINE))
    assert named == {path.parent.name for path in (ROOT / "curate").glob("*/__init__.py")}


def test_every_verb_is_in_the_readme():
    verbs = README.split("## The loop")[1].split("\n## ")[0]
    told = {verb for row in re.findall(r"^\| (`.*?) \|", verbs, re.MULTILINE) for verb in re.findall(r"`([a-z-]+)", row)}
    assert told == set(get_command(app).commands)


def test_every_picture_and_file_of_the_readme_is_there():
    named = set(re.findall(r"\]\((docs/[^)]+|[A-Z]+(?:\.md)?)\)", README)) | set(re.findall(r"`(pipelines/\w+\.py)", README))
    assert named and all((ROOT / name).exists() for name in named)


def test_the_readme_is_short():
    assert len(README) <= 12_000


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial-photographs.md"])
def test_the_summary_of_a_page_has_the_words_of_the_command(page):
    detection = {"num_labels": 1192, "num_flagged": 7, "num_worth_a_look": 120, "can_count": True, "num_opinions": 2}
    detection |= {"num_errors": {"value": 24, "low": 0, "high": 150}, "num_flagged_errors": {"value": 5}, "num_left": {"value": 19}}
    judge = (
        "features of the pretrained efficientnet-lite0+efficientnet-lite2 (installed with curate, needs no network): these are photographs"
    )
    result = {
        "estimated": " ".join(estimate_sentences(detection)),
        "near_duplicates": 4,
        "contradictions": 1,
        "num_groups": 3,
        "num_grouped": 6,
        "in_underperforming_groups": 96,
        "num_read": 1192,
        "passed_over": {why_unread(""): 1},
        "left_out": {why_unread(""): ["LICENSE"]},
        "judge": judge,
        "out_of_fold_accuracy": 0.8909,
        "detection": detection,
        "handle": "photos",
        "folder": "~/.local/share/curate/runs/photos",
        "report": "~/.local/share/curate/runs/photos/report.html",
    }
    told = " ".join((ROOT / page).read_text().split())
    for heading, sentences, rows in audit_summary.sections(result):
        printed = [heading, *sentences, *(f"{left} {right}" for left, right in rows)]
        assert " ".join(printed) in told


def rows_of(text: str) -> list[list[str]]:
    """The cells of every row of the tables in `text`."""
    return [re.split(r" *\| *", row.strip("| ")) for row in text.splitlines() if row.startswith("| ")]


def test_the_readme_has_the_figures_of_the_detection_page():
    arrays = {
        "ResNet-18": "aggregate-resnet18",
        "Twins": "aggregate-twins",
        "EfficientNet": "synthetic20-efficientnet",
        "Swin": "synthetic20-swin",
    }
    measured = {row[0]: row for row in rows_of((DOCS / "detection.md").read_text()) if row[0] in arrays.values() and len(row) == 10}
    _, *told = rows_of(README.split("## How far to trust it")[1].split("\n## ")[0])
    for name, wrong, said, f1, best_filter, best_cut in told:
        row = measured[arrays[name.split(", ")[1]]]
        assert (wrong, said, f1, best_filter, best_cut) == (row[1], row[2], row[4], row[7], row[5])
    assert len(told) == len(arrays)


def test_every_pipeline_that_a_page_names_is_there():
    named = {name for page in PAGES for name in re.findall(r"python (pipelines/\w+\.py)", page.read_text())}
    assert named and all((ROOT / name).is_file() for name in named)


def commands_of(page: Path) -> list[str]:
    """Every whole command of a page: lines of blocks that begin with curate; the shell's comments are left out."""
    lines = re.findall(r"^(?:    )?(?:\$ )?(curate [a-z].*)$", page.read_text(), re.MULTILINE)
    return [line for line in lines if "…" not in line and not re.match(r"curate [\d(]", line) and "  " not in line.split("#")[0].strip()]


def parse(command: str) -> None:
    """Parses a command as the command line does, without running it."""
    group, name, words = get_command(app), "curate", shlex.split(command, comments=True)[1:]
    while isinstance(group, TyperGroup):
        context = group.make_context(name, words)
        rest = [*context._protected_args, *context.args]
        name, group, words = group.resolve_command(context, rest)
    group.make_context(name, list(words))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_is_one_that_the_command_line_takes(page):
    wrong = []
    for command in commands_of(page):
        try:
            parse(command)
        except ClickError as error:
            wrong.append(f"{command}: {error.format_message()}")
    assert not wrong


def test_the_dockerfile_copies_what_is_there_and_its_commands_are_taken():
    text = (ROOT / "Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for name in line.split()]
    assert {"pyproject.toml", "curate"} <= set(copied) and all((ROOT / name).exists() for name in copied)
    commands = re.findall(r"^# docker run .* (curate (?:audit|review) .*)$", text, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        parse(command)


def test_a_command_that_is_wrong_is_found():
    with pytest.raises(ClickError):
        parse("curate audit photos/ --no-such-option")
    assert "curate audit photos/" in commands_of(ROOT / "README.md")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to stand in, with a data folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def photos(place):
    """`photos/` with pictures of three kinds, coloured and noisy as photographs are; two lie in a wrong folder."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:96, :96]
    shapes = {"disc": (x - 48) ** 2 + (y - 48) ** 2 < 900, "stripe": (y // 12) % 2 == 0, "square": (abs(x - 48) < 25) & (abs(y - 48) < 25)}
    for kind, inside in shapes.items():
        for number in range(14):
            pixels = np.where(inside[..., None], generator.integers(120, 256, 3), generator.integers(0, 120, 3))
            pixels = (pixels + generator.normal(0, 18, (96, 96, 3))).clip(0, 255).astype(np.uint8)
            folder = "square" if (kind, number) in (("disc", 0), ("stripe", 1)) else kind
            (place / "photos" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / "photos" / folder / f"{kind}-{number:02}.png")
    return place


def run(page: str, *, replaced: tuple[str, str] = ("", ""), before: tuple[str, object] = ("", None)) -> list[str]:
    """Runs every bash and python block of a tutorial, top to bottom; what each printed.

    `replaced` is a pattern and what stands for it; `before` calls a function before a command.
    """
    printed = []
    for language, text in BLOCK.findall((DOCS / f"{page}.md").read_text()):
        text = re.sub(*replaced, text) if replaced[0] else text
        if language == "python":
            done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
            assert done.returncode == 0, f"{text}\n{done.stderr}"
            printed.append(done.stdout)
        for command in text.splitlines() if language == "bash" else ():
            parse(command)
            if command.split()[1] in OPENS_THE_APP:
                continue
            if before[0] and command.startswith(before[0]):
                before[1]()
            words = shlex.split(INSTEAD.get(command, command))[1:]
            result = CliRunner().invoke(app, words, catch_exceptions=False)
            assert result.exit_code == 0, f"{command}\n{result.stderr}"
            printed.append(result.stdout)
    return printed


def test_the_tutorial_on_photographs_runs(photos):
    def decide():
        issues = photos / "data" / "runs" / "photos" / "issues.csv"
        first = issues.read_text().splitlines()[1].split(",")[0]
        decision = {"sample_id": first, "action": "drop", "who": "first", "when": "2026-01-31T10:00:00+00:00"}
        (photos / "decisions.jsonl").write_text(json.dumps(decision) + "\n")

    printed = run("tutorial-photographs", before=("curate import-decisions", decide))
    assert "What was found" in printed[0] and (photos / "review.html").is_file()
    assert len(list((photos / "cleaned").rglob("*.png"))) == 41


def test_the_tutorial_on_several_reviewers_runs(photos):
    def decide():
        ids = [line.split(",")[0] for line in (photos / "data/runs/photos/issues.csv").read_text().splitlines()[1:4]]
        said = {"first": "drop drop ok", "second": "drop ok ok", "third": "drop ambiguous ok"}
        for who, actions in said.items():
            rows = [f"{sample_id},{action}" for sample_id, action in zip(ids, actions.split(), strict=True)]
            (photos / f"{who}.csv").write_text("\n".join(["sample_id,action", *rows]) + "\n")

    printed = run("tutorial-reviewers", before=("curate import-decisions photos first", decide))
    assert any("kappa" in text for text in printed) and any("conflict: " in text for text in printed)
    assert (photos / "conflicts.html").is_file() and (photos / "decided.csv").is_file()


def test_the_tutorial_on_own_probabilities_runs_and_finds_most_of_what_was_planted(place):
    printed = run("tutorial-own-probabilities")
    assert int(re.search(r"(\d+) of the 50 planted", printed[1]).group(1)) >= 40
    low, high, lower, higher = map(int, re.findall(r"\d+", printed[-1].split(":", 1)[1]))
    assert higher - lower < high - low


@pytest.mark.network
@pytest.mark.slow
def test_the_tutorial_on_mnist_runs(place, monkeypatch):
    raw = ROOT / "data" / "raw"
    if raw.is_dir():
        (place / "data").mkdir()
        (place / "data" / "raw").symlink_to(raw)

    def decide():  # so that there is something to show: few labels of so few digits are wrong, if any
        Path("said.csv").write_text(f"sample_id,action\n{curate.open('mnist').issues['sample_id'][0]},drop\n")
        curate.open("mnist").import_decisions("said.csv")

    some = (r"mnist mnist/test/\d+", "mnist mnist/train/0")
    printed = run("tutorial-mnist", replaced=some, before=("curate gallery mnist", decide))
    found, planted = re.search(r"found (\d+) of (\d+)", printed[-1]).groups()
    assert int(found) > 0.5 * int(planted)


def test_the_site_is_built_without_a_warning_and_asks_for_nothing_elsewhere(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    elsewhere = re.compile(r"<(?:script|img|iframe)[^>]* src=[\"']?https?:|<link[^>]* rel=[\"']?stylesheet[^>]* href=[\"']?https?:")
    pages = list((tmp_path / "site").glob("*.html"))
    assert len(pages) > 20
    for page in pages:
        assert not elsewhere.search(page.read_text()), page.name
    assert "num_errors" in (tmp_path / "site" / "api.html").read_text()
