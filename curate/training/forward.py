"""The forward pass by what is quickest on the device."""

from torch import Tensor

from curate.models.base import ConvNet
from curate.training.device import Device


def is_quick(device: Device) -> bool:
    """Whether `ConvNet.quick_maps` stands in for `forward_maps`: where results do not have to repeat bit by bit anyway."""
    return device.kind == "cpu" and device.precision == "bfloat16"


def maps_of(model: ConvNet, x: Tensor, device: Device) -> Tensor:
    """The feature maps (B, M, h, w) of the batch (B, C, H, W)."""
    return model.quick_maps(x) if is_quick(device) else model.forward_maps(x)


def logits_of(model: ConvNet, x: Tensor, device: Device) -> Tensor:
    """The logits (B, K) of the batch (B, C, H, W)."""
    return model.forward_head(model.quick_maps(x)) if is_quick(device) else model(x)
