"""Weights and other metadata of samples on their way to an estimator, by keyword or by scikit-learn's routing."""

import inspect
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from actscore_sk.data.containers import is_per_sample, take_rows
from actscore_sk.utils.sklearn_private import routing_enabled


def weight_keyword(estimator: Any) -> str:
    """Return the name under which `fit` of an estimator takes sample weights.

    Parameters
    ----------
    estimator : estimator
        A Pipeline takes weights for its last step, a meta-estimator for the one that it wraps.

    Returns
    -------
    keyword : str
        Keyword of `fit`.

    Raises
    ------
    ValueError
        If `fit` takes no weights, or if a sampler in a Pipeline would part them from their samples.

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
    """Return the estimators to which `estimator` passes the parameters of its fit.

    Returns
    -------
    inner : list of (str, estimator)
        With their name in a Pipeline, else "".

    Raises
    ------
    ValueError
        If `estimator` is a Pipeline with a sampler.
    """
    if isinstance(estimator, Pipeline):
        samplers = [step for _, step in estimator.steps if hasattr(step, "fit_resample")]
        if samplers:  # in imbalanced-learn's Pipeline weights would belong to other samples
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
    """Check that no Pipeline in an estimator changes the samples: scores would belong to other samples.

    Parameters
    ----------
    estimator : estimator
        Scorer, not fitted.

    Raises
    ------
    ValueError
        If a Pipeline in it has a sampler.
    """
    for _, step in _inner_estimators(estimator):
        check_keeps_samples(step)


def request_weights(estimator: Any) -> str:
    """Set the metadata requests in an estimator so that weights reach its innermost estimators.

    A request of the user stays, also one by another name. Transformers before the last step request no weights.

    Parameters
    ----------
    estimator : estimator
        Its requests are changed in place.

    Returns
    -------
    keyword : str
        Name under which `fit` takes the weights.

    Raises
    ------
    ValueError
        If the user refused weights: they would be lost.
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
    """Set the request for weights of a method if the user did not, and return the request in force.

    Returns
    -------
    request : bool or str
        A str is the user's own name for the weights.
    """
    if not hasattr(estimator, f"set_{method}_request"):
        return wanted
    routing = estimator.get_metadata_routing()
    requests = getattr(getattr(routing, "_self_request", routing), method).requests  # a router holds its own apart
    if "sample_weight" in requests and requests["sample_weight"] is None:
        getattr(estimator, f"set_{method}_request")(sample_weight=wanted)
        return wanted
    return requests.get("sample_weight", wanted)


def fit_weighted(estimator: Any, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> Any:
    """Fit an estimator with weights, under the keyword and the requests that it needs.

    Parameters
    ----------
    estimator : estimator
        Fitted in place.
    X, y : any kind
        Samples and targets.
    sample_weight : array-like of shape (n_samples,) or None
        None: fit without weights.
    **fit_params : dict
        Passed to `fit`.

    Returns
    -------
    estimator : estimator
        The same object.

    Raises
    ------
    ValueError
        If the estimator takes no weights, or gets them twice.
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
    """Pick samples in each fit parameter that has one entry per sample.

    Parameters
    ----------
    fit_params : dict
        Name to value.
    indices : ndarray of int64 (n_picked,)
        Positions of the samples.
    n_samples : int
        Number of samples before picking.

    Returns
    -------
    picked : dict
        Parameters of other lengths, and data sets of their own, are unchanged.

    Examples
    --------
    >>> take_aligned({"cost": np.array([1.0, 2.0, 3.0]), "epochs": 5}, np.array([2, 0]), 3)
    {'cost': array([3., 1.]), 'epochs': 5}
    """
    return {
        name: take_rows(value, indices) if is_per_sample(value, n_samples) else value
        for name, value in fit_params.items()
    }
