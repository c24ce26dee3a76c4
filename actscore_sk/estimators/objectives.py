"""What each learner minimises, read off its parameters: the loss that is recorded of its samples."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import compute_class_weight

from actscore_sk.estimators.learner_classes import inherits
from actscore_sk.estimators.stage_losses import (
    MARGIN_LOSSES,
    NUMBER_LOSSES,
    Objective,
    StageReader,
    read_margins,
    read_numbers,
    read_one_vs_rest,
    read_probabilities,
    read_scaled_softmax,
    read_softmax,
)

_PREDICTS = "partial_fit", "staged_predict"
_ONE_VS_REST = "multiclassova", "MultiClassOneVsAll"


class Answer(NamedTuple):
    """Which method of a learner tells most, and how its answer becomes losses.

    Parameters
    ----------
    method : str
        Of a learner that learns by `partial_fit`; the stages of others have scores of their own.
    reader : StageReader
        Of these scores.
    """

    method: str
    reader: StageReader


def class_answer(learner: Any, n_classes: int, *, has_margins: bool = False) -> Answer:
    """Return how a classifier is asked after a stage.

    Parameters
    ----------
    learner : estimator
        Fitted or not.
    n_classes : int
        Number of classes.
    has_margins : bool
        Its stages have scores before the link to probabilities.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> class_answer(GaussianNB(), 3).method
    'predict_joint_log_proba'
    """
    if inherits(learner, "AdaBoostClassifier"):  # its probabilities are a softmax of its vote, which is no log odds
        return Answer("", read_scaled_softmax(1.0 if n_classes == 2 else 1 / (n_classes - 1)))
    if inherits(learner, "GradientBoostingClassifier"):
        return Answer("", read_scaled_softmax(2.0 if learner.loss == "exponential" else 1.0))
    if hasattr(learner, "partial_fit"):
        return _pass_answer(learner)
    if not has_margins and not hasattr(learner, "staged_decision_function"):
        return Answer("", read_probabilities)
    return Answer("", read_one_vs_rest if _objective_of(learner) in _ONE_VS_REST else read_softmax)


def _pass_answer(learner: Any) -> Answer:
    if hasattr(learner, "predict_joint_log_proba"):
        return Answer("predict_joint_log_proba", read_softmax)
    if not hasattr(learner, "decision_function"):
        return Answer("predict_proba", read_probabilities)
    name, epsilon = getattr(learner, "loss", "hinge"), getattr(learner, "epsilon", 0.0)
    if name == "log_loss":
        reader = read_one_vs_rest
    elif name in NUMBER_LOSSES:  # a regression on the signs of the classes
        reader = read_margins(lambda decisions, signs: NUMBER_LOSSES[name](decisions, signs, epsilon))
    else:
        reader = read_margins(MARGIN_LOSSES[name])
    return Answer("decision_function", reader)


def number_answer(learner: Any) -> Answer:
    """Return how a regressor is asked after a stage.

    Warns
    -----
    UserWarning
        If it minimises a loss that is not known here: squared errors of its predictions are recorded.

    Examples
    --------
    >>> from sklearn.linear_model import SGDRegressor
    >>> number_answer(SGDRegressor(loss="huber")).method
    'predict'
    """
    name, argument = _objective_of(learner), ""
    if isinstance(name, str) and ":" in name and name.split(":")[0] in _OBJECTIVES:  # of catboost: "Quantile:alpha=0.9"
        name, _, argument = name.partition(":")
    make = _OBJECTIVES.get(name) if isinstance(name, str) else None
    if make is None:
        warnings.warn(
            f"{type(learner).__name__} minimises {name!r}, of which the loss of a sample is not known here; squared "
            "errors of its scores are recorded",
            UserWarning,
        )
        return Answer("predict", read_numbers(Objective("squared_error")))
    return Answer("predict", read_numbers(make(learner, float(argument.partition("=")[2] or "nan"))))


def _objective_of(learner: Any) -> Any:
    """Return the name of what a learner minimises, by the parameter in which it is."""
    # it minimises none, and weighs samples by their errors or by the squares
    if inherits(learner, "AdaBoostRegressor"):
        return "squared_error" if learner.loss == "square" else "absolute_error"
    for name in ("objective_", "objective", "loss_function", "loss"):
        found = getattr(learner, name, None) or learner.get_params(deep=False).get(name)
        if found is not None:
            return found
    return "RMSE" if hasattr(learner, "tree_count_") else "squared_error"


def _plain(loss: str, *, is_log: bool = False) -> Callable[[Any, float], Objective]:
    return lambda learner, argument: Objective(loss, is_log=is_log)


def _own_link(loss: str) -> Callable[[Any, float], Objective]:
    """scikit-learn's learners are asked for predictions, those of lightgbm for their logarithms."""
    return lambda learner, _: Objective(loss, is_log=not any(hasattr(learner, name) for name in _PREDICTS))


