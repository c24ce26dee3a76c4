"""What a display asks of a fitted estimator."""

from typing import Any

from sklearn.exceptions import NotFittedError


def fitted_with(estimator: Any, name: str, remedy: str) -> Any:
    """Find the object that has an attribute: the estimator, or the last step of a pipeline, or the best of a search.

    Parameters
    ----------
    estimator : object
        Fitted estimator, recorder, sampler, Pipeline or search.
    name : str
        Attribute that is wanted.
    remedy : str
        What to do if nothing has it; the end of the sentence.

    Raises
    ------
    NotFittedError
        If nothing has it.
    """
    seen = estimator
    while not hasattr(seen, name):
        if hasattr(seen, "best_estimator_"):
            seen = seen.best_estimator_
        elif hasattr(seen, "steps"):
            seen = seen.steps[-1][1]
        elif hasattr(seen, "sampler_"):
            seen = seen.sampler_
        else:
            raise NotFittedError(f"{type(estimator).__name__} has no {name}; {remedy}")
    return seen
