"""One picture file, decoded no larger than it is needed: upright, in sRGB, on white where it is transparent."""

import contextlib
import hashlib
import io
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError
from curate.packages import pip_install

if TYPE_CHECKING:
    from PIL import Image

KEY_BYTES = 16
DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")
"""Pillow's modes of grey pictures with more than 8 bits."""
DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras and scanners use of 16."""
ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""
UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
HEIC = frozenset({".heic", ".heif", ".hif"})


@dataclass(frozen=True)
class Decoded:
    """A picture.

    Attributes:
        image: RGB, upright; its short side is the one asked for, or its own where that is shorter.
        width, height: of the original, upright.
        is_grey: the file has no colours.
    """

    image: "Image.Image"
    width: int
    height: int
    is_grey: bool


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Within, Pillow does not warn of damaged metadata, and takes an absurdly large image for an error.

    Python's list of warning filters belongs to the whole process: enter this around a pool of threads, never inside one.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@lru_cache(maxsize=1)
def readable_suffixes() -> frozenset[str]:
    """The endings of files that are read here, `.heic` among them only where pillow-heif is installed."""
    from PIL import Image, features

    Image.init()
    wanted = {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
    wanted |= {".pbm", ".pnm", ".jp2", ".j2k", ".tga", ".ico", ".qoi"} | ({".avif", ".avifs"} if features.check("avif") else set())
    known = {suffix.lower() for suffix in Image.registered_extensions()} | {".mpo"}
    return frozenset((wanted & known) | (HEIC if _register_heif() else frozenset()))


@lru_cache(maxsize=1)
def picture_suffixes() -> frozenset[str]:
    """Endings by which a file says that it is a picture, whether or not it can be read here."""
    from PIL import Image

    Image.init()
    raw = {".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw", ".psd", ".xcf", ".jxl", ".svg", ".exr", ".hdr"}
    return frozenset(readable_suffixes() | HEIC | raw | {".avif", ".avifs", ".jp2", ".dcm"})


def why_unread(suffix: str) -> str:
    """Why files with that ending (lower case, with its dot) are skipped, and what would help."""
    if suffix in HEIC:
        return f"HEIC; to have it read: {pip_install('pillow-heif', extra='photos')}"
    if suffix in (".avif", ".avifs"):
        return f"this Pillow reads no AVIF; {pip_install('pillow', options='-U')}"
    if suffix in picture_suffixes():
        return f"{suffix} is not read; convert it to JPEG, PNG or TIFF"
    return "not a picture, by the file name"


def content_key(content: bytes) -> bytes:
    """16 bytes that tell this content from any other: the first half of its SHA-256."""
    return hashlib.sha256(content).digest()[:KEY_BYTES]


def decode(content: bytes, *, short_side: int | None = None, least_depth: int = 8, name: str = "") -> Decoded:
    """The picture in `content`, reduced to `short_side` and never enlarged.

    A JPEG is decoded at a half, a quarter or an eighth where that is enough. Of animations, bursts and pages the first counts; an MPO
    is its first frame. Grey pictures of 16 bits are scaled by the bits that they use; colour profiles are followed.

    Args:
        content: of the file.
        short_side: in pixels; None = as it is.
        least_depth: bits (8 to 16) that the 16-bit pictures of this set are known to use, see `common_depth`.
        name: for the message.

    Raises:
        DataError: it is no picture, is cut off, or has pixels of unknown range.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as opened:
            width, height = opened.size
            is_grey = opened.mode in ("1", "L", "LA", "La", *DEEP)
            if opened.mode == "F":
                raise ValueError("its pixels are floating-point numbers of unknown range; save it with 8 or 16 bits")
            if short_side is not None:
                opened.draft(None, (short_side, short_side))
            profile = opened.info.get("icc_profile")
            opened.load()
            turn = opened.getexif().get(ORIENTATION, 1)
            if turn in (5, 6, 7, 8):
                width, height = height, width
            image: Image.Image = opened
            if image.mode in DEEP:
                image = eight_bits(image, least_depth)
            image = _reduced(image, short_side)
            if turn in UPRIGHT:
                image = image.transpose(getattr(Image.Transpose, UPRIGHT[turn]))
            return Decoded(_to_srgb(image, profile), width, height, is_grey)
    except Exception as error:  # a damaged file makes Pillow raise errors of nearly any type
        raise unreadable(name, error, empty=not content) from error


def read(path: str, *, short_side: int | None = None, least_depth: int = 8) -> Decoded:
    """The picture in the file, as `decode`.

    Raises:
        DataError: the file is missing, too, or cannot be opened.
    """
    check_can_end(path)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise unreadable(path, error) from error
    return decode(content, short_side=short_side, least_depth=least_depth, name=path)


