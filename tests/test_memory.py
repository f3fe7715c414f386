"""Resident memory of a process and its children."""

import mmap
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from curate import memory
from curate.memory import PeakMemory, tree_rss

MIB = 2**20
HOLD = "x = bytearray(200 * 2**20); x[::4096] = b'1' * len(x[::4096]); print('ready', flush=True); input()"


def holding():
    """A process that holds 200 MiB until its stdin closes."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


def ended(process):
    process.communicate(b"\n", timeout=30)


def test_memory_of_children_counts_until_they_end():
    before = tree_rss()
    process = holding()
    during = tree_rss()
    ended(process)
    assert 190 * MIB < during - before < 400 * MIB
    assert tree_rss() - before < 100 * MIB


def test_a_process_of_a_name_that_is_left_out_does_not_count():
    process = holding()
    name = Path(f"/proc/{process.pid}/comm").read_text().strip()
    with_it, without_it = tree_rss(process.pid), tree_rss(process.pid, leave_out=(name,))
    ended(process)
    assert with_it > 190 * MIB and without_it == 0


def test_the_peak_outlives_what_made_it():
    with PeakMemory(every_seconds=0.02) as memory:
        start = tree_rss() / MIB
        with mmap.mmap(-1, 150 * MIB) as block:  # not from the heap, which may hold that much free memory already
            block[:: mmap.PAGESIZE] = b"1" * (150 * MIB // mmap.PAGESIZE)
            time.sleep(0.3)
        time.sleep(0.1)
        end = tree_rss() / MIB
    assert memory.peak_mib - start > 140 and memory.peak_mib - end > 100


def test_the_sampling_ends_with_the_block():
    with PeakMemory(every_seconds=0.01) as memory:
        pass
    assert memory.peak_mib > 10 and not memory._thread.is_alive()


def test_pages_of_mapped_files_can_be_left_out(tmp_path):
    size = 64 * 2**20
    np.save(tmp_path / "a.npy", np.ones(size, np.uint8))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    before, own_before = tree_rss(), tree_rss(with_files=False)
    assert mapped.sum() == size  # every page is read
    assert tree_rss() - before > 0.9 * size and abs(tree_rss(with_files=False) - own_before) < 0.3 * size


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {"memory.max": "1000\n"}, 1000),
        ("0::/a/b\n", {"a/memory.max": "2000\n", "a/b/memory.max": "max\n"}, 2000),
        ("4:memory:/pod/c\n3:cpu:/\n", {"memory/pod/c/memory.limit_in_bytes": "3000\n", "memory/memory.limit_in_bytes": "9000\n"}, 3000),
    ],
)
def test_memory_is_that_of_the_container(tmp_path, monkeypatch, groups, files, expected):
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(text)
    (tmp_path / "own").write_text(groups)
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "fs")
    monkeypatch.setattr(memory, "OWN_CGROUPS", tmp_path / "own")
    assert memory.total_memory() == expected
