"""Predictions of a net as arrays, those in a precision that NumPy does not have included."""

from typing import Any

import torch

from actscore_sk.utils.arrays import as_array


def ask(net: Any, method: str, X: Any) -> Any:
    """Return what a method of a net predicts.

    skorch makes an array of each batch of outputs, which fails if they are in bfloat16. They are then made single
    precision, after the nonlinearity of the net.

    Parameters
    ----------
    net : NeuralNet
        Initialized; it is left as it is.
    method : str
        "predict", "predict_proba", or another that takes X alone.
    X : array-like, Dataset
        As the net takes it.

    Examples
    --------
    >>> from skorch import NeuralNetRegressor
    >>> module = torch.nn.Linear(1, 1).to(torch.bfloat16)
    >>> net = NeuralNetRegressor(module).initialize()
    >>> ask(net, "predict", torch.ones(2, 1, dtype=torch.bfloat16)).dtype
    dtype('float32')
    """
    try:
        return getattr(net, method)(X)
    except TypeError as error:
        if "BFloat16" not in str(error):
            raise
    return getattr(_widened(net), method)(X)


def _widened(net: Any) -> Any:
    """Return a second net of the same modules whose predictions are in single precision at least."""
    nonlinearity = net._get_predict_nonlinearity()

    def widened(outputs: Any) -> torch.Tensor:
        return torch.from_numpy(as_array(nonlinearity(outputs)))

    other = object.__new__(type(net))  # copy.copy would write the parameters to a buffer and read them again
    vars(other).update(vars(net), predict_nonlinearity=widened)
    return other
