"""The verbs that make an audit or open one, and those that need none: what `curate.audit`, `train`, `open`, `fetch` and `doctor` are."""

import contextlib
import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import UsageError
from curate.judge.choice import Choice, Choose
from curate.judge.judgement import Judge, judge_into
from curate.judge.nets import Nets
from curate.options import LookFor, Place, Source, to_json
from curate.progress import Progress, silent
from curate.run import Run, run_path
from curate.verbs.audited import Audit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from curate.data.image_set import ImageSet


def audit(
    source: "str | Path | Source | ImageSet | ArrayLike",
    labels: "ArrayLike | Path | None" = None,
    *,
    class_names: Sequence[str] | None = None,
    judge: Judge | Choose | None = None,
    place: Place = Place(),
    look_for: LookFor = LookFor(),
    run: str | Path | None = None,
    fiftyone: bool = False,
    dataset_name: str | None = None,
    track: str | None = None,
    command: str = "",
    progress: Progress = silent,
) -> Audit:
    """Finds the wrong labels of a dataset: reads it, has it judged, finds issues, and writes the report.

    A call that was killed goes on where it stopped when it is made again. `report.html` is written as soon as the labels are judged, and
    once more when the map is there.

    Args:
        source: a catalog name, the path of a folder or table, `fiftyone:NAME`, a Source, an ImageSet, or images as an array: uint8
            (N, H, W), (N, H, W, C) or (N, C, H, W).
        labels: of an array: (N,) integers or class names. Of a name: a file with labels in place of the given ones.
        class_names: K names, of an array.
        judge: who says what every sample shows: `Features` for photographs, `Nets` for small pictures; `Given` for probabilities of your
            own. None = the one that suits the pictures, see `curate.judge.choice`.
        place: where nets are trained.
        look_for: what to look for.
        run: name or folder of the run; the dataset's name by default.
        fiftyone: make the FiftyOne dataset, too; needs MongoDB, which nothing else does.
        dataset_name: of the FiftyOne dataset, if not the run's.
        track: `wandb` or `tensorboard`: also write curves and figures for it.
        command: what the user typed, for the record.

    Raises:
        CurateError: what is wrong with the input or the machine, in one line.
    """
    if track is not None:
        from curate.publish.tracking import check_tracker

        check_tracker(track)
    if fiftyone:  # here and in _check_name: what would stop the last step is told before the training, not after it
        from curate.app.database import connect

        connect()
    image_set, options = _read(source, labels, class_names, place, progress)
    path = _path_of(run, image_set, options, judge)
    judge = _chosen(judge, image_set, path, place, progress)
    if fiftyone:
        _check_name(image_set, path, dataset_name)
    made = _judged(image_set, path, judge, place, look_for, options, command, progress)
    with made.run.only_one("audit"), _map_beside(made, image_set) as process:
        from curate.find.find import find
        from curate.find.map import finish_map, make_map

        figures = find(made.run, image_set, look_for, with_map=False, map_process=process, progress=progress)
        progress("suspects", 0, 1)
        page = made.report()  # the suspects are known: the page is there while the map and the App's dataset are still being made
        progress("suspects", 1, 1, f"{figures['label_issues']:,} of {figures['samples']:,} labels, in {page}")
        if process is None and made.run.has("embeddings.npy"):
            make_map(made.run, progress=progress)
        if fiftyone:
            from curate.app.dataset import build

            projection = None if process is None else functools.partial(finish_map, made.run, process, progress=progress)
            made.told = build(made.run, image_set, dataset_name=dataset_name, projection=projection, progress=progress)
        elif process is not None:
            finish_map(made.run, process, progress=progress)
        if fiftyone or made.run.has("projection.npy"):
            made.report()  # once more, with the map and with what the App's dataset took
    if track is not None:
        made.told["tracked"] = made.track(track)
    return made


def train(
    source: "str | Path | Source | ImageSet | ArrayLike",
    labels: "ArrayLike | Path | None" = None,
    *,
    class_names: Sequence[str] | None = None,
    judge: Judge | Choose | None = None,
    place: Place = Place(),
    run: str | Path | None = None,
    track: str | None = None,
    command: str = "",
    progress: Progress = silent,
) -> Audit:
    """Has a dataset judged and no more: out-of-fold probabilities of every sample, and embeddings. Arguments as `audit` has them."""
    if track is not None:
        from curate.publish.tracking import check_tracker

        check_tracker(track)
    image_set, options = _read(source, labels, class_names, place, progress)
    path = _path_of(run, image_set, options, judge)
    judge = _chosen(judge, image_set, path, place, progress)
    made = _judged(image_set, path, judge, place, LookFor(), options, command, progress)
    if track is not None:
        made.told["tracked"] = made.track(track)
    return made


def open_run(run: str | Path, *, root: Path | str | None = None, progress: Progress = silent) -> Audit:
    """The audit of an earlier run, by name or folder; `root` where its images are on this machine, if not where they were.

    Raises:
        RunError: there is no such run.
    """
    return Audit(Run.open(run_path(str(run))), root=root, progress=progress)


