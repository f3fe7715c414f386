"""torch without the half that only its compiler and its exporter need: for commands that answer in a second or two.

Two parts of torch take a third of the time that importing it takes: the shapes of operations on tensors without numbers, and the
exporter. While torch is imported for the first time, empty modules stand in their places. Whoever needs the shapes asks for them by
`with_shapes_only`; the exporter is imported when somebody imports it.
"""

import importlib
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

TRIED = ("2.14.1",)
"""Versions of torch with which every command was run so; others, be it the next patch, are imported whole."""
SHAPES, EXPORT = "torch._meta_registrations", "torch.export"
RANDOM = "torch._prims.rng_prims"
"""Comes with the shapes; without it torch refuses to make a generator of random numbers."""
FIRST = ("torch._decomp", "torch._refs")
"""Modules that torch's compiler imports, and that can be imported only after the shapes, as `import torch` does."""


def import_torch() -> None:
    """Imports torch, if that has not been done, without SHAPES and EXPORT where its version is one of TRIED.

    Its threads sleep while they have nothing to do, unless the environment says otherwise: with nets as small as these they would
    mostly spin.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
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
    sys.meta_path.insert(0, _ShapesBefore())


class _ShapesBefore(MetaPathFinder, Loader):
    """Imports the shapes before one of FIRST, which timm imports by way of the compiler: in another order they fail in a circle."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname not in FIRST:
            return None
        sys.meta_path.remove(self)
        return None if SHAPES in sys.modules else ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        importlib.import_module(SHAPES)
        module = sys.modules[spec.name]
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own_spec  # it has been run


def with_shapes_only() -> None:
    """Makes torch able to compute on tensors without numbers (device `meta`), where `import_torch` left that out."""
    importlib.import_module(SHAPES)
