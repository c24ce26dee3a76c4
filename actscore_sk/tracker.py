"""The tracker: scores of samples in a training loop of your own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from actscore_sk.label_issues.fitted import FittedLabelIssues, JudgedSamples
from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.metrics.registry import check_metrics
from actscore_sk.recording.label_state import LabelEvidence
from actscore_sk.recording.loop_record import LoopRecord
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.score_attributes import ScoreAttributes
from actscore_sk.recording.score_record import NO_TARGET, ScoreRecord
from actscore_sk.recording.score_table import score_table
from actscore_sk.utils.reprs import call_of, count_of
from actscore_sk.utils.typing import Reduction, Store

if TYPE_CHECKING:
    import pandas as pd


class ActionScoreTracker(FittedLabelIssues, ScoreAttributes):
    """Score the samples of any training loop: pass positions and losses of each batch, and close each epoch.

    The action score of a sample is its loss, accumulated over training (Arriaga & Valdenegro-Toro,
    arXiv 2011.11461); higher = harder. The state is on the device of the losses, and an update does not wait for it.

    Parameters
    ----------
    n_samples : int
        Number of samples, at least 1.
    n_classes : int, optional
        Number of classes, at least 2; the columns of `logits`. None: those of the first ones.
    metrics : sequence of str
        Names from `get_metric_names`; all but ``"action_score"`` need `logits` and `targets`.
    reduction : {"sum", "mean", "interpolated", "auto"}
        How the losses of a sample become its score; see `ActionScoreClassifier`. "auto" needs held-out samples, or
        their loss at each end of an epoch. If held-out losses are cross-entropies of `logits`, they are compared with
        the entropy of the classes in the first epoch, as in an estimator; see `epoch_weights`.
    store_trajectories : bool, str or path-like
        Keep the losses of each epoch: in memory, or in a ``.npy`` file at that path.
    store_probabilities : bool
        Keep class probabilities, averaged over the epochs that count, from which `label_issues` says which labels are
        wrong: three arrays of n_samples x (n_classes + 1) float32. Needs `logits` and `targets` with every batch.

    Attributes
    ----------
    action_scores_, sample_metrics_, n_visits_, n_epochs_, trajectories_, epoch_weights_
        As those of `ActionScoreClassifier`; up to date at any time in training.
    wrong_label_scores_, wrong_label_proba_, suggested_labels_, is_label_issue_, class_probabilities_
        What is known of each label after closed epochs, as in `ActionScoreClassifier`; only with `store_probabilities`.
    noise_rate_, noise_rate_interval_, noise_matrix_
        How many labels are wrong, and how; only with `store_probabilities` and samples held out.
    classes_ : ndarray of int64 (n_classes,)
        Columns of `logits`.
    validation_mask_ : ndarray of bool (n_samples,)
        Samples that came with ``held_out=True``.
    gradient_work_ : ndarray of float64 (n_epochs,)
        Visits that trained something in each epoch, as a share of the samples that are not held out.

    Raises
    ------
    ValueError
        If a parameter is none of its values.

    See Also
    --------
    ActionScoreRecorder : The same for a skorch net.

    Examples
    --------
    >>> import torch
    >>> X = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    >>> y = (X[:, 0] > 0).long()
    >>> net, tracker = torch.nn.Linear(4, 2), ActionScoreTracker(len(X), metrics=("action_score", "aum"))
    >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> for epoch in range(3):
    ...     for index in torch.randperm(len(X)).split(32):
    ...         logits = net(X[index])
    ...         losses = torch.nn.functional.cross_entropy(logits, y[index], reduction="none")
    ...         optimizer.zero_grad()
    ...         losses.mean().backward()
    ...         optimizer.step()
    ...         tracker.update(index, losses, logits, y[index])
    ...     tracker.end_epoch()
    >>> tracker.action_scores_.shape, tracker.n_epochs_, int(tracker.n_visits_.min())
    ((100,), 3, 3)
    """

    def __init__(
        self,
        n_samples: int,
        *,
        n_classes: int | None = None,
        metrics: Sequence[str] = ("action_score",),
        reduction: Reduction = "sum",
        store_trajectories: Store = False,
        store_probabilities: bool = False,
    ) -> None:
        self.n_samples = n_samples
        self.n_classes = n_classes
        self.metrics = metrics
        self.reduction = reduction
        self.store_trajectories = store_trajectories
        self.store_probabilities = store_probabilities
        self._check_params()
        settings = RecordSettings(reduction, metrics, store_trajectories, store_probabilities=store_probabilities)
        self._loop = LoopRecord(n_samples, n_classes, settings)

    def __repr__(self) -> str:
        """Return the call that makes it, and what it has recorded."""
        record = self._loop.record
        return call_of(self) + ("" if record is None else f": {count_of(record.n_epochs, 'closed epoch')}")

    def _check_params(self) -> None:
        for name, value, least in (("n_samples", self.n_samples, 1), ("n_classes", self.n_classes, 2)):
            if value is not None and (not isinstance(value, (int, np.integer)) or value < least):
                raise ValueError(f"{name}={value!r}; expected a whole number from {least} on")
        if self.reduction not in REDUCTIONS:
            raise ValueError(f"reduction={self.reduction!r}; expected one of {', '.join(map(repr, REDUCTIONS))}")
        check_metrics(self.metrics)

    # -- in the loop ------------------------------------------------------------------------------------------

    def update(self, index: Any, losses: Any, logits: Any = None, targets: Any = None, held_out: bool = False) -> None:
        """Add the visits of one batch.

        Nothing is added by a call that raises. What cannot be known without waiting for a device raises at `end_epoch`.

        Parameters
        ----------
        index : Tensor, ndarray or list of int (n_visits,)
            Position of each sample among all; may repeat.
        losses : Tensor or array-like of float (n_visits,)
            Loss of each sample, with or without gradient, in any precision.
        logits : Tensor or array-like of float (n_visits, n_classes), optional
            Class scores whose softmax gives the probabilities; for metrics that need classes.
        targets : Tensor or array-like of int (n_visits,), optional
            Given class of each sample, from 0 on. Kept for `to_frame`, whether a metric needs them or not.
        held_out : bool
            The samples are not trained on; their losses are those of validation.

        Raises
        ------
        ValueError
            If lengths, dtypes or shapes do not fit, a position or a class is out of range, or a sample is held out and
            trained on.
        SampleLossError
            If a metric, or `store_probabilities`, needs `logits` and `targets`, and they are missing.
        NonFiniteLossError
            If a loss is NaN or infinite.
        """
        self._forget_judged()
        self._loop.update(index, losses, logits, targets, held_out)

    def end_epoch(self, held_out_loss: float | None = None) -> None:
        """Close the epoch; the host waits for the device.

        Parameters
        ----------
        held_out_loss : float, optional
            Mean loss of held-out samples in the epoch, for ``reduction="auto"``. None: that of the visits with
            ``held_out=True``.

        Raises
        ------
        ValueError
            If no batch came since the last call, if a position or a class was out of range, if a sample was held out
            and trained on, or if ``reduction="auto"`` has no loss of held-out samples.
        NonFiniteLossError
            If a loss was NaN or infinite.
        """
        self._forget_judged()
        self._loop.end_epoch(held_out_loss)

    # -- results ------------------------------------------------------------------------------------------------

    def _current_record(self) -> ScoreRecord:
        return self._loop.current()

    @property
    def sample_metrics_(self) -> dict[str, np.ndarray]:
        """Score of each sample under each metric, (n_samples,) float64, NaN = never visited."""
        record = self._current_record()
        if not record.n_epochs and self.reduction in ("auto", "interpolated"):
            raise AttributeError(
                f'reduction="{self.reduction}" goes by closed epochs, and there is none; call end_epoch'
            )
        return record.sample_metrics()

    @property
    def classes_(self) -> np.ndarray:  # type: ignore[override]
        """Classes, (n_classes,) int64: 0 to ``n_classes - 1``."""
        if self._loop.n_classes is None:
            raise AttributeError("no classes yet: they are known from n_classes, or from the first logits")
        return np.arange(self._loop.n_classes)

    def label_evidence(self) -> LabelEvidence:
        """Return class probabilities, margins and labels after closed epochs, as `find_label_issues` takes them.

        Raises
        ------
        AttributeError
            If no probabilities were stored.
        """
        return self._current_record().label_evidence()

    def _judged_samples(self, on: str) -> JudgedSamples:
        if on != "train":
            raise AttributeError("a tracker has no eval_set: its samples are all those that came with update")
        return JudgedSamples(self.label_evidence(), self.validation_mask_, self.action_scores_)

    @property
    def validation_mask_(self) -> np.ndarray:
        """Samples that came with ``held_out=True``, (n_samples,) bool."""
        mask = self._current_record().held_out
        return np.zeros(self.n_samples, dtype=bool) if mask is None else mask.cpu().numpy().copy()

    @property
    def gradient_work_(self) -> np.ndarray:
        """Visits that trained something in each epoch, as a share of the samples not held out, (n_epochs,) float64."""
        return np.array(self._loop.n_trained[:-1]) / self._current_record().n_training

    def to_frame(self) -> "pd.DataFrame":
        """Return the scores as a pandas DataFrame, one row per sample in the order of positions.

        Returns
        -------
        frame : DataFrame
            Columns ``index`` (position), ``target`` if targets came (missing for samples without a visit), one for each
            metric, ``n_visits``, ``is_validation``.

        Raises
        ------
        AttributeError
            If nothing was recorded yet.
        ImportError
            If pandas is not installed.
        """
        targets = self._current_record().targets
        frame = score_table(self, {} if targets is None else {"target": targets.cpu().numpy()})
        if targets is not None and (unknown := frame["target"] == NO_TARGET).any():
            frame["target"] = frame["target"].astype("Int64").mask(unknown)
        return frame

    # -- to go on elsewhere -------------------------------------------------------------------------------------

    def merge(self, other: "ActionScoreTracker") -> "ActionScoreTracker":
        """Add the visits that another tracker has seen in the same epochs: of a shard of the data, or on another rank.

        Parameters
        ----------
        other : ActionScoreTracker
            With the same parameters, positions and number of closed epochs; it is left as it is.

        Returns
        -------
        self : ActionScoreTracker
            With the visits of both.

        Raises
        ------
        ValueError
            If the two have not recorded alike, or if the reduction needs the order of visits and both have seen a
            sample.
        """
        if not isinstance(other, ActionScoreTracker):
            raise TypeError(f"merge takes an ActionScoreTracker, got {type(other).__name__}")
        self._forget_judged()
        self._loop.merge(other._loop)
        return self

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors, which are not copied, and plain values, for ``torch.save``; at any time."""
        return self._loop.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the state of a tracker with the same parameters, in place of what was recorded here.

        Parameters
        ----------
        state : dict
            Of `state_dict`.

        Raises
        ------
        ValueError
            If it is no such state, or of a tracker with other parameters.
        """
        self._forget_judged()
        self._loop.load_state_dict(state)
