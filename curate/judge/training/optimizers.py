"""The optimizers of the recipes: AdamW by torch's fused kernel, and Muon for convolution filters."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor


class AdamW:
    """The same steps, bit for bit, as `torch.optim.AdamW(groups, fused=True)` with its defaults.

    The first of torch.optim's optimizers in a process imports torch's compiler: 1.4 seconds, in which LeNet-5 learns from 40,000 images.

    Args:
        groups: with `params`, `lr` and `weight_decay`; `lr` may be changed between steps.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], *, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.param_groups = [dict(group) for group in groups]
        self.betas, self.eps = betas, eps
        self.state: dict[Tensor, tuple[Tensor, Tensor, Tensor]] = {}

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            for p in params:
                if p not in self.state:
                    count = torch.zeros((), dtype=torch.float32, device=p.device)
                    self.state[p] = torch.zeros_like(p), torch.zeros_like(p), count
            means, squares, counts = (list(values) for values in zip(*(self.state[p] for p in params), strict=True))
            torch._foreach_add_(counts, 1)
            torch._fused_adamw_(
                params,
                [p.grad for p in params],
                means,
                squares,
                [],
                counts,
                lr=group["lr"],
                beta1=self.betas[0],
                beta2=self.betas[1],
                weight_decay=group["weight_decay"],
                eps=self.eps,
                amsgrad=False,
                maximize=False,
            )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients; the argument is that of torch's."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None


def orthogonalise(g: Tensor, steps: int = 3) -> Tensor:
    """The nearest semi-orthogonal matrices to `g` (..., rows, columns), approximately: their singular values go to about 1.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/ (quintic coefficients).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.float()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * s @ s) @ x
    return x.mT if tall else x


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
        """One step; filters of one shape are orthogonalised together, so that a GPU has fewer, larger products."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    by_shape.setdefault(p.shape, []).append((p, p.grad))
            for pairs in by_shape.values():
                filters, gradients = [p for p, _ in pairs], [gradient for _, gradient in pairs]
                for p in filters:
                    if not self.state[p]:
                        self.state[p]["momentum"] = torch.zeros_like(p)
                running = [self.state[p]["momentum"] for p in filters]
                torch._foreach_mul_(running, group["momentum"])
                torch._foreach_add_(running, gradients)
                nesterov = torch._foreach_add(gradients, running, alpha=group["momentum"])
                steps = orthogonalise(torch.stack([g.reshape(len(g), -1) for g in nesterov]))  # (filters, out, in * kh * kw)
                torch._foreach_mul_(filters, [len(p) ** 0.5 / p.norm() for p in filters])
                torch._foreach_add_(filters, [step.view_as(p) for step, p in zip(steps, filters, strict=True)], alpha=-group["lr"])
