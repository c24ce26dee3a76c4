"""The recorder: a skorch callback that scores every sample of X while a net trains on it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from skorch.callbacks import Callback

from actscore_sk.metrics.registry import get_metric
from actscore_sk.recording.detail_state import DetailLedger
from actscore_sk.recording.modules import all_modules, preserved_modules
from actscore_sk.recording.record import Record
from actscore_sk.recording.recorded_net import TappedNet
from actscore_sk.recording.sample_state import Ledger
from actscore_sk.recording.session import Tap
from actscore_sk.recording.visit import Visit
from actscore_sk.recording.visit_buffer import CAPACITY, VisitBlock
from actscore_sk.storage import open_trajectories
from actscore_sk.utils.interrupts import uninterrupted
from actscore_sk.utils.randomness import preserved_random_state

RECORDINGS = ("training", "epoch_end")
REDUCTIONS = ("sum", "mean", "interpolated", "auto")


class ActionScoreRecorder(Record, Callback):
    """Record action scores of a net that you keep; for a scikit-learn estimator see `ActionScoreClassifier`.

    The action score of a sample is its loss, accumulated over training (Arriaga & Valdenegro-Toro,
    arXiv 2011.11461); higher = harder. Training itself is not changed in any bit.

    Parameters
    ----------
    recording : {"training", "epoch_end"}
        Which loss: the one that the training step computes anyway, or the one under the net as it stands after each
        epoch, in inference mode, at the cost of one more pass over X.
    reduction : {"sum", "mean", "interpolated", "auto"}
        Sum over the visits of a sample, or their mean, or the sum over all epochs, where those that did not visit the
        sample have what lies on a straight line between the visits around them: for visits that are unequal. "auto":
        sum over the epochs before the net begins to learn single samples by heart, which the loss of the samples that
        `train_split` holds out tells, or else that of `eval_set`; see `epoch_weights`. Parts and units are summed.
    metrics : sequence of str
        Names from `get_metric_names`, recorded in the same pass.
    store_trajectories : bool, str or path-like
        Keep the losses of each epoch: in memory, or in a ``.npy`` file at that path which another process can open
        while training runs.
    eval_set : tuple (X, y), Dataset or None
        Other samples, scored after each epoch.
    store_units : bool, "auto", str or path-like
        Keep losses of units (pixels, boxes, tokens), if the criterion has them: "auto" up to 1 GiB; in memory up to
        256 MiB and in a temporary file above, or in a ``.npy`` file at a path. Their size is logged before the first
        update.
    unit_grid : int, tuple of int or None
        Pool dense units of a sample to this shape, by the mean over each cell.

    Attributes
    ----------
    action_scores_ : ndarray of float64 (n_samples,)
        Higher = harder; NaN = never visited. Aligned with X, also where `train_split` holds samples out: these get
        their validation loss of each epoch.
    sample_metrics_ : dict of str to ndarray of float64 (n_samples,)
        One entry a metric.
    n_visits_ : ndarray of int32 (n_samples,)
        How often each sample passed through the loss.
    n_epochs_ : int
        Epochs recorded, the last one incomplete if training was interrupted.
    trajectories_ : ndarray of float32 (n_epochs, n_samples)
        What each epoch added to the sum; NaN = not visited. Only with `store_trajectories`.
    validation_mask_ : ndarray of bool (n_samples,)
        Samples held out by `train_split`.
    epoch_weights_ : ndarray of float64 (n_epochs,)
        How much each epoch counts; only with ``reduction="auto"``.
    gradient_work_ : ndarray of float64 (n_epochs,)
        Samples that each epoch trained on, as a share of those that are not held out.
    eval_action_scores_ : ndarray of float64 (n_eval_samples,)
        Only with `eval_set`.
    component_scores_ : dict of str to ndarray of float64 (n_samples,)
        Scores of the parts of the loss; empty if the criterion delivers none.
    unit_scores_ : ndarray of float32 (n_samples, ...) or RaggedScores
        Scores of units; NaN where a target is ignored. Only with `store_units`.
    unit_component_scores_ : dict of str to the like
        Scores of the parts of units.

    Raises
    ------
    IndexTrackingError
        Before training, if the net's loader hides which samples a batch holds.
    SampleLossError
        Before the first update, if the criterion hides the loss of single samples.
    NonFiniteLossError
        At the end of an epoch in which a loss became NaN or infinite.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from skorch import NeuralNetClassifier
    >>> X = np.random.default_rng(0).normal(size=(100, 4)).astype("float32")
    >>> y = (X[:, 0] > 0).astype("int64")
    >>> recorder = ActionScoreRecorder()
    >>> net = NeuralNetClassifier(
    ...     torch.nn.Linear(4, 2), criterion=torch.nn.CrossEntropyLoss, verbose=0,
    ...     callbacks=[("action_scores", recorder)],
    ... )
    >>> _ = net.fit(X, y)
    >>> recorder.action_scores_.shape, int(recorder.validation_mask_.sum()), recorder.n_epochs_
    ((100,), 20, 10)
    """

    def __init__(
        self,
        recording: str = "training",
        reduction: str = "sum",
        metrics: Sequence[str] = ("action_score",),
        store_trajectories: bool | str | os.PathLike = False,
        eval_set: Any = None,
        store_units: bool | str | os.PathLike = False,
        unit_grid: int | tuple[int, ...] | None = None,
    ) -> None:
        self.recording = recording
        self.reduction = reduction
        self.metrics = metrics
        self.store_trajectories = store_trajectories
        self.eval_set = eval_set
        self.store_units = store_units
        self.unit_grid = unit_grid

    # -- as a callback -----------------------------------------------------------------------------------

    def initialize(self) -> "ActionScoreRecorder":
        """Forget all samples: the net starts anew."""
        for name in [name for name in vars(self) if name.endswith("_")]:
            if name == "tap_":  # an error outside of the fit loop left the net in disguise
                self.tap_.detach()
            delattr(self, name)
        return self

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Watch the net from here to the end of training; a recorder that `watching` put there does already."""
        self._check_params()
        if "tap_" not in vars(self):
            self._join(net.tap_ if isinstance(net, TappedNet) else Tap(net))

    @contextmanager
    def watching(self, net: Any, **options: Any) -> Iterator[None]:
        """Record all training of `net` inside the block, without being one of its callbacks.

        Parameters
        ----------
        net : NeuralNet
            It has its own class back when the block ends, whatever ends it.
        **options : dict
            Passed to `Tap`.
        """
        self._check_params()
        tap = Tap(net, **options)
        self._join(tap)
        try:
            yield
        finally:
            tap.detach()
            self.__dict__.pop("tap_", None)

    def _join(self, tap: Tap) -> None:
        self.tap_ = tap
        tap.recorders.append(self)

    def _check_params(self) -> None:
        for name, value, allowed in (
            ("recording", self.recording, RECORDINGS),
            ("reduction", self.reduction, REDUCTIONS),
        ):
            if value not in allowed:
                raise ValueError(f"{name}={value!r}; expected one of {', '.join(map(repr, allowed))}")
        if isinstance(self.metrics, str):
            raise ValueError(f"metrics={self.metrics!r}; expected a sequence of names, such as ({self.metrics!r},)")
        for name in self.metrics:
            get_metric(name)

    def __getstate__(self) -> dict[str, Any]:
        # what belongs to a training that is running stays behind: the tap holds the net, the blocks its outputs
        for name in ("block_", "eval_block_"):
            if name in vars(self):
                vars(self)[name].flush()
        return {name: value for name, value in vars(self).items() if name not in ("tap_", "block_", "eval_block_")}

    # -- called by the tap -------------------------------------------------------------------------------

    def begin(self, tap: Tap) -> None:
        """Allocate for the rows of X, or go on with those of the training before."""
        if "ledger_" in vars(self):
            self._check_same_samples(tap.n_samples)
        else:
            self.trajectories_store_ = open_trajectories(self.store_trajectories, tap.n_samples)
            fills = self.reduction == "interpolated" or tap.train_sampler is not None
            keep_row = self.trajectories_store_ is not None
            windowed = self.reduction == "auto"
            self.ledger_ = Ledger(tap.n_samples, self.metrics, keep_row=keep_row, fills=fills, windowed=windowed)
            self.detail_ledger_ = DetailLedger(tap.n_samples, self.reduction, self.store_units, self.unit_grid)
            self.work_: list[float] = []
        self.validation_mask_ = np.zeros(tap.n_samples, dtype=bool)
        self.validation_mask_[tap.validation_rows.numpy()] = True
        self.held_out_ = tap.validation_rows
        if self.reduction == "auto" and not len(self.held_out_) and self.eval_set is None:
            raise ValueError(
                'reduction="auto" goes by the loss of held-out samples, but the net trains on all of them '
                "(train_split=None); let the net hold some out, pass an eval_set, or take another reduction"
            )
        # Compiled nets may reuse the memory of an output at the next batch.
        capacity = 0 if tap.net.compile else CAPACITY
        self.block_ = VisitBlock(
            self._sink, keep_inputs=self.ledger_.needs_inputs, capacity=capacity, detail_sink=self._detail_sink
        )
        if self.eval_set is not None:
            self._begin_eval(tap, capacity)

    def _begin_eval(self, tap: Tap, capacity: int) -> None:
        X, y = self.eval_set if isinstance(self.eval_set, (tuple, list)) else (self.eval_set, None)
        self.eval_dataset_ = tap.net.get_dataset(*tap.prepared(X, y))
        if "eval_ledger_" not in vars(self) or self.eval_ledger_.n_samples != len(self.eval_dataset_):
            self.eval_ledger_: Ledger = Ledger(len(self.eval_dataset_), windowed=self.reduction == "auto")
        self.eval_block_ = VisitBlock(self._eval_sink, keep_inputs=False, capacity=capacity)

    def _sink(self, *block: Any) -> None:
        self.ledger_.update(*block)

    def _detail_sink(self, rows: Any, details: Any) -> None:
        self.detail_ledger_.update(rows, details)

    def _eval_sink(self, *block: Any) -> None:
        self.eval_ledger_.update(*block)

    def _check_same_samples(self, n_samples: int) -> None:
        if n_samples != self.ledger_.n_samples:
            raise ValueError(
                f"X has {n_samples} samples, but the scores so far are those of {self.ledger_.n_samples}; to go on, "
                "pass the same samples in the same order, and to start anew, call fit (with warm_start=False)"
            )

    def wants(self, training: bool) -> bool:
        """Whether the training pass, or the validation pass, is recorded."""
        return self.recording == "training"

    def consume(self, visit: Visit) -> None:
        """Record a visit."""
        self.block_.add(visit)

    def end_epoch(self, tap: Tap) -> None:
        """Make the passes that are asked for and close the epoch."""
        if self.recording == "epoch_end":
            self._pass(tap, tap.root, self.block_)
        if self.eval_set is not None:
            self._pass(tap, self.eval_dataset_, self.eval_block_)
        self._close_epoch()

    def _pass(self, tap: Tap, dataset: Any, block: VisitBlock) -> None:
        with preserved_random_state(tap.net.device), preserved_modules(all_modules(tap.net)):
            tap.pass_over(dataset, block.add)
        block.flush()

    def _close_epoch(self) -> None:
        with uninterrupted():  # as many rows as epochs
            self.block_.flush()
            held_out_loss = self._held_out_loss()
            row = self.ledger_.end_epoch(held_out_loss)
            self.detail_ledger_.end_epoch()
            if self.eval_set is not None:
                self.eval_ledger_.end_epoch(held_out_loss)
            self.work_.append(self.tap_.work)
            self.tap_.inform_sampler(self.ledger_.latest, self)
            if row is not None and self.trajectories_store_ is not None:
                self.trajectories_store_.append(row)

    def _held_out_loss(self) -> float:
        """Mean loss of the samples that tell when the net memorises; the host waits for it."""
        if self.reduction != "auto":
            return np.nan
        return self.ledger_.mean_loss(self.held_out_) if len(self.held_out_) else self.eval_ledger_.mean_loss()

    def end(self) -> None:
        """Close an epoch that was interrupted, if any sample was seen in it, and let the net go."""
        self.block_.flush()
        if self.ledger_.epoch_has_visits:
            self._close_epoch()
        self.__dict__.pop("tap_", None)
