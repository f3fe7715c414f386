import os

import numpy as np
import pytest
from PIL import Image

from curate.data import decode
from curate.data import decode as pixel_cache
from curate.data.decode import decode_images
from curate.errors import DataError, UsageError

RNG = np.random.default_rng(0)


def save(path, array_or_image, **options):
    image = Image.fromarray(array_or_image) if isinstance(array_or_image, np.ndarray) else array_or_image
    image.save(path, **options)
    return str(path)


def noise(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def test_small_images_of_one_size_keep_their_pixels(tmp_path):
    arrays = [noise(28, 28), noise(28, 28)]
    paths = [save(tmp_path / f"{i}.png", array) for i, array in enumerate(arrays)]
    decoded = decode_images(paths)
    np.testing.assert_array_equal(decoded.images, np.stack(arrays)[:, None])
    np.testing.assert_array_equal(decoded.kept, [0, 1])


def test_one_coloured_file_makes_all_rgb(tmp_path):
    grey, coloured = noise(16, 16), noise(16, 16, 3)
    decoded = decode_images([save(tmp_path / "g.png", grey), save(tmp_path / "c.png", coloured)])
    np.testing.assert_array_equal(decoded.images, np.stack([np.repeat(grey[None], 3, axis=0), coloured.transpose(2, 0, 1)]))


@pytest.mark.parametrize("sizes", [[(20, 20), (30, 30)], [(20, 30), (20, 30)], [(100, 100), (100, 100)], [(4, 4), (4, 4)]])
def test_other_sizes_become_64(tmp_path, sizes):
    paths = [save(tmp_path / f"{i}.png", noise(*size)) for i, size in enumerate(sizes)]
    assert decode_images(paths).images.shape == (2, 1, 64, 64)


def test_an_image_size_is_obeyed(tmp_path):
    assert decode_images([save(tmp_path / "a.jpg", noise(300, 200, 3))], image_size=40).images.shape == (1, 3, 40, 40)


def test_an_image_size_that_leaves_nothing_is_refused():
    with pytest.raises(UsageError, match="8 or more, found 0"):
        decode_images([], image_size=0)


def test_photos_are_turned_upright(tmp_path):
    image = Image.new("RGB", (60, 60), "black")
    image.paste("white", (0, 0, 60, 20))  # the top as stored
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise: the stored top is the right
    upright = decode_images([save(tmp_path / "a.jpg", image, exif=exif, quality=95)]).images[0, 0]
    assert upright[30, 55] > 250 and upright[5, 5] < 5


def test_transparency_is_white(tmp_path):
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    assert (decode_images([save(tmp_path / "a.png", image)]).images == 255).all()


def test_sixteen_bits_keep_their_upper_eight(tmp_path):
    array = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1024
    np.testing.assert_array_equal(decode_images([save(tmp_path / "a.png", array)]).images[0, 0], array >> 8)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "CMYK"])
def test_every_kind_of_file_is_decoded(tmp_path, mode):
    path = save(tmp_path / ("a.jpg" if mode == "CMYK" else "a.png"), Image.new("RGB", (9, 9), "white").convert(mode))
    assert (decode_images([path]).images >= 254).all()


def broken_files(tmp_path):
    """A good file, one that is no image, a truncated one, a missing one, another good file."""
    good = [save(tmp_path / f"good{i}.png", noise(32, 32)) for i in range(2)]
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good0.png").read_bytes()[:500])
    return [good[0], str(tmp_path / "text.png"), str(tmp_path / "cut.png"), str(tmp_path / "missing.png"), good[1]]


@pytest.mark.parametrize(
    ("which", "message"), [(1, r"text\.png cannot be read"), (2, r"cut\.png cannot be read"), (3, r"missing\.png is missing")]
)
def test_a_broken_image_is_named_with_the_way_on(tmp_path, which, message):
    paths = broken_files(tmp_path)
    with pytest.raises(DataError, match=message + ".*--strict"):
        decode_images([paths[0], paths[which]])


