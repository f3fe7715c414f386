"""Gives curate hostile folders, tables, label files, probabilities and decisions, made by a grammar, and looks at how it takes them.

    python pipelines/drill_inputs.py [--inputs 1000] [--kinds tree table labels probabilities decisions] [--seed 0]

It survives an input by success or by one line and exit code 2: no traceback, no hang, nothing half-written, what was given unchanged,
figures within their bounds, and every file and every row read or counted among what was passed over.
"""

import argparse
import io
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from drilling import CLASSES, Ended, Tally, contents, fault_of, make_pictures, make_probabilities, run, warm_up
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from PIL import Image

ODD_NAMES = [
    *("cat", "Cat", "cat ", " cat", "dog", "caf\u00e9", "cafe\u0301", "1", "01", "10", "-1", "nan", "None", "train", "CON", "aux.png"),
    *("a&b <i>x<", 'it\'s "ok"', "%s{}", "=1+1", "__unlabelled__", "x" * 200, "\u732b", "\U0001f600 smile", "a\tb", "a\x07b", "a\u202eb"),
    *("a\\b", "data", "runs", "test.png", "metadata.jsonl", ".hidden", "__MACOSX", "__pycache__", "a,b", "a;b", "\u0130", "\u00df"),
]
NAMES = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
        lambda name: name not in (".", "..") and len(name.encode()) < 250
    ),
)
SPLIT_NAMES = ["train", "Train", "training", "val", "valid", "dev", "test", "TEST", "testing", "eval", "training_set", "unlabeled"]
SUFFIXES = [".png"] * 8 + [
    ".jpg",
    ".JPG",
    ".jpeg",
    ".gif",
    ".bmp",
    ".tif",
    ".webp",
    ".avif",
    ".heic",
    ".jfif",
    "",
    ".txt",
    ".png?w=3",
    ".npy",
]


