"""Weights and other metadata on their way to an estimator, in the shapes that scikit-learn gives that way."""

import inspect
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from actscore_sk.estimators.inputs import n_samples_of
from actscore_sk.resampling.rows import take_rows
from actscore_sk.utils.sklearn_private import routing_enabled


def weight_keyword(estimator: Any) -> str:
    """Name under which `fit` of an estimator takes sample weights: a Pipeline takes them for its last step.

    Raises
    ------
    ValueError
        If it takes none; says what to do.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> weight_keyword(make_pipeline(LogisticRegression()))
    'logisticregression__sample_weight'
    """
    path, inner = [], estimator
    while not has_fit_parameter(inner, "sample_weight"):
        step = _inner_estimator(inner)
        if step is None:
            raise ValueError(
                f"{type(inner).__name__} cannot take sample_weight; use an estimator whose fit has it, or "
                "ActionScoreResampler, which draws samples instead of weighing them; a skorch net takes weights inside "
                "ActionScoreClassifier or ActionScoreRegressor"
            )
        name, inner = step
        path += [name] if name else []
    return "sample_weight" if routing_enabled() else "__".join([*path, "sample_weight"])


def _inner_estimator(estimator: Any) -> tuple[str, Any] | None:
    """The estimator that `estimator` passes the parameters of its fit to, with its name in a Pipeline."""
    if isinstance(estimator, Pipeline) and hasattr(estimator.steps[-1][1], "fit"):
        return estimator.steps[-1]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(estimator.fit).parameters.values())
    inner = getattr(estimator, "estimator", None)
    return ("", inner) if takes_any and hasattr(inner, "fit") else None


def request_weights(estimator: Any) -> None:
    """Where metadata is routed, let the innermost estimator request `sample_weight`, unless the user said otherwise.

    Raises
    ------
    ValueError
        If the user said no: weights would be lost.
    """
    while routing_enabled() and not has_fit_parameter(estimator, "sample_weight"):
        for _, step in estimator.steps[:-1] if isinstance(estimator, Pipeline) else ():
            _request(step, False)
        estimator = _inner_estimator(estimator)[1]  # type: ignore[index]
    if routing_enabled() and _request(estimator, True) is False:
        raise ValueError(
            f"{type(estimator).__name__} has set_fit_request(sample_weight=False), so its weights would be lost; "
            "set it to True"
        )


def _request(estimator: Any, wanted: bool) -> Any:
    """Set the request for weights if the user did not; return the one in force."""
    if not hasattr(estimator, "set_fit_request"):
        return wanted
    routing = estimator.get_metadata_routing()
    requests = getattr(routing, "_self_request", routing).fit.requests  # a router holds its own requests apart
    if "sample_weight" in requests and requests["sample_weight"] is None:
        estimator.set_fit_request(sample_weight=wanted)
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
        if keyword in fit_params:
            raise ValueError(f"{keyword} was given and would be overwritten; give it as sample_weight")
        fit_params = {**fit_params, keyword: sample_weight}
        request_weights(estimator)
    return estimator.fit(X, y, **fit_params)


def is_aligned(value: Any, n_samples: int) -> bool:
    """Whether a fit parameter holds one entry a sample, and so has to follow the samples."""
    if isinstance(value, (str, bytes, dict)) or not (hasattr(value, "__len__") or hasattr(value, "shape")):
        return False
    try:
        return n_samples_of(value) == n_samples
    except TypeError:  # a scalar array
        return False


def take_aligned(fit_params: dict[str, Any], indices: np.ndarray, n_samples: int) -> dict[str, Any]:
    """Pick the samples of each parameter that has them."""
    return {
        name: take_rows(value, indices) if is_aligned(value, n_samples) else value for name, value in fit_params.items()
    }
