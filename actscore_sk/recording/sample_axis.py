"""Along which axis samples are stored: decided from how values react to other samples, not from a size.

A size can be right by chance, a dependence cannot: the loss of a sample depends on its own row and on no other.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.batch_parts import map_batch, take_samples
from actscore_sk.recording.books import REMEDY
from actscore_sk.recording.modules import all_modules, preserved_modules, unwrapped_modules
from actscore_sk.utils.randomness import preserved_random_state

_FEWEST = 16  # samples to look at in batches of two or three


class SampleAxis:
    """Find out, once per criterion, that its arguments have one row per sample.

    A batch of as many samples as time steps, or as classes, has the right size along the wrong axis. So the losses of
    the first half of the batch are computed from the first half of the arguments: they are equal only if rows are
    samples.

    Examples
    --------
    >>> from torch import nn
    >>> axis, loss = SampleAxis(), SampleLoss(nn.MSELoss())
    >>> inputs = torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1)
    >>> axis.is_first(loss, inputs, n_samples=2), axis.may_join(loss)
    (True, True)
    >>> axis.is_first(loss, inputs, n_samples=4)
    False
    """

    def __init__(self) -> None:
        self._known: dict[SampleLoss, bool] = {}

    def is_first(self, sample_loss: SampleLoss, inputs: tuple, n_samples: int) -> bool:
        """Return True if each argument of a criterion is a tensor of one row per sample.

        Parameters
        ----------
        sample_loss : SampleLoss
            View of the criterion.
        inputs : tuple
            Its arguments.
        n_samples : int
            Number of samples in the batch.

        Returns
        -------
        is_first : bool
            From the second batch on it is remembered, and costs one comparison of sizes.
        """
        for part in inputs:
            if not isinstance(part, Tensor) or part.ndim == 0 or part.shape[0] != n_samples:
                return False
        known = self._known.get(sample_loss)
        if known is None:
            if not sample_loss.is_stateless:
                return True  # its losses are taken at once; only metrics of classes read the arguments
            if n_samples < 2:
                return True  # one row shows nothing; it is not joined to others
            known = self._known[sample_loss] = _halves_agree(sample_loss, inputs, n_samples)
        return known

    def may_join(self, sample_loss: SampleLoss) -> bool:
        """Return True if rows of the arguments of several batches may be joined, and evaluated later.

        False as long as `is_first` has not compared halves: for a criterion with state, or a batch of one sample.
        """
        return self._known.get(sample_loss, False)


def _halves_agree(sample_loss: SampleLoss, inputs: tuple, n_samples: int) -> bool:
    """Return True if the first half of the arguments has the losses that the whole has there."""
    half = n_samples // 2
    with torch.no_grad():
        try:
            criterion = sample_loss.unreduced()
            whole, part = criterion(*inputs), criterion(*[each[:half] for each in inputs])
        except Exception:  # arguments that cannot be cut along the first axis
            return False
    if not isinstance(whole, Tensor) or not whole.ndim or len(whole) != n_samples or part.shape != whole[:half].shape:
        return False
    return torch.allclose(part, whole[:half], rtol=1e-3, atol=1e-6, equal_nan=True)


class OrderCheck:
    """Find out, once per training, that losses follow their samples when a batch comes in another order.

    A vector of losses may have the right length by chance: one loss per class, or per time step. A `get_loss` may sort
    the batch. Losses of samples are shuffled when the batch is, and keep their values when others are replaced.

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

    def run(
        self,
        net: Any,
        batch: Any,
        n_samples: int,
        inputs: tuple,
        losses_of: Callable,
        *,
        is_stateless: bool,
        is_first: bool,
        is_whole: bool,
        is_plain: bool,
    ) -> None:
        """Check the first batches, until one has losses that differ.

        Parameters
        ----------
        net : NeuralNet
            In training; its modules, buffers and random numbers are put back.
        batch : tuple
            X and y of the batch.
        n_samples : int
            Number of samples in it.
        inputs : tuple
            Arguments of the criterion.
        losses_of : callable
            Losses (n,) for an output of the net and the batch.
        is_stateless : bool
            True for torch's own losses, of which only the axis can be mistaken. They read no other sample.
        is_first : bool
            True if arguments of criteria have one row per sample, as `SampleAxis` knows.
        is_whole : bool
            True if nothing but a call of the criterion is in the losses.
        is_plain : bool
            True if `get_loss` is skorch's.

        Raises
        ------
        SampleLossError
            If the losses do not follow the samples.
        """
        is_doubtful = not is_first or any(isinstance(part, Tensor) and n_samples in part.shape[1:] for part in inputs)
        if self.is_settled or n_samples < 2 or (is_stateless and is_plain and not is_doubtful):
            return
        order, half = torch.arange(n_samples), n_samples // 2
        is_small = n_samples < 4
        shuffle = order.flip(0) if is_small else torch.randperm(n_samples, generator=torch.Generator().manual_seed(0))
        replaced = torch.cat([order[-1:], order[1:]]), torch.cat([order[:half], order.new_zeros(n_samples - half)])
        try:
            found, outputs = self._ask(net, batch, (order, order, shuffle, *replaced), losses_of)
        except SampleLossError:
            raise
        except Exception:  # a net that takes more than X, or a batch that cannot be reordered, is not asked
            self.is_settled = True
            return
        losses, again, shuffled, first_replaced, half_replaced = found
        if losses.shape != order.shape or not torch.equal(losses, again):  # random: nothing can be known of it
            self.is_settled = True
            return
        keeps_half = _is_close(half_replaced[:half], losses[:half])
        if is_stateless and not is_whole and not keeps_half and not _differ(outputs[0], outputs[-1], half, n_samples):
            raise SampleLossError(
                "the loss of a sample changes with the other samples of its batch, though its output does not: "
                "get_loss adds a term of the whole batch, such as a KL term that the module keeps; let the module "
                f"return what each sample has of it, and {REMEDY}"
            )
        keeps_others, follows = _is_close(first_replaced[1:], losses[1:]), _is_close(shuffled, losses[shuffle])
        if is_stateless and not is_first and not keeps_others:
            raise SampleLossError(
                "the losses of a batch change when another sample does: the criterion compares each output with the "
                f"targets of all samples, as torch does for shapes {_shapes(inputs)} by broadcasting; give output and "
                "target the same shape: y.reshape(-1, 1), or a net whose output is (n,)"
            )
        keeps = keeps_others and keeps_half
        if not (keeps or follows) or (is_small and not keeps):
            raise SampleLossError(
                f"the {n_samples} losses of a batch do not follow its samples to other places, so they are not the "
                "losses of its samples: their number is right by chance, as that of classes or time steps may be, or "
                "the batch was sorted or shuffled before them; return one loss per sample, samples along the first "
                "dimension in the order of the batch"
            )
        self._n_seen += n_samples
        is_enough = not is_small or self._n_seen >= _FEWEST
        self.is_settled = is_enough and bool(losses.std() > 1e-4 * losses.abs().mean())

    @staticmethod
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


def _differ(one: Any, two: Any, n_first: int, n_samples: int) -> bool:
    """Return True if two outputs differ in the first samples: then the net itself lets samples see each other."""

    def first_of(output: Any) -> list[Tensor]:
        found: list[Tensor] = []
        map_batch(output, n_samples, lambda part: found.append(torch.as_tensor(part)[:n_first]))
        return found

    pairs = zip(first_of(one), first_of(two), strict=True)
    return any(not torch.equal(each, other) for each, other in pairs)


def _shapes(inputs: tuple) -> str:
    return " and ".join(str(tuple(part.shape)) for part in inputs if isinstance(part, Tensor))
