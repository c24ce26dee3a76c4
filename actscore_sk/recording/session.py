"""One net being recorded: its splits, its loaders, its step in hand, its recordings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from actscore_sk.data.alignment import Alignment, is_part_of
from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.data.loading import TrackedLoader
from actscore_sk.exceptions import IndexTrackingError
from actscore_sk.losses.per_sample_twin import independent_copy
from actscore_sk.losses.weighting import SampleWeights
from actscore_sk.recording.class_swap import restore_class, swap_class
from actscore_sk.recording.fast_path import FastPath
from actscore_sk.recording.loss_listener import LossListener
from actscore_sk.recording.overrides import Stash
from actscore_sk.recording.recorded_net import METHODS, RecordedNetMixin


class RecordingSession:
    """Records a net until `detach`.

    Parameters
    ----------
    net : NeuralNet
        The net; its class is a `RecordedNetMixin` meanwhile.
    sample_weight : Tensor of shape (n_samples,), optional
        Weight of each row of X in the loss that is trained on, never in the recorded one.
    prepare : callable, optional
        Called with (net, X, y) before the data set is made of them; returns both, with the dtypes of the net.
    train_sampler : EpochSampler, optional
        Decides the order of the training samples, and their weights; it is bound to them here.
    n_epochs : int, optional
        Number of epochs that the training is planned for, those before it included; for `train_sampler`.
    align_targets : bool
        Give a target of shape (n,) the shape (n, 1) if the net's output has it.
    score_class_weights : bool
        As in `SampleLoss`.
    split_params : dict, optional
        Passed to the net's `train_split`, and to nothing else: skorch would pass them to the module, too.
    is_proved : callable
        Returns True if the fast path does what skorch does; asked at each epoch. By default there is no fast path.

    Attributes
    ----------
    root : Dataset
        The one made of X.
    validation_rows : Tensor of int64
        Rows of X that are held out of training.
    recordings : list of NetRecording
        Told of every epoch, and of the visits they record.
    listener : LossListener
        The step in hand.
    path : FastPath or None
        Decisions that hold for the running epoch; None before the first.
    forward_params : dict
        Passed to each step of the running fit.
    """

    def __init__(
        self,
        net: Any,
        *,
        sample_weight: Tensor | None = None,
        prepare: Callable | None = None,
        align_targets: bool = False,
        train_sampler: EpochSampler | None = None,
        n_epochs: int | None = None,
        score_class_weights: bool = False,
        split_params: dict[str, Any] | None = None,
        is_proved: Callable[[], bool] = lambda: False,
    ) -> None:
        self.net, self.align_targets = net, align_targets
        self.train_sampler, self._n_epochs, self._prepare = train_sampler, n_epochs, prepare
        self._is_proved = is_proved
        self.root: Dataset | None = None
        self.recordings: list[Any] = []
        self.listener = LossListener(
            SampleWeights(sample_weight), score_class_weights=score_class_weights, align_targets=align_targets
        )
        self.path: FastPath | None = None
        self.forward_params: dict = {}
        self.split_params = split_params or {}
        self.validation_rows = torch.empty(0, dtype=torch.int64)
        self._n_trained = self._n_steps = 0
        # indexed by `training`: the validation part, the training part
        self._splits: list[Dataset | None] = [None, None]
        self._loaders: list[TrackedLoader | None] = [None, None]
        self._on_visit: list[list[Callable]] = [[], []]
        self.stash = Stash(net, METHODS)
        self.stash.take()
        swap_class(net, RecordedNetMixin, session_=self)

    def detach(self) -> None:
        """Give the net and its criteria their own classes back."""
        self.listener.release()
        restore_class(self.net)
        vars(self.net).pop("session_", None)  # of a net that inherits the mix-in openly
        self.stash.put_back()
        for loader in self._loaders:
            if loader is not None:
                loader.release()
        self._loaders = [None, None]

    # -- the data ---------------------------------------------------------------------------------------

    def prepared(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return X and y with the dtypes that the net takes."""
        return (X, y) if self._prepare is None else self._prepare(self.net, X, y)

    def build_root(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Make the data set of X; return it with y, as the net is to split them."""
        X, y = self.prepared(X, y)
        self.root = self.net.get_dataset(X, y)
        return self.root, y

    def end_split(self, train: Dataset, valid: Dataset | None) -> None:
        """Find both parts in X, and let the recordings allocate.

        Raises
        ------
        IndexTrackingError
            If the training part is not a part of X.
        """
        self._splits, self._loaders = [valid, train], [None, None]
        positions = Alignment(train, self.root).positions  # type: ignore[arg-type]
        self.validation_rows = self._held_out(valid, positions)
        self.listener.weights.set_training_rows(positions)
        if self.train_sampler is not None:
            self.train_sampler.bind(self.n_samples, self._n_epochs, positions)
        for recording in self.recordings:
            recording.begin(self)
        live = [recording.add for recording in self.recordings if recording.records_steps]
        self._on_visit = [live, live]

    @property
    def n_samples(self) -> int:
        """Number of rows of X."""
        return len(self.root)  # type: ignore[arg-type]

    def _held_out(self, valid: Dataset | None, trained: Tensor | None) -> Tensor:
        """Return rows of X in the validation part; none if some of them are trained on, and have a loss already."""
        nothing = torch.empty(0, dtype=torch.int64)
        if valid is None or trained is None or not is_part_of(valid, self.root):  # type: ignore[arg-type]
            return nothing
        rows = Alignment(valid, self.root).positions  # type: ignore[arg-type]
        is_trained = torch.zeros(self.n_samples, dtype=torch.bool)
        is_trained[trained] = True
        return nothing if rows is None or bool(is_trained[rows].any()) else rows

    def track(self, loader: Any, dataset: Dataset, training: bool) -> Any:
        """Track the loaders of the fit loop; let any other pass."""
        is_known = training or len(self.validation_rows) > 0
        if self._loaders[training] is not None or dataset is not self._splits[training] or not is_known:
            return loader
        sampler = self.train_sampler if training else None
        self._loaders[training] = tracked = TrackedLoader(loader, self.root, sampler)  # type: ignore[arg-type]
        return tracked

    def pass_over(self, dataset: Dataset, on_visit: Callable) -> None:
        """Validate on all of `dataset` as the net validates, for one recording; no parameter changes."""
        loader = TrackedLoader(self.net.get_iterator(dataset, training=False), dataset)
        saved = self._loaders[False], self._on_visit[False]
        criteria = {name + "_": getattr(self.net, name + "_", None) for name in self.net._criteria}
        self._loaders[False], self._on_visit[False] = loader, [on_visit]
        copies = {name: independent_copy(kept) for name, kept in criteria.items() if kept is not None}
        self._set_criteria(copies)
        try:
            for batch in loader:
                self.net.validation_step(batch, **self.forward_params)
        finally:
            self._loaders[False], self._on_visit[False] = saved
            for criterion in copies.values():
                self.listener.release(criterion)
            self._set_criteria({name: criteria[name] for name in copies})
            loader.release()

    def _set_criteria(self, criteria: dict[str, Any]) -> None:
        for name, criterion in criteria.items():
            object.__setattr__(self.net, name, criterion)

    @property
    def trained_share(self) -> float:
        """Number of samples trained on in the epoch, as a share of the training part."""
        return self._n_trained / len(self._splits[True])  # type: ignore[arg-type]

    def inform_sampler(self, latest: Tensor, recording: Any) -> None:
        """Tell the sampler of the latest loss of each row of X; only the first recording, that came with it, may."""
        if self.train_sampler is not None and recording is self.recordings[0]:
            rows = self.train_sampler.rows_
            losses = latest.cpu() if rows is None else latest.cpu()[rows]
            self.train_sampler.update(torch.arange(len(losses)), losses.float())

    # -- steps and events ---------------------------------------------------------------------------------

    @contextmanager
    def step(self, batch: Any, *, training: bool) -> Iterator[LossListener]:
        """Listen to a step on `batch`; one of validation may be on samples that are not in X.

        Raises
        ------
        IndexTrackingError
            If a training batch does not come from the tracked loader.
        """
        loader = self._loaders[training]
        rows = None if loader is None else loader.rows_of(batch)
        if rows is not None:
            self._open(rows, batch, loader, training, is_fast=False)
        elif training:
            raise IndexTrackingError(
                "train_step was given a batch that did not come from the training loader as it is, so its samples are "
                "not known; change batches in the data set, in collate_fn or in train_step_single"
            )
        try:
            yield self.listener
        finally:
            self.listener.close()

    def runs_flat(self, net: Any) -> bool:
        """Return True if the next training step may take the fast path; the first one shows if the books balance."""
        return self._n_steps > 0 and self.path.serves(net)  # type: ignore[union-attr]

    def open_fast(self, batch: Any, loader: TrackedLoader) -> LossListener:
        """Open a step of the fast path on the batch that `loader` has just given."""
        self._open(loader.rows_in_hand(), batch, loader, True, is_fast=True)
        return self.listener

    def _open(self, rows: Tensor, batch: Any, loader: Any, training: bool, *, is_fast: bool) -> None:
        self._n_trained += training * len(rows)
        self._n_steps += training
        self.listener.weights.of_visits = loader.weights_in_hand
        self.listener.open(rows, batch, self._on_visit[training], is_training=training, is_fast=is_fast)

    def event(self, method_name: str) -> None:
        """Pass the events of training on to the recordings."""
        if method_name == "on_epoch_begin":
            self.stash.take()
            self._n_trained = 0
            criterion = getattr(self.net, "criterion_", None)
            sample_loss = None if criterion is None else self.listener.sample_loss_of(criterion)
            is_proved = self._is_proved()
            self.path = FastPath(
                self.net, sample_loss, self.stash, is_proved=is_proved, align_targets=self.align_targets
            )
        elif method_name == "on_epoch_end":
            for recording in self.recordings:
                recording.end_epoch()
        elif method_name == "on_train_end":
            for recording in self.recordings:
                recording.end()