def picture(kind: str, number: int) -> bytes:
    """A file that is a picture, more or less."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 255, (14, 14, 3), dtype=np.uint8)
    pixels[:, number % 14] = 255
    image = Image.fromarray(pixels)
    out = io.BytesIO()
    if kind in ("text", "html", "empty"):
        return {"text": b"no picture\n", "html": b"<!doctype html><p>404", "empty": b""}[kind]
    if kind == "huge header":
        return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\x86\xa0\0\1\x86\xa0\x08\2\0\0\0" + b"\0" * 40
    if kind == "16 bit":
        Image.fromarray(rng.integers(0, 4095, (14, 14)).astype(np.uint16)).save(out, "png")
    elif kind == "float":
        Image.fromarray(rng.random((14, 14), dtype=np.float32)).save(out, "tiff")
    elif kind == "thin":
        Image.fromarray(rng.integers(0, 255, (3, 900, 3), dtype=np.uint8)).save(out, "png")
    elif kind == "dot":
        image.resize((1, 1)).save(out, "png")
    elif kind in ("1", "L", "P", "LA", "RGBA"):
        image.convert(kind).save(out, "png")
    elif kind == "CMYK":
        image.convert("CMYK").save(out, "jpeg")
    elif kind == "frames":
        image.save(out, "gif", save_all=True, append_images=[image.rotate(90)])
    elif kind == "same":
        Image.new("RGB", (14, 14), (9, 9, 9)).save(out, "png")
    else:
        image.save(out, "jpeg" if kind == "cut" else "png")
    content = out.getvalue()
    if kind == "cut":
        return content[: len(content) // 2]
    return content[:-9] + b"????" + content[-5:] if kind == "bad checksum" else content


KINDS = ["plain"] * 12 + ["text", "html", "empty", "huge header", "16 bit", "float", "thin", "dot", "1", "L", "P", "LA", "RGBA", "CMYK"]
KINDS += ["frames", "same", "cut", "bad checksum"]


@st.composite
def trees(draw: Any) -> list[tuple[str, str | bytes]]:
    """Paths with contents, `-> target` for links: mostly class folders of a few pictures, in splits or not, and other things among them."""
    classes = draw(st.lists(NAMES, min_size=1, max_size=4))
    if draw(st.integers(0, 3)):
        classes += ["ant", "bee"]
    tops = draw(st.sampled_from([[""], [""], [""], ["train", "test"], ["train", "val"]]))
    if not draw(st.integers(0, 4)):
        tops = draw(st.lists(st.sampled_from(SPLIT_NAMES), min_size=1, max_size=3))
    found: list[tuple[str, str | bytes]] = []
    number = 0
    mixed = draw(st.booleans())
    for top in tops:
        for name in classes:
            for _ in range(draw(st.integers(0 if mixed else 3, 6))):
                number += 1
                kind, suffix = (draw(st.sampled_from(KINDS)), draw(st.sampled_from(SUFFIXES))) if mixed else ("plain", ".png")
                stem = draw(NAMES) if mixed and not draw(st.integers(0, 5)) else f"{number:03}"
                deeper = "deep/" if mixed and not draw(st.integers(0, 9)) else ""
                found.append((f"{top}/{name}/{deeper}{stem}{suffix}", picture(kind, number)))
    for _ in range(draw(st.integers(0, 2))):
        what = draw(st.sampled_from(["file", "empty folder", "loop", "dangling", "run", "hidden"]))
        place = draw(NAMES)
        top = draw(st.sampled_from(tops))
        found.append(
            {
                "file": (f"{top}/{place}", b"x"),
                "empty folder": (f"{top}/{place}", "folder"),
                "loop": (f"{top}/ant/loop", "-> .."),
                "dangling": (f"{top}/ant/gone.png", "-> nowhere.png"),
                "run": ("data/runs/r/run.json", b"{}"),
                "hidden": (f"{top}/.cache/1.png", picture("plain", 1)),
            }[what]
        )
    return found


def write_tree(folder: Path, tree: list[tuple[str, str | bytes]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in tree:
        path = Path(f"{folder}/{name}")
        try:
            (path if content == "folder" else path.parent).mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif content.startswith("-> "):
                path.symlink_to(content[3:])
        except OSError:  # a folder is where a file should be, a name is too long: then without it
            continue


CELLS = st.one_of(
    st.sampled_from(["", "cat", "dog", "nan", "-1", "0", "1", "0.0", '"', "a\nb", "x" * 300, "\0", "\ufeff", "'", "cat,dog"]), NAMES
)


@st.composite
def tables(draw: Any, columns: list[str], rows: list[list[str]]) -> tuple[str, bytes]:
    """The ending and the content of a table that begins as a sound one, and to which some things happen."""
    columns, rows = list(columns), [list(row) for row in rows]
    for _ in range(draw(st.integers(0, 3))):
        what = draw(
            st.sampled_from(["cell", "short", "long", "again", "blank", "column", "twice", "renamed", "none", "shuffled", "spaces"])
        )
        at = draw(st.integers(0, max(len(rows) - 1, 0)))
        if not rows:
            break
        if what == "cell":
            rows[at][draw(st.integers(0, len(rows[at]) - 1))] = draw(CELLS)
        elif what == "short":
            rows[at] = rows[at][:-1] or [""]
        elif what == "long":
            rows[at] = [*rows[at], draw(CELLS)]
        elif what == "again":
            rows.append(list(rows[at]))
        elif what == "blank":
            rows.insert(at, [""])
        elif what == "column":
            columns, rows = [*columns, draw(CELLS)], [[*row, draw(CELLS)] for row in rows]
        elif what == "twice":
            columns, rows = [*columns, columns[-1]], [[*row, row[-1]] for row in rows]
        elif what == "renamed":
            columns[draw(st.integers(0, len(columns) - 1))] = draw(CELLS)
        elif what == "none":
            rows = []
        elif what == "shuffled":
            rows = rows[::-1]
        else:
            columns = [f" {column} " for column in columns]
    if not draw(st.integers(0, 4)) and all(len(row) == len(columns) for row in rows):
        return ".parquet", _parquet(draw, columns, rows)
    separator = draw(st.sampled_from([","] * 6 + [";", "\t", "|"]))
    quoted = draw(st.booleans())
    lines = [separator.join(_cell(cell, separator, quoted) for cell in row) for row in [columns, *rows]]
    text = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"])).join(lines) + draw(st.sampled_from(["\n", "", "\n\n"]))
    content = text.encode(draw(st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "latin-1"])), "replace")
    if not draw(st.integers(0, 9)):
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.sampled_from([b"\0", b"\xff", b'"', b"\x1a"])) + content[at:]
    return draw(st.sampled_from([".csv"] * 8 + [".CSV", ".tsv", ".txt", ".parquet"])), content


def _cell(cell: str, separator: str, quoted: bool) -> str:
    return '"' + cell.replace('"', '""') + '"' if quoted and (separator in cell or '"' in cell or "\n" in cell) else cell


def _parquet(draw: Any, columns: list[str], rows: list[list[str]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = []
    for position in range(len(columns)):
        values: list[Any] = [row[position] for row in rows]
        kind = draw(st.sampled_from(["text"] * 5 + ["null", "category", "bytes", "lists", "numbers", "floats", "bools"]))
        arrays.append(
            {
                "text": lambda v=values: pa.array(v),
                "null": lambda v=values: pa.array([None if i % 3 == 0 else each for i, each in enumerate(v)], pa.string()),
                "category": lambda v=values: pa.array(v).dictionary_encode(),
                "bytes": lambda v=values: pa.array([each.encode() for each in v]),
                "lists": lambda v=values: pa.array([[each] for each in v], pa.list_(pa.string())),
                "numbers": lambda v=values: pa.array([None if i % 5 == 4 else i % 3 for i in range(len(v))], pa.int64()),
                "floats": lambda v=values: pa.array([None if i % 5 == 4 else i % 3 / 1 for i in range(len(v))], pa.float64()),
                "bools": lambda v=values: pa.array([i % 2 == 0 for i in range(len(v))]),
            }[kind]()
        )
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=columns), out)
    return out.getvalue()


NUM = 36  # samples of the sound set, 12 of each class
IDS = [
    f"pics/{split}/{name}/{i:02}.png"
    for split, start, stop in (("train", 0, 10), ("test", 10, 12))
    for name in CLASSES
    for i in range(start, stop)
]
LABELS = [identity.split("/")[2] for identity in IDS]


@st.composite
def arrays(draw: Any, sound: np.ndarray) -> bytes:
    """A .npy file that begins as a sound array, and to which some things happen."""
    array: np.ndarray = sound.copy()
    for _ in range(draw(st.integers(0, 2))):
        what = draw(st.sampled_from(["value", "type", "shape", "rows", "order", "scale", "objects", "text"]))
        if what == "value" and array.size and array.dtype.kind in "fiu":
            array = array.copy()
            array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from([-1, 0, 2, 3, 99, 127]))
            if array.dtype.kind == "f":
                array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from([np.nan, np.inf, -np.inf, -0.5, 1e38, 1e-45]))
        elif what == "type":
            with np.errstate(all="ignore"):
                kind = draw(st.sampled_from(["float16", "float64", ">f4", "int8", "uint8", "int64", "uint64", "bool", "complex64"]))
                array = array.astype(kind) if array.dtype.kind in "fiub" else array
        elif what == "shape":
            scalar = array.reshape(-1)[0:1].reshape(()) if array.size else array
            array = draw(st.sampled_from([array.reshape(-1), array[..., None], array.T, array[:0] if array.ndim else array, scalar]))
        elif what == "rows":
            array = (
                draw(st.sampled_from([array[:-1], np.concatenate([array, array]), array[::-1], array[..., ::-1]])) if array.ndim else array
            )
        elif what == "order":
            array = np.asfortranarray(array)
        elif what == "scale" and array.dtype.kind in "fiu":
            array = array * draw(st.sampled_from([0, 100, 0.999, -1, 1e-9]))
        elif what == "objects":
            array = array.astype(object)
        elif what == "text":
            array = array.astype(str)
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    content = out.getvalue()
    return content[: draw(st.integers(0, len(content)))] if not draw(st.integers(0, 7)) else content


PROBS = np.full((NUM, 3), 0.05, np.float32)
PROBS[np.arange(NUM), [CLASSES.index(name) for name in LABELS]] = 0.9
DECIDED = [[IDS[0], "ok", "", "anna"], [IDS[1], "relabel", "dog", "anna"], [IDS[2], "drop", "", "bob"], [IDS[1], "ambiguous", "", "bob"]]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | CELLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CELLS, inner, max_size=3),
)


@st.composite
def journals(draw: Any) -> bytes:
    """Lines of decisions as a journal or a JSON list has them, some of them not."""
    rows: list[Any] = [dict(zip(("sample_id", "action", "label", "who"), row, strict=True)) for row in DECIDED]
    for row in rows:
        row["label"] = row["label"] or None
        row["when"] = "2026-01-31T10:00:00"
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(rows) - 1))
        if isinstance(rows[at], dict) and draw(st.integers(0, 4)):
            rows[at][draw(st.sampled_from([*rows[at], "note", "given", "id", "undoes", "batch", "adjudicates"]))] = draw(JSON_VALUES)
        else:
            rows[at] = draw(JSON_VALUES)
    text = json.dumps(rows) if not draw(st.integers(0, 4)) else "\n".join(map(json.dumps, rows)) + draw(st.sampled_from(["\n", ""]))
    content = text.encode()
    return content[: draw(st.integers(0, len(content)))] if not draw(st.integers(0, 5)) else content


class World:
    """A folder of sound pictures, a run of them, and what is given besides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sound = folder / "sound"
        make_pictures(self.sound / "pics")
        make_probabilities(self.sound / "p.npy")
        made = run(["audit", "pics", "--pred-probs", "p.npy", "--run", "r", "--no-fiftyone"], home=self.sound)
        if made.code != 0:
            raise SystemExit(f"a sound audit ended with {made.code}: {made.err[-1000:]}")
        self.number = 0

    def fresh(self, *, with_run: bool = False, with_pictures: bool = True) -> Path:
        self.number += 1
        home = self.folder / f"{self.number}"
        home.mkdir()
        for name in (["pics", "p.npy"] if with_pictures else []) + (["data"] if with_run else []):
            path = self.sound / name
            shutil.copytree(path, home / name) if path.is_dir() else shutil.copy(path, home / name)
        return home


