"""What is known of labels as fitted attributes, and as a table."""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from actscore_sk.exceptions import ActionScoreError
from actscore_sk.label_issues.decision import LabelIssues, find_label_issues
from actscore_sk.recording.label_state import LabelEvidence
from actscore_sk.utils.optional import import_optional
from actscore_sk.utils.typing import Labels

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("train", "eval")


class JudgedSamples(NamedTuple):
    """Samples whose labels are to be judged.

    Parameters
    ----------
    evidence : LabelEvidence
        What a fit has recorded of them.
    held_out : ndarray of bool (n_samples,)
        Those that the learner did not train on.
    scores : ndarray of float64 (n_samples,)
        Their action scores.
    index : Index or None
        Names of the rows, if X has some.
    held_out_probabilities : ndarray of float32 (n_held_out, n_outputs) or None
        As in `find_label_issues`, where `evidence` is of a second fit, on all rows, or of several nets.
    """

    evidence: LabelEvidence
    held_out: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    index: Any = None
    held_out_probabilities: npt.NDArray[np.float32] | None = None

    @property
    def is_validation(self) -> npt.NDArray[np.bool_]:
        """Samples (n_samples,) that no fit has trained on."""
        return self.held_out & (self.held_out_probabilities is None)


class FittedLabelIssues:
    """Mix-in of whatever learns classes: shows which labels look wrong, how many, and what they should be.

    A subclass defines `_judged_samples` and has `classes_`. All is computed at its first use, and kept until `_forget`.
    """

    classes_: Labels

    def _judged_samples(self, on: str) -> JudgedSamples:
        """Return the samples of X ("train") or of the `eval_set` ("eval"); raise AttributeError if there are none."""
        raise NotImplementedError

    def _forget_judged(self) -> None:
        """Forget what was said of labels: more was recorded."""
        self.__dict__.pop("_judged", None)

    def _judge(self, on: str = "train") -> LabelIssues:
        judged = self.__dict__.get("_judged", {})
        if on not in judged:
            samples = self._judged_samples(on)
            judged = judged | {on: judge(samples, len(self.classes_))}
            self._judged = judged
        return judged[on]

    def _decided(self, name: str) -> Any:
        issues = self._judge()
        if issues.refusal is not None:
            raise AttributeError(f"no {name}_: {issues.refusal}")
        return getattr(issues, name)

    @property
    def class_probabilities_(self) -> npt.NDArray[np.float32]:
        """Probabilities of the classes, averaged over the epochs that count, (n_samples, n_classes); a copy."""
        return self._judged_samples("train").evidence.probabilities

    @property
    def wrong_label_scores_(self) -> npt.NDArray[np.float64]:
        """Ranking of the labels (n_samples,), higher = more likely wrong; NaN = never visited."""
        return self._judge().wrong_label_scores

    @property
    def suggested_labels_(self) -> Labels:
        """Likeliest label of each sample apart from the given one, (n_samples,), from `classes_`."""
        return self.classes_[self._judge().suggested_labels]

    @property
    def wrong_label_proba_(self) -> npt.NDArray[np.float64]:
        """Calibrated probability that the given label is wrong, (n_samples,), in [0, 1]; NaN = never visited."""
        return self._decided("wrong_label_proba")

    @property
    def is_label_issue_(self) -> npt.NDArray[np.bool_]:
        """Labels to look at (n_samples,): the ``round(noise_rate_ * n_samples)`` with the highest scores."""
        return self._decided("is_label_issue")

    @property
    def noise_rate_(self) -> float:
        """Estimated share of wrong labels, in [0, 1]."""
        return self._decided("noise_rate")

    @property
    def noise_rate_interval_(self) -> npt.NDArray[np.float64]:
        """Where the share of wrong labels may lie, (2,)."""
        return self._decided("noise_rate_interval")

    @property
    def noise_matrix_(self) -> npt.NDArray[np.float64]:
        """P(given i | true j) at [i, j], (n_classes, n_classes), in the order of `classes_`; columns sum to 1."""
        return self._decided("noise_matrix")

    @property
    def label_refusal_(self) -> str | None:
        """Sentence that says why nothing can be decided but a ranking and suggestions; None if more can."""
        return self._judge().refusal

    def label_issues(self, on: Literal["train", "eval"] = "train") -> "pd.DataFrame":
        """Return what is known of each label as a pandas DataFrame, the one most likely wrong first.

        Parameters
        ----------
        on : {"train", "eval"}
            Samples of X, or of the `eval_set`, whose labels the net is not trained on.

        Returns
        -------
        frame : DataFrame
            All rows. Columns ``given_label``, ``suggested_label``, ``wrong_probability`` (calibrated, that the given
            label is wrong), ``suggested_probability`` (that the suggested one is right), ``action_score``,
            ``is_issue``, ``is_validation`` (held out of training). The index is that of X, positions if it has none.

        Raises
        ------
        ValueError
            If nothing can be decided: nothing was held out, or the net learnt nothing.
        AttributeError
            If no probabilities were stored, or there was no `eval_set`.
        ImportError
            If pandas is not installed.
        """
        if on not in PARTS:
            raise ValueError(f"on={on!r}; expected 'train' or 'eval'")
        samples, issues = self._judged_samples(on), self._judge(on)
        if issues.refusal is not None:
            raise ActionScoreError(issues.refusal)
        pandas = import_optional("pandas", extra="cli", purpose="build a DataFrame")
        given, is_known = samples.evidence.labels, samples.evidence.labels >= 0
        columns = {
            "given_label": pandas.Series(self.classes_[given]).where(is_known).to_numpy(),
            "suggested_label": self.classes_[issues.suggested_labels],
            "wrong_probability": issues.wrong_label_proba,
            "suggested_probability": issues.suggested_probability,
            "action_score": samples.scores,
            "is_issue": issues.is_label_issue,
            "is_validation": samples.is_validation,
        }
        index = samples.index if isinstance(samples.index, pandas.Index) else None
        frame = pandas.DataFrame(columns, index=index)
        return frame.iloc[np.argsort(-issues.wrong_label_scores, kind="stable")]  # NaN comes last


