"""Kinds of learners besides nets: one row of `KINDS` says how a learner learns, and what it says after each stage."""

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from sklearn.base import is_classifier, is_regressor
from skorch import NeuralNet

from actscore_sk.estimators.fitted_scores import FittedScores
from actscore_sk.estimators.learner_classes import is_of
from actscore_sk.estimators.pipeline_steps import last_step
from actscore_sk.estimators.stages import (
    Stages,
    catboost_stages,
    lightgbm_stages,
    sklearn_stages,
    staged_method,
    xgboost_stages,
)

_FEW = 10_000  # samples, up to which HistGradientBoosting takes "auto" as False
FIFTH = 0.2  # held out where something needs it, as by the default net
TAKEN = (
    "a skorch NeuralNet, None, or what learns in stages: a learner with staged_predict, staged_predict_proba or "
    "staged_decision_function (GradientBoosting..., HistGradientBoosting..., AdaBoost...), one of xgboost, lightgbm or "
    "catboost, one with partial_fit (SGD..., MLP..., naive Bayes), or a Pipeline that ends in one of these"
)


@dataclass(frozen=True)
class Kind:
    """Learners that learn in stages of one kind.

    Parameters
    ----------
    matches : callable
        Takes a learner, and returns True if it is of this kind.
    stages : callable or None
        See `sklearn_stages`; None: a stage is a call of `partial_fit`.
    has_margins : bool
        What `stages` yields are scores before the link to probabilities or predictions.
    takes_codes : bool
        Classes must be numbers from 0 on.
    early_fraction : callable
        Takes a learner and a number of samples, and returns the share of them that its early stopping needs held out.
    held_out_args : callable
        Takes a learner and held-out `Samples`, and returns parameters of `fit` for early stopping.
    early_params : dict
        Parameters of the learner that it needs for this, while it is fitted.
    """

    matches: Callable[[Any], bool]
    stages: Callable[..., Stages] | None
    has_margins: bool = False
    takes_codes: bool = False
    early_fraction: Callable[[Any, int], float | None] = lambda learner, n_samples: None
    held_out_args: Callable[[Any, Any], dict[str, Any]] = lambda learner, held_out: {}
    early_params: dict[str, Any] = field(default_factory=dict)


def _is_boosted_by_xgboost(learner: Any) -> bool:
    """Return True but for its forests, which make all trees in one round, and its linear models, which hide theirs."""
    is_forest = type(learner).__name__.startswith("XGBRF")
    return is_of(learner, "xgboost") and not is_forest and learner.get_params().get("booster") != "gblinear"


def _is_staged(learner: Any) -> bool:
    return staged_method(learner, is_classifier=is_classifier(learner)) is not None


def _of_param(*names: str) -> Callable[[Any, int], float | None]:
    """Return the share for learners that stop early if one of these parameters is set."""

    def fraction(learner: Any, n_samples: int) -> float | None:
        params = learner.get_params(deep=False)
        return FIFTH if any(params.get(name) for name in names) else None

    return fraction


def _histogram_fraction(learner: Any, n_samples: int) -> float | None:
    stops = getattr(learner, "early_stopping", False)
    if not stops or (stops == "auto" and n_samples <= _FEW):
        return None
    held_out = learner.validation_fraction
    return held_out / n_samples if isinstance(held_out, int) else held_out


def _pass_fraction(learner: Any, n_samples: int) -> float | None:
    return learner.validation_fraction if getattr(learner, "early_stopping", False) else None


def _values(learner: Any, held_out: Any) -> dict[str, Any]:
    return {"X_val": held_out.X, "y_val": held_out.labels, "sample_weight_val": held_out.weights}


def _xgboost_args(learner: Any, held_out: Any) -> dict[str, Any]:
    weights = None if held_out.weights is None else [held_out.weights]
    return {"eval_set": [(held_out.X, held_out.labels)], "sample_weight_eval_set": weights, "verbose": False}


def _lightgbm_args(learner: Any, held_out: Any) -> dict[str, Any]:
    if "eval_X" in signature(learner.fit).parameters:  # from 4.7 on, which takes codes of classes there as they are
        pair: dict[str, Any] = {"eval_X": (held_out.X,), "eval_y": (held_out.targets,)}
    else:
        pair = {"eval_set": [(held_out.X, held_out.labels)]}
    return {**pair, "eval_sample_weight": None if held_out.weights is None else [held_out.weights]}


# The first that matches: catboost has staged predictions, too.
KINDS: dict[str, Kind] = {
    "xgboost": Kind(
        _is_boosted_by_xgboost,
        xgboost_stages,
        has_margins=True,
        takes_codes=True,
        early_fraction=_of_param("early_stopping_rounds"),
        held_out_args=_xgboost_args,
    ),
    "lightgbm": Kind(
        # a forest of it takes the mean of its trees, and learns nothing from one to the next
        lambda learner: is_of(learner, "lightgbm") and learner.get_params().get("boosting_type") != "rf",
        lightgbm_stages,
        has_margins=True,
        early_fraction=_of_param("early_stopping_round", "early_stopping_rounds", "n_iter_no_change"),
        held_out_args=_lightgbm_args,
    ),
    "catboost": Kind(
        lambda learner: is_of(learner, "catboost"),
        catboost_stages,
        has_margins=True,
        early_fraction=_of_param("early_stopping_rounds", "od_wait", "od_pval"),
        held_out_args=lambda learner, held_out: {"eval_set": (held_out.X, held_out.labels)},
    ),
    "staged": Kind(
        _is_staged,
        sklearn_stages,
        early_fraction=_histogram_fraction,
        held_out_args=_values,
        early_params={"early_stopping": True},  # "auto" would count what is left
    ),
    "passes": Kind(
        lambda learner: hasattr(learner, "partial_fit") and hasattr(learner, "predict"),
        None,
        early_fraction=_pass_fraction,
    ),
}


def kind_of(estimator: Any) -> Kind | None:
    """Return how an estimator learns in stages; None for a net, and for what learns in no stages.

    Parameters
    ----------
    estimator : object
        As the user passed it: a learner, or a Pipeline that ends in one.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.linear_model import SGDClassifier
    >>> kind_of(SGDClassifier()) is KINDS["passes"], kind_of(RandomForestClassifier())
    (True, None)
    """
    learner = last_step(estimator)
    if isinstance(learner, (NeuralNet, FittedScores, type)) or not hasattr(learner, "__sklearn_tags__"):
        return None
    if not (is_classifier(learner) or is_regressor(learner)):
        return None
    return next((kind for kind in KINDS.values() if kind.matches(learner)), None)


def check_task(owner: Any, estimator: Any) -> None:
    """Raise TypeError if an estimator for classes has a learner or net for numbers, or the other way round."""
    learner = last_step(estimator)
    if not (is_classifier(learner) or is_regressor(learner)):
        return  # a plain NeuralNet learns what its criterion says
    if is_classifier(owner) != is_classifier(learner):
        rows = ("classes", "numbers", "Classifier"), ("numbers", "classes", "Regressor")
        does, does_not, wrapper = rows[0] if is_classifier(learner) else rows[1]
        raise TypeError(f"{type(learner).__name__} predicts {does}, not {does_not}; pass it to ActionScore{wrapper}")
