"""Which device trains, in which precision, and the forward pass that is quickest on it."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from curate.errors import UsageError
from curate.judge.models.base import ConvNet


@dataclass(frozen=True)
class Device:
    """A device and its precision.

    Attributes:
        kind: `cpu` or `cuda`.
        name: the processor's or GPU's name.
        precision: `float32` or `bfloat16` (autocast: weights stay float32).
        threads: CPU threads that torch uses.
    """

    kind: str
    name: str
    precision: str
    threads: int

    def to_json(self) -> dict:
        return asdict(self)

    @property
    def where(self) -> torch.device:
        return torch.device(self.kind)

    def autocast(self) -> torch.autocast:
        """The context in which forward passes run."""
        return torch.autocast(self.kind, torch.bfloat16, enabled=self.precision == "bfloat16")


def pick_device(wanted: str = "auto", *, precision: str = "auto") -> Device:
    """The device for `wanted`: `auto` (a GPU where there is one), `cpu` or `cuda`.

    With precision `auto`, bfloat16 is used on a GPU that has it and on a CPU with AMX or AVX-512 BF16 instructions.
    float32 on a CPU is reproducible bit by bit for a seed and a number of threads.

    Raises:
        UsageError: CUDA is asked for and not there, or the name is unknown.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device must be auto, cpu or cuda, found '{wanted}'")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UsageError("device cuda was asked for, but torch sees no GPU; check the driver with `curate doctor`, or use --device cpu")
    kind = "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"
    fast_bf16 = torch.cuda.is_bf16_supported() if kind == "cuda" else bool(cpu_flags() & {"amx_bf16", "avx512_bf16"})
    if precision == "auto":
        precision = "bfloat16" if fast_bf16 else "float32"
    name = torch.cuda.get_device_name() if kind == "cuda" else cpu_name()
    return Device(kind, name, precision, torch.get_num_threads())


def cpu_flags() -> set[str]:
    """The processor's feature flags as Linux names them; empty elsewhere."""
    return set(_cpuinfo("flags").split())


def cpu_name() -> str:
    """The processor's name; `CPU` where Linux does not tell."""
    return _cpuinfo("model name") or "CPU"


def _cpuinfo(field: str) -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(field):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""


def is_quick(device: Device) -> bool:
    """Whether `ConvNet.quick_maps` stands in for `forward_maps`: where results do not have to repeat bit by bit anyway."""
    return device.kind == "cpu" and device.precision == "bfloat16"


def maps_of(model: ConvNet, x: Tensor, device: Device) -> Tensor:
    """The feature maps (B, M, h, w) of the batch (B, C, H, W)."""
    return model.quick_maps(x) if is_quick(device) else model.forward_maps(x)


def logits_of(model: ConvNet, x: Tensor, device: Device) -> Tensor:
    """The logits (B, K) of the batch (B, C, H, W)."""
    return model.forward_head(model.quick_maps(x)) if is_quick(device) else model(x)
