"""Are the scores of the last stage those that the learner predicts by?"""

from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import is_classifier

from actscore_sk.data.containers import take_rows
from actscore_sk.estimators.objectives import Answer

_N_COMPARED = 32  # samples whose probabilities are looked at after training


def check_last_stage(learner: Any, answer: Answer, X: Any, raw: np.ndarray) -> None:
    """Compare the scores of the last stage with the learner's own predictions: they must be of one model.

    Parameters
    ----------
    learner : estimator
        Fitted.
    answer : Answer
        How its scores were read.
    X : array-like (n_samples, n_features)
        Samples; a few of them are looked at.
    raw : ndarray (n_samples, ...)
        Their scores.

    Raises
    ------
    ValueError
        If they differ: this version of the library, or this objective, does not work as the scores were read.
    """
    few = np.arange(min(_N_COMPARED, len(raw)))
    outputs = answer.reader.outputs(torch.from_numpy(np.asarray(raw[few], dtype=np.float64))).numpy()
    if not is_classifier(learner):
        found, expected = outputs, np.asarray(learner.predict(take_rows(X, few)))
    elif answer.reader.is_cross_entropy:
        with np.errstate(invalid="ignore"):  # 0 / 0, by learners that divide shares by their sum
            found, expected = softmax(outputs, axis=1), np.asarray(learner.predict_proba(take_rows(X, few)))
            expected = expected / expected.sum(axis=1, keepdims=True)
        told = np.ptp(expected, axis=1) > 0  # shares against the rest that are all too small for a number become equal
        found, expected = found[told], expected[told]
    else:
        return
    if len(expected) and not np.allclose(
        found.reshape(expected.shape), expected, rtol=1e-3, atol=1e-5 * (1 + np.abs(expected).max())
    ):
        raise ValueError(
            f"the scores of {type(learner).__name__} after its last stage do not give its predictions, so that losses "
            "made of them would be wrong; train it with its default objective"
        )
