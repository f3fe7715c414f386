"""macOS and Windows as far as Linux can show them: without what only Linux or POSIX has, an audit goes through to its review page."""

import subprocess
import sys

WITHOUT = """
import multiprocessing.pool, os, sys
import cleanlab, filelock, matplotlib.pyplot, pandas, PIL.Image, platformdirs, psutil, sklearn.cluster, torch, torchvision, typer
import numpy as np

for name in ("fcntl", "resource", "termios", "pwd", "grp"):
    sys.modules[name] = None
for name in ("posix_fallocate", "sched_getaffinity", "getuid", "fork", "O_DIRECTORY", "O_NOFOLLOW"):
    delattr(os, name)
"""
IMPORT_ALL = """
import importlib, pkgutil, curate
for found in pkgutil.walk_packages(curate.__path__, "curate."):
    if not found.name.startswith(("curate.app", "curate.machine", "curate.__main__")):
        importlib.import_module(found.name)
"""
AUDIT = """
import curate
generator = np.random.default_rng(0)
labels = np.arange(60) % 3
images = (generator.integers(0, 60, (60, 12, 12)) + 60 * labels[:, None, None]).astype(np.uint8)
probs = np.full((60, 3), 0.02); probs[np.arange(60), labels] = 0.96
given = labels.copy(); given[4] = 0
audit = curate.audit(images, given, judge=curate.Given(probs, embeddings=images.reshape(60, -1).astype(np.float32)), run="there")
assert audit.issues["sample_id"][0] == "arrays/4" and audit.gallery(review=True) and audit.clean("drop").figures["num_keep"] == 59
"""


def ended_well(code, **environment):
    done = subprocess.run([sys.executable, "-c", WITHOUT + code], capture_output=True, text=True, env=environment or None)
    assert done.returncode == 0, done.stderr


def test_nothing_that_only_linux_has_is_imported():
    ended_well(IMPORT_ALL)


def test_an_audit_of_own_probabilities_needs_nothing_that_only_linux_has(tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path))
    ended_well(AUDIT)
    assert (tmp_path / "runs" / "there" / "report.html").is_file()
