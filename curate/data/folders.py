"""Image folders: one look at how they are laid out, before any picture is decoded, and their listing."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from curate.data.image_set import SPLITS, split_named
from curate.data.listing import LeftOut, Listing
from curate.data.pictures import readable_suffixes, why_unread
from curate.errors import DataError
from curate.run import made_by_curate

OUTSIDE = "lies beside the class folders"
LAYOUT = "expected one folder per class with its images, or train/, validation/ (or val/), test/ with class folders inside"
TABLE = "or list the images with their labels in a table, filepath,label,split"
SYSTEM = ("__MACOSX", "__pycache__", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found")
"""Folders that a system or a tool strews about; nobody misses them, nor hidden ones."""


@dataclass
class Layout:
    """Where the class folders of a folder lie.

    Attributes:
        tops: folders with class folders in them, each with its split, training first.
        classes: the class folders of each top, by name: their images, and the other files in them, by the reason; of a flat folder the
            folder itself.
        left_out: files that lie elsewhere, by the reason.
        remarks: what is odd, a sentence each.
    """

    tops: list[tuple[Path, str]]
    classes: dict[Path, dict[Path, tuple[list[str], LeftOut]]] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)
    remarks: list[str] = field(default_factory=list)


def list_folder(folder: Path) -> Listing:
    """The images of a folder, split by split and class by class, by name within a class (folders inside a class included).

    Hidden files and what curate made are no part of it; all other files are read, or counted by the reason. A class folder without images
    is a remark. Without split folders all samples are `train`. Images of a flat folder have no class. Keys are the paths relative to the
    folder.

    Raises:
        DataError: it is no folder, is empty, has no images, or splits stand where classes are expected.
    """
    layout = look_at(folder)
    filepaths: list[str] = []
    labels: list[str] = []
    splits: list[str] = []
    for top, split in layout.tops:
        for class_folder, (images, others) in layout.classes[top].items():
            layout.left_out.add(others)
            if not images:
                told = f" ({_counted(others)})" if others.files else ""
                layout.remarks.append(f"class folder {class_folder.relative_to(folder)} has no images that are read{told}")
            filepaths += images
            labels += ["" if class_folder == folder else class_folder.name] * len(images)
            splits += [split] * len(images)
    if not filepaths:
        told = f": {_counted(layout.left_out)}" if layout.left_out.files else ""
        raise DataError(f"{folder} has no images that are read{told}; {LAYOUT}")
    keys = [Path(path).relative_to(folder).as_posix() for path in filepaths]
    listing = Listing.of(folder, [os.path.abspath(path) for path in filepaths], keys, labels, splits)
    return replace(listing, left_out=layout.left_out.below(folder), remarks=(*layout.remarks, *listing.remarks))


def look_at(folder: Path) -> Layout:
    """How a folder is laid out.

    Raises:
        DataError: it is no folder, has no images, or splits stand where classes are expected; says what was found.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    parts = _subfolders(folder)
    if not parts:
        if not _has_images(folder):
            raise DataError(f"{folder} {'has no class folders' if any(folder.iterdir()) else 'is empty'}; {LAYOUT}")
        files = sorted(path for path in folder.iterdir() if path.is_file())
        others = LeftOut()
        for path in files:
            if _counts(path):
                others.put(why_unread(_suffix(path.name)), str(path))
        images = [str(path) for path in files if _is_image(path.name)]
        layout = Layout([(folder, "train")], {folder: {folder: (images, others)}})
        _count_unentered(folder, folder, layout)
        return layout
    split_of = {part: split for part in parts if (split := split_named(part.name)) is not None}
    flat = [part for part in split_of if _has_images(part) or not _subfolders(part)]  # a split without class folders, or a class
    split_folders = [part for part in split_of if part not in flat]
    layout = Layout([(folder, "train")])
    if split_folders:
        strangers = [part for part in parts if part not in split_of and images_below(part)[0]]
        if strangers:
            raise DataError(
                f"{folder} has split folders ({_named(split_folders)}) and beside them '{strangers[0].name}', which is neither a split "
                f"nor a class; move it elsewhere, or audit one of the split folders; {LAYOUT}"
            )
        tops = [(_inside(part, split_of[part]), split_of[part]) for part in split_folders]
        layout = Layout(sorted(tops, key=lambda top: SPLITS.index(top[1])))
        for part in (part for part in parts if part not in split_folders):
            _pass_over(layout, part, f"in {part.name}/, which has no class folders" if part in flat else f"in {part.name}/")
    elif len(flat) == len(parts) and any(map(_has_images, flat)):
        raise DataError(
            f"{folder} has images in {_named(flat)}, which {'is a split' if len(flat) == 1 else 'are splits'} without class folders; put "
            f"the images of each class into a folder of its own there, {TABLE}"
        )
    layout.classes = {top: {part: images_below(part) for part in _subfolders(top)} for top, _ in layout.tops}
    _look_inside(folder, layout)
    between = {above for top, _ in layout.tops for above in top.parents if folder in above.parents}
    for top in dict.fromkeys([folder, *sorted(between), *(top for top, _ in layout.tops)]):
        _count_beside(folder, top, layout)
    return layout


