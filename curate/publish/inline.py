"""An audit as a notebook shows it: the figures, the worst suspects with their pictures, the map. No server, no script."""

import base64
import io
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from PIL import Image, ImageDraw

from curate.data.image_set import ImageSet
from curate.find.self_estimate import worth_a_look
from curate.publish.report.wording import headline
from curate.publish.review_page.encoded_picture import photograph
from curate.publish.review_page.send_away import kind_of
from curate.publish.shown import is_crisp
from curate.run import Run

NUM_SUSPECTS = 12
SIDE = 160  # pixels of a picture
MAP_SIDE, SHARP = 420, 2  # pixels; drawn so much larger, for screens of high resolution
MAX_POINTS = 20_000
MARGIN = 0.04
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#7a7f87", "#b5a800", "#6a3d9a", "#7b4b2a", "#3f9bdc")
RING = "#d55e00"


def audit_inline(run: Run, issues: pd.DataFrame, findings: dict[str, Any], image_set: ImageSet | None) -> str:
    """HTML that needs nothing but itself.

    Args:
        issues: the issue table, worst first.
        findings: of the run.
        image_set: the pictures; None where they are not on this machine.
    """
    counts, detection = findings["counts"], findings.get("detection", {})
    suspects = issues[worth_a_look(issues)].head(NUM_SUSPECTS)
    place = {} if image_set is None else {sample_id: row for row, sample_id in enumerate(image_set.sample_ids.tolist())}
    cards = [
        {
            "given": row.given_label,
            "suggested": row.suggested_label,
            "id": row.sample_id,
            "picture": None if image_set is None else _picture(image_set, place[row.sample_id]),
        }
        for row in suspects.itertuples()
    ]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_template()).render(
        name=run.meta["dataset"]["name"],
        run=run.name,
        headline=_headline(issues, detection),
        figures=_figures(run, issues, counts, detection),
        cards=cards,
        crisp=image_set is not None and is_crisp(image_set),
        map=_map(run, issues),
        report=str(run.path / "report.html") if run.has("report.html") else "",
    )


def _headline(issues: pd.DataFrame, detection: dict[str, Any]) -> str:
    num_labelled = int(issues["given_label"].notna().sum()) if detection.get("num_labels", 1) else 0
    return headline(int(issues["is_label_issue"].sum()), num_labelled, detection) if num_labelled else "No label was judged."


def _figures(run: Run, issues: pd.DataFrame, counts: dict[str, Any], detection: dict[str, Any]) -> list[tuple[str, str]]:
    accuracy = run.meta.get("metrics", {}).get("out_of_fold_accuracy")
    errors = detection.get("num_errors", {}) if detection.get("can_count", True) else {}
    figures = [("pictures", f"{len(issues):,}"), ("labels that the model doubts", f"{int(issues['is_label_issue'].sum()):,}")]
    if errors.get("value") is not None and np.isfinite(errors["value"]):
        figures.append(("wrong labels, estimated", f"{errors['value']:,.0f} ({errors['low']:,.0f} to {errors['high']:,.0f})"))
    if accuracy is not None:
        figures.append(("labels that the model agrees with", f"{100 * accuracy:.1f} %"))
    more = {"outliers": "outliers", "near_duplicates": "near duplicates", "leaks": "leaks between splits"}
    figures += [(said, f"{counts[name]:,}") for name, said in more.items() if counts.get(name)]
    return figures


def _picture(image_set: ImageSet, row: int) -> str:
    made = photograph(image_set, row, SIDE)
    return f"data:{kind_of(made)};base64,{base64.b64encode(made.content).decode()}"


def _map(run: Run, issues: pd.DataFrame) -> str:
    """The 2-D map as a picture: a dot for every sample, coloured by its given label, and a ring around every suspect; '' without one."""
    if not run.has("projection.npy"):
        return ""
    projection = np.asarray(run.load_array("projection.npy"), dtype=np.float64)
    low, high = np.percentile(projection, [0.1, 99.9], axis=0)
    spread = max(float((high - low).max()), 1e-9) * (1 + 2 * MARGIN)
    points = np.clip((projection - (low + high) / 2) / spread + 0.5, 0, 1) * MAP_SIDE * SHARP
    labels = np.asarray(run.load_array("labels.npy"))
    sample_ids = run.load_array("sample_ids.npy").tolist()
    flagged = set(issues["sample_id"][issues["is_label_issue"].astype(bool)])
    picture = Image.new("RGB", (MAP_SIDE * SHARP, MAP_SIDE * SHARP), "white")
    draw = ImageDraw.Draw(picture)
    radius = 1.5 * SHARP if len(points) < 5000 else SHARP * 0.75
    for row in np.random.default_rng(0).permutation(len(points))[:MAX_POINTS].tolist():
        x, y = points[row, 0], MAP_SIDE * SHARP - points[row, 1]
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=COLOURS[int(labels[row]) % len(COLOURS)])
    for row, sample_id in enumerate(sample_ids):
        if sample_id in flagged:
            x, y, wide = points[row, 0], MAP_SIDE * SHARP - points[row, 1], 3.5 * SHARP
            draw.ellipse((x - wide, y - wide, x + wide, y + wide), outline=RING, width=SHARP)
    buffer = io.BytesIO()
    picture.quantize(64).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _template() -> Markup:
    from importlib.resources import files

    return Markup((files("curate.publish") / "pages" / "inline.html").read_text(encoding="utf-8"))
