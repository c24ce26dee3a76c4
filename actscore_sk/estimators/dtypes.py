"""Cast X and y to the dtypes that a net takes.

scikit-learn's users pass float64, integers, booleans and sparse matrices without a thought; a torch module raises for
all but its own dtype. The estimators learn that dtype once and cast to it, in training as in prediction.
"""

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

from actscore_sk.data.containers import map_parts, writable
from actscore_sk.losses.details import DetailedLoss
from actscore_sk.utils.randomness import preserved_random_state

# Losses that want -1 and 1, losses of two classes, and losses that want floating targets.
_SIGNED_TARGETS = (nn.SoftMarginLoss, nn.HingeEmbeddingLoss)
BINARY_LOSSES = (*_SIGNED_TARGETS, nn.BCELoss, nn.BCEWithLogitsLoss)
_FLOAT_TARGETS = (
    *BINARY_LOSSES,
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
        True if y holds codes 0..K-1 of classes; they become -1 and 1 for losses that want signs.
    forward_params : dict
        Arguments of the module beside X.

    Attributes
    ----------
    float_dtype_ : torch.dtype
        Of the net's parameters.
    keeps_integers_ : bool
        True if integers in X stay integers, for an embedding; False if they become floats.
    """

    def __init__(self, class_codes: bool, forward_params: dict | None = None) -> None:
        self.class_codes = class_codes
        # `epochs` is the one that skorch's fit loop keeps for itself
        self.forward_params = {name: value for name, value in (forward_params or {}).items() if name != "epochs"}

    def __call__(self, net: Any, X: Any, y: Any) -> tuple[Any, Any]:
        """Return X and y with the dtypes that `net` takes.

        Parameters
        ----------
        net : NeuralNet
            Initialized.
        X, y : array, sparse matrix, tensor, dict or tuple of these, or Dataset
            A Dataset is returned as it is: its items are the net's own business.

        Raises
        ------
        ValueError
            If the loss is one for two classes and y holds more.
        """
        if not hasattr(self, "float_dtype_"):
            parameters = (parameter for _, parameter in net.get_all_learnable_params())
            floating = (p.dtype for p in parameters if p.dtype.is_floating_point)
            self.float_dtype_ = next(floating, torch.get_default_dtype())
            self.keeps_integers_ = isinstance(X, Dataset) or self._takes_integers(net, X)
        return self.cast(X), y if y is None or isinstance(X, Dataset) else self._cast_target(net, y)

    def cast(self, X: Any) -> Any:
        """Return X, or each of its parts, in the net's dtype; nothing is copied that has it already."""
        return X if isinstance(X, Dataset) else self._cast(X, keeps_integers=self.keeps_integers_)

    def _cast(self, X: Any, *, keeps_integers: bool) -> Any:
        return _map(X, lambda part: _to_int64(part) if keeps_integers and _is_integer(part) else self._to_float(part))

    def _to_float(self, part: Any) -> Any:
        if isinstance(part, torch.Tensor):
            return part.to(self.float_dtype_)
        if self.float_dtype_ is torch.bfloat16:  # NumPy has no such dtype
            return torch.as_tensor(part).to(self.float_dtype_)
        return part.astype(str(self.float_dtype_).removeprefix("torch."), copy=False)

    def _cast_target(self, net: Any, y: Any) -> Any:
        criterion = getattr(net.criterion_, "_orig_mod", net.criterion_)
        if self.class_codes and (isinstance(criterion, BINARY_LOSSES) or isinstance(net, NeuralNetBinaryClassifier)):
            _check_binary(y, net, criterion)
        if self.class_codes and isinstance(criterion, _SIGNED_TARGETS):
            y = 2 * y - 1
        if isinstance(criterion, DetailedLoss):
            criterion.check_targets(y)
        if isinstance(criterion, _FLOAT_TARGETS) or isinstance(net, NeuralNetBinaryClassifier):
            return _map(y, self._to_float)
        return _map(y, self._cast_part)

    def _cast_part(self, part: Any) -> Any:
        if getattr(part, "dtype", None) == np.dtype(object):  # a dict for each sample, say: for a collate_fn
            return part
        return _to_int64(part) if _is_integer(part) else self._to_float(part)

    def _takes_integers(self, net: Any, X: Any) -> bool:
        """Return True if integers in X stay int64: the module accepts them, or rejects floats as well."""
        found: list[bool] = []
        _map(X, lambda part: found.append(_is_integer(part) and not sparse.issparse(part)))
        return any(found) and (self._is_taken(net, X, keeps_integers=True) or not self._is_taken(net, X))

    def _is_taken(self, net: Any, X: Any, *, keeps_integers: bool = False) -> bool:
        """Return True if a copy of the module accepts two samples of X, in inference mode."""
        module = copy.deepcopy(net.module_).eval()
        sample = self._cast(_map(X, lambda part: part[:2]), keeps_integers=keeps_integers)
        batch = to_tensor(_map(sample, lambda part: part.toarray() if sparse.issparse(part) else part), net.device)
        with preserved_random_state(net.device), torch.no_grad():
            try:
                if isinstance(batch, Mapping):
                    module(**batch, **self.forward_params)
                else:
                    module(batch, **self.forward_params)
            except Exception:  # whatever a module says of a dtype that it does not take
                return False
        return True


def _check_binary(y: Any, net: Any, criterion: Any) -> None:
    n_classes = int(np.max(y)) + 1 if np.ndim(y) == 1 else 2
    if n_classes > 2:
        raise ValueError(
            f"y holds {n_classes} classes, but {type(net).__name__} with {type(criterion).__name__} tells two apart; "
            "use NeuralNetClassifier with CrossEntropyLoss and one output a class"
        )


def _map(X: Any, function: Any) -> Any:
    return map_parts(lambda part: function(writable(part)), X)


def _is_integer(part: Any) -> bool:
    if isinstance(part, torch.Tensor):
        return not part.is_floating_point() and part.dtype is not torch.bool
    return part.dtype.kind in "iu"


def _to_int64(part: Any) -> Any:
    return part.long() if isinstance(part, torch.Tensor) else part.astype(np.int64, copy=False)
