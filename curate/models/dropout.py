"""Dropout that can draw from a generator of its own, so that nets in threads side by side repeat for their seeds."""

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """`torch.nn.Dropout`, whose draws come from `generator` where there is one, and are the same for the same seed either way.

    Attributes:
        generator: on the device of the input; None = torch's global generator.
    """

    generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.generator is None or not self.training or self.p == 0:
            return super().forward(x)
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept.div_(1 - self.p)
