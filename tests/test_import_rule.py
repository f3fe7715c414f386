"""Imports point downwards only: read from the syntax tree, so that lazy imports count too."""

import ast
from pathlib import Path

import pytest

LAYERS = [
    {"__main__"},
    {"cli", "__init__"},
    {"steps"},
    {"app", "report", "exports", "tracking", "gallery"},
    {"cleaning"},
    {"issues", "explain"},
    {"training", "embeddings"},
    {"models"},
    {"datasets"},
    {"run"},
    {"estimate", "memory", "progress", "row_blocks", "temporary"},
    {"errors"},
]
LEVEL = {part: level for level, layer in enumerate(LAYERS) for part in layer}
ROOT = Path(__file__).parents[1] / "curate"
MODULES = sorted(ROOT.rglob("*.py"))
BARE = {"training", "embeddings", "models", "datasets"}  # run on a machine with nothing but these:
BARE_PACKAGES = {"torch", "torchvision", "numpy", "sklearn"}
LAZY_PACKAGES = {"faiss", "ray", "safetensors", "umap", "pandas", "PIL", "numba", "scipy", "timm"}  # behind a function, never at import


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "write imports absolutely"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downwards(path):
    own = part_of(path)
    for name in imported(ast.parse(path.read_text())):
        if name.startswith("curate.") and name.split(".")[1] in LEVEL:
            other = name.split(".")[1]
            assert other == own or LEVEL[other] > LEVEL[own], f"{own} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_app_knows_fiftyone(path):
    roots = {name.split(".")[0] for name in imported(ast.parse(path.read_text()))}
    assert part_of(path) == "app" or "fiftyone" not in roots


@pytest.mark.parametrize("path", [p for p in MODULES if part_of(p) in BARE], ids=lambda p: str(p.relative_to(ROOT)))
def test_training_needs_only_torch_and_friends(path):
    import sys

    top_level = ast.Module(
        body=[n for n in ast.parse(path.read_text()).body if isinstance(n, (ast.Import, ast.ImportFrom))], type_ignores=[]
    )
    roots = {name.split(".")[0] for name in imported(top_level)}
    assert roots <= BARE_PACKAGES | {"curate"} | set(sys.stdlib_module_names)
    everywhere = {name.split(".")[0] for name in imported(ast.parse(path.read_text()))}
    assert everywhere <= BARE_PACKAGES | LAZY_PACKAGES | {"curate"} | set(sys.stdlib_module_names)
