"""The arithmetic of a model as a table, and as a result for JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.cli import summary

if TYPE_CHECKING:
    from curate.lab.arithmetic import Arithmetic, Layer

MIB = 2**20


def as_result(made: "Arithmetic", *, model: str, num_classes: int, figure: Path | None) -> dict[str, Any]:
    """The totals, where they sit, and every layer."""
    return {
        "model": model,
        "input": list(made.input_shape),
        "num_classes": num_classes,
        "parameters": made.parameters,
        "parameters_by_part": made.parts("parameters"),
        "multiply_adds": made.multiply_adds,
        "multiply_adds_by_part": made.parts("multiply_adds"),
        "parameter_bytes": made.parameter_bytes,
        "activation_bytes": made.activation_bytes,
        "layers": [layer.as_dict() for layer in made.layers],
        "figure": figure,
    }


def render(made: "Arithmetic", result: dict[str, Any]) -> None:
    """Prints the layers as a table, as wide as it is, then the totals."""
    from rich.console import Console
    from rich.table import Table

    from curate.lab.arithmetic import shape_text

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name, right in (("layer", 0), ("kind", 0), ("output", 1), ("parameters", 1), ("multiply-adds", 1), ("memory", 1), ("sees", 1)):
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    table.add_column("jump", justify="right", no_wrap=True)
    table.add_column("start", justify="right", no_wrap=True)
    has_effective = any(layer.effective_size is not None for layer in made.layers)
    if has_effective:
        table.add_column("really sees", justify="right", no_wrap=True)
    table.add_column("as the textbooks have it", no_wrap=True)
    for layer in made.layers:
        cells = _cells(layer)
        table.add_row(*cells[:-1], *([_effective(layer)] if has_effective else []), cells[-1])
    wide = Console(highlight=False, markup=False)
    wide.width = max(wide.width, wide.measure(table, options=wide.options.update(width=10_000)).maximum)
    wide.print(table, crop=False)
    wide.print()
    summary.render(
        {
            "model": result["model"],
            "input": shape_text(made.input_shape),
            "num_classes": result["num_classes"],
            "parameters": f"{made.parameters:,} ({made.parameter_bytes / MIB:.1f} MiB)",
            "of_these": _shares(result["parameters_by_part"]),
            "multiply-adds": f"{made.multiply_adds:,} for one image",
            "of them": _shares(result["multiply_adds_by_part"]),
            "activations": f"{made.activation_bytes / MIB:.1f} MiB for one image",
            "figure": result["figure"],
        }
    )


def _cells(layer: "Layer") -> list[str]:
    from curate.lab.arithmetic import field_text, shape_text

    field = layer.receptive_field
    has_places = field is not None and field.is_map
    return [
        layer.name,
        layer.kind,
        shape_text(layer.output_shape),
        f"{layer.parameters:,}" if layer.parameters else "",
        f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
        f"{layer.activation_bytes / 1024:,.1f} KiB" if layer.activation_bytes else "in place",
        field_text(field),
        f"{field.y.jump:g}" if field is not None and has_places else "",
        f"{field.y.start:g}" if field is not None and has_places and not field.is_whole else "",
        "\n".join(text for text in (layer.size_formula, layer.parameter_formula, layer.multiply_add_formula) if text),
    ]


def _effective(layer: "Layer") -> str:
    return "" if layer.effective_size is None else f"{layer.effective_size:.0f}×{layer.effective_size:.0f}"


def _shares(parts: dict[str, int]) -> str:
    total = sum(parts.values())
    return ", ".join(f"{part} {number:,} ({100 * number / total:.1f} %)" for part, number in parts.items())
