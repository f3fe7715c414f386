"""Muon for convolution filters: momentum, orthogonalised by a Newton-Schulz iteration."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


def orthogonalise(g: Tensor, steps: int = 3) -> Tensor:
    """The nearest semi-orthogonal matrix to `g` (rows, columns), approximately: its singular values go to about 1.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/ (quintic coefficients).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.float()
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    for _ in range(steps):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum; filters are rescaled to a fixed norm after each step, as airbench94_muon does.

    Args:
        params: filters (out, in, kh, kw).
        lr: step relative to the filters' norm.
        momentum: of the running gradient.

    Source: https://github.com/KellerJordan/cifar10-airbench, airbench94_muon.py.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p.grad)
                running = state["momentum"].mul_(group["momentum"]).add_(p.grad)
                g = p.grad.add(running, alpha=group["momentum"])
                p.mul_(len(p) ** 0.5 / p.norm())
                p.add_(orthogonalise(g.reshape(len(g), -1)).view_as(p), alpha=-group["lr"])
