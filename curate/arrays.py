"""Arrays that people bring: `.npy` files, read without running what may be in them."""

from pathlib import Path
from typing import TYPE_CHECKING

from curate.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_array(path: Path, what: str, *, mmap: bool = False) -> "NDArray":
    """The array in a `.npy` file, a memory map where that is asked for.

    Args:
        what: it holds, for messages.

    Raises:
        DataError: there is no such file, it is no array of numbers or text, or an archive of several.
    """
    import numpy as np

    if not path.is_file():
        raise DataError(f"there is no file at {path}; expected a .npy array of {what}")
    try:
        array = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        is_foreign = "pickle" in str(error) or "Python objects" in str(error)
        reason = "no array, or one of Python's objects; save numbers or text with numpy.save" if is_foreign else error
        raise DataError(f"{path} is not a readable .npy array of {what} ({reason})") from error
    if not isinstance(array, np.ndarray):  # an archive, whatever its ending
        raise DataError(f"{path} is an archive of arrays ({', '.join(array.files)}); save the one array you mean with numpy.save")
    return array
