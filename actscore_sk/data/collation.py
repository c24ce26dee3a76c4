"""Does a `collate_fn` keep the samples of a batch in the order in which it gets them?

A score belongs to a position, and the position of a sample in its batch is known from the order in which the loader
asked for it. A function that sorts the batch by length, say, would give each sample the loss of another. It is tried
on a few samples before training: forwards, forwards with other random numbers, backwards, and with one sample repeated.
What differs although only the random numbers do (noise, crops) says nothing and is not compared; if nothing is left to
compare, the function is taken for one that keeps the order.
"""

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, default_collate

from actscore_sk.exceptions import IndexTrackingError
from actscore_sk.utils.generators import preserved_generators, seed_generators

_MOST_SAMPLES, _FEWEST_SAMPLES = 6, 3  # two say nothing: a batch (Xi, yi) is a pair, too


def check_order(loader: DataLoader) -> None:
    """Raise IndexTrackingError if the loader's `collate_fn` gives samples back in another order.

    A few samples are read, and no random stream moves: neither a global one, nor one that the data set or the function
    holds.

    Parameters
    ----------
    loader : DataLoader
        With a map-style data set; torch's own `collate_fn` is known to keep the order.

    Raises
    ------
    IndexTrackingError
        Naming the function, and what to do.
    """
    if _tried(loader, keeps_order) is False:
        raise IndexTrackingError(
            f"{_named(loader.collate_fn)} gives the samples of a batch back in another order, so the losses would go "
            "to other samples; keep the order in collate_fn, and sort in a batch_sampler (or pack with "
            "enforce_sorted=False)"
        )


def warn_of_mixtures(loader: DataLoader) -> None:
    """Warn if the loader's `collate_fn` mixes samples, as mixup and CutMix do: losses are those of mixtures then.

    Parameters
    ----------
    loader : DataLoader
        As in `check_order`.
    """
    if _tried(loader, mixes_targets):
        warnings.warn(
            f"{_named(loader.collate_fn)} mixes the targets of samples, so that a recorded loss is that of a mixture, "
            'and counts for the sample in whose place it is; recording="epoch_end" records each sample alone, if '
            "iterator_valid__collate_fn mixes nothing",
            UserWarning,
        )


def _tried(loader: DataLoader, function: Callable[[Callable, list], bool]) -> bool | None:
    """Return what a function says of the loader's `collate_fn` and a few samples; None if it cannot be asked."""
    collate = loader.collate_fn
    n_samples = min(len(loader.dataset), _MOST_SAMPLES)  # type: ignore[arg-type]
    if collate is default_collate or loader.batch_sampler is None or n_samples < _FEWEST_SAMPLES:
        return None
    index = np.linspace(0, len(loader.dataset) - 1, n_samples).astype(int).tolist()  # type: ignore[arg-type]
    with preserved_generators(collate, loader.dataset), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each comes again, where it can be heard
        try:
            return function(_own_copy(collate), _samples(loader.dataset, index))
        except Exception:  # what fails here must fail, or pass, in the user's own loader
            return None


def _named(collate: Callable) -> str:
    return f"collate_fn={getattr(collate, '__name__', type(collate).__name__)}"


def keeps_order(collate: Callable, samples: list) -> bool:
    """Return True if `collate` keeps the order of samples, as far as can be seen; torch and NumPy are seeded for it.

    Examples
    --------
    >>> samples = [(torch.tensor([float(i)]), i) for i in range(4)]
    >>> keeps_order(default_collate, samples)
    True
    >>> keeps_order(lambda samples: default_collate(samples[::-1]), samples)
    False
    """
    seeds = {"forwards": 0, "again": 1, "backwards": 0, "repeated": 0}
    orders = dict.fromkeys(seeds, samples)
    orders |= {"backwards": samples[::-1], "repeated": [samples[0]] * (len(samples) - 1) + samples[-1:]}
    found = {name: _collated(collate, orders[name], seed) for name, seed in seeds.items()}
    return all(_is_in_order(*[found[name].get(place, []) for name in seeds]) for place in found["forwards"])


