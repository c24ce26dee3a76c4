"""Data sets around another one: which of its samples they read, found by asking for a few.

A `Subset` with a `__getitem__` of its own may read other samples than its indices say, and a data set that transforms
the samples of another one has no indices at all. Both are asked for some of their samples, while a witness in place
of the data set inside notes which ones they read.
"""

import copy
import warnings
from typing import Any

from torch.utils.data import Dataset, Subset

from actscore_sk.utils.generators import preserved_generators

_MOST_ASKED = 5


class _Witness(Dataset):
    """Stands for a data set and notes the index of each sample that is read; it is read one by one."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.noted: list[int] = []

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: Any) -> Any:
        self.noted.append(int(index) % len(self))
        return self._dataset[index]

    def __getattr__(self, name: str) -> Any:
        if name in ("_dataset", "__getitems__"):
            raise AttributeError(name)
        return getattr(self._dataset, name)


def keeps_its_indices(subset: Subset) -> bool:
    """Return False if a `Subset` is seen to read other samples than its indices say.

    Examples
    --------
    >>> class Backwards(Subset):
    ...     def __getitems__(self, indices):
    ...         return [self.dataset[self.indices[-1 - i]] for i in indices]
    >>> keeps_its_indices(Subset(range(4), [0, 2, 3])), keeps_its_indices(Backwards(range(4), [0, 2, 3]))
    (True, False)
    """
    kind = type(subset)
    if kind.__getitem__ is Subset.__getitem__ and kind.__getitems__ is Subset.__getitems__:
        return True
    n_samples = len(subset.dataset)  # type: ignore[arg-type]
    expected = [[int(subset.indices[i]) % n_samples] for i in _some(len(subset))]
    return all(noted in ([], right) for noted, right in zip(_noted(subset, "dataset"), expected, strict=False))


def dataset_inside(dataset: Any) -> Any:
    """Return the one data set that another one changes sample by sample, each in its place; None if there is none.

    Examples
    --------
    >>> class Scaled(Dataset):
    ...     def __init__(self, data):
    ...         self.data = data
    ...     def __len__(self):
    ...         return len(self.data)
    ...     def __getitem__(self, i):
    ...         return 2 * self.data[i]
    >>> data = Subset(range(9), [4, 6, 8])
    >>> dataset_inside(Scaled(data)) is data
    True
    """
    inside = [(name, each) for name, each in getattr(dataset, "__dict__", {}).items() if isinstance(each, Dataset)]
    if len(inside) != 1 or isinstance(dataset, Subset):
        return None
    name, found = inside[0]
    try:
        is_as_long = len(found) == len(dataset)  # type: ignore[arg-type]
    except TypeError:
        return None
    expected = [[i] for i in _some(len(dataset))]
    return found if is_as_long and expected and _noted(dataset, name) == expected else None


def _some(n_samples: int) -> list[int]:
    """Return a few positions, the first and the last among them."""
    last = n_samples - 1
    return sorted({last * i // (_MOST_ASKED - 1) for i in range(_MOST_ASKED)}) if n_samples else []


def _noted(dataset: Any, name: str) -> list[list[int]]:
    """Return the indices that were read inside for some samples; fewer, if one of them cannot be read."""
    asked, found = copy.copy(dataset), []
    with preserved_generators(dataset), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each comes again, where it can be heard
        for i in _some(len(dataset)):
            witness = _Witness(getattr(dataset, name))
            setattr(asked, name, witness)
            try:
                read = getattr(asked, "__getitems__", None)
                _ = read([i]) if callable(read) else asked[i]
            except Exception:  # what fails here must fail, or pass, in the user's own loader
                break
            found.append(witness.noted)
    return found
