"""Figures of the page of a model: how it gets quicker in batches, and where it stands among others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from curate.lab.figure import BLUE, FAINT, GREY, ORANGE, SKY, new_figure, styled
from curate.lab.latency import Latency
from curate.lab.model_page.model_facts import Candidate, ModelFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.3  # inches of a net in the comparison


@styled
def speed_figure(latencies: Sequence[Latency]) -> "Figure":
    """Images per second, and the time of one call, by batch size."""
    figure, axes = new_figure(1, 2, width=10.4, height=2.9)
    left, right = axes[0]
    sizes = [each.batch_size for each in latencies]
    left.plot(sizes, [each.images_per_second for each in latencies], color=BLUE, marker="o", markersize=5)
    left.set(ylabel="images per second", ylim=(0, 1.15 * max(each.images_per_second for each in latencies)))
    left.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    for name, colour, marker in (("p99", ORANGE, "^"), ("p90", SKY, "s"), ("p50", BLUE, "o")):
        times = [1000 * getattr(each, name) for each in latencies]
        right.plot(sizes, times, color=colour, marker=marker, markersize=4.5, label=name)
    right.set(ylabel="milliseconds for the whole batch")
    right.legend(loc="upper left")
    for place in (left, right):
        place.set_xscale("log", base=2)
        place.set_xticks(sizes, [str(size) for size in sizes])
        place.minorticks_off()
        place.set_xlabel("images in a batch")
        place.grid(color=FAINT)
    _logarithmic(right, "y")
    return figure


@styled
def rivals_figure(facts: ModelFacts) -> "Figure":
    """Latency of one image, and accuracy where it is known, of all nets, the quickest on top; that of the page is filled."""
    itself = facts.itself
    candidates = sorted([itself, *facts.others], key=lambda each: -each.latency.p50)
    columns = 2 if any(each.judged for each in facts.others) else 1
    figure, axes = new_figure(1, columns, width=10.4, height=0.75 + ROW * len(candidates), sharey=True)
    left = axes[0, 0]
    for row, each in enumerate(candidates):
        _dot(left, row, 1000 * each.latency.p50, 1000 * each.latency.p50, 1000 * each.latency.p99, each is itself)
    _logarithmic(left, "x")
    left.set(xlabel="milliseconds for one image: median, and up to p99", ylim=(-0.6, len(candidates) - 0.4))
    left.set_yticks(range(len(candidates)), [each.model for each in candidates])
    if columns == 2:
        _draw_accuracies(axes[0, 1], facts, candidates)
    for place in axes[0]:
        place.grid(axis="x", color=FAINT)
        place.set_axisbelow(True)
    return figure


def _draw_accuracies(axes: "Axes", facts: ModelFacts, candidates: Sequence[Candidate]) -> None:
    for row, each in enumerate(candidates):
        accuracy = facts.accuracy if each is facts.itself else each.judged.accuracy if each.judged else None
        if accuracy is not None:
            _dot(axes, row, 100 * accuracy.value, 100 * accuracy.low, 100 * accuracy.high, each is facts.itself)
            if each.judged and each.judged.trained.preset != facts.trained.preset:
                note = f"preset {each.judged.trained.preset}, not {facts.trained.preset}"
                axes.annotate(note, (100 * accuracy.value, row), (0, 7), textcoords="offset points", ha="center", fontsize=7, color=GREY)
        else:
            axes.text(0.02, row, "not trained on these images", transform=axes.get_yaxis_transform(), color=GREY, fontsize=8, va="center")
    axes.set(xlabel="out-of-fold accuracy in %, with 95 % interval")
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.tick_params(axis="y", length=0)


def _logarithmic(axes: "Axes", which: str) -> None:
    """A logarithmic axis with plain numbers at 1, 2, 5, 10, 20 and so on."""
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:g}")


def _dot(axes: "Axes", row: int, value: float, low: float, high: float, is_filled: bool) -> None:
    colour = BLUE if is_filled else GREY
    axes.plot([low, high], [row, row], color=colour, linewidth=2 if is_filled else 1.4, solid_capstyle="butt")
    axes.plot(value, row, "o", markersize=7, markeredgewidth=1.6, color=colour, markerfacecolor=colour if is_filled else "white")
