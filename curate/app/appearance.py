"""How the App shows a curate dataset: sidebar, colours, what is painted on the tiles, the workspace."""

from collections.abc import Collection, Sequence
from typing import Any

from curate.app.fields import BRAIN_FIELDS, FIELDS, OPTIONAL, SIDEBAR, THUMBNAIL

WORKSPACE = "review"
COLOURS = {"ground_truth": "#4a7fe8", "suggested": "#e06000", "prediction": "#7a8089", "review": "#2e8540"}
ACTIONS = {  # Okabe & Ito's palette, a little darker under white text: these differ for colour-blind eyes too
    "ok": "#00845f",
    "confirm_error": "#b8324a",
    "accept_suggestion": "#8f4fb0",
    "relabel": "#8f4fb0",
    "ambiguous": "#8a7400",
    "drop": "#4d5560",
    "conflict": "#c4007a",
    "stale": "#c4007a",
}
MOST_CLASSES = 200  # up to which every class is listed to have the colour of its field
POOL = ["#5b8ff9", "#ee6600", "#009900", "#cc33cc", "#009999", "#d4b106", "#ee0000", "#9254de", "#996633", "#8a8f99"]


def set_look(dataset: Any, *, is_new: bool) -> None:
    """Lists every field in the sidebar; colours, active fields and the workspace only where `is_new`: later they are the user's."""
    import fiftyone as fo

    known = set()
    groups = []
    schema = dataset.get_field_schema()
    specs = (*FIELDS, *(spec for spec in (*OPTIONAL, *BRAIN_FIELDS) if spec.name in schema))
    for group, further, expanded in SIDEBAR:
        paths = [spec.name for spec in specs if spec.group == group and spec.kind != "metadata"] + list(further)
        known |= {path.split(".")[0] for path in paths}
        if not paths:
            continue
        groups.append(fo.SidebarGroupDocument(name=group, paths=paths, expanded=expanded))
    others = [name for name in schema if name not in known]
    if others:
        groups.append(fo.SidebarGroupDocument(name="own fields", paths=others, expanded=True))
    dataset.app_config.sidebar_groups = groups
    show_thumbnails(dataset.app_config, schema)
    if is_new:
        dataset.app_config.active_fields = fo.ActiveFields(paths=["ground_truth", "suggested", "review"])
        dataset.app_config.color_scheme = color_scheme(dataset.default_classes)
        dataset.save_workspace(
            WORKSPACE,
            workspace(),
            description="The images beside the state of the review and the map of the embeddings.",
            color="#5b8ff9",
            overwrite=True,
        )
    dataset.save()


def show_thumbnails(app_config: Any, schema: Collection[str]) -> None:
    """The grid shows the small copies where the dataset has such, an opened sample the original."""
    has_copies = THUMBNAIL in schema
    app_config.media_fields = ["filepath", THUMBNAIL] if has_copies else ["filepath"]
    app_config.grid_media_field = THUMBNAIL if has_copies else "filepath"


def color_scheme(class_names: Sequence[str]) -> Any:
    """Colours that tell given, suggested and predicted label apart, and one decision from another.

    FiftyOne colours either all fields by their value or none, so that classes are listed one by one; where there are too many, decisions
    have one colour.
    """
    import fiftyone as fo

    fields: list[dict[str, Any]] = [{"path": path, "fieldColor": colour} for path, colour in COLOURS.items()]
    if len(class_names) > MOST_CLASSES:
        return fo.ColorScheme(color_by="field", color_pool=POOL, fields=fields)
    for field in fields:
        is_review = field["path"] == "review"
        colours = ACTIONS if is_review else dict.fromkeys(class_names, field["fieldColor"])
        field["colorByAttribute"] = "action" if is_review else "label"
        field["valueColors"] = [{"value": value, "color": colour} for value, colour in colours.items()]
    return fo.ColorScheme(color_by="value", color_pool=POOL, fields=fields)


def workspace() -> Any:
    """The grid of images beside the review panel, with the map of the embeddings in a tab behind it."""
    import fiftyone as fo

    def leaf(panel: Any) -> Any:  # without active_child a panel stays blank
        return fo.Space(children=[panel], active_child=panel.component_id)

    review, embeddings = fo.Panel(type="review_panel"), fo.Panel(type="Embeddings")
    right = fo.Space(children=[review, embeddings], active_child=review.component_id)
    return fo.Space(orientation="horizontal", sizes=[0.64, 0.36], children=[leaf(fo.Panel(type="Samples", pinned=True)), right])
