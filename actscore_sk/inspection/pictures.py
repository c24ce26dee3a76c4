"""Images that somebody passes in: arrays in any common layout, or files."""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from os import PathLike
from typing import Any

import numpy as np

from actscore_sk.utils.optional import import_optional

THUMBNAIL = 96  # pixels of the longer side
LARGE = 512  # pixels of the longer side of an image that is read from a file
CHANNELS = (3, 4)


class PictureFiles:
    """Images in files, opened when they are asked for.

    Parameters
    ----------
    paths : sequence of str or PathLike
        One file a sample.
    """

    def __init__(self, paths: Sequence[Any]) -> None:
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, sample: int) -> np.ndarray:
        """Read one image, uint8 (height, width, 3), smaller if it is large.

        Raises
        ------
        OSError
            If there is no such file, or if it is no image.
        """
        reader = import_optional("PIL.Image", extra="plot", purpose="read images")
        with reader.open(self.paths[sample]) as file:
            image = file.convert("RGB")
        image.thumbnail((LARGE, LARGE))
        return np.asarray(image)


def as_pictures(images: Any) -> Any:
    """Give images (n, height, width) or (n, height, width, 3 or 4), or files as `PictureFiles`.

    Parameters
    ----------
    images : array-like or sequence of paths
        (n, height, width), with 1, 3 or 4 channels behind them or in front.

    Raises
    ------
    ValueError
        If they are neither.

    Examples
    --------
    >>> as_pictures(np.zeros((2, 3, 8, 8))).shape
    (2, 8, 8, 3)
    """
    if isinstance(images, PictureFiles):
        return images
    if len(images) and isinstance(next(iter(images)), str | PathLike):
        return PictureFiles(images)
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


def thumbnail(image: np.ndarray) -> str:
    """Encode one image, at most 96 pixels wide and high, as a data URI.

    Parameters
    ----------
    image : ndarray (height, width) or (height, width, 3 or 4)
        Grey values of any range, from black = lowest to white = highest; colours as floats in [0, 1], or integers up
        to 255.
    """
    encoder = import_optional("PIL.Image", extra="plot", purpose="write images")
    picture = encoder.fromarray(_as_bytes(image))
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    # A photo is a tenth as large as JPEG; a small or grey picture is small, and exact, as PNG.
    kind, options = ("jpeg", {"quality": 85}) if picture.mode == "RGB" and max(picture.size) > 48 else ("png", {})
    content = BytesIO()
    picture.save(content, format=kind, **options)
    return f"data:image/{kind};base64,{b64encode(content.getvalue()).decode()}"


def _as_bytes(image: np.ndarray) -> np.ndarray:
    """Give uint8 values; what is not a number is black."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if image.ndim == 2:
        low, high = values.min(), values.max()
        values = (values - low) / ((high - low) or 1) * 255
    elif not np.issubdtype(image.dtype, np.integer):
        values = values * 255
    return np.clip(values, 0, 255).round().astype(np.uint8)
