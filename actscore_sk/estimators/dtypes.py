"""Give X and y the dtypes that a net takes, which scikit-learn's users never have to think about."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy import sparse
from skorch import NeuralNetBinaryClassifier
from skorch.utils import to_tensor
from torch import nn
from torch.utils.data import Dataset

from actscore_sk.utils.randomness import preserved_random_state

# Losses of two classes that want -1 and 1, and losses that want floating targets.
_SIGNED_TARGETS = (nn.SoftMarginLoss, nn.HingeEmbeddingLoss)
_FLOAT_TARGETS = (
    *_SIGNED_TARGETS,
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
    nn.MSELoss,
    nn.L1Loss,
    nn.SmoothL1Loss,
    nn.HuberLoss,
    nn.PoissonNLLLoss,
    nn.GaussianNLLLoss,
    nn.KLDivLoss,
    nn.MultiLabelSoftMarginLoss,
)


class DtypeAdapter:
    """Learns the dtypes of a net when its training starts, and applies them to any X afterwards.

    Parameters
    ----------
    class_codes : bool
        Whether y holds codes 0..K-1 of classes, to be signed for losses that take -1 and 1.

    Attributes
    ----------
    float_dtype_ : torch.dtype
        Of the net's parameters.
    keeps_integers_ : bool
        Whether the net takes integers (an embedding) or wants them as numbers.
    """

    def __init__(self, *, class_codes: bool) -> None:
        self.class_codes = class_codes

    def __call__(self, net: Any, X: Any, y: Any) -> tuple[Any, Any]:
        """Return X and y as `net`, which is initialized, takes them."""
        if isinstance(X, Dataset):
            return X, y
        if not hasattr(self, "float_dtype_"):
            parameters = (parameter for _, parameter in net.get_all_learnable_params())
            floating = (p.dtype for p in parameters if p.dtype.is_floating_point)
            self.float_dtype_ = next(floating, torch.get_default_dtype())
            self.keeps_integers_ = _takes_integers(net, X)
        return self.cast(X), y if y is None else self._cast_target(net, y)

    def cast(self, X: Any) -> Any:
        """Return X, or each of its parts, in the net's dtype; nothing is copied that has it already."""
        if isinstance(X, Dataset):
            return X
        return _map(X, lambda part: part if self.keeps_integers_ and _is_integer(part) else self._to_float(part))

    def _to_float(self, part: Any) -> Any:
        if isinstance(part, torch.Tensor):
            return part.to(self.float_dtype_)
        if self.float_dtype_ is torch.bfloat16:  # NumPy has no such dtype
            return torch.as_tensor(part).to(self.float_dtype_)
        return part.astype(str(self.float_dtype_).removeprefix("torch."), copy=False)

    def _cast_target(self, net: Any, y: Any) -> Any:
        criterion = getattr(net.criterion_, "_orig_mod", net.criterion_)
        if self.class_codes and isinstance(criterion, _SIGNED_TARGETS):
            y = 2 * y - 1
        if isinstance(criterion, _FLOAT_TARGETS) or isinstance(net, NeuralNetBinaryClassifier):
            return _map(y, self._to_float)
        return _map(y, lambda part: _to_int64(part) if _is_integer(part) else self._to_float(part))


def _map(X: Any, function: Any) -> Any:
    if isinstance(X, Mapping):
        return {name: _map(part, function) for name, part in X.items()}
    if isinstance(X, tuple):
        return tuple(_map(part, function) for part in X)
    return function(X if isinstance(X, torch.Tensor) or sparse.issparse(X) else np.asarray(X))


def _is_integer(part: Any) -> bool:
    if isinstance(part, torch.Tensor):
        return not part.is_floating_point() and part.dtype is not torch.bool
    return part.dtype.kind in "iu"


def _to_int64(part: Any) -> Any:
    return part.long() if isinstance(part, torch.Tensor) else part.astype(np.int64, copy=False)


def _takes_integers(net: Any, X: Any) -> bool:
    """Whether the module accepts the integers in X, tried on a copy with two samples."""
    found: list[bool] = []
    _map(X, lambda part: found.append(_is_integer(part) and not sparse.issparse(part)))
    if not any(found):
        return False
    module = copy.deepcopy(net.module_).eval()
    batch = to_tensor(_map(X, lambda part: part[:2]), device=net.device)
    with preserved_random_state(net.device), torch.no_grad():
        try:
            module(**batch) if isinstance(batch, Mapping) else module(batch)
        except Exception:  # whatever a module says of a dtype that it does not take
            return False
    return True
