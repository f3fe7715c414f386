"""How long a net takes for a batch of images: percentiles of many calls, measured so that they repeat.

What makes a time repeat: a fixed number of threads, calls until the time stands still before any of them counts, many calls
that do count, no garbage collection among them, and percentiles of the quieter rounds, since whatever else the machine does only
adds to a time. Several nets, or batch sizes, take turns, so that what slows the machine for a while slows all of them, and each is
measured over a longer while.
"""

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from curate.errors import UsageError
from curate.progress import Progress, silent

TURNS = 10
RUNS_PER_ROUND = {50: 10, 90: 30, 99: 100}  # calls from which such a percentile can be told
QUIET = 25  # percent of the rounds that are quieter than the one that counts
WARM_SECONDS, MAX_WARM_SECONDS = 0.3, 3.0
BLOCK = 10  # calls whose median is compared with that of the same number before them
STANDS_STILL = 0.98  # a block that takes at least this share of the one before it is no faster


@dataclass(frozen=True)
class Latency:
    """The time of one call with `batch_size` images.

    Attributes:
        p50, p90, p99: seconds that 50, 90 and 99 % of the calls do not exceed; see `percentiles`.
        num_runs: calls that were counted.
        num_warmup: calls before them, which were not.
        num_threads: CPU threads.
        undisturbed: share of the time in which the processor worked for these calls, in [0, 1]; well under 1, other
            programs were in the way. None where that cannot be told: on a GPU, or with several threads.
    """

    batch_size: int
    p50: float
    p90: float
    p99: float
    num_runs: int
    num_warmup: int
    num_threads: int
    undisturbed: float | None

    @property
    def images_per_second(self) -> float:
        """Throughput at this batch size, by the median."""
        return self.batch_size / self.p50


def measure_latency(
    nets: Mapping[str, nn.Module],
    input_shape: tuple[int, int, int],
    *,
    batch_size: int = 1,
    num_threads: int = 1,
    seconds: float = 2.0,
    progress: Progress = silent,
) -> dict[str, Latency]:
    """The latency of each net on random images, in evaluation mode, where and in the precision in which its weights are.

    Args:
        nets: by name; all on one device.
        input_shape: (C, H, W).
        batch_size: images in a call.
        num_threads: of the CPU.
        seconds: to measure each net for; at least ten calls are counted, however long they take.
        progress: called with the stage `latency`.

    Raises:
        UsageError: a batch without images, or no thread.
    """
    if batch_size < 1 or num_threads < 1:
        raise UsageError(f"latency needs at least 1 image and 1 thread, found {batch_size} and {num_threads}")
    calls = [Call(net, input_shape, batch_size) for net in nets.values()]
    return dict(zip(nets, _in_turns(calls, num_threads, seconds, "latency", progress), strict=True))


def latency_by_batch_size(
    net: nn.Module,
    input_shape: tuple[int, int, int],
    batch_sizes: Sequence[int],
    *,
    num_threads: int = 1,
    seconds: float = 2.0,
    progress: Progress = silent,
) -> list[Latency]:
    """The latency of a call for each batch size; as `measure_latency`, whose `batch_size` is one for several nets.

    Args:
        progress: called with the stage `throughput`.
    """
    return _in_turns([Call(net, input_shape, size) for size in batch_sizes], num_threads, seconds, "throughput", progress)


def _in_turns(calls: Sequence["Call"], num_threads: int, seconds: float, stage: str, progress: Progress) -> list[Latency]:
    with _steady(num_threads), torch.inference_mode():
        for call in calls:
            call.warm_up()
        for turn in range(TURNS):
            for number, call in enumerate(calls):
                progress(stage, turn * len(calls) + number, TURNS * len(calls))
                call.take_turn(seconds / TURNS)
        progress(stage, TURNS * len(calls), TURNS * len(calls))
    return [call.latency(num_threads) for call in calls]


def percentiles(seconds: ArrayLike) -> tuple[float, float, float]:
    """The 50th, 90th and 99th percentile of the times (M,) of successive calls, in the quieter of up to ten rounds.

    It is the lower quartile over the rounds. A round has enough calls for the percentile, fewer calls are one round. So a disturbance
    that spares four of ten rounds moves nothing, while calls that are slow now and then, in every round, are in the last.
    """
    times = np.asarray(seconds, dtype=np.float64)
    found = []
    for percent, num_runs in RUNS_PER_ROUND.items():
        rounds = np.array_split(times, min(TURNS, max(1, len(times) // num_runs)))
        found.append(np.percentile([np.percentile(each, percent) for each in rounds], QUIET))
    p50, p90, p99 = np.maximum.accumulate(found).tolist()  # rounds differ, so that a later one could be the lower by a hair
    return p50, p90, p99


class Call:
    """A net and its batch, called and timed again and again."""

    def __init__(self, net: nn.Module, input_shape: tuple[int, int, int], batch_size: int) -> None:
        weights = next(net.parameters())
        self._net, self._was_training = net, net.training
        self._device = weights.device
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(batch_size, *input_shape, generator=generator)
        self._images: Tensor = images.to(weights.device, weights.dtype)
        self._seconds: list[float] = []
        self._num_warmup = 0
        self._worked = self._passed = 0.0

    def warm_up(self) -> None:
        """Calls the net until it gets no faster."""
        times: list[float] = []
        self._net.eval()
        while sum(times) < MAX_WARM_SECONDS or len(times) < 3:
            times.append(self._timed())
            if sum(times) >= WARM_SECONDS and len(times) >= 2 * BLOCK:
                before, last = np.median(times[-2 * BLOCK : -BLOCK]), np.median(times[-BLOCK:])
                if last >= STANDS_STILL * before:
                    break
        self._net.train(self._was_training)
        self._num_warmup = len(times)

    def take_turn(self, seconds: float) -> None:
        """Calls and times the net for `seconds`, at least once."""
        self._net.eval()
        start, worked = time.perf_counter(), time.thread_time()
        while True:
            self._seconds.append(self._timed())
            passed = time.perf_counter() - start
            if passed >= seconds:
                break
        self._passed += passed
        self._worked += time.thread_time() - worked
        self._net.train(self._was_training)

    def latency(self, num_threads: int) -> Latency:
        """What the calls have told."""
        p50, p90, p99 = percentiles(self._seconds)
        is_told = self._device.type == "cpu" and num_threads == 1
        undisturbed = min(1.0, self._worked / self._passed) if is_told else None
        return Latency(len(self._images), p50, p90, p99, len(self._seconds), self._num_warmup, num_threads, undisturbed)

    def _timed(self) -> float:
        self._wait()
        start = time.perf_counter()
        self._net(self._images)
        self._wait()
        return time.perf_counter() - start

    def _wait(self) -> None:
        """Until the device has done all it was given: a GPU works on after the call has come back."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


@contextmanager
def _steady(num_threads: int) -> Iterator[None]:
    """A fixed number of threads, and no garbage collection; both as before afterwards."""
    threads, collects = torch.get_num_threads(), gc.isenabled()
    torch.set_num_threads(num_threads)
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if collects:
            gc.enable()
