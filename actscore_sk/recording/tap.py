"""State of one net being watched: its splits, the batch in hand, and who wants to know."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from skorch.dataset import get_len
from torch import Tensor, nn
from torch.utils.data import Dataset

from actscore_sk.data.alignment import Alignment, is_part_of
from actscore_sk.data.loading import TrackedLoader
from actscore_sk.exceptions import IndexTrackingError, SampleLossError
from actscore_sk.losses.replay import Replay
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.disguise import disguise, undisguise
from actscore_sk.recording.tapped import TappedCriterion, TappedNet, all_modules, has_plain_step, heard_by

Consumer = Callable[["Visit"], None]


class Visit:
    """What one step showed of the samples in its batch.

    Attributes
    ----------
    rows : tensor of int64 (n_samples,)
        Positions in X, on the CPU.
    inputs : tuple or None
        What the criterion was called with, without gradient; None if it was called more than once, or with anything
        but tensors of one row a sample.
    values : tensor (n_samples,) or None
        Loss of each sample; None if it can be had from `inputs` at any time.
    sample_loss : SampleLoss
        View of the criterion.
    size : int
        Numbers in the net's output, held back as long as the visit is.
    """

    __slots__ = ("_version", "inputs", "rows", "sample_loss", "size", "values")

    def __init__(self, rows: Tensor, inputs: tuple | None, values: Tensor | None, sample_loss: SampleLoss) -> None:
        self.rows, self.values, self.sample_loss = rows, values, sample_loss
        self.inputs, self._version, self.size = inputs, 0, 1
        if inputs is not None:  # the graph behind the output must not stay alive
            self.inputs = tuple([part.detach() if part.requires_grad else part for part in inputs])
            self._version, self.size = inputs[0]._version, inputs[0].numel()

    @property
    def kind(self) -> tuple:
        """Equal for visits that can be evaluated together."""
        shapes = [(part.shape[1:], part.dtype) for part in self.inputs or ()]
        return self.sample_loss, self.values is None, shapes

    def was_changed(self) -> bool:
        """Whether somebody wrote into the net's output since."""
        return self.inputs is not None and self.inputs[0]._version != self._version


class Recorder(Protocol):
    """What the tap calls; `ActionScoreRecorder` is one."""

    def begin(self, tap: "Tap") -> None:
        """Training starts; the splits are known."""

    def wants(self, training: bool) -> bool:
        """Whether the visits of the training pass, or of the validation pass, are to be recorded."""

    def consume(self, visit: Visit) -> None:
        """Record a visit."""

    def end_epoch(self, tap: "Tap") -> None:
        """All batches of the epoch were seen."""

    def end(self) -> None:
        """Training is over, or was interrupted."""


