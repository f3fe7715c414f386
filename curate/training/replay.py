"""A training step that is the same every time: on a GPU it can be recorded once and replayed, without a launch per operator."""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3


class Replay:
    """Calls `step`; where recorded, the first `WARM_UP` calls run as they are, and all others as one CUDA graph.

    Args:
        step: works on tensors of the same shapes each time and changes nothing but tensors in place; what it returns is ignored.
        is_recorded: only on a GPU.
    """

    def __init__(self, step: Callable[..., None], *, is_recorded: bool) -> None:
        self.step, self.is_recorded = step, is_recorded
        self.calls = 0
        self.inputs: list[Tensor] = []
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *inputs: Tensor) -> None:
        """One step; `inputs` lie on the device."""
        self.calls += 1
        if not self.is_recorded:
            self.step(*inputs)
        elif self.calls <= WARM_UP:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self.step(*inputs)
            torch.cuda.current_stream().wait_stream(side)
        else:
            if self.graph is None:
                self.inputs = [tensor.clone() for tensor in inputs]
                self.graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self.graph):  # records and does not compute
                    self.step(*self.inputs)
            else:
                for kept, tensor in zip(self.inputs, inputs, strict=True):
                    kept.copy_(tensor)
            self.graph.replay()
