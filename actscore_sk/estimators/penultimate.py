"""Features of samples from a trained net: the input of its last layer."""

from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from actscore_sk.data.containers import check_X, n_samples_of
from actscore_sk.estimators.base import BaseActionScore
from actscore_sk.utils.randomness import preserved_random_state


def penultimate_features(estimator: BaseActionScore, X: Any) -> np.ndarray:
    """Run the trained net on X in inference mode and keep the input of the last layer that has parameters.

    Parameters
    ----------
    estimator : ActionScoreClassifier, ActionScoreRegressor or ActionScoreEstimator
        Fitted.
    X : as in its `fit`

    Returns
    -------
    features : ndarray of float64 (n_samples, n_features)
        Flattened.

    Raises
    ------
    ValueError
        If the last layer does not take one batch of samples at a time.
    """
    check_is_fitted(estimator, "estimator_")
    net, X = estimator.estimator_, estimator._adapter.cast(check_X(estimator, X, reset=False))
    batches: list[torch.Tensor] = []
    with preserved_random_state(net.device):
        head = _last_layer(net, X)
        handle = head.register_forward_pre_hook(lambda _, inputs: batches.append(inputs[0].detach().cpu().flatten(1)))
        try:
            net.forward(X)
        finally:
            handle.remove()
    features = torch.cat(batches).double().numpy()
    if len(features) != n_samples_of(X):
        raise ValueError(
            f"the last layer of the net, {type(head).__name__}, got {len(features)} rows for {n_samples_of(X)} "
            "samples, so it has no features of single samples; set features='input'"
        )
    return features


def _last_layer(net: Any, X: Any) -> Any:
    """Return the module with parameters of its own that is called last for the first batch."""
    called: list[Any] = []
    layers = [module for module in net.module_.modules() if any(True for _ in module.parameters(recurse=False))]
    handles = [layer.register_forward_pre_hook(lambda module, _: called.append(module)) for layer in layers]
    try:
        next(iter(net.forward_iter(X)))
    finally:
        for handle in handles:
            handle.remove()
    if not called:
        raise ValueError("the net has no layer with parameters, so it has no features to look at; set features='input'")
    return called[-1]
