"""The arithmetic of a model as a table, and as a result for JSON."""

from typing import TYPE_CHECKING, Any

from curate.cli import summary

if TYPE_CHECKING:
    from curate.lab.counted import Arithmetic, Layer
    from curate.lab.explain_net import Counted

MB = 10**6


def as_result(found: "Counted", *, model: str) -> dict[str, Any]:
    """The totals, where they sit, and every layer."""
    made = found.made
    return {
        "model": model,
        "is": found.says,
        "input": list(made.input_shape),
        "num_classes": found.num_classes,
        "parameters": made.parameters,
        "published_parameters": found.published,
        "note": found.note or None,
        "parameters_by_part": made.parts("parameters"),
        "multiply_adds": made.multiply_adds,
        "multiply_adds_by_part": made.parts("multiply_adds"),
        "parameter_bytes": made.parameter_bytes,
        "activation_bytes": made.activation_bytes,
        "layers": [layer.as_dict() for layer in made.layers],
        "figure": found.figure,
    }


def layer_result(made: "Arithmetic", *, kind: str) -> dict[str, Any]:
    """One layer alone."""
    from curate.lab.counted import field_text
    from curate.lab.formulas import shape_text

    layer = made.layers[0]
    shape = layer.output_shape
    last = (*shape[1:], shape[0])
    each = layer.parameters // shape[0] if kind == "conv" else None
    return {
        "layer": kind,
        "input": shape_text(made.input_shape),
        "output": shape_text(shape),
        "output_channels_last": shape_text(last) if len(shape) > 1 else None,
        "parameters": layer.parameters,
        "parameters_of_one_filter": each,
        "multiply_adds": layer.multiply_adds,
        "sees": field_text(layer.receptive_field) if layer.receptive_field is not None else None,
        "size_formula": layer.size_formula or None,
        "parameter_formula": layer.parameter_formula or None,
        "multiply_add_formula": layer.multiply_add_formula or None,
    }


def render(made: "Arithmetic", result: dict[str, Any]) -> None:
    """Prints the layers as a table, as wide as it is, then the totals."""
    from rich.console import Console
    from rich.table import Table

    from curate.lab.formulas import shape_text

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
            "model": f"{result['model']}: {result['is']}",
            "input": shape_text(made.input_shape),
            "num_classes": result["num_classes"],
            "parameters": f"{made.parameters:,} ({made.parameter_bytes / MB:.1f} MB)",
            "published": _published(made, result),
            "of_these": _shares(result["parameters_by_part"]),
            "multiply-adds": f"{made.multiply_adds:,} for one image",
            "of them": _shares(result["multiply_adds_by_part"]),
            "activations": f"{made.activation_bytes / MB:.1f} MB for one image",
            "figure": result["figure"],
        }
    )


def _published(made: "Arithmetic", result: dict[str, Any]) -> str | None:
    """`the same number`, or what is missing; None where nothing was published for this input and these classes."""
    published, note = result["published_parameters"], result["note"]
    if not published:
        return note
    return "the same number" if published == made.parameters else f"{published:,}; this one is {note}"


def _cells(layer: "Layer") -> list[str]:
    from curate.lab.counted import field_text
    from curate.lab.formulas import shape_text

    field = layer.receptive_field
    has_places = field is not None and field.is_map
    return [
        layer.name,
        layer.kind,
        shape_text(layer.output_shape),
        f"{layer.parameters:,}" if layer.parameters else "",
        f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
        f"{layer.activation_bytes / 1000:,.1f} kB" if layer.activation_bytes else "in place",
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