def fetch(name: str, *, root: Path | str | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Gets the files of a catalog dataset onto this machine, checked against the published hashes; returns where they are.

    Raises:
        UnknownNameError: there is no such dataset.
        FetchError: no source could deliver it; says how to place the files by hand.
    """
    from curate.data.fetch import fetch as fetch_files

    return {"name": name, "folder": fetch_files(name, root=None if root is None else Path(root), progress=progress)}


def doctor(*, fix: bool = False, progress: Progress = silent) -> dict[str, Any]:
    """What this machine can do, what is missing and how to get it; with `fix`, does what can be done about it.

    Returns:
        `fixes`, a line each, and `checks` with name, status (`ok`, `warning` or `failed`), found and advice.
    """
    from curate import machine

    checks = machine.diagnose()
    fixes = machine.fix(checks, progress) if fix else []
    checks = machine.diagnose() if fixes else checks
    return {"fixes": fixes, "checks": [{"name": c.name, "status": c.status, "found": c.found, "advice": c.advice} for c in checks]}


def _read(source: Any, labels: Any, class_names: Sequence[str] | None, place: Place, progress: Progress) -> "tuple[ImageSet, Source]":
    """The image set, and the options that it was read by."""
    from curate.data.image_set import ImageSet
    from curate.judge.training.executors import check_executor
    from curate.sources import from_arrays, load_source

    check_executor(place.executor, address=place.address, data_parallel=place.data_parallel)
    if isinstance(source, ImageSet):
        if labels is not None or class_names is not None:
            raise UsageError("an ImageSet has labels and class names; change them with its method with_labels")
        return source, Source(source.name)
    if isinstance(source, (str, Path, Source)):
        if class_names is not None:
            raise UsageError("class_names go with arrays; a folder or table names its own classes")
        options = source if isinstance(source, Source) else Source(str(source))
        options = options if labels is None else replace(options, labels=Path(labels))
        return load_source(options, progress=progress), options
    if labels is None:
        raise UsageError("an array of images needs labels: curate.audit(images, labels, class_names=...)")
    made = from_arrays(source, labels, class_names=class_names)
    return made, Source(made.name)


def _path_of(run: str | Path | None, image_set: "ImageSet", source: Source, judge: Judge | Choose | None) -> Path:
    """The run folder: as it is named, else after the dataset and what differs from a plain audit of it: `mnist-test`, `cifar10-quick`."""
    if run is not None:
        return run_path(str(run))
    parts = [image_set.name]
    if source.split != "all":
        parts.append(source.split)
    if source.limit is not None:
        parts.append(str(source.limit))
    if source.labels is not None:
        parts.append(Path(source.labels).stem)
    if source.corrections is not None:
        parts.append(Path(source.corrections).stem)
    preset = judge.nets.preset if isinstance(judge, Choose) else getattr(judge, "preset", "default")
    if judge is not None and not isinstance(judge, (Nets, Choose)):
        parts.append(judge.name)
    if preset != "default":
        parts.append(preset)
    return run_path("-".join(parts))


def _chosen(judge: Judge | Choose | None, image_set: "ImageSet", path: Path, place: Place, progress: Progress) -> Judge | Choice:
    """The judge itself; where none was named the one that suits the pictures, which an earlier call of the run may have found out."""
    if judge is not None and not isinstance(judge, Choose):
        return judge
    from curate.judge.choice import choose_judge

    choice = choose_judge(image_set, judge or Choose(), place=place, earlier=_earlier_choice(path), progress=progress)
    progress("judge", 1, 1, choice.reason)
    return choice


def _earlier_choice(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads((path / "run.json").read_text(encoding="utf-8"))["config"].get("chosen")
    except (OSError, ValueError, KeyError):
        return None


def _judged(
    image_set: "ImageSet",
    path: Path,
    judge: Judge | Choice,
    place: Place,
    look_for: LookFor,
    source: Source,
    command: str,
    progress: Progress,
) -> Audit:
    options = {
        "source": to_json(source),
        "judge": {"name": judge.name, **to_json(judge.judge if isinstance(judge, Choice) else judge)},
        "place": to_json(place),
        "look_for": to_json(look_for),
    }
    run = judge_into(image_set, path, judge, place=place, options=options, command=command, progress=progress)
    return Audit(run, image_set, progress=progress)


def _check_name(image_set: "ImageSet", path: Path, dataset_name: str | None) -> None:
    """Says before the training that the FiftyOne dataset cannot be called so."""
    from curate.app.dataset import default_name
    from curate.app.ownership import check_is_ours

    if dataset_name is None:
        check_is_ours(default_name(image_set, path.resolve().name), images_hash=image_set.images_hash, run_path=path)
    else:
        check_is_ours(dataset_name)


@contextlib.contextmanager
def _map_beside(made: Audit, image_set: "ImageSet") -> Iterator[Any]:
    if not made.run.has("embeddings.npy"):
        yield None
        return
    from curate.find.map import map_beside

    with map_beside(made.run, image_set) as process:
        yield process
