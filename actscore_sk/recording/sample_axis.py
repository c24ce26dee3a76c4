"""Along which axis samples are stored: decided from how values react to other samples, not from a size.

A size can be right by chance, a dependence cannot: the loss of a sample depends on its own row and on no other.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.batch_parts import take_samples
from actscore_sk.recording.modules import all_modules, preserved_modules, unwrapped_modules
from actscore_sk.utils.randomness import preserved_random_state


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

    A vector of losses may have the right length by chance: one loss per class, or per time step. Losses of samples
    are reversed when the batch is reversed, and keep their values when another sample is replaced.

    Notes
    -----
    The net is asked four times in inference mode, on one batch as a rule: in order, in order again (a random loss tells
    nothing), reversed, and with the first sample replaced. One of the last two must behave as losses of samples do; a
    criterion that reads the whole batch may fail the other.
    """

    def __init__(self) -> None:
        self.is_settled = False

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

        Raises
        ------
        SampleLossError
            If the losses do not follow the samples.
        """
        is_doubtful = not is_first or any(isinstance(part, Tensor) and n_samples in part.shape[1:] for part in inputs)
        if self.is_settled or n_samples < 2 or (is_stateless and not is_doubtful):
            return
        order = torch.arange(n_samples)
        first_replaced = torch.cat([order[-1:], order[1:]])
        try:
            losses, again, turned, replaced = self._ask(
                net, batch, (order, order, order.flip(0), first_replaced), losses_of
            )
        except SampleLossError:
            raise
        except Exception:  # a net that takes more than X, or a batch that cannot be reordered, is not asked
            self.is_settled = True
            return
        if losses.shape != order.shape or not torch.equal(losses, again):  # random: nothing can be known of it
            self.is_settled = True
            return
        keeps_others, follows = _is_close(replaced[1:], losses[1:]), _is_close(turned.flip(0), losses)
        if is_stateless and not is_first and not keeps_others:
            raise SampleLossError(
                "the losses of a batch change when another sample does: the criterion compares each output with the "
                f"targets of all samples, as torch does for shapes {_shapes(inputs)} by broadcasting; give output and "
                "target the same shape: y.reshape(-1, 1), or a net whose output is (n,)"
            )
        if not (keeps_others or follows):
            raise SampleLossError(
                f"the {n_samples} losses of a batch do not follow its samples to other places, so they are not the "
                "losses of its samples: their number is right by chance, as that of classes or time steps may be; "
                "return one loss per sample, samples along the first dimension"
            )
        self.is_settled = bool(losses.std() > 1e-4 * losses.abs().mean())

    @staticmethod
    def _ask(net: Any, batch: Any, orders: tuple[Tensor, ...], losses_of: Callable) -> list[Tensor]:
        """Return the losses of the batch in each of the orders, in inference mode."""
        modules, n_samples, found = all_modules(net), len(orders[0]), []
        random_state = preserved_random_state(net.device)
        with random_state, preserved_modules(modules), unwrapped_modules(net), torch.no_grad():
            for module in modules:
                module.train(False)
            for order in orders:
                part = take_samples(batch, order, n_samples)
                found.append(losses_of(net.infer(part[0]), part))
        return found


def _is_close(one: Tensor, two: Tensor) -> bool:
    """Return True if losses are equal to the rounding of another order of summation."""
    return torch.allclose(one, two, rtol=1e-3, atol=1e-5, equal_nan=True)


def _shapes(inputs: tuple) -> str:
    return " and ".join(str(tuple(part.shape)) for part in inputs if isinstance(part, Tensor))
