"""What a training computes, and what the device can: floating-point operations, and how many of them a second."""

import time

import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from curate.judge.models.base import ConvNet
from curate.judge.training.device import Device

COUNTED = 32
SECONDS = 0.5


def operations_per_image(model: ConvNet) -> tuple[int, int]:
    """Floating-point operations of products in matrices and convolutions for one image, a multiply-add being two.

    Returns:
        those of a forward pass, and those of a training step: forward, and backward as far as gradients are needed.
    """
    x = torch.zeros((COUNTED, model.in_channels, *model.image_size), device=next(model.parameters()).device)
    targets = torch.zeros(COUNTED, dtype=torch.int64, device=x.device)
    counts = []
    for learns in (False, True):
        with torch.set_grad_enabled(learns), FlopCounterMode(display=False) as counter:
            logits = model(x)
            if learns:
                F.cross_entropy(logits, targets).backward()
        counts.append(counter.get_total_flops() // COUNTED)
    model.zero_grad(set_to_none=True)
    return counts[0], counts[1]


def operations_per_second(device: Device, *, side: int = 2048) -> float:
    """The rate of a product of two square matrices in the device's precision, on all its threads: its practical limit."""
    dtype = torch.bfloat16 if device.precision == "bfloat16" else torch.float32
    a, b = (torch.randn((side, side), device=device.where).to(dtype) for _ in range(2))

    def seconds_of(num_products: int) -> float:
        if device.kind == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(num_products):
            a @ b
        if device.kind == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    seconds_of(2)  # kernels are chosen in the first
    num_products = max(1, int(SECONDS / seconds_of(1)))
    return num_products * 2 * side**3 / seconds_of(num_products)