def judged(source: Path, **options: Any) -> Callable[[], int]:
    """Reads `source`, has it judged by probabilities that know the labels, looks at what comes out."""

    def act() -> int:
        import curate
        from curate.options import Source

        image_set = curate.load(Source(str(source), **options))
        num, num_classes = len(image_set), image_set.num_classes
        rng = np.random.default_rng(0)
        probs = rng.dirichlet(np.ones(num_classes), num).astype(np.float32) * 0.5
        probs[np.arange(num), np.where(image_set.labels < 0, 0, image_set.labels)] += 0.5
        curate.audit(image_set, judge=curate.Given(probs / probs.sum(1, keepdims=True)), run="r")
        return 0

    return act


def bounds(run_folder: Path) -> str | None:
    """A figure of the run that cannot be; None where all can."""
    import pandas as pd

    meta, findings = (json.loads((run_folder / name).read_text()) for name in ("run.json", "findings.json"))
    table = pd.read_parquet(run_folder / "issues.parquet")
    num = meta["dataset"]["num_samples"]
    num_labelled = int(table["given_label"].notna().sum())
    if len(table) != num:
        return f"{len(table)} rows of {num} samples"
    if not 0 <= int(table["is_label_issue"].sum()) <= num_labelled:
        return f"{int(table['is_label_issue'].sum())} flags of {num_labelled} labels"
    quality = table["label_quality"].dropna()
    if not quality.between(0, 1).all():
        return "a label quality outside 0..1"
    for name, value in _numbers(findings.get("detection", {}), "detection"):
        most = num_labelled if "num_" in name and "planted" not in name else None
        if any(word in name for word in ("precision", "recall", "share")) or name.endswith("accuracy"):
            most = 1
        if value < 0 or (most is not None and value > most + 1e-9):
            return f"{name} is {value}, of {num_labelled} labels"
    accuracy = meta["metrics"].get("out_of_fold_accuracy")
    return f"accuracy {accuracy}" if accuracy is not None and not 0 <= accuracy <= 1 else None


