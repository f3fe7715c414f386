"""FoldResults on their way between processes: the net travels as plain arrays."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from curate.training.fold_jobs import FoldJob, FoldResult, FoldWork, job_seed

Statistics = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Parcel:
    """A FoldResult without its net, and the net's weights and `input_statistics`, where it has one.

    torch would send tensors as open files, which end with the process that opened them.
    """

    result: FoldResult
    weights: dict[str, NDArray] | None
    statistics: Statistics | None


def packed(result: FoldResult) -> Parcel:
    """The parcel of `result`, for another process."""
    if result.model is None:
        return Parcel(result, None, None)
    weights = {name: value.cpu().numpy() for name, value in result.model.state_dict().items()}
    return Parcel(replace(result, model=None), weights, result.model.input_statistics)


def unpacked(work: FoldWork, job: FoldJob, parcel: Parcel) -> FoldResult:
    """The result in `parcel`, its net on the CPU in evaluation mode."""
    if parcel.weights is None:
        return parcel.result
    model = work.make_model(job_seed(work.seed, job.repeat, job.fold))
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in parcel.weights.items()})
    model.input_statistics = parcel.statistics
    return replace(parcel.result, model=model.eval())
