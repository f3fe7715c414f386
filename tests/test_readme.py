"""The README says what is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TREE = (ROOT / "docs" / "rooms.md").read_text().split("```")[1]


def test_the_tree_names_every_room_and_no_other():
    named = set(re.findall(r"^    (\w+)/", TREE, re.MULTILINE))
    assert named == {path.parent.name for path in (ROOT / "curate").glob("*/__init__.py")}


def test_every_verb_of_the_readme_is_one_of_the_command_line():
    from typer.main import get_command

    from curate.cli import app

    verbs = README.split("## The loop")[1].split("\n## ")[0]
    used = set(re.findall(r"^    curate ([a-z-]+)", README, re.MULTILINE)) | set(re.findall(r"^\| `([a-z-]+)[ `]", verbs, re.MULTILINE))
    assert {"audit", "find", "compare"} <= used <= set(get_command(app).commands)


def test_every_picture_and_file_of_the_readme_is_there():
    named = set(re.findall(r"\]\((docs/[^)]+|[A-Z]+(?:\.md)?)\)", README)) | set(re.findall(r"`(pipelines/\w+\.py)", README))
    assert named and all((ROOT / name).exists() for name in named)
