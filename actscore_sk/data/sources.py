"""Kinds of X and of loaders of which no sample has a position: refused with what to pass instead."""

from typing import Any

from torch.utils.data import DataLoader, Dataset, IterableDataset

from actscore_sk.data.sharding import is_accelerate_loader
from actscore_sk.exceptions import IndexTrackingError


def check_source(X: Any) -> None:
    """Raise IndexTrackingError if X cannot be scored whatever the net is.

    Parameters
    ----------
    X : object
        What a net or an estimator was given as samples.

    Raises
    ------
    IndexTrackingError
        For a stream, a loader, a data set without a length, and one of Hugging Face: says what to pass.

    Examples
    --------
    >>> check_source(DataLoader(range(3)))
    Traceback (most recent call last):
    ...
    actscore_sk.exceptions.IndexTrackingError: X is a DataLoader, ...
    """
    name = type(X).__name__
    if isinstance(X, DataLoader):
        raise IndexTrackingError(
            f"X is a {name}, but a net makes its own loader; pass loader.dataset as X, and the options of the loader "
            "to the net: batch_size=..., iterator_train__shuffle=True, iterator_train__collate_fn=..."
        )
    if isinstance(X, IterableDataset):
        raise IndexTrackingError(
            f"the samples of a batch cannot be known: {name} is an IterableDataset, which has no index; give a "
            "map-style Dataset, with __getitem__ and __len__"
        )
    if isinstance(X, Dataset) and not hasattr(type(X), "__len__"):
        raise IndexTrackingError(
            f"{name} has no __len__, so nobody knows how many samples there are to score; give it a __len__, beside "
            "__getitem__"
        )
    if _is_hugging_face(X):
        raise IndexTrackingError(
            f"X is a {name} with the columns {', '.join(map(repr, X.column_names))}, whose rows are dicts and no pairs "
            "(Xi, yi); pass its columns: X={'input_ids': np.stack(data['input_ids'])} and y=np.array(data['label']), "
            "for instance, or a torch Dataset whose __getitem__ returns (Xi, yi)"
        )


def _is_hugging_face(X: Any) -> bool:
    """Return True for a `datasets.Dataset`, told by what it shows, since that library need not be there."""
    return all(hasattr(X, name) for name in ("column_names", "features", "__getitem__", "__len__"))


def check_trackable(loader: Any) -> None:
    """Check before training that the samples of each batch will be known.

    Parameters
    ----------
    loader : object
        As built by the net.

    Raises
    ------
    IndexTrackingError
        If `loader` is no `DataLoader`, iterates in its own way, has no index, or may return batches out of order.
    """
    if isinstance(loader, DataLoader):
        check_source(loader.dataset)
    if not isinstance(loader, DataLoader):
        reason, hint = f"{type(loader).__name__} is not a torch DataLoader", "use iterator_train=DataLoader"
    elif is_accelerate_loader(loader, "DataLoaderDispatcher"):
        reason = "dispatch_batches=True lets one process load the batches of all"
        hint = "leave it out of Accelerate's DataLoaderConfiguration, so that each process loads its own"
    elif is_accelerate_loader(loader):
        if not loader.skip_batches:  # type: ignore[attr-defined]
            return
        reason, hint = "the loader skips batches, as skip_first_batches does", "begin an epoch with its first batch"
    elif type(loader).__iter__ is not DataLoader.__iter__:
        reason = f"{type(loader).__name__} iterates in its own way"
        hint = "give a DataLoader that keeps torch's __iter__, with your sampler or collate_fn"
    elif loader.num_workers and not getattr(loader, "in_order", True):
        reason = "in_order=False lets batches overtake each other between worker processes"
        hint = "leave in_order=True"
    else:
        return
    raise IndexTrackingError(f"the samples of a batch cannot be known: {reason}; {hint}")
