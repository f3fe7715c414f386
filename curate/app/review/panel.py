"""The review panel: how far the review is, what it found, whether to go on; and the heat-map of given against suggested labels."""

from collections import Counter
from typing import Any

import fiftyone.operators as foo
from fiftyone import ViewField as F
from fiftyone.operators import types

from curate.app.review.context import is_ours, reviewer, store_of
from curate.app.review.panel_facts import Summary, summarize
from curate.app.review.queues import prepare_review
from curate.app.views import CONFLICTS, RANDOM_CHECK
from curate.errors import CurateError
from curate.options import NUM_CHECK

PANEL = "review_panel"
MOST_CLASSES = 30  # that a heat-map can show; of more, the most frequent pairs and classes are listed
MOST_LISTED = 8
SAID = {
    "ok": "label is right",
    "accept_suggestion": "suggestion accepted",
    "relabel": "relabelled",
    "confirm_error": "label is wrong",
    "ambiguous": "ambiguous",
    "drop": "dropped",
    "conflict": "reviewers do not agree",
    "stale": "decided under another given label: open again",
}


class ReviewPanel(foo.Panel):
    """A panel whose buttons are queues and whose heat-map filters the grid; drawn anew after decisions."""

    @property
    def config(self) -> foo.PanelConfig:
        return foo.PanelConfig(name=PANEL, label="Review", icon="fact_check", surfaces="grid", help_markdown=HELP)

    def on_load(self, ctx: Any) -> None:
        opened = {"panel_id": ctx.params.get("panel_id"), "refresh": self.method_to_uri("refresh")}
        ctx.trigger("@curate/review/panel_opened", opened)  # so that the page asks for a refresh after decisions
        self.refresh(ctx)

    def on_change_dataset(self, ctx: Any) -> None:
        self.refresh(ctx)

    def refresh(self, ctx: Any) -> None:
        """Reads how the review stands."""
        if not is_ours(ctx.dataset):
            ctx.panel.set_state("text", {"head": "Open a dataset that curate made: `curate review RUN`."})
            return
        try:
            summary = summarize(store_of(ctx.dataset), reviewer())
        except CurateError as error:
            ctx.panel.set_state("text", {"head": str(error)})
            return
        share = summary.num_decided / max(summary.num_suspects, 1)
        ctx.panel.set_state("text", texts(summary) | {"estimate": ctx.dataset.info.get("curate_estimate", "")})
        ctx.panel.set_state("progress", share)
        ctx.panel.set_state("num_conflicts", summary.kinds.get("conflict", 0))
        ctx.panel.set_state("num_suspects", summary.num_suspects)
        names = ctx.dataset.default_classes
        ctx.panel.set_state("most", most_mixed_up(summary.pairs) if len(names) > MOST_CLASSES else None)
        if len(names) <= MOST_CLASSES:
            ctx.panel.set_data("matrix", heat_map(summary.pairs, names))

    def show_queue(self, ctx: Any) -> None:
        ctx.ops.set_view(name=prepare_review(ctx.dataset, reviewer()))

    def show_check(self, ctx: Any) -> None:
        ctx.ops.set_view(name=RANDOM_CHECK)

    def show_conflicts(self, ctx: Any) -> None:
        ctx.ops.set_view(name=CONFLICTS)

    def show_pair(self, ctx: Any) -> None:
        """Fills the grid with the suspects of the cell or button that was clicked: given label `y`, suggested `x` or, where None, any."""
        wanted = (F("is_label_issue") == True) & (F("ground_truth.label") == str(ctx.params.get("y")))  # noqa: E712 (an expression)
        if ctx.params.get("x") is not None:
            wanted &= F("suggested.label") == str(ctx.params["x"])
        ctx.ops.set_view(ctx.dataset.match(wanted).sort_by("rank"))

    def render(self, ctx: Any) -> types.Property:
        shown = types.Object()
        text = ctx.panel.get_state("text") or {"head": "…"}
        shown.md(text["head"], name="head")
        if "advice" in text:
            num_suspects = ctx.panel.get_state("num_suspects")
            if num_suspects:
                shown.float("progress", view=types.ProgressView(label=" "))
            row = shown.h_stack("queues", gap=1)
            row.btn("queue", label="My queue", on_click=self.show_queue, variant="contained")
            row.btn("check", label="Random check", on_click=self.show_check, variant="outlined")
            num_conflicts = ctx.panel.get_state("num_conflicts")
            if num_conflicts:
                row.btn("conflicts", label=f"Conflicts ({num_conflicts})", on_click=self.show_conflicts, variant="outlined")
            if text["advice"]:
                shown.md(text["advice"], name="advice")
            most = ctx.panel.get_state("most")
            if most is not None:
                self.list_most(shown, most)
            elif num_suspects:
                shown.plot("matrix", layout=LAYOUT, config={"displayModeBar": False}, on_click=self.show_pair)
            for name in ("estimate", "wrong", "buckets", "missed", "kinds", "agreement"):
                if text[name]:
                    shown.md(text[name], name=name)
        return types.Property(shown, view=types.GridView(orientation="vertical", gap=2, px=2, py=2))

    def list_most(self, shown: types.Object, most: dict[str, list[Any]]) -> None:
        """The most frequent pairs and given labels as buttons that show their suspects."""
        for kind, title in (("pairs", "Mixed up most often"), ("given", "Given labels with most suspects")):
            if most[kind]:
                shown.md(f"**{title}:** click to see them", name=f"{kind}_title")
            for i, (given, suggested, num) in enumerate(most[kind]):
                label = f"{given} → {suggested} ({num:,})" if suggested is not None else f"{given} ({num:,})"
                shown.btn(f"{kind}_{i}", label=label, on_click=self.show_pair, params={"y": given, "x": suggested}, variant="outlined")


