"""The recorder: a skorch callback that scores every sample of X while a net trains on it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from skorch.callbacks import Callback

from actscore_sk.data.placement import DATA_DEVICES
from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.metrics.registry import check_metrics
from actscore_sk.recording.epoch_plan import NO_PLAN, EpochPlan
from actscore_sk.recording.fast_path_proof import is_proved
from actscore_sk.recording.label_state import LabelEvidence
from actscore_sk.recording.net_recording import NetRecording
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.recorded_net import RecordedNetMixin
from actscore_sk.recording.score_attributes import ScoreAttributes, warn_of_exposure
from actscore_sk.recording.score_record import ScoreRecord
from actscore_sk.recording.session import RecordingSession
from actscore_sk.utils.reprs import call_of, count_of
from actscore_sk.utils.typing import DataDevice, Recording, Reduction, Store

RECORDINGS = ("training", "epoch_end")


class ActionScoreRecorder(ScoreAttributes, Callback):
    """Record action scores of a net that you keep; for a scikit-learn estimator see `ActionScoreClassifier`.

    The action score of a sample is its loss, accumulated over training (Arriaga & Valdenegro-Toro,
    arXiv 2011.11461); higher = harder. Training itself is not changed in any bit.

    Parameters
    ----------
    recording : {"training", "epoch_end"}
        Loss of the training step, or under the net as it stands after each epoch; see `ActionScoreClassifier`.
    reduction : {"sum", "mean", "interpolated", "auto"}
        How the losses of a sample become its score; see `ActionScoreClassifier`.
    metrics : sequence of str
        Names from `get_metric_names`, recorded in the same pass.
    store_trajectories : bool, str or path-like
        Keep the losses of each epoch: in memory, or in a ``.npy`` file at that path which another process can open
        while training runs.
    eval_set : tuple (X, y), Dataset or None
        Other samples, scored after each epoch.
    store_units : bool, "auto", str or path-like
        Keep losses of units (pixels, boxes, tokens); see `ActionScoreEstimator`.
    unit_grid : int, tuple of int or None
        Pool dense units of a sample to this shape, by the mean over each cell.
    score_class_weights : bool
        Keep the weights that the criterion gives to classes in the scores; see `ActionScoreClassifier`.
    store_probabilities : bool
        Keep class probabilities, averaged over the epochs that count, from which wrong labels can be told; see
        `ActionScoreClassifier`.
    data_device : {"auto", "net", "host"}
        Where samples in memory are stored while a net trains on a GPU; see `ActionScoreClassifier`.

    Attributes
    ----------
    action_scores_, sample_metrics_, n_visits_, n_epochs_, trajectories_, epoch_weights_, gradient_work_
        As those of `ActionScoreClassifier`; up to date at any time in training.
    class_probabilities_ : ndarray of float32 (n_samples, n_classes)
        Averages over the epochs that count; NaN = no visit that counts; only with `store_probabilities`.
    component_scores_, unit_scores_, unit_component_scores_
        As those of `ActionScoreEstimator`.
    validation_mask_ : ndarray of bool (n_samples,)
        Samples held out by `train_split`.
    eval_action_scores_ : ndarray of float64 (n_eval_samples,)
        Scores of the `eval_set`.

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
        recording: Recording = "training",
        reduction: Reduction = "sum",
        metrics: Sequence[str] = ("action_score",),
        store_trajectories: Store = False,
        eval_set: Any = None,
        store_units: Store = False,
        unit_grid: int | tuple[int, ...] | None = None,
        score_class_weights: bool = False,
        store_probabilities: bool = False,
        data_device: DataDevice = "auto",
    ) -> None:
        self.recording = recording
        self.reduction = reduction
        self.metrics = metrics
        self.store_trajectories = store_trajectories
        self.eval_set = eval_set
        self.store_units = store_units
        self.unit_grid = unit_grid
        self.score_class_weights = score_class_weights
        self.store_probabilities = store_probabilities
        self.data_device = data_device

    def initialize(self) -> Self:
        """Forget all samples: the net starts anew.

        Returns
        -------
        self : ActionScoreRecorder
            Without records.
        """
        if "recording_" in vars(self) and self.recording_.session is not None:
            self.recording_.session.detach()  # an error outside of the fit loop left the net as it was recorded
        self.__dict__.pop("recording_", None)
        return self

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Record the net from here to the end of training; skorch calls this.

        A recorder that `watching` has attached already is left as it is.

        Parameters
        ----------
        net : NeuralNet
            The net whose training begins.
        X, y : optional
            Ignored: the rows of X are found in the data set that the net makes of them.
        **kwargs : dict
            Ignored.
        """
        self._check_params()
        if "recording_" not in vars(self) or self.recording_.session is None:
            session = net.session_ if isinstance(net, RecordedNetMixin) else None
            if session is None:
                session = self._new_session(net)
            self._join(session)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Warn if samples were visited unequally often and the scores compare that; skorch calls this.

        Parameters
        ----------
        net : NeuralNet
            The net whose training ended.
        **kwargs : dict
            Ignored.
        """
        warn_of_exposure(self.reduction, self.n_visits_[~self.validation_mask_])

    @contextmanager
    def watching(self, net: Any, **options: Any) -> Iterator[None]:
        """Record all training of `net` inside the block, without being one of its callbacks.

        Parameters
        ----------
        net : NeuralNet
            It has its own class back when the block ends, whatever ends it.
        **options : dict
            Passed to `RecordingSession`.

        Yields
        ------
        None
            The scores are attributes of the recorder, up to date inside the block as after it.
        """
        self._check_params()
        session = self._new_session(net, **options)
        self._join(session)
        try:
            yield
        finally:
            session.detach()
            self.recording_.session = None

    def end_with_window(self, most_held_out: float) -> None:
        """Let a training that has not begun end some time after its window.

        Parameters
        ----------
        most_held_out : float
            It does so if it holds out fewer samples.
        """
        self._plan = EpochPlan(ends_below=most_held_out)

    def follow(self, first: "ActionScoreRecorder") -> None:
        """Weight epochs by the held-out losses of another fit of the same samples, and end with the last that counts.

        Parameters
        ----------
        first : ActionScoreRecorder
            That of the other fit.
        """
        before: NetRecording = vars(first)["recording_"]
        plan = EpochPlan([*before.record.held_out_losses])  # type: ignore[union-attr]
        self.recording_: NetRecording = NetRecording(self.recording, before.settings, plan=plan)

    def _new_session(self, net: Any, **options: Any) -> RecordingSession:
        options |= {"score_class_weights": self.score_class_weights, "data_device": self.data_device}
        return RecordingSession(net, is_proved=is_proved, **options)

    def _join(self, session: RecordingSession) -> None:
        if "recording_" not in vars(self):
            settings = RecordSettings(
                reduction=self.reduction,
                metrics=self.metrics,
                store_trajectories=self.store_trajectories,
                store_units=self.store_units,
                unit_grid=self.unit_grid,
                keep_latest=session.train_sampler is not None,
                store_probabilities=self.store_probabilities,
            )
            self.recording_ = NetRecording(self.recording, settings, plan=vars(self).get("_plan", NO_PLAN))
        self.recording_.eval_set, self.recording_.session = self.eval_set, session
        session.recordings.append(self.recording_)

    def _check_params(self) -> None:
        for name, value, allowed in (
            ("recording", self.recording, RECORDINGS),
            ("reduction", self.reduction, REDUCTIONS),
            ("data_device", self.data_device, DATA_DEVICES),
        ):
            if value not in allowed:
                raise ValueError(f"{name}={value!r}; expected one of {', '.join(map(repr, allowed))}")
        check_metrics(self.metrics)

    def __repr__(self) -> str:
        """Return the call that makes it, and what it has recorded."""
        record = getattr(vars(self).get("recording_"), "record", None)
        held = (
            "" if record is None else f": {count_of(record.n_samples, 'sample')}, {count_of(record.n_epochs, 'epoch')}"
        )
        return call_of(self) + held

    def _current_record(self) -> ScoreRecord:
        recording = vars(self).get("recording_")
        if recording is None or recording.record is None:
            raise AttributeError("no scores yet: the net that this recorder belongs to has not been trained")
        recording.flush()
        return recording.record

    def label_evidence(self, on: str = "train") -> LabelEvidence:
        """Return class probabilities, margins and labels, as `find_label_issues` takes them; copies.

        Parameters
        ----------
        on : {"train", "eval"}
            Samples of X, or of the `eval_set`.

        Returns
        -------
        evidence : LabelEvidence
            Averages over the epochs that count; NaN = no visit that counts.

        Raises
        ------
        AttributeError
            If no probabilities were stored, or no `eval_set` was scored.
        """
        record = self._current_record()
        return (record if on == "train" else self._current_eval_record()).label_evidence()

    @property
    def class_probabilities_(self) -> np.ndarray:
        """Probabilities of the classes, averaged over the epochs that count, (n_samples, n_classes) float32."""
        return self.label_evidence().probabilities

    @property
    def validation_mask_(self) -> np.ndarray:
        """Samples held out by `train_split`, (n_samples,) bool."""
        self._current_record()
        return self.recording_.validation_mask.copy()

    @property
    def eval_action_scores_(self) -> np.ndarray:
        """Action score of each sample of `eval_set`, (n_eval_samples,) float64."""
        return self._current_eval_record().sample_metrics()["action_score"]

    def _current_eval_record(self) -> ScoreRecord:
        self._current_record()
        if self.recording_.eval_record is None:
            raise AttributeError("no eval_set was scored; pass one")
        return self.recording_.eval_record
