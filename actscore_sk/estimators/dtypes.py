"""Let X through to a net in dtypes that it takes, and cast y.

scikit-learn's users pass float64, integers, booleans and sparse matrices without a thought; a torch module raises for
all but its own dtype. The estimators learn once what the module takes, in training as in prediction.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from scipy import sparse
from skorch import NeuralNetBinaryClassifier
from skorch.utils import to_tensor
from torch import nn
from torch.utils.data import Dataset

from actscore_sk.data.containers import map_parts
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
_TORCH_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtypes in (
        (torch.float16, torch.float32, torch.float64, torch.bool),
        (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    )
    for dtype in dtypes
}


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
        found = set() if isinstance(X, Dataset) else _dtypes_in(X)
        if not found <= self.taken_:
            has_integers = any(map(_is_integer, found))
            if self._is_taken(net, X, {}):
                self.taken_ |= found
                self.keeps_integers_ = has_integers
            elif has_integers:
                self.keeps_integers_ = True
                self.keeps_integers_ = self._is_taken(net, X, self._casts(X)) or not self._takes_numbers(net, X)

    def _takes_numbers(self, net: Any, X: Any) -> bool:
        return self._is_taken(net, X, dict.fromkeys(_dtypes_in(X), self.float_dtype_))

    def _casts(self, X: Any) -> dict[torch.dtype, torch.dtype]:
        """To which dtype each of those in X has to be cast, if to any other."""
        wanted = {dtype: self._wanted(dtype) for dtype in _dtypes_in(X)}
        return {dtype: other for dtype, other in wanted.items() if dtype is not other}

    def _wanted(self, dtype: torch.dtype) -> torch.dtype:
        if dtype in self.taken_:
            return dtype
        return torch.int64 if self.keeps_integers_ and _is_integer(dtype) else self.float_dtype_

    def _attached(self, net: Any, X: Any) -> tuple[Any, list[Any]]:
        """Return X for the net, and the hooks that were put on its module."""
        if isinstance(X, Dataset):
            return X, []
        X = _map(X, _readable)
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
            return _map(y, self._as_numbers)
        return _map(y, self._as_target)

    def _as_numbers(self, part: Any) -> Any:
        return _readable(_to_float(part, self.float_dtype_))

    def _as_target(self, part: Any) -> Any:
        if part.dtype == np.dtype(object):  # a dict for each sample, say: for a collate_fn
            return part
        is_integer = _is_integer(part.dtype) if isinstance(part, torch.Tensor) else part.dtype.kind in "iu"
        return _readable(_to_int64(part)) if is_integer else self._as_numbers(part)

    def _is_taken(self, net: Any, X: Any, casts: dict[torch.dtype, torch.dtype]) -> bool:
        """Return True if a copy of the module accepts two samples of X, cast so, in inference mode."""
        cast = CastInputs(casts, [*X] if isinstance(X, Mapping) else [])
        with preserved_random_state(net.device), torch.no_grad():
            try:
                module = copy.deepcopy(net.module_).eval()
                batch = to_tensor(_map(X, _first_rows), net.device)
                inputs, named = cast(module, *(((), batch) if isinstance(batch, Mapping) else ((batch,), {})))
                module(*inputs, **named, **self.forward_params)
            except Exception:  # whatever a module says of a dtype that it does not take
                return False
        return True


class CastInputs:
    """Hook that casts what a module is called with, by dtype; it can be pickled with the module.

    Parameters
    ----------
    casts : dict of torch.dtype to torch.dtype
        Tensors of other dtypes pass as they are.
    names : list of str
        Names of inputs, if X is a dict of them; otherwise the first input without a name is X.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> hook = CastInputs({torch.uint8: torch.float32}, [])
    >>> handle = layer.register_forward_pre_hook(hook, with_kwargs=True)
    >>> layer(torch.ones(3, 2, dtype=torch.uint8)).dtype
    torch.float32
    """

    def __init__(self, casts: dict[torch.dtype, torch.dtype], names: list[str]) -> None:
        self.casts, self.names = casts, names

    def __call__(self, module: nn.Module, inputs: tuple, named: dict) -> tuple[tuple, dict]:
        """Return the inputs in the dtypes that the module takes."""
        if inputs:
            inputs = (self._cast(inputs[0]), *inputs[1:])
        return inputs, {name: self._cast(part) if name in self.names else part for name, part in named.items()}

    def _cast(self, part: Any) -> Any:
        if isinstance(part, torch.Tensor):
            return part.to(self.casts.get(part.dtype, part.dtype))
        if isinstance(part, Mapping):
            return {name: self._cast(inner) for name, inner in part.items()}
        return [self._cast(inner) for inner in part] if isinstance(part, (list, tuple)) else part


def _check_binary(y: Any, net: Any, criterion: Any) -> None:
    n_classes = int(np.max(y)) + 1 if np.ndim(y) == 1 else 2
    if n_classes > 2:
        raise ValueError(
            f"y holds {n_classes} classes, but {type(net).__name__} with {type(criterion).__name__} tells two apart; "
            "use NeuralNetClassifier with CrossEntropyLoss and one output a class"
        )


def _map(X: Any, function: Any) -> Any:
    return map_parts(lambda part: function(_array_of(part)), X)


def _array_of(part: Any) -> Any:
    return part if isinstance(part, torch.Tensor) or sparse.issparse(part) else np.asarray(part)


class _ReadOnlyRows(np.ndarray):
    """An array that may not be written to, and gives copies of its rows, since torch warns when it wraps one."""

    def __getitem__(self, index: Any) -> Any:
        found = self.view(np.ndarray)[index]
        return found.copy() if isinstance(found, np.ndarray) and not found.flags.writeable else found


def _readable(part: Any) -> Any:
    """Return a part of X as torch can read its rows, without a copy if there is a torch dtype for it."""
    if isinstance(part, torch.Tensor) or sparse.issparse(part):
        return part
    native = part.dtype.newbyteorder("=")
    if native != part.dtype or str(native) not in _TORCH_DTYPES:
        other = np.int64 if native.kind in "iu" else np.float64
        part = part.astype(native if str(native) in _TORCH_DTYPES else other)
    return part if part.flags.writeable else part.view(_ReadOnlyRows)


def _first_rows(part: Any) -> Any:
    rows = part[:2]
    if isinstance(part, torch.Tensor):
        return rows
    return rows.toarray() if sparse.issparse(rows) else np.array(_readable(rows))  # no stride is negative in a copy


def _dtypes_in(X: Any) -> set[torch.dtype]:
    found: set[torch.dtype] = set()
    _map(X, lambda part: found.add(part.dtype if isinstance(part, torch.Tensor) else _torch_dtype(part.dtype)))
    return found


def _torch_dtype(dtype: np.dtype) -> torch.dtype:
    other = torch.int64 if dtype.kind in "iu" else torch.float64
    return _TORCH_DTYPES.get(str(dtype.newbyteorder("=")), other)


def _is_integer(dtype: torch.dtype) -> bool:
    return not dtype.is_floating_point and not dtype.is_complex and dtype is not torch.bool


def _to_float(part: Any, dtype: torch.dtype) -> Any:
    if isinstance(part, torch.Tensor):
        return part.to(dtype)
    if dtype is torch.bfloat16:  # NumPy has no such dtype
        return torch.as_tensor(part).to(dtype)
    return part.astype(str(dtype).removeprefix("torch."), copy=False)


def _to_int64(part: Any) -> Any:
    return part.long() if isinstance(part, torch.Tensor) else part.astype(np.int64, copy=False)
