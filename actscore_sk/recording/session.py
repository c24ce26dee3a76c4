"""One net being recorded: its parts, its step in hand, its recordings.

The session is the one object that the methods of `RecordedNetMixin` talk to. It decides which rows of X a batch holds;
`LossListener` turns the batch's loss into a visit, and each `NetRecording` turns visits into scores.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from actscore_sk.data.collation import warn_of_mixtures
from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.data.loading import TrackedLoader
from actscore_sk.data.placement import Placement
from actscore_sk.exceptions import IndexTrackingError
from actscore_sk.losses.weighting import SampleWeights
from actscore_sk.recording.class_swap import restore_class, swap_class
from actscore_sk.recording.fast_path import FastPath
from actscore_sk.recording.loss_listener import LossListener
from actscore_sk.recording.modules import copied_criteria, unwrapped_modules
from actscore_sk.recording.overrides import Stash
from actscore_sk.recording.ranks import Ranks, is_main, share_of
from actscore_sk.recording.recorded_net import METHODS, WITHIN_AN_EPOCH, RecordedNetMixin
from actscore_sk.recording.resume import save_states
from actscore_sk.recording.shared_training import begin_step, check_shared, join_ranks, settle_epoch
from actscore_sk.recording.split_parts import SplitParts


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
        Reshape a target of shape (n,) to (n, 1) if the net's output has that shape.
    score_class_weights : bool
        As in `SampleLoss`.
    split_params : dict, optional
        Passed to the net's `train_split`, and to nothing else: skorch would pass them to the module, too.
    data_device : {"auto", "net", "host"}
        As in `Placement`.
    is_proved : callable
        Returns True if the fast path does what skorch does; asked at each epoch. By default there is no fast path.

    Attributes
    ----------
    root : Dataset
        The data set made of X.
    parts : SplitParts
        The parts of the net's split.
    recordings : list of NetRecording
        They hear of every epoch, and of the visits they record.
    listener : LossListener
        The step in hand.
    placement : Placement
        Where the samples are stored.
    stash : Stash
        Methods that were set on the net's instance.
    path : FastPath or None
        Decisions that hold for the running epoch; None before the first.
    forward_params : dict
        Passed to each step of the running fit.
    n_steps, n_trained : int
        Number of training steps so far; of samples trained on in the epoch.
    on_visit : list of list of callable
        Who gets the visits of validation steps, and of training steps.
    ranks : Ranks or None
        The processes that train the net together; None if it trains in this one alone.
    is_weighted : bool
        True if samples may have weights in the loss that is trained on.
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
        data_device: str = "auto",
        is_proved: Callable[[], bool] = lambda: False,
    ) -> None:
        self.net, self.align_targets = net, align_targets
        self.train_sampler, self._n_epochs, self._prepare = train_sampler, n_epochs, prepare
        self._is_proved, self.placement = is_proved, Placement(data_device)
        self.root: Dataset | None = None
        self.recordings: list[Any] = []
        weights = SampleWeights(sample_weight)
        self.listener = LossListener(weights, score_class_weights=score_class_weights, align_targets=align_targets)
        self.path: FastPath | None = None
        self.forward_params: dict = {}
        self.split_params = split_params or {}
        self.parts = SplitParts()
        self.n_trained = self.n_steps = 0
        self.ranks: Ranks | None = None
        self.on_visit: list[list[Callable]] = [[], []]  # indexed by `training`
        self.is_weighted = sample_weight is not None or train_sampler is not None
        self.stash = Stash(net, METHODS)
        self.stash.take()
        swap_class(net, RecordedNetMixin, session_=self)

    def detach(self) -> None:
        """Restore the own classes of the net and its criteria; the net keeps nothing of the recording."""
        if self.ranks is not None:
            self.ranks.stop.leave()
        self.ranks = None
        self.listener.criteria.release()
        restore_class(self.net)
        vars(self.net).pop("session_", None)  # of a net that inherits the mix-in openly
        self.stash.put_back()
        self.parts.release()
        self.placement.clear()

    def prepared(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return X and y with the dtypes that the net takes."""
        return (X, y) if self._prepare is None else self._prepare(self.net, X, y)

    def build_root(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Build the data set of X; return it with y, as the net is to split them."""
        X, y = self.prepared(X, y)
        self.root = self.net.get_dataset(X, y)
        return self.root, y

    def end_split(self, train: Dataset, valid: Dataset | None) -> None:
        """Find both parts in X, and let the recordings allocate.

        Parameters
        ----------
        train, valid : Dataset
            The parts that the net's `train_split` made of the root; the second is None without a split.

        Raises
        ------
        IndexTrackingError
            If the training part is not a part of X.
        """
        self.parts.find(train, valid, self.root)  # type: ignore[arg-type]
        rows = self.parts.training_rows, self.parts.validation_rows
        self.listener.weights.set_training_rows(rows[0])
        if self.train_sampler is not None:
            self.train_sampler.bind(self.n_samples, self._n_epochs, rows[0])
        self.ranks = join_ranks(self.net, self.n_samples, rows, self.listener.weights, self.train_sampler)
        for recording in self.recordings:
            recording.begin(self)
        self.on_visit = 2 * [[recording.on_visit for recording in self.recordings if recording.records_steps]]

    @property
    def n_samples(self) -> int:
        """Number of rows of X."""
        return len(self.root)  # type: ignore[arg-type]

    def track(self, loader: Any, dataset: Dataset, training: bool) -> Any:
        """Return a tracked loader for the two parts of the fit loop; return any other loader as it is."""
        if not self.parts.awaits(dataset, training):
            return loader
        sampler = self.train_sampler if training else None
        tracked = TrackedLoader(loader, self.root, sampler, self.placement, share_of(self.ranks))  # type: ignore[arg-type]
        self.parts.loaders[training] = tracked
        if training:
            check_shared(self.ranks, tracked)
            if any(recording.records_steps for recording in self.recordings):
                warn_of_mixtures(tracked.base)
        return tracked

    def pass_over(self, dataset: Dataset, on_visit: Callable) -> None:
        """Validate on all of `dataset` as the net validates, for one recording; no parameter changes.

        Parameters
        ----------
        dataset : Dataset
            Any data set that the net can load.
        on_visit : callable
            Gets each `Visit`.
        """
        own = self.net.get_iterator(dataset, training=False)
        loader = TrackedLoader(own, dataset, placement=self.placement, share=share_of(self.ranks))
        saved, self.on_visit[False] = self.on_visit[False], [on_visit]
        # the criteria are copies meanwhile, so that one with state does not notice the pass
        criteria = copied_criteria(self.net, self.listener.criteria.release)
        try:
            with self.parts.validated_with(loader), criteria, unwrapped_modules(self.net):
                for batch in loader:
                    self.net.validation_step(batch, **self.forward_params)
        finally:
            self.on_visit[False] = saved
            loader.release()

    @property
    def trained_share(self) -> float:
        """Number of samples trained on in the epoch, as a share of the training part; above 1 if samples repeat."""
        return self.n_trained / self.parts.n_training

    @property
    def is_complete(self) -> bool:
        """True if there are recordings, and no later epoch counts for any of them."""
        return bool(self.recordings) and all(recording.is_complete for recording in self.recordings)

    def inform_sampler(self, latest: Tensor, recording: Any) -> None:
        """Tell the sampler the latest loss of each row of X; only the first recording, that came with it, may."""
        if self.train_sampler is not None and recording is self.recordings[0]:
            rows = self.train_sampler.rows_
            losses = latest.cpu() if rows is None else latest.cpu()[rows]
            self.train_sampler.update(torch.arange(len(losses)), losses.float())

    def save_beside(self, args: tuple, kwargs: dict[str, Any]) -> None:
        """Save the scores of closed epochs beside the files that the net's `save_params` has written."""
        is_between = bool(self.recordings) and all(recording.is_between_epochs for recording in self.recordings)
        if is_between and is_main(self.ranks):
            save_states([recording.state_dict() for recording in self.recordings], args, kwargs)

    # -- steps and events ---------------------------------------------------------------------------------

    def renew(self) -> None:
        """Take methods that were set in the middle of an epoch and count from there on, past the fast path."""
        if found := self.stash.take(WITHIN_AN_EPOCH):
            self.path.leave(found)  # type: ignore[union-attr]

    def open_step(self, batch: Any, training: bool) -> LossListener:
        """Listen to a step on `batch` from here on; one of validation may be on samples that are not in X.

        Parameters
        ----------
        batch : tuple
            As the loader yielded it.
        training : bool
            True for a step that trains.

        Returns
        -------
        listener : LossListener
            Open, if the samples are known; who ends the step sets its `is_open` to False.

        Raises
        ------
        IndexTrackingError
            If a training batch does not come from the tracked loader.
        """
        loader = self.parts.loaders[training]
        rows = None if loader is None else loader.rows_of(batch)
        if rows is not None:
            if training:
                self.n_trained += begin_step(self.ranks, self.n_steps, loader)  # type: ignore[arg-type]
                self.n_steps += 1
            if self.train_sampler is not None:
                self.listener.weights.set_visits(loader.weights_in_hand if training else None)  # type: ignore[union-attr]
            self.listener.open(rows, batch, self.on_visit[training], is_training=training, is_first=self.n_steps == 1)
        elif training:
            raise IndexTrackingError(
                "train_step was given a batch that did not come from the training loader as it is, so its samples are "
                "not known; change batches in the data set, in collate_fn or in train_step_single"
            )
        return self.listener

    def event(self, method_name: str) -> None:
        """Pass the events of training on to the recordings."""
        if method_name == "on_epoch_begin":
            self._begin_epoch()
        elif method_name in ("on_epoch_end", "on_train_end"):
            self.n_trained = settle_epoch(self.ranks, self.parts.loaders[True], self.n_trained)
            for recording in self.recordings:
                recording.end_epoch() if method_name == "on_epoch_end" else recording.end()

    def _begin_epoch(self) -> None:
        """Decide what holds for the epoch: which methods the net has, what the fast path may do, where samples are."""
        self.stash.take()
        self.n_trained = 0
        criterion = getattr(self.net, "criterion_", None)
        sample_loss = None if criterion is None else self.listener.criteria.sample_loss_of(criterion)
        options = {"is_proved": self.ranks is None and self._is_proved(), "align_targets": self.align_targets}
        path = self.path = FastPath(self.net, sample_loss, self.stash, self.listener.axis, **options)
        is_rewritten = path.events.changes_data(self.net)
        self.placement.begin_epoch(path.device, is_seen=path.sees_batches, is_rewritten=is_rewritten)