def uncounted(run_folder: Path, source: Path) -> str | None:
    """What of a source was neither read nor counted; None where all was."""
    from curate.data.folders import SYSTEM
    from curate.run import made_by_curate
    from curate.tables import read_table

    dataset = json.loads((run_folder / "run.json").read_text())["dataset"]
    origin = dataset["origin"]
    told = dataset["num_samples"] + len(origin["skipped"]) + sum(origin.get("passed_over", {}).values())
    if source.is_file():
        there = len(read_table(source).rows)
        return None if told == there else f"{told} of {there} rows are read or counted"
    there = 0
    for base, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SYSTEM and not made_by_curate(Path(base, name))]
        there += sum(not name.startswith(".") and name.lower() not in ("thumbs.db", "desktop.ini") for name in names)
        there -= "metadata.jsonl" in names and any("no row of the table" in reason for reason in origin.get("passed_over", {}))
    return None if told == there else f"{told} of {there} files are read or counted"


def _numbers(value: Any, name: str) -> list[tuple[str, float]]:
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _numbers(item, f"{name}.{key}")]
    return [(name, float(value))] if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value else []


def half_written(home: Path) -> str | None:
    """What a command left that is neither whole nor gone."""
    for base, folders, names in os.walk(home / "data"):
        for name in (*folders, *names):
            if name.endswith(".tmp") or ".curate-new-" in name or ".curate-old-" in name:
                return f"left {name}"
        if Path(base).parent == home / "data" / "runs":
            try:
                json.loads((Path(base) / "run.json").read_text())
            except (OSError, ValueError) as error:
                return f"a run folder without a sound run.json ({type(error).__name__})"
    return None


