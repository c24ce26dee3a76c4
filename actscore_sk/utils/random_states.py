"""Seeds of estimators."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state


def fill_random_states(estimator: Any, random_state: Any) -> Any:
    """Set every parameter `random_state` in an estimator that is None.

    Parameters
    ----------
    estimator : estimator
        Changed in place.
    random_state : int, RandomState instance or None
        An int is used for all; a RandomState draws a seed for each.

    Returns
    -------
    estimator : estimator
        The same object.
    """
    if random_state is not None:
        params = estimator.get_params(deep=True)
        names = [name for name in sorted(params) if name.split("__")[-1] == "random_state" and params[name] is None]
        if isinstance(random_state, np.random.RandomState):
            seeds = [int(check_random_state(random_state).randint(2**31 - 1)) for _ in names]
        else:
            seeds = [random_state] * len(names)
        estimator.set_params(**dict(zip(names, seeds, strict=True)))
    return estimator
