"""The same picture is known again, whatever it is called."""

import shutil
from dataclasses import replace

import numpy as np

from curate.data.content import content_ids


def test_equal_pictures_have_equal_contents_and_shapes_count(make_shapes):
    images = make_shapes(6)
    twice = replace(images, images=np.concatenate([images.images[:5], images.images[:1]]))
    found = content_ids(twice)
    assert found[0] == found[5] and len(set(found)) == 5
    wide = replace(images, images=images.images.reshape(6, 1, 8, 32))
    assert not set(content_ids(wide)) & set(found)
    assert content_ids(images, [2, 4]) == [found[2], found[4]]


def test_files_are_known_by_what_is_in_them_and_lost_ones_by_their_pixels(make_shapes, write_shapes, tmp_path):
    images = make_shapes(3)
    files = np.array(sorted(str(file) for file in write_shapes(images, tmp_path).rglob("*.png")))
    with_files = replace(images, filepaths=files)
    before = content_ids(with_files)
    renamed = [str(tmp_path / f"{i}.png") for i in range(3)]
    for old, new in zip(files, renamed, strict=True):
        shutil.copyfile(old, new)
    assert content_ids(replace(images, filepaths=np.array(renamed))) == before
    (tmp_path / "0.png").unlink()
    assert content_ids(replace(images, filepaths=np.array(renamed)))[0] == content_ids(images)[0]
