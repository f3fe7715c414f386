"""One picture file: every kind is read as it should look, or named."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from curate.data.pictures import common_depth, decode, eight_bits, read, readable_suffixes, why_unread
from curate.errors import DataError


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def slope(width=300, height=200) -> Image.Image:
    """Red to the right, green downwards: orientation and colours can be told from any corner."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], axis=2).astype(np.uint8))


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("AVIF", {})]
)
def test_colour_pictures_of_all_kinds_look_alike(kind, options):
    if kind == "AVIF" and ".avif" not in readable_suffixes():
        pytest.skip("this Pillow reads no AVIF")
    decoded = decode(encoded(slope(), kind, **options), short_side=100)
    assert decoded.image.size == (150, 100) and (decoded.width, decoded.height) == (300, 200) and not decoded.is_grey
    difference = np.abs(np.asarray(decoded.image, int) - np.asarray(slope().resize((150, 100)), int))
    assert difference.mean() < 3


def test_a_picture_is_never_enlarged():
    assert decode(encoded(slope(30, 20), "PNG"), short_side=100).image.size == (30, 20)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_camera_held_any_way_gives_the_same_picture(turn):
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the inverse of what EXIF asks for
    stored = slope() if turn == 1 else slope().transpose(back[turn])
    exif = Image.Exif()
    exif[0x0112] = turn
    decoded = decode(encoded(stored, "JPEG", exif=exif, quality=95), short_side=100)
    assert (decoded.width, decoded.height) == (300, 200)
    assert np.abs(np.asarray(decoded.image, int) - np.asarray(slope().resize((150, 100)), int)).mean() < 3


def test_a_wide_colour_space_becomes_srgb():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    plain = decode(encoded(slope(), "PNG")).image
    assert np.array_equal(decode(encoded(slope(), "PNG", icc_profile=profile)).image, plain)  # a profile that does not fit is left alone
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(decode(encoded(slope(), "PNG", icc_profile=srgb)).image, plain)


def test_cmyk_is_read_in_its_colours():
    decoded = decode(encoded(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG", quality=95))
    assert np.asarray(decoded.image)[32, 32] == pytest.approx([255, 0, 0], abs=12)


def test_transparency_is_laid_over_white():
    assert (np.asarray(decode(encoded(Image.new("RGBA", (400, 400), (0, 0, 0, 0)), "PNG"), short_side=50).image) == 255).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_sixteen_bits_are_scaled_by_those_that_are_used(bits):
    values = np.linspace(0, 2**bits - 1, 64 * 64).reshape(64, 64).astype(np.uint16)
    decoded = decode(encoded(Image.fromarray(values), "PNG"))
    assert decoded.is_grey and np.asarray(decoded.image).max() == 255


def test_a_dark_picture_stays_dark_beside_a_bright_one_of_the_same_camera(tmp_path):
    for name, most in (("dark", 200), ("bright", 4000)):
        Image.fromarray(np.full((32, 32), most, np.uint16)).save(tmp_path / f"{name}.png")
    depth = common_depth([str(tmp_path / "dark.png"), str(tmp_path / "bright.png")])
    assert depth == 12
    assert np.asarray(read(str(tmp_path / "dark.png"), least_depth=depth).image).max() == 200 >> 4
    assert np.asarray(eight_bits(Image.open(tmp_path / "bright.png"), depth)).max() == 4000 >> 4


def test_of_pages_and_frames_the_first_counts():
    pages = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    for kind in ("TIFF", "GIF", "MPO"):
        found = np.asarray(decode(encoded(pages[0], kind, save_all=True, append_images=pages[1:])).image)[20, 20]
        assert found == pytest.approx([255, 0, 0], abs=6)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "the file is empty"), (b"not a picture", "no image that Pillow knows"), (None, "cannot be read")]
)
def test_what_is_no_picture_is_named_with_its_reason(content, message):
    content = encoded(slope(), "JPEG")[:500] if content is None else content
    with pytest.raises(DataError, match=f"a.jpg.*{message}"):
        decode(content, name="a.jpg")


def test_an_iphone_s_pictures_are_named_with_what_helps():
    if ".heic" in readable_suffixes():
        pytest.skip("pillow-heif is installed")
    assert "pip install 'pillow-heif>=" in why_unread(".heic")
