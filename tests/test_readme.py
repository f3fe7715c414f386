"""The README says what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TREE = README.split("## The tree")[1].split("```")[1]


def listed(folder: str) -> set[str]:
    """The module names that the tree gives for `curate/<folder>`: the line under its phrase."""
    lines = TREE.splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{folder}/"))
    names = []
    for line in lines[start + 1 :]:
        if not line.startswith(" " * 16):
            break
        names += [name.strip() for name in line.split(",")]
    return set(filter(None, names))


@pytest.mark.parametrize("folder", sorted(p.name for p in (ROOT / "curate").iterdir() if (p / "__init__.py").exists()))
def test_the_tree_names_every_module_and_no_other(folder):
    assert listed(folder) == {p.stem for p in (ROOT / "curate" / folder).glob("*.py")} - {"__init__"}


def test_every_verb_of_the_readme_is_one_of_the_command_line():
    from typer.main import get_command

    from curate.cli import app

    verbs = README.split("## The loop")[1].split("\n## ")[0]
    used = set(re.findall(r"^    curate ([a-z-]+)", README, re.MULTILINE)) | set(re.findall(r"^\| `([a-z-]+)[ `]", verbs, re.MULTILINE))
    assert {"audit", "find", "compare"} <= used <= set(get_command(app).commands)


def test_every_picture_and_file_of_the_readme_is_there():
    named = set(re.findall(r"\]\((docs/[^)]+|[A-Z]+(?:\.md)?)\)", README)) | set(re.findall(r"`(pipelines/\w+\.py)", README))
    assert named and all((ROOT / name).exists() for name in named)
