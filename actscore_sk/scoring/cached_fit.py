"""Fit a scorer, or find the scores of one that was fitted before and kept on disk."""

from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import skorch
import torch
from filelock import FileLock
from sklearn.utils.validation import check_memory

from actscore_sk._version import __version__
from actscore_sk.data.containers import n_samples_of
from actscore_sk.scoring import pickling
from actscore_sk.scoring.fingerprint import fingerprint
from actscore_sk.scoring.fit_params import fit_weighted
from actscore_sk.scoring.fitted_scorer import comparable_scores, final_scorer

_VERSIONS = (__version__, torch.__version__, skorch.__version__, sklearn.__version__)


class Scored:
    """Scores, and the fitted scorer that they came from.

    A scorer from the disk is unpickled at its first use: a search over thresholds needs its scores only.

    Parameters
    ----------
    scores : ndarray of float64 (n_samples,)
        Higher = harder.
    kept : bytes, optional
        Pickle of the fitted scorer.
    scorer : estimator, optional
        The fitted scorer itself.
    """

    def __init__(self, scores: np.ndarray, kept: bytes | None = None, scorer: Any = None) -> None:
        self.scores = scores
        self._kept = kept
        self._scorer = scorer

    @property
    def scorer(self) -> Any:
        """The fitted scorer; None if the scores were given."""
        if self._kept is not None:
            self._scorer, self._kept = pickling.loads(self._kept), None
        return self._scorer


def fit_scorer(
    scorer: Any, X: Any, y: Any, *, memory: Any = None, sample_weight: Any = None, **fit_params: Any
) -> Scored:
    """Fit a scorer, or find the scores of an equal one that was fitted on equal data before.

    Parameters
    ----------
    scorer : estimator
        Not fitted.
    X, y : any kind
        Samples and targets, passed to `fit` of the scorer.
    memory : str, joblib.Memory or None
        Place where fitted scorers are kept; None: nowhere. The key is the content of the scorer, the data and the
        parameters, and the versions of the libraries. If another process is making the same fit, wait for it.
    sample_weight : array-like of shape (n_samples,), optional
        Weights in the loss that the scorer trains on.
    **fit_params : dict
        Passed to `fit` of the scorer.

    Returns
    -------
    scored : Scored
        Scores that can be compared, see `comparable_scores`, and the fitted scorer.

    Raises
    ------
    ValueError
        If a sample gets no score, or the number of scores is not that of the samples.
    TypeError
        If `memory` would keep nothing, or if something in the scorer cannot be pickled or hashed.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from actscore_sk.scoring.new_scorer import make_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> fit_scorer(make_scorer(None, random_state=0), X, y).scores.shape
    (150,)
    """
    memory = check_memory(memory)
    if not hasattr(memory, "store_backend"):
        raise TypeError(f"memory must be a path or a joblib.Memory, got {memory!r}, which would keep nothing")
    if memory.store_backend is None:
        fitted, scores = _fitted(scorer, X, y, sample_weight, fit_params)
        return Scored(scores, scorer=fitted)
    key = fingerprint(scorer, X, y, sample_weight, fit_params, *_VERSIONS)
    cached = memory.cache(_fit, ignore=["scorer", "X", "y", "sample_weight", "fit_params"])
    arguments = key, scorer, X, y, sample_weight, fit_params
    if cached.check_call_in_cache(*arguments):
        return Scored(*cached(*arguments))
    locks = Path(memory.store_backend.location) / "actscore_sk-locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"{key}.lock"):  # freed by the system if this process dies
        return Scored(*cached(*arguments))


def _fit(
    key: str, scorer: Any, X: Any, y: Any, sample_weight: Any, fit_params: dict[str, Any]
) -> tuple[np.ndarray, bytes]:
    """Fit a scorer in the form that joblib keeps: by `key` alone, with an outcome that any process can read."""
    fitted, scores = _fitted(scorer, X, y, sample_weight, fit_params)
    return scores, pickling.dumps(fitted)


def _fitted(scorer: Any, X: Any, y: Any, sample_weight: Any, fit_params: dict[str, Any]) -> tuple[Any, np.ndarray]:
    """Fit a scorer, and check that its scores belong to the samples of X."""
    fitted = fit_weighted(scorer, X, y, sample_weight, **fit_params)
    scores = comparable_scores(fitted)
    if len(scores) != n_samples_of(X):
        raise ValueError(
            f"{type(final_scorer(fitted)).__name__} has {len(scores)} action_scores_ after fit, but X has "
            f"{n_samples_of(X)} samples; a scorer has one score per sample, in the order of X"
        )
    return fitted, scores