def check(
    tally: Tally, what: str, ended: Ended, home: Path, before: dict[str, str] | None = None, source: Path | None = None
) -> str | None:
    """Notes how a command on hostile input went, and whether all of `source` was counted; gives the fault."""
    fault = fault_of(ended, allowed=("well", "told"))
    fault = fault or half_written(home)
    run_folder = home / "data" / "runs" / "r"
    if fault is None and ended.code == 0 and (run_folder / "findings.json").exists():
        fault = bounds(run_folder) or (None if source is None else uncounted(run_folder, source))
    if (
        fault is None
        and before is not None
        and before != {name: hash for name, hash in contents(home).items() if not name.startswith("data/")}
    ):
        fault = "changed what was given"
    tally.note(what, fault)
    return fault


def _given(home: Path) -> dict[str, str]:
    return {name: hash for name, hash in contents(home).items() if not name.startswith("data/")}


def inputs(
    folder: Path, num: int, *, kinds: tuple[str, ...] = (), seed: int = 0, keep: Path | None = None, tally: Tally | None = None
) -> Tally:
    """The tally of `num` inputs, spread over the kinds; those that are lost are copied to `keep`."""
    warm_up()
    world = World(folder)
    tally = Tally() if tally is None else tally

    def done(home: Path, fault: str | None) -> None:
        if fault is not None and keep is not None:
            shutil.copytree(home, keep / home.name, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(home, ignore_errors=True)

    def a_tree(data: Any) -> None:
        home = world.fresh(with_pictures=False)
        write_tree(home / "set", data.draw(trees()))
        before = _given(home)
        strict = data.draw(st.booleans())
        done(home, check(tally, "tree", run(judged(home / "set", strict=strict), home=home), home, before, home / "set"))

    def a_table(data: Any) -> None:
        home = world.fresh()
        rows = [[identity, label, identity.split("/")[1]] for identity, label in zip(IDS, LABELS, strict=True)]
        ending, content = data.draw(tables(["filepath", "label", "split"], rows))
        path = home / f"set{ending}"
        path.write_bytes(content)
        before = _given(home)
        strict = data.draw(st.booleans())
        done(home, check(tally, "table", run(judged(path, strict=strict), home=home), home, before, path))

    def some_labels(data: Any) -> None:
        home = world.fresh()
        if data.draw(st.booleans()):
            with_people = data.draw(st.booleans())
            rows = [[identity, label, "ann"][: 3 if with_people else 2] for identity, label in zip(IDS, LABELS, strict=True)]
            ending, content = data.draw(tables(["sample_id", "label", "annotator"][: 3 if with_people else 2], rows))
        else:
            ending, content = ".npy", data.draw(arrays(np.array([CLASSES.index(name) for name in LABELS])))
        path = home / f"labels{ending}"
        path.write_bytes(content)
        before = _given(home)
        ended = run(["audit", "pics", "--labels", path.name, "--pred-probs", "p.npy", "--run", "r", "--no-fiftyone"], home=home)
        done(home, check(tally, "labels", ended, home, before))

    def some_probabilities(data: Any) -> None:
        home = world.fresh(with_run=True)
        if data.draw(st.booleans()):
            ending, content = ".npy", data.draw(arrays(PROBS))
        else:
            rows = [[identity, *map(str, row)] for identity, row in zip(IDS, PROBS.tolist(), strict=True)]
            ending, content = data.draw(tables(["sample_id", *CLASSES], rows))
        path = home / f"probs{ending}"
        path.write_bytes(content)
        before = _given(home)
        ended = run(["find", "r", "--pred-probs", path.name], home=home)
        done(home, check(tally, "probabilities", ended, home, before))

    def some_decisions(data: Any) -> None:
        home = world.fresh(with_run=True)
        if data.draw(st.booleans()):
            ending, content = data.draw(tables(["sample_id", "action", "label", "who"], DECIDED))
        else:
            ending, content = data.draw(st.sampled_from([".json", ".jsonl"])), data.draw(journals())
        path = home / f"decided{ending}"
        path.write_bytes(content)
        before = _given(home)
        journal = home / "data" / "runs" / "r" / "decisions.jsonl"
        ended = run(["import-decisions", "r", path.name], home=home)
        fault = None
        if ended.code == 0:
            length = journal.stat().st_size if journal.exists() else 0
            again = run(["import-decisions", "r", path.name], home=home)
            cleaned = run(["clean", "r", "--policy", "reviewed", "--json"], home=home)
            fault = fault_of(again, allowed=("well",)) or fault_of(cleaned, allowed=("well", "told"))
            if fault is None and length != (journal.stat().st_size if journal.exists() else 0):
                fault = "a second import added something"
            if fault is None and cleaned.code == 0:
                result = json.loads(cleaned.out)
                if sum(result[f"num_{action}"] for action in ("keep", "drop", "relabel", "abstain")) != NUM:
                    fault = "clean does not count every sample once"
        elif journal.exists():
            fault = "half an import"
        if fault is not None:
            tally.note("decisions", fault)
            done(home, fault)
        else:
            done(home, check(tally, "decisions", ended, home, before))

    makers = {"tree": a_tree, "table": a_table, "labels": some_labels, "probabilities": some_probabilities, "decisions": some_decisions}
    chosen = kinds or tuple(makers)
    for number, kind in enumerate(chosen):
        share = num // len(chosen) + (number < num % len(chosen))
        drill = given(st.data())(makers[kind])
        quiet = settings(
            max_examples=share,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        seeded(random.Random(seed).randrange(2**32) + number)(quiet(drill))()
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--kinds", nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where inputs go that are lost")
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder, tally.shown():
        inputs(Path(folder), options.inputs, kinds=tuple(options.kinds), seed=options.seed, keep=options.keep, tally=tally)


if __name__ == "__main__":
    main()
