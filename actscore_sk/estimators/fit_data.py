"""The samples that a fit is made of."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class FitData:
    """Checked arguments of `fit` or `partial_fit`; nothing in here depends on a seed.

    Parameters
    ----------
    X, targets : Any
        Samples, and targets of the net.
    weights : Tensor (n_samples,) or None
        Weights of the samples in the loss that is trained on.
    groups : array-like (n_samples,) or None
        For the net's `ValidSplit`.
    eval_set : tuple, Dataset or None
        Other samples to be scored.
    fit_params : dict
        Passed to the net's `method`.
    method : {"fit", "partial_fit"}
        Method of the net that trains it.
    goes_on : bool
        True if nets and scores of an earlier fit go on.
    """

    X: Any
    targets: Any
    weights: Tensor | None
    groups: Any
    eval_set: Any
    fit_params: dict[str, Any]
    method: str
    goes_on: bool
