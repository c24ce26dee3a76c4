"""Images of samples: arrays in any common layout, files, a data set, or boxes cut out of any of them."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from actscore_sk.utils.optional import import_optional

CHANNELS = (3, 4)
AROUND = 0.2  # of a box's width and height, shown on either side of it


class PictureFiles:
    """Images in files, opened when they are asked for.

    Parameters
    ----------
    paths : sequence of str or PathLike
        One file per sample.
    """

    def __init__(self, paths: Sequence[Any]) -> None:
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, sample: int) -> np.ndarray:
        """Read one image.

        Parameters
        ----------
        sample : int
            Its position.

        Returns
        -------
        image : ndarray of uint8 (height, width, 3)
            Upright, as the camera noted in its EXIF data.

        Raises
        ------
        OSError
            If there is no such file, or if it is no image.
        """
        reader = import_optional("PIL.Image", extra="plot", purpose="read images")
        operations = import_optional("PIL.ImageOps", extra="plot", purpose="read images")
        with reader.open(self.paths[sample]) as file:
            return np.asarray(operations.exif_transpose(file).convert("RGB"))


class DatasetPictures:
    """Images of a torch Dataset whose items are images, or tuples that begin with one.

    Parameters
    ----------
    dataset : Dataset
        An image is a tensor (channels, height, width), an array, or of PIL.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, sample: int) -> np.ndarray:
        """Fetch one item.

        Parameters
        ----------
        sample : int
            Its position.

        Returns
        -------
        image : ndarray (height, width) or (height, width, channels)
            As the data set gives it, transforms included.
        """
        item = self.dataset[sample]
        image = np.asarray(item[0] if isinstance(item, tuple | list) else item)
        return as_pictures(image[None])[0]


class BoxCrops:
    """Boxes cut out of images with a margin, when they are asked for.

    Parameters
    ----------
    images : ndarray, PictureFiles or DatasetPictures
        As `as_pictures` returns them.
    places : ndarray of int (n_boxes,)
        Position of the image of each box.
    corners : ndarray of float (n_boxes, 4)
        (x1, y1, x2, y2) in pixels.

    Examples
    --------
    >>> BoxCrops(np.zeros((1, 9, 9)), np.array([0]), np.array([[0.0, 2.0, 5.0, 7.0]]))[0].shape
    (7, 6)
    """

    def __init__(self, images: Any, places: np.ndarray, corners: np.ndarray) -> None:
        self.images, self.places, self.corners = images, places, corners

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, box: int) -> np.ndarray:
        """Cut one box out.

        Parameters
        ----------
        box : int
            Its position in `places`.

        Returns
        -------
        crop : ndarray (height, width) or (height, width, channels)
            The box, and a fifth of its width and height more on either side, as far as the image goes.
        """
        image = self.images[self.places[box]]
        x1, y1, x2, y2 = self.corners[box]
        left, right = _within(x1, x2, image.shape[1])
        top, bottom = _within(y1, y2, image.shape[0])
        return image[top:bottom, left:right]


def _within(low: float, high: float, end: int) -> tuple[int, int]:
    """Widen a side of a box, and round it outwards to whole pixels of the image, at least one."""
    more = AROUND * (high - low)
    start = int(np.clip(np.floor(low - more), 0, end - 1))
    return start, int(np.clip(np.ceil(high + more), start + 1, end))


def as_pictures(images: Any) -> Any:
    """Return images in one layout.

    Parameters
    ----------
    images : array-like, sequence of paths, or Dataset
        Arrays (n, height, width), with 1, 3 or 4 channels behind them or in front. Of a data set of files, such as
        torchvision's ``ImageFolder``, the files; of any other, its items.

    Returns
    -------
    pictures : ndarray (n, height, width) or (n, height, width, 3 or 4), PictureFiles, DatasetPictures or BoxCrops
        What is not an array is read when it is asked for.

    Raises
    ------
    ValueError
        If they are none of these.

    Examples
    --------
    >>> as_pictures(np.zeros((2, 3, 8, 8))).shape
    (2, 8, 8, 3)
    """
    if isinstance(images, PictureFiles | DatasetPictures | BoxCrops):
        return images
    if (paths := paths_of(images)) is not None:
        return PictureFiles(paths)
    if hasattr(images, "__getitem__") and not hasattr(images, "__array__") and not isinstance(images, Sequence):
        return DatasetPictures(images)
    pictures = np.asarray(images)
    if pictures.ndim == 4 and pictures.shape[1] in (1, *CHANNELS) and pictures.shape[3] not in (1, *CHANNELS):
        pictures = pictures.transpose(0, 2, 3, 1)
    if pictures.ndim == 4 and pictures.shape[3] == 1:
        pictures = pictures[..., 0]
    if pictures.ndim not in (3, 4) or (pictures.ndim == 4 and pictures.shape[3] not in CHANNELS):
        raise ValueError(
            f"images have shape {np.shape(images)}; expected (n_samples, height, width), with 1, 3 or 4 channels, "
            f"or paths of files"
        )
    return pictures


def paths_of(images: Any) -> list | None:
    """Return the files of images.

    Parameters
    ----------
    images : object
        As `as_pictures` takes them.

    Returns
    -------
    paths : list of str or PathLike, or None
        None if the images are not in files.
    """
    if isinstance(images, PictureFiles):
        return images.paths
    entries = getattr(images, "samples", images)  # of an ImageFolder: pairs of a path and a class
    if not hasattr(entries, "__iter__") or not len(entries):
        return None
    first = next(iter(entries))
    if isinstance(first, str | PathLike):
        return list(entries)
    is_pair = entries is not images and isinstance(first, tuple) and isinstance(first[0], str | PathLike)
    return [entry[0] for entry in entries] if is_pair else None
