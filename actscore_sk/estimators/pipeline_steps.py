"""The steps of a Pipeline before the one that learns: fitted once, and X goes through them once."""

from typing import Any

from sklearn.pipeline import Pipeline

from actscore_sk.data.containers import n_samples_of


def last_step(estimator: Any) -> Any:
    """Return the estimator that learns: the last step of a Pipeline, however deep, or the estimator itself."""
    return last_step(estimator.steps[-1][1]) if isinstance(estimator, Pipeline) else estimator


def fit_steps(estimator: Any, X: Any, y: Any) -> Any:
    """Fit all steps of a Pipeline but the one that learns, in place, and return X as that one takes it.

    Parameters
    ----------
    estimator : estimator
        A Pipeline, or one that learns.
    X, y : array-like (n_samples, ...)
        Samples and labels.

    Returns
    -------
    X : array-like (n_samples, n_features)
        Transformed once, as `fit` of the Pipeline would.

    Raises
    ------
    ValueError
        If a step changes the number of samples.
    """
    if not isinstance(estimator, Pipeline):
        return X
    *before, (_, last) = estimator.steps
    if before:
        head = Pipeline(before, memory=estimator.memory)
        n_samples, X = n_samples_of(X), head.fit_transform(X, y)
        estimator.steps[:-1] = head.steps
        if n_samples_of(X) != n_samples:
            raise ValueError(
                f"the steps of the Pipeline made {n_samples_of(X)} samples of {n_samples}; scores belong to "
                "samples, so that no step may change their number"
            )
    return fit_steps(last, X, y)


def through_steps(estimator: Any, X: Any) -> Any:
    """Transform X by all steps of a fitted Pipeline but the one that learns."""
    if not isinstance(estimator, Pipeline):
        return X
    if len(estimator.steps) > 1:
        X = estimator[:-1].transform(X)
    return through_steps(estimator.steps[-1][1], X)
