"""A fast CIFAR net in the shape of airbench94: frozen whitening, three groups of two convolutions, a scaled linear head."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from curate.judge.models.base import ConvNet

WHITENED_SIDE = 32  # of CIFAR-10, for which the net was made: larger images are whitened in larger steps
WHITENED_AT_ONCE = 256  # images
SMALLEST_SIZE = 16  # after whitening and three poolings a map of at least 1 x 1 is left


class ConvGroup(nn.Module):
    """conv 3x3, max pool 2, norm, GELU, conv 3x3, norm, GELU: (B, C, H, W) to (B, width, H // 2, W // 2)."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = _identity_started(in_channels, width)
        self.norm1 = _norm(width)
        self.conv2 = _identity_started(width, width)
        self.norm2 = _norm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.gelu(self.norm2(self.conv2(x)))


class Airbench(ConvNet):
    """The net of `airbench`, with selectable widths.

    What makes it quick to train: the first layer whitens 2x2 patches and is never trained (`init_from_images`), the
    convolutions start as the identity, batch norm has no gain, and the logits are divided by 9. Unlike the original, the first
    layer has no bias: nothing has to be computed backwards through the largest maps, 8 % of a step, at the same accuracy.
    And images of n times 32 pixels are whitened in patches of n + 1 pixels, n apart, so that their maps are no larger than those
    of CIFAR-10 and a step takes as long.

    Source: Keller Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498.
    """

    stages = (("whiten", "groups.0"), ("groups.1",), ("groups.2",))
    draws_globally = False

    def __init__(
        self, *, num_classes: int, in_channels: int, image_size: tuple[int, int], widths: tuple[int, int, int] = (64, 256, 256)
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, image_size=image_size, num_maps=widths[-1])
        stride = max(1, min(image_size) // WHITENED_SIDE)
        whitened = 2 * in_channels * (stride + 1) ** 2
        self.whiten = nn.Conv2d(in_channels, whitened, stride + 1, stride=stride, bias=False)
        self.whiten.weight.requires_grad_(False)
        self.groups = nn.Sequential(*(ConvGroup(a, b) for a, b in zip((whitened, *widths[:-1]), widths, strict=True)))
        self.head = nn.Linear(widths[-1], num_classes, bias=False)

    @torch.no_grad()
    def init_from_images(self, images: Tensor) -> None:
        """Sets the first layer so that it whitens the patches of `images`, float (B, C, H, W), normalised, that it sees.

        The filters are the eigenvectors of the patches' covariance over the root of their eigenvalues, and their negatives. Smooth
        images have eigenvalues next to 0, which single precision makes negative.
        Filters that came from other weights stay, because all that follows was trained on them.
        """
        if "whiten.weight" in self.loaded:
            return
        k, channels = self.whiten.kernel_size[0], images.shape[1]
        covariance, count = images.new_zeros(channels * k * k, channels * k * k, dtype=torch.float64), 0
        for part in images.split(WHITENED_AT_ONCE):
            patches = part.unfold(2, k, 1).unfold(3, k, 1)  # (B, C, H', W', k, k)
            patches = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, channels * k * k).double()
            covariance, count = covariance + patches.T @ patches, count + len(patches)
        values, vectors = torch.linalg.eigh(covariance / count)
        filters = (vectors.T / (values.clamp(min=0) + 5e-4).sqrt()[:, None]).to(self.whiten.weight.dtype)
        filters = filters.reshape(-1, channels, k, k)
        self.whiten.weight.copy_(torch.cat([filters, -filters]))

    def forward_maps(self, x: Tensor) -> Tensor:
        return self.groups(F.gelu(self.whiten(x)))

    def forward_head(self, maps: Tensor) -> Tensor:
        return self.head(maps.amax(dim=(2, 3))) / 9


def _norm(width: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(width, momentum=0.4, eps=1e-12)
    norm.weight.requires_grad_(False)
    return norm


def _identity_started(in_channels: int, width: int) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, width, 3, padding="same", bias=False)
    shared = min(in_channels, width)
    with torch.no_grad():
        nn.init.dirac_(conv.weight[:shared])
    return conv
