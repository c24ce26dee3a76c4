"""Which sample each row of a table of labels is of."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

GIVEN = "given_label"  # of `label_issues`


def places_of_samples(index: Any, own: Any, n_samples: int) -> np.ndarray:
    """Find each sample in a table that is sorted by something else.

    Parameters
    ----------
    index : Index or None
        Of the table: names of samples, or their positions. None: it is in the order of the samples.
    own : Index or None
        Names of the samples, in their order.
    n_samples : int
        Of both.

    Returns
    -------
    places : ndarray of int (n_samples,)
        Row of the table for each sample.

    Raises
    ------
    ValueError
        If the index has names that are not known.

    Examples
    --------
    >>> import pandas as pd
    >>> places_of_samples(pd.Index(["b", "a"]), pd.Index(["a", "b"]), 2)
    array([1, 0])
    """
    in_order = np.arange(n_samples)
    if index is None or (own is not None and index.equals(own)):
        return in_order
    if own is not None and own.is_unique and index.is_unique and (index.get_indexer(own) >= 0).all():
        return index.get_indexer(own)
    if sorted(map(str, index)) == sorted(map(str, in_order)):
        return np.argsort(np.asarray(index, dtype=np.int64))
    raise ValueError(
        f"labels has an index of names such as {index[0]!r}, which scores, y and data do not have, so nothing says "
        "which sample a row is of; pass labels.loc[X.index].reset_index(drop=True), or data=X"
    )


def check_given(frame: "pd.DataFrame", target: "pd.Series | None") -> None:
    """Refuse labels that were given to other samples.

    Parameters
    ----------
    frame : DataFrame
        In the order of the samples; ``given_label`` is compared, if it has that.
    target : Series (n_samples,) or None
        Labels of the samples.

    Raises
    ------
    ValueError
        If a label differs.
    """
    if target is None or GIVEN not in frame:
        return
    given, own = (column.map(str, na_action="ignore").to_numpy(dtype=object) for column in (frame[GIVEN], target))
    differ = np.flatnonzero((given != own) & frame[GIVEN].notna().to_numpy() & target.notna().to_numpy())
    if len(differ):
        raise ValueError(
            f"labels gives sample {differ[0]} the label {given[differ[0]]!r}, and y {own[differ[0]]!r}: they are of "
            "other samples, or in another order; pass labels.loc[X.index].reset_index(drop=True)"
        )
