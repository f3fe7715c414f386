"""train --pretrained: nets that start from weights of other images."""

import numpy as np
import pytest
from making import train

from curate.errors import DataError, RunError
from curate.judge.models.weights import load_weights

OPTIONS = {"model": "lenet5", "preset": "quick", "num_folds": 2, "device": "cpu"}


def test_nets_start_from_the_file_and_the_run_says_so(trained, make_shapes, tmp_path):
    file = str(trained.run.path / "model.safetensors")
    other = make_shapes(48, num_test=12, seed=9)
    run = train(other, tmp_path / "run", pretrained=file, **OPTIONS)
    assert run.meta["config"]["pretrained"] == file
    assert run.meta["config"]["recipe"]["head_epochs"] == 1
    start, end = load_weights(trained.run.path / "model.safetensors"), load_weights(tmp_path / "run" / "model.safetensors")
    assert start.input_statistics is not None and end.input_statistics == start.input_statistics
    moved = np.abs((end.conv1.weight - start.conv1.weight).detach().numpy()).max()
    fresh = np.abs(start.conv1.weight.detach().numpy()).max()
    assert 0 < moved < fresh / 2
    with pytest.raises(RunError, match="another config"):
        train(other, tmp_path / "run", **OPTIONS)


def test_weights_of_the_very_images_are_refused_before_anything_is_written(trained, tmp_path):
    with pytest.raises(DataError, match="was trained on these very images"):
        train(trained.images, tmp_path / "run", pretrained=str(trained.run.path / "model.safetensors"), **OPTIONS)
    assert not (tmp_path / "run").exists()