def texts(summary: Summary) -> dict[str, str]:
    """The panel's paragraphs as Markdown, by name; '' where there is nothing to tell yet."""
    pace, left = summary.pace, ""
    if pace.per_minute is not None:
        left = f" {pace.per_minute:.0f} a minute; {_duration(pace.seconds_left or 0)} left at that rate."
    pairs = "".join(
        f"\n- {one.reviewers[0]} and {one.reviewers[1]}: {one.observed:.0%} of {one.num_both} alike, κ "
        + ("not defined" if one.kappa is None else f"{one.kappa:.2f}")
        for one in summary.agreement
    )
    less = f" After them, the queue has {summary.num_less:,} less suspect ones." if summary.num_less else ""
    head = f"**{summary.num_decided:,} of {summary.num_suspects:,} suspects decided** by you, {reviewer()}.{left}{less}"
    if not summary.num_suspects:
        queue = f"The queue has the {summary.num_less:,} that are least believable, worst first." if summary.num_less else ""
        head = f"**No label is flagged.** {queue} The random check tells how many labels are wrong."
    return {
        "head": head,
        "advice": f"**{summary.advice}**" if summary.num_suspects else "",
        "buckets": bucket_table(summary),
        "wrong": wrong_text(summary),
        "missed": missed_text(summary),
        "kinds": "\n".join(
            ["**Decisions**\n", *(f"- {SAID.get(kind, kind)}: {num:,}" for kind, num in sorted(summary.kinds.items(), key=_most))]
        )
        if summary.kinds
        else "",
        "agreement": f"**Agreement of reviewers**\n{pairs}" if pairs else "",
    }


def bucket_table(summary: Summary) -> str:
    """The share of errors by place in the queue, of the parts where something is decided."""
    rows = [
        f"| {bucket.start + 1:,} to {bucket.stop:,} | {bucket.num_decided:,} | {bucket.num_errors:,} | "
        f"{bucket.error_rate.value:.0%} ({100 * bucket.error_rate.low:.0f} to {100 * bucket.error_rate.high:.0f}) |"
        for bucket in summary.buckets
        if bucket.num_decided
    ]
    return "\n".join(["| suspects | decided | errors | share (95 %) |", "|---|---|---|---|", *rows]) if rows else ""


def wrong_text(summary: Summary) -> str:
    """How many of the suspects are wrong, by the decisions so far."""
    if summary.wrong is None:
        return ""
    wrong, by = summary.wrong, "the decisions so far" if any(one.num_decided for one in summary.buckets) else "their probabilities"
    return (
        f"**Wrong among the suspects:** about {wrong.value:,.0f} of {summary.num_suspects:,} "
        f"(95 %: {wrong.low:,.0f} to {wrong.high:,.0f}), by {by}."
    )


def missed_text(summary: Summary) -> str:
    """What the random check says about the labels that are not believed wrong."""
    if summary.missed is None:
        return f"**Missed errors:** not known; decide the {NUM_CHECK} of the *random check* to estimate them."
    missed = summary.missed
    return (
        f"**Missed errors:** about {missed.value:,.0f} among the labels that are not believed wrong (95 %: {missed.low:,.0f} to "
        f"{missed.high:,.0f}), by {summary.num_checked:,} of the random check."
    )


def most_mixed_up(pairs: Counter[tuple[str, str]]) -> dict[str, list[Any]]:
    """`pairs` that more than one suspect has, and `given` labels with most suspects; each [given, suggested or None, number]."""
    by_given: Counter[str] = Counter()
    for (given, _), num in pairs.items():
        by_given[given] += num
    return {
        "pairs": [[*pair, num] for pair, num in pairs.most_common(MOST_LISTED) if num > 1],
        "given": [[given, None, num] for given, num in by_given.most_common(MOST_LISTED)],
    }


def heat_map(pairs: Counter[tuple[str, str]], names: list[str]) -> list[dict[str, Any]]:
    """Plotly's heat-map of suspects: given label down, suggested label across; empty cells are blank."""
    z = [[pairs.get((given, suggested)) for suggested in names] for given in names]
    return [
        {
            "type": "heatmap",
            "z": z,
            "x": names,
            "y": names,
            "text": [[str(num) if num else "" for num in row] for row in z],
            "texttemplate": "%{text}",
            "textfont": {"color": "#fff"},
            "colorscale": [[0, "#3b2a1a"], [1, "#c2570c"]],
            "showscale": False,
            "xgap": 1,
            "ygap": 1,
            "hoverongaps": False,
            "hovertemplate": "given %{y}, suggested %{x}: %{z} suspects<extra>click to see them</extra>",
        }
    ]


LAYOUT = {
    "height": 380,
    "autosize": True,
    "margin": {"l": 60, "r": 10, "t": 30, "b": 50},
    "title": {"text": "Suspects by label: click a cell to see them", "font": {"size": 13}},
    "xaxis": {"type": "category", "title": {"text": "suggested"}, "showgrid": False},
    "yaxis": {"type": "category", "autorange": "reversed", "title": {"text": "given"}, "showgrid": False},
}
HELP = "Decide suspects with keys (press h), in the open sample or on selected ones. docs/review.md tells more."


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _most(kind: tuple[str, int]) -> int:
    return -kind[1]