def mixes_targets(collate: Callable, samples: list) -> bool:
    """Return True if targets of some samples change when other samples do; torch and NumPy are seeded for it.

    Examples
    --------
    >>> samples = [(torch.tensor([float(i)]), torch.tensor([float(i)])) for i in range(4)]
    >>> def mixup(samples):
    ...     X, y = default_collate(samples)
    ...     return 0.8 * X + 0.2 * X.roll(1, 0), 0.8 * y + 0.2 * y.roll(1, 0)
    >>> mixes_targets(default_collate, samples), mixes_targets(mixup, samples)
    (False, True)
    """
    half = len(samples) // 2
    others = samples[:half] + samples[: len(samples) - half]
    for seed in range(4):  # one partner of a sample may be as good as another
        one, two = (_collated(collate, each, seed) for each in (samples, others))
        for place in one.keys() & two.keys():
            pairs = [*zip(one[place], two[place], strict=True)][:half]
            is_as_large = all(len(before) == len(after) for before, after in pairs)  # else it is padded
            if place[0] == 1 and is_as_large and any(before != after for before, after in pairs):
                return True
    return False


def _collated(collate: Callable, samples: list, seed: int) -> dict[tuple, list]:
    """Return the columns of a batch of some samples, made with a seed."""
    seed_generators(seed)
    # a copy of each: a function may write into what it gets, which may be the user's X
    return dict(_columns(collate([copy.deepcopy(sample) for sample in samples]), len(samples)))


def _is_in_order(forwards: list, again: list, backwards: list, repeated: list) -> bool:
    """Judge one column of a batch, of which there is one entry per sample, by its answers to the four orders."""
    if forwards != again:  # random numbers are in it, or it is shuffled
        return sorted(forwards) != sorted(again)
    if max(map(repeated.count, repeated), default=0) < len(forwards) - 1:
        return True  # equal samples have unequal entries: it numbers places, as the indices of a packed sequence do
    if backwards != forwards[::-1] and sorted(backwards) == sorted(forwards):
        return False
    # Reversed in any case: forwards and backwards look the same, but the odd one out is at the other end.
    return not (repeated and repeated[0] != repeated[1] and repeated[1] == repeated[-1])


def _columns(batch: Any, n_samples: int, place: tuple = ()) -> Iterator[tuple[tuple, list]]:
    """Iterate over the parts of a batch that have one entry per sample: where they are, and a key for each entry."""
    if isinstance(batch, Mapping):
        for name, part in batch.items():
            yield from _columns(part, n_samples, (*place, name))
    elif isinstance(batch, (torch.Tensor, np.ndarray)):
        if batch.ndim and len(batch) == n_samples:
            yield place, [_key(entry) for entry in batch]
    elif isinstance(batch, Sequence) and not isinstance(batch, (str, bytes)):
        if len(batch) == n_samples and place:
            yield place, [_key(entry) for entry in batch]
        else:
            for i, part in enumerate(batch):
                yield from _columns(part, n_samples, (*place, i))


def _key(entry: Any) -> bytes:
    """Return bytes that are equal for equal entries of a batch, of numbers, arrays, or dicts and lists of them."""
    if isinstance(entry, Mapping):
        return b"{" + b",".join(str(name).encode() + _key(part) for name, part in entry.items()) + b"}"
    if isinstance(entry, (list, tuple)):
        return b"[" + b",".join(map(_key, entry)) + b"]"
    if isinstance(entry, torch.Tensor):
        entry = entry.detach().cpu().double().numpy()
    return str(np.shape(entry)).encode() + entry.tobytes() if hasattr(entry, "tobytes") else repr(entry).encode()


def _own_copy(collate: Callable) -> Callable:
    """Copy an object that is called, which may count its calls; a function is what it is."""
    try:
        return copy.deepcopy(collate)
    except Exception:  # whatever refuses to be copied is asked itself
        return collate


def _samples(dataset: Any, index: list[int]) -> list:
    """Read samples as torch's loader does."""
    read = getattr(dataset, "__getitems__", None)
    return read(index) if read else [dataset[i] for i in index]
