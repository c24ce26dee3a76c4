"""Images in folders: paths and class names, from a data set that knows them."""

from typing import Any

import numpy as np

from actscore_sk.inspection.pictures import paths_of


def class_names(images: Any, y: Any) -> Any:
    """Return targets by the names of their classes.

    Parameters
    ----------
    images : object
        Images of a report; a data set such as torchvision's ``ImageFolder`` has ``classes`` and ``targets``.
    y : array-like of shape (n_samples,) or None
        Targets; None: those of the data set.

    Returns
    -------
    y : array-like of shape (n_samples,) or None
        Names, if the data set has names and the targets are positions in them; else as they came.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> class_names(SimpleNamespace(classes=["cat", "dog"], targets=[1, 0]), None)
    array(['dog', 'cat'], dtype=object)
    """
    y = getattr(images, "targets", None) if y is None else y
    names = getattr(images, "classes", None)
    if y is None or names is None:
        return y
    # targets of another kind than the folders, such as a subset's own codes, are shown as they came
    codes = np.asarray(y)
    if codes.ndim != 1 or codes.dtype.kind not in "iu" or not ((codes >= 0) & (codes < len(names))).all():
        return y
    return np.array(names, dtype=object)[codes]


def path_column(images: Any) -> dict[str, list[str]]:
    """Return the files of a data set as a column of a report.

    Parameters
    ----------
    images : object
        Images of a report. Paths that were passed as such are no column: whoever has them can pass them as ``data``.

    Returns
    -------
    columns : dict
        ``file``, (n_samples,), or nothing.
    """
    paths = paths_of(images) if hasattr(images, "samples") else None
    return {} if paths is None else {"file": [str(path) for path in paths]}
