"""The page about a model: facts in, one self-contained HTML page out."""

import math

import pandas as pd

from curate.intervals import Estimate
from curate.lab.calibration import NUM_BINS, reliability_figure
from curate.lab.model_page import model_wording as words
from curate.lab.model_page.model_facts import ModelFacts
from curate.lab.model_page.model_figures import rivals_figure, speed_figure
from curate.lab.model_page.published_results import published_for
from curate.lab.model_page.verdict import cons, pros, why_this_net
from curate.lab.themed import themed_svg
from curate.publish.report.confusion import make_confusion
from curate.publish.report.page import environment
from curate.publish.report.page_rows import Figure, provenance
from curate.publish.report.wording import counted, duration, memory, percent


def model_page(facts: ModelFacts, run: str) -> str:
    """The page as text; it needs nothing but itself.

    Args:
        run: what a user types to name the run.
    """
    templates = environment()
    for function in (words.short, words.milliseconds, words.interval, words.plain_interval, words.trained_how, words.threads):
        templates.filters[function.__name__] = function
    class_names = tuple(facts.meta["dataset"]["class_names"])
    return templates.get_template("model.html").render(
        facts=facts,
        run=run,
        name=facts.itself.model,
        dataset=facts.meta["dataset"]["name"],
        meta=facts.meta,
        sentences=words.what_it_is(facts),
        figures=key_figures(facts),
        grounds=words.grounds(facts),
        why=why_this_net(facts),
        pros=pros(facts),
        cons=cons(facts),
        published=published_for(facts.meta["dataset"]["name"]),
        how_sure=words.how_sure(facts),
        disturbance=words.disturbance(facts),
        num_bins=NUM_BINS,
        reliability=themed_svg(reliability_figure(facts.calibration, facts.rescaled), "Reliability diagram: accuracy against confidence"),
        speed=themed_svg(speed_figure(facts.latencies), "Images per second, and time of a call, by batch size"),
        rivals=themed_svg(rivals_figure(facts), "Latency and accuracy of this net and of others") if facts.others else None,
        confusion=make_confusion(mistakes(facts), class_names),
        right=dict(zip(class_names, facts.matrix.diagonal().tolist(), strict=True)),
        guess=math.log(len(class_names)),
        classes=class_rows(facts),
        floor=class_floor(facts),
        training_memory=_training_memory(facts),
        provenance=provenance(facts.meta),
    )


def key_figures(facts: ModelFacts) -> list[Figure]:
    """The figures below the headline."""
    costs, latency, trained = facts.itself.costs, facts.itself.latency, facts.trained
    threads = f", {words.threads(latency.num_threads)}" if facts.is_on_cpu else ""
    return [
        Figure("Accuracy", percent(facts.accuracy.value, 2), words.interval(facts.accuracy)),
        Figure("Latency of one image", words.milliseconds(latency.p50), f"p99 {words.milliseconds(latency.p99)}{threads}"),
        Figure("Parameters", words.short(costs.parameters), f"{words.short(costs.size_bytes, 'B')} on disk"),
        Figure("Multiply-adds", words.short(costs.multiply_adds), "for one image"),
        Figure("Calibration error", percent(facts.calibration.error.value, 2), f"{percent(facts.rescaled.error.value, 2)} after scaling"),
        Figure("Training", duration(trained.seconds), f"{counted(trained.num_nets, 'net')} of {counted(trained.epochs, 'epoch')}"),
    ]


def mistakes(facts: ModelFacts) -> pd.DataFrame:
    """given_label, suggested_label (the predicted one) and num_samples of all pairs that differ, most frequent first."""
    names = facts.meta["dataset"]["class_names"]
    pairs = [
        {"given_label": names[i], "suggested_label": names[j], "num_samples": int(n)}
        for i, row in enumerate(facts.matrix)
        for j, n in enumerate(row)
        if n and i != j
    ]
    table = pd.DataFrame(pairs, columns=["given_label", "suggested_label", "num_samples"])
    return table.sort_values("num_samples", ascending=False, kind="stable")


def class_rows(facts: ModelFacts) -> list[dict]:
    """One row per class, that with the lowest recall first; places in percent of the drawing's width."""
    floor = class_floor(facts)

    def place(share: float) -> float:
        return round(100 * max(0.0, share - floor) / (1 - floor), 2)

    def drawn(estimate: Estimate) -> dict | None:
        if math.isnan(estimate.value):
            return None
        left, right = place(estimate.low), place(estimate.high)
        return {"left": left, "width": round(right - left, 2), "middle": place(estimate.value)}

    rows = [{"quality": each, "recall": drawn(each.recall), "precision": drawn(each.precision)} for each in facts.classes]
    return sorted(rows, key=lambda row: (math.isnan(row["quality"].recall.value), row["quality"].recall.value))


def class_floor(facts: ModelFacts) -> float:
    """Where the drawings of the classes begin: a round share under all of their intervals."""
    lowest = min((e.low for each in facts.classes for e in (each.recall, each.precision) if not math.isnan(e.low)), default=0.0)
    return next((floor for floor in (0.99, 0.98, 0.95, 0.9, 0.8, 0.5) if floor < lowest), 0.0)


def _training_memory(facts: ModelFacts) -> str | None:
    peak = facts.meta["steps"]["train"].get("peak_memory_mib")
    return None if peak is None else memory(peak)
