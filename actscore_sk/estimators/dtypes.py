"""Let X through to a net in dtypes that it takes, and cast y.

scikit-learn's users pass float64, integers, booleans and sparse matrices without a thought; a torch module raises for
all but its own dtype. The estimators learn once what the module takes, in training as in prediction.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetBinaryClassifier
from skorch.utils import to_tensor
from torch import nn
from torch.utils.data import Dataset

from actscore_sk.estimators.casting import (
    CastInputs,
    dtypes_in,
    first_rows,
    is_integer,
    map_arrays,
    readable,
    to_float,
    to_int64,
)
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
# The others take targets in single precision beside outputs in half precision, which digits of a target would not fit.
_TARGETS_LIKE_OUTPUTS = nn.BCELoss, nn.HuberLoss


class DtypeAdapter:
    """Learns the dtypes of a net when its training starts, and lets any X through to it afterwards.

    X reaches the module as skorch would pass it. Only where the module refuses its dtype (a layer of floats wants no
    bytes, an embedding no floats) each batch is cast on its way into the module: X itself is never copied.

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
    taken_ : set of torch.dtype
        Dtypes in the X of the training that the module takes as they are.
    """

    def __init__(self, class_codes: bool, forward_params: dict | None = None) -> None:
        self.class_codes = class_codes
        # `epochs` is the one that skorch's fit loop keeps for itself
        self.forward_params = {name: value for name, value in (forward_params or {}).items() if name != "epochs"}
        self._hooks: list[Any] = []

    def __call__(self, net: Any, X: Any, y: Any) -> tuple[Any, Any]:
        """Return X and y as `net` takes them; its module casts batches of X until `close`.

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
            self._learn(net, X)
        X, hooks = self._attached(net, X)
        self._hooks += hooks
        return X, y if y is None or isinstance(X, Dataset) else self._cast_target(net, y)

    def close(self) -> None:
        """Leave the module as it was."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    @contextmanager
    def casting(self, net: Any, X: Any) -> Iterator[Any]:
        """Give the net's module batches of X in dtypes that it takes, within the block; yields X for the net."""
        X, hooks = self._attached(net, X)
        try:
            yield X
        finally:
            for hook in hooks:
                hook.remove()

    def _learn(self, net: Any, X: Any) -> None:
        parameters = (parameter for _, parameter in net.get_all_learnable_params())
        floating = (p.dtype for p in parameters if p.dtype.is_floating_point)
        self.float_dtype_ = next(floating, torch.get_default_dtype())
        self.taken_ = {self.float_dtype_}
        self.keeps_integers_ = isinstance(X, Dataset)
        found = set() if isinstance(X, Dataset) else dtypes_in(X)
        if not found <= self.taken_:
            has_integers = any(map(is_integer, found))
            if self._is_taken(net, X, {}):
                self.taken_ |= found
                self.keeps_integers_ = has_integers
            elif has_integers:
                self.keeps_integers_ = True
                self.keeps_integers_ = self._is_taken(net, X, self._casts(X)) or not self._takes_numbers(net, X)

    def _takes_numbers(self, net: Any, X: Any) -> bool:
        return self._is_taken(net, X, dict.fromkeys(dtypes_in(X), self.float_dtype_))

    def _casts(self, X: Any) -> dict[torch.dtype, torch.dtype]:
        """To which dtype each of those in X has to be cast, if to any other."""
        wanted = {dtype: self._wanted(dtype) for dtype in dtypes_in(X)}
        return {dtype: other for dtype, other in wanted.items() if dtype is not other}

    def _wanted(self, dtype: torch.dtype) -> torch.dtype:
        if dtype in self.taken_:
            return dtype
        return torch.int64 if self.keeps_integers_ and is_integer(dtype) else self.float_dtype_

    def _attached(self, net: Any, X: Any) -> tuple[Any, list[Any]]:
        """Return X for the net, and the hooks that were put on its module."""
        if isinstance(X, Dataset):
            return X, []
        X = map_arrays(X, readable)
        casts = self._casts(X)
        if not casts:
            return X, []
        cast = CastInputs(casts, [*X] if isinstance(X, Mapping) else [])
        return X, [net.module_.register_forward_pre_hook(cast, with_kwargs=True, prepend=True)]

    def _cast_target(self, net: Any, y: Any) -> Any:
        criterion = getattr(net.criterion_, "_orig_mod", net.criterion_)
        if self.class_codes and (isinstance(criterion, BINARY_LOSSES) or isinstance(net, NeuralNetBinaryClassifier)):
            _check_binary(y, net, criterion)
        if self.class_codes and isinstance(criterion, _SIGNED_TARGETS):
            y = 2 * y - 1
        if isinstance(criterion, DetailedLoss):
            criterion.check_targets(y)
        if isinstance(criterion, _FLOAT_TARGETS) or isinstance(net, NeuralNetBinaryClassifier):
            return map_arrays(y, partial(self._as_numbers, criterion))
        return map_arrays(y, partial(self._as_target, criterion))

    def _as_numbers(self, criterion: Any, part: Any) -> Any:
        is_like_output = isinstance(criterion, _TARGETS_LIKE_OUTPUTS)
        dtype = self.float_dtype_ if is_like_output else torch.promote_types(self.float_dtype_, torch.float32)
        return readable(to_float(part, dtype))

    def _as_target(self, criterion: Any, part: Any) -> Any:
        if part.dtype == np.dtype(object):  # a dict for each sample, say: for a collate_fn
            return part
        has_integers = is_integer(part.dtype) if isinstance(part, torch.Tensor) else part.dtype.kind in "iu"
        return readable(to_int64(part)) if has_integers else self._as_numbers(criterion, part)

    def _is_taken(self, net: Any, X: Any, casts: dict[torch.dtype, torch.dtype]) -> bool:
        """Return True if a copy of the module accepts two samples of X, cast so, in inference mode."""
        cast = CastInputs(casts, [*X] if isinstance(X, Mapping) else [])
        with preserved_random_state(net.device), torch.no_grad():
            try:
                module = copy.deepcopy(net.module_).eval()
                batch = to_tensor(map_arrays(X, first_rows), net.device)
                inputs, named = cast(module, *(((), batch) if isinstance(batch, Mapping) else ((batch,), {})))
                module(*inputs, **named, **self.forward_params)
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