def common_depth(paths: Iterable[str], *, most: int = 64) -> int:
    """The bits that the 16-bit grey pictures among the files use: 8, 10, 12, 14 or 16; 8 where there are none.

    One depth for all of a set keeps a dark picture darker than a bright one. At most `most` such files are looked at, evenly spaced among
    those whose ending allows for it; a picture that uses more than they do is scaled by its own.
    """
    from PIL import Image

    deep = [path for path in paths if os.path.splitext(path)[1].lower() in (".png", ".tif", ".tiff", ".pgm", ".pnm", ".jp2", ".j2k")]
    largest = 0
    with quiet_pillow():
        for path in deep[:: max(len(deep) // most, 1)]:
            try:
                check_can_end(path)
                with Image.open(path) as image:
                    if image.mode in DEEP:
                        largest = max(largest, int(np.asarray(image).max()))
            except Exception:  # told when it is read
                continue
    return _depth_of(largest)


def eight_bits(image: "Image.Image", least_depth: int = 8) -> "Image.Image":
    """A grey picture of 16 bits with 8, scaled by the bits that it uses, or `least_depth` where that is more."""
    from PIL import Image

    values = np.asarray(image).astype(np.int64)
    depth = max(_depth_of(int(values.max(initial=0))), least_depth)
    return Image.fromarray((values >> (depth - 8)).clip(0, 255).astype(np.uint8))


def check_can_end(path: str) -> None:
    """Raises DataError where the file is a pipe, a socket or a device: reading it may never end."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise DataError(f"image {path} cannot be read (a pipe, a socket or a device, and no file)")


def unreadable(path: str, error: Exception, *, empty: bool = False) -> DataError:
    """The error that says why the file at `path` cannot be read."""
    if isinstance(error, DataError):
        return error
    if isinstance(error, FileNotFoundError):
        return DataError(f"image {path} is missing")
    if empty:
        reason = "the file is empty"
    elif type(error).__name__ in BOMBS:
        reason = f"{_pixels_in(error)}more than the {_safe_megapixels():.0f} megapixels that are read"
    elif type(error).__name__ == "UnidentifiedImageError":
        reason = why_unread(suffix) if (suffix := os.path.splitext(path)[1].lower()) in HEIC else "no image that Pillow knows"
    else:
        reason = str(error) or type(error).__name__
    return DataError(f"image {path} cannot be read ({reason})")


BOMBS = ("DecompressionBombWarning", "DecompressionBombError")
"""What Pillow raises for pictures that may be made to fill the memory."""


def remedy_of(error: DataError) -> str:
    """What to do about a file that cannot be read, from the error that says so."""
    if isinstance(error.__cause__, FileNotFoundError):
        return "put it back, or take it off the list"
    return "save it smaller" if type(error.__cause__).__name__ in BOMBS else "repair or remove it"


def _pixels_in(error: Exception) -> str:
    found = re.search(r"\((\d+) pixels\)", str(error))
    return f"{int(found[1]) / 1e6:.0f} megapixels, " if found else ""


def _safe_megapixels() -> float:
    from PIL import Image

    return (Image.MAX_IMAGE_PIXELS or 0) / 1e6


def _depth_of(largest: int) -> int:
    return next((depth for depth in DEPTHS if largest < 1 << depth), 16 if largest < 1 << 16 else int(largest).bit_length())


def _reduced(image: "Image.Image", short_side: int | None) -> "Image.Image":
    from PIL import Image

    if short_side is None or min(image.size) <= short_side:
        return image
    scale = short_side / min(image.size)
    size = (max(round(image.width * scale), short_side), max(round(image.height * scale), short_side))
    if image.mode in ("1", "P"):  # palettes and bits cannot be averaged
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "PA":
        image = image.convert("RGBA")
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def _to_srgb(image: "Image.Image", profile: bytes | None) -> "Image.Image":
    from PIL import Image

    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if profile and image.mode in ("RGBA", "P"):
        image = image.convert("RGB")
    if profile and image.mode in ("RGB", "CMYK", "L", "LAB"):
        transform = _transform(profile, image.mode)
        if transform is not None:
            from PIL import ImageCms

            with contextlib.suppress(ImageCms.PyCMSError, ValueError):  # a profile that does not fit its picture
                image = ImageCms.applyTransform(image, transform) or image
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str):  # type: ignore[no-untyped-def]
    """The way from a colour profile to sRGB; None where it is sRGB already or cannot be used."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if mode == "RGB" and "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:  # damaged profiles are common
        return None


@lru_cache(maxsize=1)
def _register_heif() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def to_array(image: "Image.Image") -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of an RGB image."""
    return np.asarray(image)