def _look_inside(folder: Path, layout: Layout) -> None:
    """Stops, or remarks, where what stand as classes may be something else.

    Raises:
        DataError: a single class folder holds the classes, or the class folders hold splits.
    """
    with_images = [part for classes in layout.classes.values() for part, (images, _) in classes.items() if images]
    inner = {part: found for part in with_images if not _has_images(part) and (found := _subfolders(part))}
    names = sorted({part.name for part in with_images})
    if len(names) == 1 and len(inner) == len(with_images):
        [part, *_] = inner
        raise DataError(
            f"{folder} must hold images of two or more classes, found only '{names[0]}', which holds {_named(inner[part])}; if these are "
            f"the classes, audit {part if len(inner) == 1 else 'a folder that has them on top'}"
        )
    if names == ["data"] and (folder / "labels.json").is_file():
        raise DataError(
            f"{folder} is an export of FiftyOne's (data/ and labels.json); load it there, `fiftyone.Dataset.from_dir(...)`, and audit "
            "fiftyone:NAME"
        )
    if not inner or len(inner) < len(with_images):
        return
    inside = sorted({part.name for parts in inner.values() for part in parts})
    if all(split_named(name) is not None for name in inside):
        raise DataError(
            f"the class folders of {folder} ({', '.join(names[:5])}) hold splits ({', '.join(inside[:5])}); put the splits on top, such as "
            f"{inside[0]}/{names[0]}/, {TABLE}"
        )
    layout.remarks.append(
        f"the classes are the outer folders ({', '.join(names[:5])}{' …' if len(names) > 5 else ''}), which hold no images of their own, "
        f"but folders ({', '.join(inside[:5])}{' …' if len(inside) > 5 else ''}); if those are the classes, audit {next(iter(inner))}"
    )


def _inside(part: Path, split: str) -> Path:
    """The folder with the class folders of a split: `training_set/training_set`, as Kaggle packs them, is one split."""
    inner = _subfolders(part)
    while len(inner) == 1 and split_named(inner[0].name) == split and not _has_images(inner[0]) and _subfolders(inner[0]):
        part, inner = inner[0], _subfolders(inner[0])
    return part


def _pass_over(layout: Layout, part: Path, reason: str) -> None:
    images, others = images_below(part)
    layout.left_out.put(reason, *images, *others)
    if images:
        layout.remarks.append(f"{len(images):,} images {reason} were not read")


def _count_beside(folder: Path, top: Path, layout: Layout) -> None:
    """Counts the files that lie beside class folders, and what nobody goes into."""
    for path in top.iterdir():
        if path.is_file() and not path.name.startswith(".") and not _is_system_file(path):
            layout.left_out.put(OUTSIDE if _is_image(path.name) else why_unread(_suffix(path.name)), str(path))
    _count_unentered(folder, top, layout)


def _count_unentered(folder: Path, top: Path, layout: Layout) -> None:
    """Counts the files in folders of `top` that are no class by their name."""
    for path in top.iterdir():
        if path.is_dir() and path.name.startswith("__") and path.name not in SYSTEM:
            images, others = images_below(path)
            layout.left_out.put(f"in {path.name}/, by its name none of the classes", *images, *others)
        elif path.is_dir() and not path.name.startswith(".") and made_by_curate(path):
            layout.remarks.append(f"{path.relative_to(folder)}/ was made by curate and is no class")


def _subfolders(folder: Path) -> list[Path]:
    """The folders in it, by name: no hidden ones, and none that curate made, as `curate audit .` may have."""
    parts = (part for part in folder.iterdir() if part.is_dir() and not part.name.startswith((".", "__")) and part.name not in SYSTEM)
    return sorted(part for part in parts if not made_by_curate(part))


def _has_images(folder: Path) -> bool:
    """Whether images lie in the folder itself."""
    return any(_is_image(path.name) for path in folder.iterdir() if path.is_file())


def images_below(folder: Path) -> tuple[list[str], LeftOut]:
    """The images below a folder, links to folders followed, by name; and the other files, by the reason."""
    found: list[str] = []
    others = LeftOut()
    seen: set[str] = set()
    top = os.path.realpath(folder)
    for base, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(base)
        if real in seen or top.startswith(real.rstrip(os.sep) + os.sep):  # a link that leads back
            folders[:] = []
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SYSTEM)
        for name in names:
            if _is_image(name):
                found.append(os.path.join(base, name))
            elif _counts(Path(name)):
                others.put(why_unread(_suffix(name)), os.path.join(base, name))
    return sorted(found), others


def _is_image(name: str) -> bool:
    return not name.startswith(".") and _suffix(name) in readable_suffixes()


def _counts(path: Path) -> bool:
    """Whether it is a file of the user's that is no image."""
    return not path.name.startswith(".") and not _is_system_file(path) and not _is_image(path.name)


def _is_system_file(path: Path) -> bool:
    """Whether an operating system strews it about."""
    return path.name.lower() in ("thumbs.db", "desktop.ini")


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _named(parts: Sequence[Path]) -> str:
    return ", ".join(part.name for part in parts[:10]) + (" …" if len(parts) > 10 else "")


def _counted(others: LeftOut) -> str:
    most_first = sorted(others.files.items(), key=lambda item: -len(item[1]))
    return ", ".join(f"{len(files)} x {reason}" for reason, files in most_first)
