import numpy as np
import pytest

from curate.find.map import MapProcess
from curate.find.neighbors import nearest_neighbors
from curate.find.projection import project


@pytest.fixture(scope="module")
def embeddings():
    return np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32)


@pytest.fixture
def file(embeddings, tmp_path):
    np.save(tmp_path / "embeddings.npy", embeddings)
    return tmp_path / "embeddings.npy"


def test_the_map_is_the_one_that_would_be_made_here(embeddings, file):
    neighbors = nearest_neighbors(embeddings)
    with MapProcess(file, seed=3) as process:
        process.start(neighbors)
        points, record = process.result()
    np.testing.assert_array_equal(points, project(embeddings, neighbors, seed=3))
    assert record["seconds"] > 0 and record["peak_memory_mib"] > 50


def test_a_file_of_the_user_that_is_called_like_a_module_is_none(embeddings, file, tmp_path, monkeypatch):
    (tmp_path / "numbers.py").write_text("raise SystemExit('the digits of a user')\n")
    monkeypatch.chdir(tmp_path)
    with MapProcess(file, seed=3) as process:
        process.start(nearest_neighbors(embeddings))
        assert process.result() is not None


def test_a_process_that_was_killed_has_no_map(embeddings, file):
    with MapProcess(file, seed=3) as process:
        process._process.kill()
        process._process.wait()
        process.start(nearest_neighbors(embeddings))
        assert process.result() is None


def test_a_process_that_cannot_make_a_map_has_none(embeddings, file):
    file.write_bytes(b"nothing")
    with MapProcess(file, seed=3) as process:
        process.start(nearest_neighbors(embeddings))
        assert process.result() is None


def test_the_process_is_gone_at_the_end_of_its_context(embeddings, file):
    with MapProcess(file, seed=3) as process:
        process.start(nearest_neighbors(embeddings))
    assert process._process.returncode is not None