def _with(loss: str, *names: str, default: float = 0.5) -> Callable[[Any, float], Objective]:
    """Return a maker of an objective whose parameter is the first of these parameters of the learner that is set."""

    def make(learner: Any, argument: float) -> Objective:
        params = learner.get_params(deep=False)
        found = [params[name] for name in names if params.get(name) is not None]
        return Objective(loss, argument if argument == argument else float(found[0] if found else default))

    return make


def _huber(learner: Any, argument: float) -> Objective:
    """scikit-learn has two: one of boosting, by a quantile `alpha`, and one of SGD, by `epsilon`."""
    if hasattr(learner, "staged_predict"):
        return Objective("adaptive_huber", learner.alpha)
    return _with("huber", "epsilon", "alpha", default=0.9)(learner, argument)


# (learner, parameter in the name) to an objective, by the names of scikit-learn, xgboost, lightgbm and catboost.
_OBJECTIVES: dict[str, Callable[[Any, float], Objective]] = {
    **dict.fromkeys(("squared_error", "reg:squarederror", "regression", "RMSE"), _plain("squared_error")),
    **dict.fromkeys(("regression_l2", "l2", "mse", "mean_squared_error"), _plain("squared_error")),
    **dict.fromkeys(("absolute_error", "reg:absoluteerror", "MAE"), _plain("absolute_error")),
    **dict.fromkeys(("regression_l1", "l1", "mae", "mean_absolute_error"), _plain("absolute_error")),
    "quantile": _with("quantile", "quantile", "alpha", default=0.9),
    "reg:quantileerror": _with("quantile", "quantile_alpha"),
    "Quantile": _with("quantile"),
    "huber": _huber,
    "Huber": _with("huber"),
    "epsilon_insensitive": _with("epsilon_insensitive", "epsilon"),
    "squared_epsilon_insensitive": _with("squared_epsilon_insensitive", "epsilon"),
    "poisson": _own_link("poisson"),
    "gamma": _own_link("gamma"),
    "count:poisson": _plain("poisson", is_log=True),
    "Poisson": _plain("poisson", is_log=True),
    "reg:gamma": _plain("gamma", is_log=True),
}


def class_weights_of(learner: Any, labels: np.ndarray, classes: np.ndarray | None) -> np.ndarray | None:
    """Return how much a learner lets each class count in training, (n_classes,) float64; None if all count alike.

    Examples
    --------
    >>> from sklearn.linear_model import SGDClassifier
    >>> class_weights_of(SGDClassifier(class_weight={1: 3.0}), np.array([0, 1]), np.array([0, 1]))
    array([1., 3.])
    """
    params = learner.get_params(deep=False)
    if params.get("class_weight") is not None and classes is not None:
        return compute_class_weight(params["class_weight"], classes=classes, y=labels)
    if params.get("scale_pos_weight") is not None and classes is not None and len(classes) == 2:  # of tree boosters
        return np.array([1.0, params["scale_pos_weight"]])
    return None
