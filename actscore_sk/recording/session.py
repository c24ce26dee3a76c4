"""State of one net being watched: its splits, its loaders, its recorders."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from actscore_sk.data.alignment import Alignment, is_part_of
from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.data.loading import TrackedLoader
from actscore_sk.exceptions import IndexTrackingError
from actscore_sk.losses.per_sample_twin import independent_copy
from actscore_sk.recording.class_swap import disguise, undisguise
from actscore_sk.recording.fast_path import Plan
from actscore_sk.recording.loss_listener import Step
from actscore_sk.recording.recorded_net import TappedNet
from actscore_sk.recording.visit import Consumer, Recorder


class Tap:
    """Listens to a net until `detach`.

    Parameters
    ----------
    net : NeuralNet
        The net; it is disguised as a `TappedNet` meanwhile.
    sample_weight : tensor (n_samples,), optional
        Weight of each row of X in the loss that is trained on, never in the recorded one.
    prepare : callable, optional
        Called with (net, X, y) before the data set is made of them; returns both, with the dtypes of the net.
    train_sampler : EpochSampler, optional
        Decides the order of the training samples, and their weights; it is bound to them here.
    n_epochs : int, optional
        Number of epochs that the training is planned for, those before it included; for `train_sampler`.
    align_targets : bool
        Give a target of shape (n,) the shape (n, 1) if the net's output has it.

    Attributes
    ----------
    root : Dataset
        The one made of X.
    validation_rows : tensor of int64
        Rows of X that are held out of training.
    recorders : list of Recorder
        Told of every epoch, and of the visits they want.
    step : Step
        The step in hand.
    plan : Plan or None
        What does not change within the epoch; None before the first.
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
    ) -> None:
        self.net, self.align_targets = net, align_targets
        self.train_sampler, self._n_epochs = train_sampler, n_epochs
        self._n_trained = 0
        self.root: Dataset | None = None
        self.recorders: list[Recorder] = []
        self.step = Step(sample_weight)
        self.plan: Plan | None = None
        self.forward_params: dict = {}
        self.validation_rows = torch.empty(0, dtype=torch.int64)
        self._own_class, self._prepare = type(net), prepare
        self._is_splitting = False
        # indexed by `training`: the validation part, the training part
        self._splits: list[Dataset | None] = [None, None]
        self._loaders: list[TrackedLoader | None] = [None, None]
        self._consumers: list[list[Consumer]] = [[], []]
        disguise(net, TappedNet, self)

    def detach(self) -> None:
        """Give the net and its criterion their own classes back."""
        self.step.let_go()
        undisguise(self.net)
        for loader in self._loaders:
            if loader is not None:
                loader.release()
        self._loaders = [None, None]

    # -- the data ---------------------------------------------------------------------------------------

    def prepared(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return X and y with the dtypes that the net takes."""
        return (X, y) if self._prepare is None else self._prepare(self.net, X, y)

    def start_split(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return X and y as `prepared`; the next data set built is made of them."""
        self._is_splitting, self.root = True, None
        return self.prepared(X, y)

    def dataset_built(self, dataset: Dataset) -> None:
        """Remember the data set that is made of X."""
        if self._is_splitting and self.root is None:
            self.root = dataset

    def end_split(self, train: Dataset, valid: Dataset | None) -> None:
        """Find both parts in X, and let the recorders allocate.

        Raises
        ------
        IndexTrackingError
            If the training part is not a part of X.
        """
        self._is_splitting = False
        self.root = train if self.root is None else self.root
        self._splits, self._loaders = [valid, train], [None, None]
        positions = Alignment(train, self.root).positions
        self.validation_rows = self._held_out(valid, positions)
        self.step.set_training_rows(positions)
        if self.train_sampler is not None:
            self.train_sampler.bind(self.n_samples, self._n_epochs, positions)
        for recorder in self.recorders:
            recorder.begin(self)
        self._consumers = [[r.consume for r in self.recorders if r.wants(training)] for training in (False, True)]

    @property
    def n_samples(self) -> int:
        """Number of rows of X."""
        return len(self.root)  # type: ignore[arg-type]

    def _held_out(self, valid: Dataset | None, trained: Tensor | None) -> Tensor:
        """Rows of X in the validation part; none if some of them are trained on, and have a loss already."""
        nothing = torch.empty(0, dtype=torch.int64)
        if valid is None or trained is None or not is_part_of(valid, self.root):  # type: ignore[arg-type]
            return nothing
        rows = Alignment(valid, self.root).positions  # type: ignore[arg-type]
        is_trained = torch.zeros(self.n_samples, dtype=torch.bool)
        is_trained[trained] = True
        return nothing if rows is None or bool(is_trained[rows].any()) else rows

    def loader_built(self, loader: Any, dataset: Dataset, training: bool) -> Any:
        """Track the loaders of the fit loop; let any other pass."""
        is_known = training or len(self.validation_rows) > 0
        if self._loaders[training] is not None or dataset is not self._splits[training] or not is_known:
            return loader
        sampler = self.train_sampler if training else None
        self._loaders[training] = tracked = TrackedLoader(loader, self.root, sampler)  # type: ignore[arg-type]
        return tracked

    def pass_over(self, dataset: Dataset, consumer: Consumer) -> None:
        """Validate on all of `dataset` as the net validates, for one consumer; no parameter changes."""
        loader = TrackedLoader(self.net.get_iterator(dataset, training=False), dataset)
        saved = self._loaders[False], self._consumers[False], self.net.criterion_
        self._loaders[False], self._consumers[False] = loader, [consumer]
        object.__setattr__(self.net, "criterion_", independent_copy(self.net.criterion_))
        try:
            for batch in loader:
                self.net.validation_step(batch, **self.forward_params)
        finally:
            self._loaders[False], self._consumers[False] = saved[:2]
            object.__setattr__(self.net, "criterion_", saved[2])
            loader.release()

    @property
    def work(self) -> float:
        """Number of samples trained on in the epoch, as a share of the training part."""
        return self._n_trained / len(self._splits[True])  # type: ignore[arg-type]

    def inform_sampler(self, latest: Tensor, recorder: Recorder) -> None:
        """Tell the sampler of the latest loss of each row of X; only the first recorder, that came with it, may."""
        if self.train_sampler is not None and recorder is self.recorders[0]:
            rows = self.train_sampler.rows_
            losses = latest.cpu() if rows is None else latest.cpu()[rows]
            self.train_sampler.update(torch.arange(len(losses)), losses)

    # -- events -----------------------------------------------------------------------------------------

    def open_step(self, batch: Any, training: bool) -> None:
        """Begin a step on `batch`; one of validation may be on samples that are not in X.

        Raises
        ------
        IndexTrackingError
            If a training batch does not come from the tracked loader.
        """
        loader = self._loaders[training]
        rows = None if loader is None else loader.rows_of(batch)
        if rows is not None:
            self._n_trained += training * len(rows)
            self.step.open(rows, self._consumers[training], loader.weights_in_hand)  # type: ignore[union-attr]
        elif training:
            raise IndexTrackingError(
                "train_step was given a batch that did not come from the training loader as it is, so its samples are "
                "not known; change batches in the data set, in collate_fn or in train_step_single"
            )

    def event(self, method_name: str) -> None:
        """Pass the events of training on to the recorders."""
        if method_name == "on_epoch_begin":
            self.plan, self._n_trained = Plan(self.net, self._own_class, aligns=self.align_targets), 0
        elif method_name == "on_epoch_end":
            for recorder in self.recorders:
                recorder.end_epoch(self)
        elif method_name == "on_train_end":
            for recorder in self.recorders:
                recorder.end()