def judge(samples: JudgedSamples, n_classes: int) -> LabelIssues:
    """Decide by what was recorded; see `find_label_issues`.

    Parameters
    ----------
    samples : JudgedSamples
        One without a visit that counts gets the shares of the classes as probabilities, and no score.
    n_classes : int
        Number of classes; a net may have more outputs.

    Returns
    -------
    issues : LabelIssues
        For all samples.

    Examples
    --------
    >>> evidence = LabelEvidence(np.full((4, 3), 1 / 3, np.float32), np.zeros(4), np.array([0, 1, 1, -1]))
    >>> judge(JudgedSamples(evidence, np.zeros(4, dtype=bool), np.zeros(4)), 2).suggested_labels
    array([1, 0, 0, 1])
    """
    probabilities, margins, labels = samples.evidence
    given = np.maximum(labels, 0)
    shares = np.bincount(given[labels >= 0], minlength=n_classes) / max(1, (labels >= 0).sum())
    seen = samples.held_out_probabilities
    return find_label_issues(
        margins,
        complete(probabilities, shares),
        given,
        samples.held_out,
        held_out_probabilities=None if seen is None else complete(seen, shares),
    )


def complete(probabilities: npt.NDArray[np.float32], shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Leave out the outputs (n_samples, n_outputs) beyond the classes, and put class shares where nothing is known.

    >>> complete(np.array([[0.4, 0.4, 0.2], [np.nan, np.nan, np.nan]]), np.array([0.3, 0.7]))
    array([[0.5, 0.5],
           [0.3, 0.7]])
    """
    n_classes = len(shares)
    if probabilities.shape[1] > n_classes:
        probabilities = probabilities[:, :n_classes] / probabilities[:, :n_classes].sum(axis=1, keepdims=True)
    unseen = np.isnan(probabilities.sum(axis=1))
    if unseen.any():
        probabilities = np.where(unseen[:, None], shares.astype(probabilities.dtype), probabilities)
    return probabilities
