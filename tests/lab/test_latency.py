"""Latency: what is measured, and what a disturbance does to it."""

import gc
import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from curate.errors import UsageError
from curate.judge.models.registry import make_model
from curate.lab import latency
from curate.lab.latency import latency_by_batch_size, measure_latency, percentiles


class Sleeper(nn.Module):
    """A net that takes a known time for each image, a long one for its first calls, and writes down what it saw."""

    def __init__(self, seconds, *, first=0.0, num_first=0):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seconds, self.first, self.num_first = seconds, first, num_first
        self.seen = []

    def forward(self, x):
        self.seen.append((tuple(x.shape), self.training, torch.is_grad_enabled(), torch.get_num_threads(), gc.isenabled()))
        time.sleep(self.first if len(self.seen) <= self.num_first else self.seconds * len(x))
        return x


@pytest.fixture(autouse=True)
def short_warm_up(monkeypatch):
    monkeypatch.setattr(latency, "WARM_SECONDS", 0.05)


def measured(net, **options):
    return measure_latency({"net": net}, (1, 4, 4), seconds=0.2, **options)["net"]


def test_a_known_time_is_found():
    found = measured(Sleeper(0.004))
    assert 0.004 <= found.p50 < 0.008
    assert found.p50 <= found.p90 <= found.p99
    assert found.images_per_second == pytest.approx(1 / found.p50)


def test_a_batch_takes_its_images_and_gives_the_throughput_of_all():
    net = Sleeper(0.001)
    found = measured(net, batch_size=8)
    assert {seen[0] for seen in net.seen} == {(8, 1, 4, 4)}
    assert found.p50 >= 0.008 and found.images_per_second == pytest.approx(8 / found.p50)


def test_slow_first_calls_do_not_count():
    found = measured(Sleeper(0.002, first=0.05, num_first=8))
    assert found.p99 < 0.045
    assert found.num_warmup >= 8


def test_every_call_is_counted_once():
    net = Sleeper(0.002)
    found = measured(net)
    assert found.num_runs + found.num_warmup == len(net.seen)
    assert found.num_runs >= 10


def test_calls_run_as_in_use_and_everything_is_as_before_afterwards():
    net, threads = Sleeper(0.001), torch.get_num_threads()
    net.train()
    measured(net, num_threads=1)
    assert {seen[1:] for seen in net.seen} == {(False, False, 1, False)}
    assert net.training and torch.get_num_threads() == threads and gc.isenabled()


def test_threads_are_set_back_when_a_net_fails():
    threads = torch.get_num_threads()
    with pytest.raises(RuntimeError):
        measure_latency({"net": make_model("lenet5", num_classes=3, in_channels=1, image_size=28)}, (3, 28, 28), num_threads=1)
    assert torch.get_num_threads() == threads and gc.isenabled()


def test_a_thread_that_waits_is_told_as_disturbed_and_one_that_works_is_not():
    class Worker(Sleeper):
        def forward(self, x):
            until = time.thread_time() + 0.002
            while time.thread_time() < until:
                pass
            return x

    asleep, at_work = measured(Sleeper(0.004)), measured(Worker(0))
    assert asleep.undisturbed < 0.5
    assert asleep.undisturbed < at_work.undisturbed <= 1


def test_several_nets_take_turns():
    order = []

    class Named(Sleeper):
        def __init__(self, name):
            super().__init__(0.001)
            self.name = name

        def forward(self, x):
            order.append(self.name)
            return super().forward(x)

    measure_latency({name: Named(name) for name in "ab"}, (1, 4, 4), seconds=0.1)
    changes = sum(before != after for before, after in pairwise(order))
    assert changes >= 19


def test_batch_sizes_take_turns_and_each_has_its_own_figure():
    net = Sleeper(0.001)
    found = latency_by_batch_size(net, (1, 4, 4), [1, 4], seconds=0.1)
    assert [each.batch_size for each in found] == [1, 4] and found[1].p50 > 3 * found[0].p50
    sizes = [seen[0][0] for seen in net.seen]
    assert sum(before != after for before, after in pairwise(sizes)) >= 19


def test_what_disturbs_six_rounds_of_ten_moves_no_percentile_by_a_tenth():
    generator = np.random.default_rng(0)
    calm = 0.001 * (1 + 0.1 * generator.random(2000))
    disturbed = calm.copy()
    disturbed[600:1800] *= 5
    np.testing.assert_allclose(percentiles(disturbed), percentiles(calm), rtol=0.1)


def test_calls_that_are_slow_in_every_round_are_in_the_last_percentile():
    times = np.full(1000, 0.001)
    times[::50] = 0.004
    p50, p90, p99 = percentiles(times)
    assert (p50, p90) == (0.001, 0.001) and p99 == pytest.approx(0.004)


@settings(max_examples=50)
@given(st.lists(st.floats(1e-6, 10), min_size=1, max_size=400))
def test_percentiles_rise_and_lie_within_the_times(times):
    p50, p90, p99 = percentiles(times)
    assert min(times) * (1 - 1e-9) <= p50 <= p90 * (1 + 1e-9) and p90 <= p99 * (1 + 1e-9) and p99 <= max(times) * (1 + 1e-9)


def test_a_real_net_is_measured():
    net = make_model("lenet5", num_classes=10, in_channels=1, image_size=28, seed=0)
    found = measure_latency({"lenet5": net}, (1, 28, 28), seconds=0.1)["lenet5"]
    assert 0 < found.p50 < 1 and found.num_threads == 1


@pytest.mark.gpu
def test_on_a_gpu_a_call_is_waited_for():
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU")
    net = make_model("resnet18", num_classes=10, in_channels=3, image_size=224, seed=0).cuda()
    one, many = (measure_latency({"net": net}, (3, 224, 224), batch_size=size)["net"] for size in (1, 256))
    assert many.p50 > 3 * one.p50
    assert many.undisturbed is None


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"num_threads": 0}])
def test_no_images_and_no_threads_are_refused(options):
    with pytest.raises(UsageError, match="at least 1 image and 1 thread"):
        measured(Sleeper(0), **options)
