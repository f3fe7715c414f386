import gzip
import io
import json
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from curate.data import readers as cifar10_strips
from curate.data.catalog import CATALOG
from curate.data.readers import GTSRB_SIZE, cifar10_names, read_cifar10, read_cifar100, read_gtsrb, read_idx, read_svhn
from curate.errors import IntegrityError

RNG = np.random.default_rng(0)


def idx(array):
    return struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder, write):
    """Three training and two test images of 4 x 5."""
    images, labels = RNG.integers(0, 256, (5, 4, 5), dtype=np.uint8), np.array([3, 1, 4, 1, 5], dtype=np.uint8)
    for part, rows in (("train", slice(0, 3)), ("t10k", slice(3, 5))):
        write(folder / f"{part}-images-idx3-ubyte", idx(images[rows]))
        write(folder / f"{part}-labels-idx1-ubyte", idx(labels[rows]))
    return images, labels


def write_plain(path, content):
    path.write_bytes(content)


def write_gzipped(path, content):
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))


@pytest.mark.parametrize("write", [write_plain, write_gzipped])
def test_idx_files_are_read_training_first(tmp_path, write):
    images, labels = write_idx(tmp_path, write)
    read, given, num_train = read_idx(tmp_path)
    np.testing.assert_array_equal(read, images[:, None])
    np.testing.assert_array_equal(given, labels)
    assert num_train == 3 and given.dtype == np.int64


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content[:3], lambda content: b"\x01" + content[1:]])
def test_an_idx_file_that_is_none_is_named(tmp_path, damage):
    write_idx(tmp_path, write_plain)
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(IntegrityError, match="t10k-images-idx3-ubyte is not a complete IDX file"):
        read_idx(tmp_path)


def test_cifar10_batches_are_read_in_official_order(tmp_path):
    rows = RNG.integers(0, 10, (12, 3073), dtype=np.uint8)
    for i, name in enumerate(cifar10_names()):
        (tmp_path / name).write_bytes(rows[2 * i : 2 * i + 2].tobytes())
    images, labels, num_train = read_cifar10(tmp_path)
    np.testing.assert_array_equal(images, rows[:, 1:].reshape(12, 3, 32, 32))
    np.testing.assert_array_equal(labels, rows[:, 0])
    assert num_train == 10


def test_png_strips_become_the_binary_batches(monkeypatch):
    from PIL import Image

    monkeypatch.setattr(cifar10_strips, "STRIP_ROWS", 2)

    images = RNG.integers(0, 256, (6, 2, 3, 32, 32), dtype=np.uint8)
    labels = RNG.integers(0, 10, (6, 2))
    members = {"train.json": json.dumps(labels[:5].ravel().tolist()).encode(), "test.json": json.dumps(labels[5].tolist()).encode()}
    for name, batch in zip(cifar10_names(), images, strict=True):
        file = io.BytesIO()
        Image.fromarray(batch.transpose(0, 2, 3, 1).reshape(2, 1024, 3)).save(file, "PNG")
        members[f"{name[:-4]}.png"] = file.getvalue()
    batches = cifar10_strips.strips_to_batches(members)
    assert list(batches) == cifar10_names()
    rows = np.frombuffer(b"".join(batches.values()), dtype=np.uint8).reshape(6, 2, 3073)
    np.testing.assert_array_equal(rows[..., 0], labels)
    np.testing.assert_array_equal(rows[..., 1:].reshape(images.shape), images)


def test_cifar100_takes_the_fine_label(tmp_path):
    rows = RNG.integers(0, 20, (5, 3074), dtype=np.uint8)
    with tarfile.open(tmp_path / "cifar-100-binary.tar.gz", "w:gz") as archive:
        for name, part in (("test", rows[3:]), ("train", rows[:3])):
            info = tarfile.TarInfo(f"cifar-100-binary/{name}.bin")
            info.size = part.size
            archive.addfile(info, io.BytesIO(part.tobytes()))
    images, labels, num_train = read_cifar100(tmp_path)
    np.testing.assert_array_equal(labels, rows[:, 1])
    np.testing.assert_array_equal(images, rows[:, 2:].reshape(5, 3, 32, 32))
    assert num_train == 3


def test_svhn_puts_samples_first_and_turns_ten_into_zero(tmp_path):
    from scipy.io import savemat

    train, test = RNG.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8), RNG.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    savemat(tmp_path / "train_32x32.mat", {"X": train.transpose(1, 2, 3, 0), "y": np.array([[10], [1], [9]], dtype=np.uint8)})
    savemat(tmp_path / "test_32x32.mat", {"X": test.transpose(1, 2, 3, 0), "y": np.array([[2], [10]], dtype=np.uint8)})
    images, labels, num_train = read_svhn(tmp_path)
    np.testing.assert_array_equal(images, np.concatenate([train, test]).transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(labels, [0, 1, 9, 2, 0])
    assert num_train == 3


def test_gtsrb_reads_its_zips_at_one_size(tmp_path):
    from PIL import Image

    def ppm(colour, size):
        file = io.BytesIO()
        Image.new("RGB", size, colour).save(file, "PPM")
        return file.getvalue()

    with zipfile.ZipFile(tmp_path / "GTSRB-Training_fixed.zip", "w") as archive:
        archive.writestr("GTSRB/Training/00007/00000_00000.ppm", ppm((7, 0, 0), (30, 31)))
        archive.writestr("GTSRB/Training/00001/GT-00001.csv", "Filename;Width")
        archive.writestr("GTSRB/Training/00001/00000_00001.ppm", ppm((1, 1, 0), (48, 48)))
        archive.writestr("GTSRB/Training/00001/00000_00000.ppm", ppm((1, 0, 0), (60, 20)))
    with zipfile.ZipFile(tmp_path / "GTSRB_Final_Test_Images.zip", "w") as archive:
        archive.writestr("GTSRB/Final_Test/Images/00000.ppm", ppm((42, 0, 0), (50, 50)))
        archive.writestr("GTSRB/Final_Test/Images/00001.ppm", ppm((3, 0, 0), (50, 50)))
    with zipfile.ZipFile(tmp_path / "GTSRB_Final_Test_GT.zip", "w") as archive:
        archive.writestr("GT-final_test.csv", "Filename;Width;ClassId\r\n00000.ppm;50;42\r\n00001.ppm;50;3\r\n")
    images, labels, num_train = read_gtsrb(tmp_path)
    assert images.shape == (5, 3, GTSRB_SIZE, GTSRB_SIZE) and num_train == 3
    np.testing.assert_array_equal(labels, [1, 1, 7, 42, 3])
    np.testing.assert_array_equal(images[:, :2, 20, 20], [[1, 0], [1, 1], [7, 0], [42, 0], [3, 0]])


@pytest.mark.parametrize(("name", "num_classes"), [("mnist", 10), ("kmnist", 10), ("cifar100", 100), ("svhn", 10), ("gtsrb", 43)])
def test_every_class_has_a_name_of_its_own(name, num_classes):
    assert len(set(CATALOG[name].class_names)) == len(CATALOG[name].class_names) == num_classes


@pytest.mark.parametrize("name", CATALOG)
def test_every_file_comes_from_a_download_of_some_mirror(name):
    provided = {file for download in CATALOG[name].downloads for file in download.provides}
    assert provided == {file.name for file in CATALOG[name].files} and CATALOG[name].mirrors
