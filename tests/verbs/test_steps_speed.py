"""The benchmark of speed: both sides judge every sample with the same folds, and operations are those that are counted by hand."""

import json

import numpy as np
import pytest
import torch

from curate.bench.speed import published_workflow, speed
from curate.errors import UsageError
from curate.judge.models.registry import ModelSpec, make_model
from curate.judge.training.arithmetic_rate import operations_per_image

pytestmark = pytest.mark.usefixtures("one_thread")


def test_operations_of_lenet5_are_those_of_its_layers():
    net = make_model("lenet5", num_classes=10, in_channels=1, image_size=28, seed=0)
    first, second, dense = 6 * 25 * 28 * 28, 16 * 150 * 10 * 10, 400 * 120 + 120 * 84 + 84 * 10
    forward, training = operations_per_image(net)
    assert forward == 2 * (first + second + dense)
    assert training == 2 * (2 * first + 3 * (second + dense))  # no gradient of the images


def test_the_usual_workflow_judges_each_sample_by_a_net_that_never_saw_it(make_shapes):
    shapes = make_shapes(60)
    fold = (np.arange(60) % 2).astype(np.int16)
    probs = published_workflow(ModelSpec("lenet5", 3, 1, (16, 16)), shapes.images, shapes.labels, fold, seed=0)
    changed = shapes.images.copy()
    changed[0] = 255 - changed[0]  # fold 0: the nets that judge fold 0 never see it
    other = published_workflow(ModelSpec("lenet5", 3, 1, (16, 16)), changed, shapes.labels, fold, seed=0)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(probs[2::2], other[2::2], atol=1e-6)
    assert abs(probs[1::2] - other[1::2]).max() > 1e-6


def test_a_benchmark_times_both_and_everything_that_it_says_can_be_written_as_json(make_shapes):
    torch.manual_seed(0)
    result = speed(make_shapes(60), model="lenet5", num_folds=2, rounds=2, with_stages=False, device="cpu")
    assert len(result["rounds"]) == 2
    for record in result["rounds"]:
        assert record["times_faster"] == pytest.approx(record["rival_seconds"] / record["curate_seconds"])
    assert sum(result["operators"].values()) == pytest.approx(1) and result["operators"]["products"] > 0
    assert result["limit"]["share_of_the_rate"] > 0 and set(result["one_net"]) == {"prepare", "train", "judge", "embed"}
    json.dumps({key: value for key, value in result.items() if key not in ("dataset", "versions")})


def test_no_round_is_refused(make_shapes):
    with pytest.raises(UsageError, match="at least 1 round, found 0"):
        speed(make_shapes(60), rounds=0)
