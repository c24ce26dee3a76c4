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
from actscore_sk.scoring.scorer import comparable_scores, final_scorer

_VERSIONS = (__version__, torch.__version__, skorch.__version__, sklearn.__version__)


class Scored:
    """Scores, and the fitted scorer that they came from.

    A scorer that was kept is built when it is first asked for: a search over thresholds needs its scores only.
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
    """Fit a scorer, or find what one that was fitted on the same data before gave.

    Parameters
    ----------
    scorer : estimator
        Not fitted.
    X, y, sample_weight, **fit_params
        Passed to its `fit`.
    memory : str, joblib.Memory or None
        Where fitted scorers are kept. The key is the content of the scorer, of the data and of the parameters, and the
        versions of the libraries. A process that needs a fit which another one is making waits for it.

    Raises
    ------
    ValueError
        If a sample gets no score.
    TypeError
        If `memory` is of another kind, or what the scorer holds can't be kept.
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
    with FileLock(locks / f"{key}.lock"):  # the system frees it if this process dies
        return Scored(*cached(*arguments))


def _fit(
    key: str, scorer: Any, X: Any, y: Any, sample_weight: Any, fit_params: dict[str, Any]
) -> tuple[np.ndarray, bytes]:
    fitted, scores = _fitted(scorer, X, y, sample_weight, fit_params)
    return scores, pickling.dumps(fitted)


def _fitted(scorer: Any, X: Any, y: Any, sample_weight: Any, fit_params: dict[str, Any]) -> tuple[Any, np.ndarray]:
    fitted = fit_weighted(scorer, X, y, sample_weight, **fit_params)
    scores = comparable_scores(fitted)
    if len(scores) != n_samples_of(X):
        raise ValueError(
            f"{type(final_scorer(fitted)).__name__} has {len(scores)} action_scores_ after fit, but X has "
            f"{n_samples_of(X)} samples; a scorer gives one score a sample, in the order of X"
        )
    return fitted, scores
