"""Weights and other metadata on their way to an estimator, in the shapes that scikit-learn gives that way."""

import inspect
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from actscore_sk.data.containers import is_per_sample, take_rows
from actscore_sk.utils.sklearn_private import routing_enabled


def weight_keyword(estimator: Any) -> str:
    """Name under which `fit` of an estimator takes sample weights: a Pipeline takes them for its last step.

    Raises
    ------
    ValueError
        If it takes none, or a Pipeline would not keep them with their samples; says what to do.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> weight_keyword(make_pipeline(LogisticRegression()))
    'logisticregression__sample_weight'
    """
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    inner = _inner_estimators(estimator)
    if not inner:
        raise ValueError(
            f"{type(estimator).__name__} cannot take sample_weight; use an estimator whose fit has it, or "
            "ActionScoreResampler, which draws samples instead of weighing them; a skorch net takes weights inside "
            "ActionScoreClassifier or ActionScoreRegressor"
        )
    keywords = ["__".join([*filter(None, [name]), weight_keyword(step)]) for name, step in inner]  # each takes them
    return keywords[0]


def _inner_estimators(estimator: Any) -> list[tuple[str, Any]]:
    """Estimators that `estimator` passes the parameters of its fit to, with their names in a Pipeline.

    Raises
    ------
    ValueError
        If it is a Pipeline with a sampler.
    """
    if isinstance(estimator, Pipeline):
        samplers = [step for _, step in estimator.steps if hasattr(step, "fit_resample")]
        if samplers:  # imbalanced-learn's: weights would belong to other samples than they were made for
            raise ValueError(
                f"{type(samplers[0]).__name__} inside a Pipeline changes the samples, and their weights and scores do "
                "not follow; put it and the model into ResampledClassifier or ResampledRegressor, and leave it out of "
                "a scorer"
            )
        return [step for step in estimator.steps[-1:] if hasattr(step[1], "fit")]
    if not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(estimator.fit).parameters.values()):
        return []
    inner = [getattr(estimator, name, None) for name in ("estimator", "regressor")]
    inner += [step for _, step in getattr(estimator, "estimators", None) or ()]
    return [("", step) for step in inner if hasattr(step, "fit")]


def check_keeps_samples(estimator: Any) -> None:
    """Raise ValueError if a Pipeline in it changes the samples: its scores would be those of others."""
    for _, step in _inner_estimators(estimator):
        check_keeps_samples(step)


def request_weights(estimator: Any) -> str:
    """Have the innermost estimators request `sample_weight` from those that route metadata, and nothing else there.

    What the user said stays: a request by another name too.

    Returns
    -------
    keyword : str
        Name under which `fit` takes the weights.

    Raises
    ------
    ValueError
        If the user said no: weights would be lost.
    """
    if not has_fit_parameter(estimator, "sample_weight"):
        for _, step in estimator.steps[:-1] if isinstance(estimator, Pipeline) else ():
            _request(step, "fit", False)
        keywords = [request_weights(step) for _, step in _inner_estimators(estimator)]
        return keywords[0]
    asked = _request(estimator, "fit", True)
    _request(estimator, "score", True)  # a search passes them to the score too; a Pipeline in it takes no other answer
    if asked is False:
        raise ValueError(
            f"{type(estimator).__name__} has set_fit_request(sample_weight=False), so its weights would be lost; "
            "set it to True"
        )
    return asked if isinstance(asked, str) else "sample_weight"


def _request(estimator: Any, method: str, wanted: bool) -> Any:
    """Set the request for weights if the user did not; return the one in force."""
    if not hasattr(estimator, f"set_{method}_request"):
        return wanted
    routing = estimator.get_metadata_routing()
    requests = getattr(getattr(routing, "_self_request", routing), method).requests  # a router holds its own apart
    if "sample_weight" in requests and requests["sample_weight"] is None:
        getattr(estimator, f"set_{method}_request")(sample_weight=wanted)
        return wanted
    return requests.get("sample_weight", wanted)


def fit_weighted(estimator: Any, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> Any:
    """Fit an estimator with weights, wherever it takes them; None: without.

    Returns
    -------
    estimator : estimator
        The same, fitted.
    """
    if sample_weight is not None:
        keyword = weight_keyword(estimator)
        if routing_enabled():
            routed = request_weights(estimator)
            keyword = keyword if has_fit_parameter(estimator, "sample_weight") else routed
        if keyword in fit_params:
            raise ValueError(f"{keyword} was given and would be overwritten; give it as sample_weight")
        fit_params = {**fit_params, keyword: sample_weight}
    return estimator.fit(X, y, **fit_params)


def take_aligned(fit_params: dict[str, Any], indices: np.ndarray, n_samples: int) -> dict[str, Any]:
    """Pick the samples of each parameter that has them."""
    return {
        name: take_rows(value, indices) if is_per_sample(value, n_samples) else value
        for name, value in fit_params.items()
    }
