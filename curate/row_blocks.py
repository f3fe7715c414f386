"""Rows of a large array block by block, so that an array on disk never lies in memory whole."""

import mmap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 16 << 20


def row_blocks(array: NDArray, *, block_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, NDArray]]:
    """The position of the first row, and the rows, of consecutive blocks; read-only where the array is on disk.

    Pages of a memory map that were read stay with the process as long as the map is open, up to the size of the file. A whole map
    (`np.load(…, mmap_mode="r")`) is therefore opened anew for each block and closed with it.

    Args:
        array: (N, …), in memory or a memory map.
        block_bytes: about the size of a block; at least one row.
    """
    rows = max(block_bytes // max(array[:1].nbytes, 1), 1)
    file = file_of(array)
    for start in range(0, len(array), rows):
        stop = min(start + rows, len(array))
        if file is None:
            yield start, array[start:stop]
        else:
            path, offset = file
            offset += start * array[:1].nbytes
            yield start, np.memmap(path, dtype=array.dtype, mode="r", offset=offset, shape=(stop - start, *array.shape[1:]))


def file_of(array: NDArray) -> tuple[str, int] | None:
    """The file whose content from that byte on is `array`; None where it is in memory, or a part or rearrangement of a map."""
    if not isinstance(array, np.memmap) or not isinstance(array.base, mmap.mmap) or not array.flags.c_contiguous:
        return None
    return None if array.filename is None else (str(array.filename), array.offset)


def forget_pages(array: NDArray) -> None:
    """Gives back the pages of a memory map that this process has touched: the file keeps what was written, and is read again if needed.

    Nothing happens to an array in memory, to a private map, or where the system knows no such thing.
    """
    owner, mode = array, None
    while isinstance(owner, np.ndarray):
        mode = getattr(owner, "mode", mode)
        owner = owner.base  # type: ignore[assignment]
    if isinstance(owner, mmap.mmap) and mode in ("r", "r+", "w+") and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
