"""Do losses follow their samples? Asked of a net once per training, by putting a batch in other orders.

A vector of losses may have the right length by chance: one loss per class, or per time step. A `get_loss` may sort the
batch, or add a term of all of it. What is the loss of a sample goes where the sample goes, and stays as it is when
others are replaced.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.recording.batch_parts import map_batch, take_samples
from actscore_sk.recording.books import REMEDY
from actscore_sk.recording.modules import all_modules, preserved_modules, unwrapped_modules
from actscore_sk.utils.randomness import preserved_random_state

_SMALL = 4  # in smaller batches a shuffle may undo a sort
_FEWEST = 16  # samples to look at in small batches
_OF_THE_BATCH = (
    "the loss of a sample changes with the other samples of its batch, though its output does not: get_loss adds a "
    "term of the whole batch, such as a KL term that the module keeps; let the module return what each sample has of "
    f"it, and {REMEDY}"
)
_ONE_OF_THE_BATCH = (
    "all {n_samples} losses of a batch are equal, and change with any of its samples: the criterion repeats the loss "
    "of the whole batch for each; return the loss that each sample has by itself, and the mean of these"
)
_OF_NEIGHBOURS = (
    "the loss of a sample changes with the other samples of its batch, though its output does not: the criterion "
    "compares or weighs samples within a batch, so that scores depend on who shares one; shuffle the batches, or "
    "return a loss that comes from the sample alone"
)
_BROADCAST = (
    "the losses of a batch change when another sample does: the criterion compares each output with the targets of all "
    "samples, as torch does for shapes {shapes} by broadcasting; give output and target the same shape: "
    "y.reshape(-1, 1), or a net whose output is (n,)"
)
_OTHER_ORDER = (
    "the {n_samples} losses of a batch do not follow its samples to other places, so they are not the losses of its "
    "samples: their number is right by chance, as that of classes or time steps may be, or the batch was sorted or "
    "shuffled before them; return one loss per sample, samples along the first dimension in the order of the batch"
)


class LossSource(NamedTuple):
    """Where the losses of a batch come from, and how they are had for the batch in another order.

    Parameters
    ----------
    inputs : tuple
        Arguments of the criterion.
    losses_of : callable
        Losses (n,) for an output of the net and a batch.
    is_stateless : bool
        True for torch's own losses, of which only the axis can be mistaken. They read no other sample.
    is_first : bool
        True if arguments of criteria have one row per sample, as `SampleAxis` knows.
    is_whole : bool
        True if nothing but a call of the criterion is in the losses.
    is_plain : bool
        True if `get_loss` is skorch's.
    """

    inputs: tuple
    losses_of: Callable
    is_stateless: bool
    is_first: bool
    is_whole: bool
    is_plain: bool

    def is_beyond_doubt(self, n_samples: int) -> bool:
        """Return True if no size could be taken for the number of samples, and only skorch and torch compute."""
        sizes = [part.shape[1:] for part in self.inputs if isinstance(part, Tensor)]
        return self.is_stateless and self.is_plain and self.is_first and not any(n_samples in each for each in sizes)


class _Reactions(NamedTuple):
    """What became of the losses of a batch.

    Parameters
    ----------
    follow : bool
        The batch was shuffled: the losses were shuffled with it.
    keep_others : bool
        The first sample was replaced: the losses of the others stayed.
    keep_half : bool
        The second half was replaced: the losses of the first one stayed.
    outputs_keep_half : callable
        Tells, if asked, the same of the net's outputs.
    vary : bool
        There are different losses: equal ones would follow anything.
    """

    follow: bool
    keep_others: bool
    keep_half: bool
    outputs_keep_half: Callable[[], bool]
    vary: bool


class OrderCheck:
    """Find out, once per training, that losses follow their samples when a batch comes in another order.

    Notes
    -----
    The net is asked five times in inference mode, on one batch as a rule: in order, in order again (a random loss tells
    nothing), shuffled, and with the first sample and with half of them replaced. Losses must behave as those of samples
    do when shuffled, or else both times that samples are replaced: a criterion that reads the whole batch fails one,
    and a loss that knows the places of a batch the other. In batches of two or three, where a shuffle may undo a sort,
    losses must do both, and several batches are looked at.
    """

    def __init__(self) -> None:
        self.is_settled = False
        self._n_seen = 0

    def run(self, net: Any, batch: Any, n_samples: int, source: LossSource) -> None:
        """Check the first batches, until one has losses that differ.

        Parameters
        ----------
        net : NeuralNet
            In training; its modules, buffers and random numbers are put back.
        batch : tuple
            X and y of the batch.
        n_samples : int
            Number of samples in it.
        source : LossSource
            Where the losses of the batch come from.

        Raises
        ------
        SampleLossError
            If the losses do not follow the samples, or are one of the whole batch.
        """
        if self.is_settled or n_samples < 2 or source.is_beyond_doubt(n_samples):
            return
        seen = _reactions(net, batch, n_samples, source.losses_of)
        if seen is None:
            self.is_settled = True
            return
        if source.is_stateless and not source.is_whole and not seen.keep_half and seen.outputs_keep_half():
            raise SampleLossError(_OF_THE_BATCH)
        if source.is_stateless and not source.is_first and not seen.keep_others:
            shapes = " and ".join(str(tuple(part.shape)) for part in source.inputs if isinstance(part, Tensor))
            raise SampleLossError(_BROADCAST.format(shapes=shapes))
        changes = seen.follow and not seen.keep_half and seen.outputs_keep_half()
        if changes and source.is_plain and not source.is_stateless:
            if not seen.vary:
                raise SampleLossError(_ONE_OF_THE_BATCH.format(n_samples=n_samples))
            warnings.warn(_OF_NEIGHBOURS, UserWarning, stacklevel=2)
        is_small, keep = n_samples < _SMALL, seen.keep_others and seen.keep_half
        if not (keep or seen.follow) or (is_small and not keep):
            raise SampleLossError(_OTHER_ORDER.format(n_samples=n_samples))
        self._n_seen += n_samples
        self.is_settled = seen.vary and (not is_small or self._n_seen >= _FEWEST)


def _reactions(net: Any, batch: Any, n_samples: int, losses_of: Callable) -> _Reactions | None:
    """Put a batch in other orders; return None if that tells nothing: losses are random, or their number is another."""
    order, half = torch.arange(n_samples), n_samples // 2
    is_small = n_samples < _SMALL
    shuffle = order.flip(0) if is_small else torch.randperm(n_samples, generator=torch.Generator().manual_seed(0))
    other_first = torch.cat([order[-1:], order[1:]])
    other_half = torch.cat([order[:half], order.new_zeros(n_samples - half)])
    try:
        found, outputs = _ask(net, batch, (order, order, shuffle, other_first, other_half), losses_of)
    except SampleLossError:
        raise
    except Exception:  # a net that takes more than X, or a batch that cannot be reordered, is not asked
        return None
    losses, again, shuffled, first_replaced, half_replaced = found
    if losses.shape != order.shape or not torch.equal(losses, again):
        return None
    return _Reactions(
        follow=_is_close(shuffled, losses[shuffle]),
        keep_others=_is_close(first_replaced[1:], losses[1:]),
        keep_half=_is_close(half_replaced[:half], losses[:half]),
        outputs_keep_half=lambda: _agree(outputs[0], outputs[-1], half, n_samples),
        vary=bool(losses.std() > 1e-4 * losses.abs().mean()),
    )


def _ask(net: Any, batch: Any, orders: tuple[Tensor, ...], losses_of: Callable) -> tuple[list[Tensor], list]:
    """Return the losses of the batch in each of the orders, in inference mode, and the outputs."""
    modules, n_samples = all_modules(net), len(orders[0])
    found: list[Tensor] = []
    outputs: list[Any] = []
    random_state = preserved_random_state(net.device)
    with random_state, preserved_modules(modules), unwrapped_modules(net), torch.no_grad():
        for module in modules:
            module.train(False)
        for order in orders:
            part = take_samples(batch, order, n_samples)
            outputs.append(net.infer(part[0]))
            found.append(losses_of(outputs[-1], part))
    return found, outputs


def _is_close(one: Tensor, two: Tensor) -> bool:
    """Return True if losses are equal to the rounding of another order of summation."""
    return torch.allclose(one, two, rtol=1e-3, atol=1e-5, equal_nan=True)


def _agree(one: Any, two: Any, n_first: int, n_samples: int) -> bool:
    """Return True if two outputs agree in the first samples; if not, the net itself lets samples see each other."""

    def first_of(output: Any) -> list[Tensor]:
        found: list[Tensor] = []
        map_batch(output, n_samples, lambda part: found.append(torch.as_tensor(part)[:n_first]))
        return found

    pairs = zip(first_of(one), first_of(two), strict=True)
    return all(torch.equal(each, other) for each, other in pairs)
