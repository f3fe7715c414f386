"""Rooms: imports point downwards and make no circles; read from the syntax tree, so that lazy imports count."""

import ast
import sys
from pathlib import Path

import pytest

ROOMS = [
    {"__main__"},
    {"cli"},
    {"__init__", "explain", "benchmark"},
    {"verbs"},
    {"machine", "bench"},
    {"sources"},
    {"app"},
    {"lab"},
    {"gain"},
    {"publish"},
    {"review"},
    {"find"},
    {"judge"},
    {"data"},
    {"run"},
    {"tables", "arrays"},
    {"nearest"},
    {"options", "files", "intervals", "packages", "memory", "progress", "row_blocks", "temporary"},
    {"errors"},
]
LEVEL = {part: level for level, room in enumerate(ROOMS) for part in room}
ROOT = Path(__file__).parents[1] / "curate"
MODULES = sorted(ROOT.rglob("*.py"))
BARE = {"judge", "data"}  # run on a machine with nothing but these:
BARE_PACKAGES = {"torch", "torchvision", "numpy", "sklearn", "filelock", "threadpoolctl"}  # the last two come with torch and scikit-learn
LAZY_PACKAGES = {
    "faiss",
    "ray",
    "safetensors",
    "umap",
    "pandas",
    "PIL",
    "numba",
    "scipy",
    "timm",
    "huggingface_hub",  # comes with timm
    "pillow_heif",
    "pyarrow",
}  # behind a function, never at import


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


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def runtime(tree: ast.Module) -> ast.Module:
    """The tree without what only type checkers read."""

    class Without(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | None:
            is_for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            return None if is_for_types else self.generic_visit(node)

    return Without().visit(tree)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downwards(path):
    own = part_of(path)
    for name in imported(runtime(ast.parse(path.read_text()))):
        if name.startswith("curate.") and name.split(".")[1] in LEVEL:
            other = name.split(".")[1]
            assert other == own or LEVEL[other] > LEVEL[own], f"{own} imports {name}"


def test_no_module_imports_itself_by_way_of_others():
    modules = {module_of(path): path for path in MODULES}
    imports = {}
    for module, path in modules.items():
        named = imported(runtime(ast.parse(path.read_text())))
        found = {name if name in modules else name.rpartition(".")[0] for name in named if name.startswith("curate")}
        imports[module] = {name for name in found if name in modules and name != module and name != "curate"}
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail[trail.index(module) :], module))
        if module not in done:
            for other in sorted(imports[module]):
                walk(other, (*trail, module))
            done.add(module)

    for module in sorted(modules):
        walk(module, ())


def test_every_module_has_a_name_of_its_own():
    names = [path.stem for path in MODULES if path.stem not in ("__init__", "__main__")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_app_knows_fiftyone(path):
    roots = {name.split(".")[0] for name in imported(ast.parse(path.read_text()))}
    assert part_of(path) == "app" or "fiftyone" not in roots


@pytest.mark.parametrize("path", [p for p in MODULES if part_of(p) in BARE], ids=lambda p: str(p.relative_to(ROOT)))
def test_training_needs_only_torch_and_friends(path):
    tree = runtime(ast.parse(path.read_text()))
    top_level = ast.Module(body=[n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))], type_ignores=[])
    roots = {name.split(".")[0] for name in imported(top_level)}
    assert roots <= BARE_PACKAGES | {"curate"} | set(sys.stdlib_module_names)
    everywhere = {name.split(".")[0] for name in imported(tree)}
    assert everywhere <= BARE_PACKAGES | LAZY_PACKAGES | {"curate"} | set(sys.stdlib_module_names)
