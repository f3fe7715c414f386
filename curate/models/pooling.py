"""GlobalPooling: what each feature map says on average and at its strongest place."""

import torch
from torch import Tensor, nn


class GlobalPooling(nn.Module):
    """Mean and maximum of each activation map, concatenated: (B, C, h, w) -> (B, 2C) float32.

    The first C columns are the means, the last C the maxima. It has no parameters and takes maps of any size. It
    computes in float32 even under autocast, because embeddings are compared by small differences.
    """

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps.flatten(2).float()  # (B, C, h * w)
        return torch.cat([maps.mean(2), maps.amax(2)], dim=1)  # (B, 2C)
