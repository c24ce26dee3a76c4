"""Along which axis samples are stored: decided from how values react to other samples, not from a size.

A size can be right by chance, a dependence cannot: the loss of a sample depends on its own row and on no other.
"""

import torch
from torch import Tensor

from actscore_sk.losses.sample_loss import SampleLoss


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
            criterion = sample_loss.unreduced(scored=False)  # a weight may have a row per place in the batch
            whole, part = criterion(*inputs), criterion(*[each[:half] for each in inputs])
        except Exception:  # arguments that cannot be cut along the first axis
            return False
    if not isinstance(whole, Tensor) or not whole.ndim or len(whole) != n_samples or part.shape != whole[:half].shape:
        return False
    return torch.allclose(part, whole[:half], rtol=1e-3, atol=1e-6, equal_nan=True)
