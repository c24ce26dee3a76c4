"""Images made small enough for a page or a plot."""

from base64 import b64encode
from io import BytesIO

import numpy as np

from actscore_sk.utils.optional import import_optional

THUMBNAIL = 96  # pixels of the longer side
LARGE = 512  # pixels of a side that are enough to draw


def thumbnail(image: np.ndarray) -> str:
    """Encode one image, at most 96 pixels wide and high, as a data URI.

    Parameters
    ----------
    image : ndarray (height, width) or (height, width, 3 or 4)
        Grey values of any range, from black = lowest to white = highest; colours as floats in [0, 1], or integers up
        to 255.

    Returns
    -------
    source : str
        A JPEG if it is a photo, a PNG if it is small or grey.
    """
    encoder = import_optional("PIL.Image", extra="plot", purpose="write images")
    picture = encoder.fromarray(_as_bytes(shrunk(image)))
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    # A photo is a tenth as large as JPEG; a small or grey picture is small, and exact, as PNG.
    kind, options = ("jpeg", {"quality": 85}) if picture.mode == "RGB" and max(picture.size) > 48 else ("png", {})
    content = BytesIO()
    picture.save(content, format=kind, **options)
    return f"data:image/{kind};base64,{b64encode(content.getvalue()).decode()}"


def shrunk(image: np.ndarray) -> np.ndarray:
    """Return every second, third, ... pixel of an image that is too large to be worth drawing in full.

    Parameters
    ----------
    image : ndarray (height, width, ...)
        Of any size.

    Returns
    -------
    image : ndarray (height, width, ...)
        Less than 1,024 pixels wide and high.
    """
    step = max(1, max(image.shape[:2]) // LARGE)
    # a view: to resample a photo of 100 megapixels would take longer than to draw the page
    return image[::step, ::step]


def _as_bytes(image: np.ndarray) -> np.ndarray:
    """Return uint8 values; NaN and infinity are black."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    # grey values have no agreed range (depth, X-rays), so each image uses its own; colours have one
    if image.ndim == 2:
        low, high = values.min(), values.max()
        values = (values - low) / ((high - low) or 1) * 255
    elif not np.issubdtype(image.dtype, np.integer):
        values = values * 255
    return np.clip(values, 0, 255).round().astype(np.uint8)