class Tap:
    """Listens to a net from `attach` to `detach`.

    Parameters
    ----------
    net : NeuralNet
        The net; it is disguised as a `TappedNet` meanwhile.
    sample_weight : tensor (n_samples,), optional
        Weight of each row of X in the loss that is trained on, never in the recorded one.
    prepare : callable, optional
        Called with (net, X, y) before the data set is made of them; returns both, with the dtypes of the net.
    align_targets : bool
        Give a target of shape (n,) the shape (n, 1) if the net's output has it.
    """

    def __init__(
        self,
        net: Any,
        *,
        sample_weight: Tensor | None = None,
        prepare: Callable | None = None,
        align_targets: bool = False,
    ) -> None:
        self.net = net
        self.recorders: list[Recorder] = []
        self.forward_params: dict = {}
        self.rows: Tensor | None = None
        self.batch_size = 0
        self.root: Dataset | None = None
        self._weights, self._prepare, self._align = sample_weight, prepare, align_targets
        self._splitting, self._per_sample = False, False
        self._splits: list = [None, None]
        self._alignments: list[Alignment | None] = [None, None]
        self._loaders: dict[bool, TrackedLoader] = {}
        self._extra: tuple[TrackedLoader, Consumer] | None = None
        self._consumers: list[Consumer] = []
        self._calls: list[tuple] = []
        self._criterion: Any = None
        self._listeners: dict[str, tuple] = {}
        self._modules: list[nn.Module] = []
        self.has_plain_step, self.hears_gradients = False, True
        disguise(net, TappedNet, self)

    def detach(self) -> None:
        """Give the net and its criterion their own classes back."""
        undisguise(self._criterion)
        undisguise(self.net)
        self._criterion, self._loaders = None, {}

    # -- the data ---------------------------------------------------------------------------------------

    def start_split(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return X and y with the dtypes that the net takes; the next data set built is made of them."""
        self._splitting, self.root = True, None
        return self.prepared(X, y)

    def prepared(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return X and y with the dtypes that the net takes."""
        return (X, y) if self._prepare is None else self._prepare(self.net, X, y)

    def dataset_built(self, dataset: Dataset) -> None:
        """Remember the data set that is made of X."""
        if self._splitting and self.root is None:
            self.root = dataset

    def end_split(self, train: Dataset, valid: Dataset | None) -> None:
        """Find both parts in X; recorders may allocate now.

        Raises
        ------
        IndexTrackingError
            If the training part is not a part of X.
        """
        self._splitting = False
        self.root = train if self.root is None else self.root
        self._splits = [valid, train]
        self._alignments = [None, Alignment.of(train, self.root)]
        if valid is not None and is_part_of(valid, self.root):
            self._alignments[False] = Alignment.of(valid, self.root)
        for recorder in self.recorders:
            recorder.begin(self)

    @property
    def n_samples(self) -> int:
        """Number of rows of X."""
        return len(self.root)  # type: ignore[arg-type]

    def validation_rows(self) -> Tensor:
        """Rows of X that are held out of training, int64."""
        valid = self._alignments[False]
        if valid is None or valid.positions is None:
            return torch.empty(0, dtype=torch.int64)
        return valid.positions

    def loader_built(self, loader: Any, dataset: Dataset, training: bool) -> Any:
        """Track the loaders of the fit loop; let any other pass."""
        alignment = self._alignments[training]
        if training in self._loaders or dataset is not self._splits[training] or alignment is None:
            return loader
        self._loaders[training] = TrackedLoader(loader, alignment)
        return self._loaders[training]

    def pass_over(self, dataset: Dataset, consumer: Consumer) -> None:
        """Validate on all of `dataset` as the net validates, for one consumer; no parameter changes."""
        loader = TrackedLoader(self.net.get_iterator(dataset, training=False), Alignment(None))
        self._extra = loader, consumer
        try:
            for batch in loader:
                self.net.validation_step(batch, **self.forward_params)
        finally:
            self._extra = None

    # -- a step -----------------------------------------------------------------------------------------

    def open(self, batch: Any, training: bool) -> None:
        """A step on `batch` begins.

        Raises
        ------
        IndexTrackingError
            If a training batch does not come from the tracked loader.
        """
        loader, extra = self._loaders.get(training), None
        if self._extra is not None:
            loader, extra = self._extra
        self.rows = None if loader is None else loader.rows_of(batch)
        if self.rows is None:
            if training:
                raise IndexTrackingError(
                    "train_step was given a batch that did not come from the training loader as it is, so its samples "
                    "are not known; change batches in the data set, in collate_fn or in train_step_single"
                )
            self.batch_size = get_len(batch[0] if isinstance(batch, (tuple, list)) else batch)
            return
        self.batch_size = len(self.rows)
        self._consumers = [extra] if extra else [r.consume for r in self.recorders if r.wants(training)]

    def fit_target(self, y_pred: Any, y_true: Any) -> Any:
        """Reshape a target of shape (n,) to the output's (n, 1), where asked for."""
        if self._align and isinstance(y_pred, Tensor) and isinstance(y_true, Tensor):
            if y_pred.ndim == y_true.ndim + 1 and y_pred.shape == (*y_true.shape, 1):
                return y_true.unsqueeze(-1)
        return y_true

    def loss_asked(self, own_loss: Callable, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Run the net's `get_loss`; hand on what its criterion said if the step has not been recorded yet."""
        if self.net.criterion_ is not self._criterion:
            self._follow_criterion()
        self._calls = []
        loss = own_loss(y_pred, y_true, *args, **kwargs)
        calls, consumers, self._consumers = self._calls, self._consumers, []
        if not calls:
            raise SampleLossError(
                f"{type(self.net).__name__}.get_loss did not call criterion_, so the loss of a single sample is "
                "unknown; compute the loss in a criterion"
            )
        if consumers:
            inputs, values = calls[0]
            if len(calls) > 1:
                inputs, values = None, self._composite(own_loss, y_pred, y_true, *args, **kwargs)
            visit = Visit(self.rows, inputs, values, self._sample_loss)  # type: ignore[arg-type]
            for consume in consumers:
                consume(visit)
        return loss if loss.ndim == 0 else self._mean(loss)

    def criterion_called(self, call: Callable, inputs: tuple) -> Any:
        """Answer for the criterion: its own value, or the weighted one; note the loss of each sample."""
        sample_loss, n = self._sample_loss, self.batch_size
        if self._per_sample:
            return sample_loss.values(sample_loss.units(inputs, n, call(*inputs)), inputs)
        values, batch_first = None, _is_batch_first(inputs, n)
        if self._weights is not None and isinstance(sample_loss.reduction, str) and sample_loss.reduction != "none":
            units = sample_loss.units(inputs, n)
            values = sample_loss.values(units.detach(), inputs)
            output = sample_loss.weighted(units, inputs, self._batch_weights(units))
        elif sample_loss.is_pure and batch_first:
            output = call(*inputs)
        else:
            output, values = self._replay(call, inputs, n)
        self._calls.append((inputs if batch_first else None, values))
        return output

    def _follow_criterion(self) -> None:
        undisguise(self._criterion)
        self._criterion = self.net.criterion_
        self._sample_loss = SampleLoss(self._criterion)
        self._replay = Replay(self._sample_loss)
        disguise(self._criterion, TappedCriterion, self)

    def _composite(self, own_loss: Callable, y_pred: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Loss of each sample where `get_loss` combines several calls: the same combination, sample by sample."""
        stream, self._per_sample = torch.get_rng_state(), True
        try:
            with torch.no_grad():
                losses = own_loss(y_pred, *args, **kwargs)
        finally:
            self._per_sample = False
            torch.set_rng_state(stream)
        if losses.shape != (self.batch_size,):
            raise SampleLossError(
                f"{type(self.net).__name__}.get_loss combines several calls of the criterion into shape "
                f"{tuple(losses.shape)}; expected ({self.batch_size},) when each call gives one loss a sample: add "
                "and scale the calls, and take no mean over the batch"
            )
        return losses

    def _mean(self, losses: Tensor) -> Tensor:
        """Reduce a vector, which skorch cannot train on, as torch's losses do by default."""
        if self._weights is None:
            return losses.mean()
        weights = self._batch_weights(losses)
        losses = losses.reshape(len(weights), -1).mean(1)
        return (weights * losses).sum() / weights.sum().clamp(min=torch.finfo(losses.dtype).tiny)

    def _batch_weights(self, like: Tensor) -> Tensor:
        if self._weights.device != like.device:  # type: ignore[union-attr]
            self._weights = self._weights.to(like.device)  # type: ignore[union-attr]
        return self._weights[self.rows.to(like.device, non_blocking=True)].to(like.dtype)  # type: ignore[index, union-attr]

    # -- events -----------------------------------------------------------------------------------------

    def event(self, method_name: str, **kwargs: Any) -> None:
        """Pass the events of training on to the recorders."""
        if method_name == "on_epoch_begin":
            modules = all_modules(self.net)
            plain = all(type(module).train is nn.Module.train for module in modules)
            self._modules = modules if plain else []  # one that switches in its own way is told at each step
            self.has_plain_step = has_plain_step(self.net)
            self.hears_gradients = len(self.listeners("on_grad_computed", self.net.callbacks_)) > 1
        elif method_name == "on_epoch_end":
            for recorder in self.recorders:
                recorder.end_epoch(self)
        elif method_name == "on_train_end":
            for recorder in self.recorders:
                recorder.end()

    def listeners(self, method_name: str, callbacks: list) -> list:
        """Methods to call at an event, found once for each list of callbacks."""
        known = self._listeners.get(method_name)
        if known is None or known[0] is not callbacks or known[1] != len(callbacks):
            known = callbacks, len(callbacks), heard_by(self.net, callbacks, method_name)
            self._listeners[method_name] = known
        return known[2]

    def has_mode(self, training: bool) -> bool:
        """Whether all modules of the net are in that mode already."""
        if not self._modules:
            return False
        for module in self._modules:
            if module.training is not training:
                return False
        return True


def _is_batch_first(inputs: tuple, n_samples: int) -> bool:
    for part in inputs:
        if not isinstance(part, Tensor) or part.ndim == 0 or part.shape[0] != n_samples:
            return False
    return True
