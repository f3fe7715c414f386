"""torch without the half that only its compiler and its exporter need: for commands that answer in a second or two.

Two parts of torch take a third of the time that importing it takes: the shapes of operations on tensors without numbers, and the
exporter. While torch is imported for the first time, empty modules stand in their places. Whoever needs the shapes asks for them by
`with_shapes_only`; the exporter is imported when somebody imports it.
"""

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

TRIED = ("2.14.1",)
"""Versions of torch with which every command was run so; others, be it the next patch, are imported whole."""
SHAPES, EXPORT = "torch._meta_registrations", "torch.export"
RANDOM = "torch._prims.rng_prims"
"""Comes with the shapes; without it torch refuses to make a generator of random numbers."""


def import_torch() -> None:
    """Imports torch, if that has not been done, without SHAPES and EXPORT where its version is one of TRIED."""
    try:
        is_tried = version("torch").partition("+")[0] in TRIED
    except PackageNotFoundError:
        is_tried = False
    if "torch" in sys.modules or not is_tried:
        return
    stand_ins = {name: ModuleType(name) for name in (SHAPES, EXPORT)}
    sys.modules.update(stand_ins)
    try:
        torch = importlib.import_module("torch")
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
    for name, module in stand_ins.items():
        attribute = name.rpartition(".")[2]
        if vars(torch).get(attribute) is module:
            delattr(torch, attribute)
    importlib.import_module(RANDOM)


def with_shapes_only() -> None:
    """Makes torch able to compute on tensors without numbers (device `meta`), where `import_torch` left that out."""
    importlib.import_module(SHAPES)
