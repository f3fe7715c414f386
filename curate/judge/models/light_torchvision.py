"""torchvision without torch's compiler, which one of its files imports for a check that only object detectors use.

The compiler takes longer to import than all else of torch and torchvision together that a net of the zoo needs. While torchvision is
imported for the first time, a module stands in its place that asks the real one when it is called.
"""

import importlib
import sys
from types import ModuleType

COMPILER = ("torch._dynamo", "torch._dynamo.utils")


def import_torchvision_models() -> ModuleType:
    """`torchvision.models`."""
    if "torchvision" in sys.modules or any(name in sys.modules for name in COMPILER):
        return importlib.import_module("torchvision.models")
    stand_ins = {name: ModuleType(name) for name in COMPILER}
    stand_ins[COMPILER[1]].is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    sys.modules.update(stand_ins)
    try:
        return importlib.import_module("torchvision.models")
    except (ImportError, AttributeError):  # another torchvision asks for more of the compiler: let it have it
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
    return importlib.import_module("torchvision.models")


def _is_compile_supported(device_type: str) -> bool:
    return importlib.import_module(COMPILER[1]).is_compile_supported(device_type)