def test_broken_images_are_left_out_and_listed_on_demand(tmp_path):
    decoded = decode_images(broken_files(tmp_path), skip_broken=True)
    np.testing.assert_array_equal(decoded.kept, [0, 4])
    assert len(decoded.images) == 2
    assert [os.path.basename(line.split()[1]) for line in decoded.skipped] == ["text.png", "cut.png", "missing.png"]


def test_only_broken_images_are_an_error_even_so(tmp_path):
    with pytest.raises(DataError, match=r"none of the images can be read; the first: image .*text\.png"):
        decode_images(broken_files(tmp_path)[1:4], skip_broken=True)


def test_an_image_of_absurd_size_is_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(DataError, match="cannot be read"):
        decode_images([save(tmp_path / "a.png", noise(32, 32))])


def test_progress_ends_at_the_number_of_files(tmp_path):
    calls = []
    decode_images([save(tmp_path / "a.png", noise(8, 8))], progress=lambda *call: calls.append(call))
    assert calls == [("read headers", 1, 1), ("decode images", 1, 1)]


@pytest.fixture
def cached_files(tmp_path, monkeypatch):
    """A cache that keeps even the smallest array, as a memory map."""
    monkeypatch.setattr(decode, "CACHE_BYTES", 0)
    monkeypatch.setattr(pixel_cache, "MEMORY_BYTES", 0)
    return broken_files(tmp_path), tmp_path / "cache"


def test_a_large_set_is_a_memory_map_with_the_same_content(cached_files):
    paths, cache = cached_files
    plain, mapped = decode_images(paths, skip_broken=True), decode_images(paths, skip_broken=True, cache=cache)
    assert isinstance(mapped.images, np.memmap)
    np.testing.assert_array_equal(mapped.images, plain.images)
    assert mapped.skipped == plain.skipped and mapped.kept.tolist() == plain.kept.tolist()


def test_the_cache_is_used_again(cached_files):
    paths, cache = cached_files
    first = decode_images(paths, skip_broken=True, cache=cache)
    stages = []
    again = decode_images(paths, skip_broken=True, cache=cache, progress=lambda stage, *_: stages.append(stage))
    assert stages == [] and again.skipped == first.skipped
    np.testing.assert_array_equal(again.images, first.images)


def test_a_cache_with_gaps_does_not_hide_broken_files(cached_files):
    paths, cache = cached_files
    decode_images(paths, skip_broken=True, cache=cache)
    with pytest.raises(DataError, match="--strict"):
        decode_images(paths, cache=cache)


def test_a_changed_file_is_decoded_anew(cached_files):
    paths, cache = cached_files
    decode_images(paths[:1], cache=cache)
    os.remove(paths[0])
    other = noise(32, 32)
    save(paths[0], other)
    np.testing.assert_array_equal(decode_images(paths[:1], cache=cache).images[0, 0], other)


def test_a_truncated_cache_is_made_anew(cached_files):
    paths, cache = cached_files
    decode_images(paths[:1], cache=cache)
    (array,) = cache.glob("*.npy")
    array.write_bytes(array.read_bytes()[:200])
    assert decode_images(paths[:1], cache=cache).images.shape == (1, 1, 32, 32)


def test_a_failed_decoding_leaves_nothing_in_the_cache(cached_files):
    paths, cache = cached_files
    with pytest.raises(DataError):
        decode_images(paths[:3:2], cache=cache)
    assert not list(cache.glob("*"))


def test_pages_and_frames_after_the_first_are_told_also_from_the_cache(tmp_path):
    pages = [Image.fromarray(noise(90, 90, 3)) for _ in range(3)]
    for name in ("pages.tif", "moving.gif", "moving.webp"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "burst.mpo", format="MPO", save_all=True, append_images=pages[1:])
    one = save(tmp_path / "one.tif", noise(90, 90, 3))
    paths = [one, *(str(tmp_path / name) for name in ("burst.mpo", "pages.tif", "moving.gif", "moving.webp"))]
    for _ in range(2):
        told = decode_images(paths, cache=tmp_path / "cache" / "decoded").remarks
        assert len(told) == 1
        assert told[0].startswith(f"3 files have several pages or frames, such as {paths[2]} (3): only the first is read")
    assert decode_images(paths[:2]).remarks == ()
