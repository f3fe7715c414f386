"""How the App shows a curate dataset: sidebar, colours, what is painted on the tiles, the workspace."""

from typing import Any

from curate.app.fields import FIELDS, SIDEBAR

WORKSPACE = "review"
COLOURS = {"ground_truth": "#5b8ff9", "suggested": "#ee6600", "prediction": "#8a8f99", "review": "#009900"}
POOL = ["#5b8ff9", "#ee6600", "#009900", "#cc33cc", "#009999", "#d4b106", "#ee0000", "#9254de", "#996633", "#8a8f99"]


def set_look(dataset: Any, *, is_new: bool) -> None:
    """Lists every field in the sidebar; colours, active fields and the workspace only where `is_new`: later they are the user's."""
    import fiftyone as fo

    known = set()
    groups = []
    for group, further, expanded in SIDEBAR:
        paths = [spec.name for spec in FIELDS if spec.group == group and spec.kind != "metadata"] + list(further)
        known |= {path.split(".")[0] for path in paths}
        groups.append(fo.SidebarGroupDocument(name=group, paths=paths, expanded=expanded))
    others = [name for name in dataset.get_field_schema() if name not in known]
    if others:
        groups.append(fo.SidebarGroupDocument(name="own fields", paths=others, expanded=True))
    dataset.app_config.sidebar_groups = groups
    if is_new:
        dataset.app_config.active_fields = fo.ActiveFields(paths=["ground_truth", "suggested", "review"])
        fields = [{"path": path, "fieldColor": colour} for path, colour in COLOURS.items()]
        dataset.app_config.color_scheme = fo.ColorScheme(color_by="field", color_pool=POOL, fields=fields)
        dataset.save_workspace(
            WORKSPACE, workspace(), description="The images beside the map of the embeddings.", color="#5b8ff9", overwrite=True
        )
    dataset.save()


def workspace() -> Any:
    """The grid of images beside the embeddings panel."""
    import fiftyone as fo

    def leaf(panel: Any) -> Any:  # without active_child a panel stays blank
        return fo.Space(children=[panel], active_child=panel.component_id)

    return fo.Space(
        orientation="horizontal",
        sizes=[0.62, 0.38],
        children=[leaf(fo.Panel(type="Samples", pinned=True)), leaf(fo.Panel(type="Embeddings"))],
    )
