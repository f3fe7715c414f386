"""Which device trains, in which precision, and the forward pass that is quickest on it."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from curate.errors import UsageError
from curate.judge.models.base import ConvNet


@dataclass(frozen=True)
class Device:
    """A device and its precision.

    Attributes:
        kind: `cpu`, `cuda` or `mps` (Apple's GPU).
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
    """The device for `wanted`: `auto` (a GPU where there is one), `cpu`, `cuda` or `mps`.

    With precision `auto`, bfloat16 is used on a GPU that has it and on a CPU with AMX or AVX-512 BF16 instructions.
    float32 on a CPU is reproducible bit by bit for a seed and a number of threads. Apple's GPU is taken by `auto` only where it computes
    what the CPU does.

    Raises:
        UsageError: the device that is asked for is not there, or the name is unknown.
    """
    if wanted not in ("auto", "cpu", "cuda", "mps"):
        raise UsageError(f"device must be auto, cpu, cuda or mps, found '{wanted}'")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UsageError("device cuda was asked for, but torch sees no GPU; check the driver with `curate doctor`, or use --device cpu")
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise UsageError("device mps was asked for, but torch sees no GPU of Apple's; use --device cpu")
    if wanted in ("auto", "cuda") and torch.cuda.is_available():
        kind, name, fast_bf16 = "cuda", torch.cuda.get_device_name(), torch.cuda.is_bf16_supported(including_emulation=False)
    elif wanted == "mps" or (wanted == "auto" and torch.backends.mps.is_available() and computes_alike("mps")):
        kind, name, fast_bf16 = "mps", f"{cpu_name()} (mps)", False
    else:
        kind, name, fast_bf16 = "cpu", cpu_name(), bool(cpu_flags() & {"amx_bf16", "avx512_bf16"})
    if precision == "auto":
        precision = "bfloat16" if fast_bf16 else "float32"
    return Device(kind, name, precision, torch.get_num_threads())


def computes_alike(kind: str) -> bool:
    """Whether a small net with batch normalisation has the same loss and gradients on the device `kind` as on the CPU."""
    found = []
    try:
        for where in ("cpu", kind):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                net = nn.Sequential(
                    nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.GELU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 64, 10)
                )
                x, y = torch.randn(16, 3, 16, 16), torch.arange(16) % 10
            net = net.to(where)
            loss = nn.functional.cross_entropy(net(x.to(where)), y.to(where))
            loss.backward()
            found.append([loss.detach().cpu(), *(p.grad.cpu() for p in net.parameters() if p.grad is not None)])
    except RuntimeError:  # an operator that the device lacks
        return False
    return all(torch.allclose(a, b, rtol=1e-2, atol=1e-4) for a, b in zip(*found, strict=True))


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
