"""Where scores come from: a scorer fitted here, one fitted before and kept on disk, or the user."""

from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import skorch
import torch
from filelock import FileLock
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_memory
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor

from actscore_sk._version import __version__
from actscore_sk.data.containers import n_samples_of
from actscore_sk.estimators.classifier import ActionScoreClassifier
from actscore_sk.estimators.generic import ActionScoreEstimator
from actscore_sk.estimators.regressor import ActionScoreRegressor
from actscore_sk.scoring import pickling
from actscore_sk.scoring.fingerprint import fingerprint
from actscore_sk.scoring.fit_params import check_keeps_samples, fit_weighted

_VERSIONS = (__version__, torch.__version__, skorch.__version__, sklearn.__version__)


def make_scorer(estimator: Any, random_state: Any, default: type = ActionScoreClassifier) -> Any:
    """Clone a scorer, or make one: of nothing, or of a net.

    Parameters
    ----------
    estimator : estimator, NeuralNet or None
        Anything that has `action_scores_` once it is fitted; a Pipeline whose last step has; a search over one.
    random_state : int, RandomState instance or None
        Given to every `random_state` in it that is None.
    default : type
        What None makes.

    Raises
    ------
    TypeError
        If it is no estimator.
    ValueError
        If it is a Pipeline that changes the samples.
    """
    if estimator is None:
        scorer = default()
    elif isinstance(estimator, NeuralNet):
        kinds = (NeuralNetClassifier, ActionScoreClassifier), (NeuralNetRegressor, ActionScoreRegressor)
        wrapper = next((wrapper for kind, wrapper in kinds if isinstance(estimator, kind)), ActionScoreEstimator)
        scorer = wrapper(clone(estimator))
    elif isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise TypeError(
            f"a scorer must be an estimator with action_scores_, a skorch net or None, got {estimator!r}; pass an "
            "instance, such as ActionScoreClassifier(net)"
        )
    else:
        check_keeps_samples(estimator)
        scorer = clone(estimator)
    return seeded(scorer, random_state)


def seeded(estimator: Any, random_state: Any) -> Any:
    """Give `random_state` to every parameter of that name that is None; return the estimator."""
    if random_state is not None:
        params = estimator.get_params(deep=True)
        names = [name for name in sorted(params) if name.split("__")[-1] == "random_state" and params[name] is None]
        if isinstance(random_state, np.random.RandomState):
            seeds = [int(check_random_state(random_state).randint(2**31 - 1)) for _ in names]
        else:
            seeds = [random_state] * len(names)
        estimator.set_params(**dict(zip(names, seeds, strict=True)))
    return estimator


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


def final_scorer(scorer: Any) -> Any:
    """Give the part of a fitted scorer that holds the scores: the last step of a Pipeline, the best of a search.

    Raises
    ------
    TypeError
        If it has no `action_scores_`.
    """
    inner = scorer
    while not hasattr(inner, "action_scores_"):
        if isinstance(inner, Pipeline):
            inner = inner.steps[-1][1]
        elif hasattr(inner, "best_estimator_"):
            inner = inner.best_estimator_
        else:
            raise TypeError(
                f"{type(inner).__name__} has no action_scores_ after fit; score with ActionScoreClassifier, "
                "ActionScoreRegressor or ActionScoreEstimator, or pass action_scores"
            )
    return inner


def comparable_scores(scorer: Any) -> np.ndarray:
    """Scores of a fitted scorer such that every two samples can be compared.

    Samples that the net holds out of training keep a higher loss for it. If some but not all are held out, each of
    these gets the score that has its rank among the trained ones.

    Returns
    -------
    scores : ndarray of float64 (n_samples,)
        Higher = harder.

    Raises
    ------
    ValueError
        If a sample was never visited.
    """
    inner = final_scorer(scorer)
    scores = np.array(inner.action_scores_, dtype=np.float64)
    unscored = np.flatnonzero(np.isnan(scores))
    if len(unscored):
        raise ValueError(
            f"{len(unscored)} of {len(scores)} samples were never visited in training and have no score, the first at "
            f"{unscored[:5].tolist()}; let the scorer's net see all of X (no drop_last, no sampler that leaves samples "
            "out), or pass action_scores"
        )
    held_out = getattr(inner, "validation_mask_", np.zeros(len(scores), dtype=bool))
    if held_out.any() and not held_out.all():
        share = (rankdata(scores[held_out]) - 0.5) / held_out.sum()
        scores[held_out] = np.quantile(scores[~held_out], share)
    return scores


def check_given_scores(action_scores: Any, X: Any) -> np.ndarray:
    """Validate scores that the user gives.

    Raises
    ------
    ValueError
        If they are not one finite number a sample, or have the index of X in another order.
    """
    n_samples = n_samples_of(X)
    if _is_reordered(getattr(action_scores, "index", None), getattr(X, "index", None)):
        raise ValueError("action_scores has the index of X in another order; pass action_scores.loc[X.index]")
    scores = np.array(action_scores, dtype=np.float64)
    if scores.shape != (n_samples,):
        raise ValueError(
            f"action_scores has shape {scores.shape}, but X has {n_samples} samples; give one score a sample, in the "
            "order of X"
        )
    wrong = np.flatnonzero(~np.isfinite(scores))
    if len(wrong):
        raise ValueError(
            f"action_scores holds {len(wrong)} values that are NaN or infinite, the first at {wrong[:5].tolist()}; "
            "leave these samples out, or give them a score"
        )
    return scores


def _is_reordered(index: Any, own: Any) -> bool:
    """Whether two indexes of pandas hold the same labels in two orders."""
    are_indexes = hasattr(index, "equals") and hasattr(own, "equals")
    return are_indexes and not index.equals(own) and set(index) == set(own)
