import pytest
from pets_gallery import DECISIONS, make_pets, make_run

from curate.review.journal import append_decisions


@pytest.fixture
def pets():
    """An ImageSet and its issue table."""
    return make_pets()


@pytest.fixture
def reviewed(pets, tmp_path):
    """A run with decisions of every kind, and its images."""
    run = make_run(tmp_path / "runs" / "pets", *pets)
    append_decisions(run.path / "decisions.jsonl", DECISIONS)
    return run, pets[0]
