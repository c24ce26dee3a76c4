"""The lines of Python that repeat a command."""

import textwrap
from collections.abc import Sequence
from typing import Any

from skorch import NeuralNet

WIDTH = 100


def scoring_program(
    data: Sequence[str], estimator: Any, *, epochs: int, modules: Sequence[str] = (), is_decided: bool = False
) -> list[str]:
    """Write the program that scores a table as ``actscore score`` does, to the bit.

    Parameters
    ----------
    data : sequence of str
        Lines that make ``X`` and ``y``.
    estimator : ActionScoreClassifier or ActionScoreRegressor
        The one that was used; all of its parameters but a net are spelled out.
    epochs : int
        Of training of a net.
    modules : sequence of str
        To be imported for ``data``, beside those whose names show there.
    is_decided : bool
        If True, the program ends in the table of labels.

    Returns
    -------
    lines : list of str

    Examples
    --------
    >>> from actscore_sk.estimators.regressor import ActionScoreRegressor
    >>> estimator = ActionScoreRegressor(random_state=0)
    >>> lines = scoring_program(["X = np.load('X.npy')", "y = X[:, 0]"], estimator, epochs=20, modules=["numpy as np"])
    >>> print(*lines[2:9], sep="\\n")
    import numpy as np
    from actscore_sk import ActionScoreRegressor, TablePreprocessor
    <BLANKLINE>
    torch.set_num_threads(1)
    X = np.load('X.npy')
    y = X[:, 0]
    estimator = ActionScoreRegressor(
    """
    name = type(estimator).__name__
    parameters, learner = estimator.get_params(deep=False), estimator.estimator
    is_net = learner is None or isinstance(learner, NeuralNet)
    if is_net:  # the default net with a progress bar is still the default net
        parameters["estimator"] = None
    named = [module for module in ("json", "pyarrow", "sys") if any(f"{module}." in line for line in data[:1])]
    imports = [] if is_net else [f"from sklearn.ensemble import {type(learner).__name__}"]
    options = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    issues = ["issues = estimator.label_issues()"] if is_decided else []
    return [
        "import pandas as pd",
        "import torch",
        *[f"import {module}" for module in [*named, *modules]],
        *imports,
        f"from actscore_sk import {name}, TablePreprocessor",
        "",
        "torch.set_num_threads(1)",
        *data,
        f"estimator = {name}(",
        *textwrap.wrap(options, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False),
        ")",
        f"scores = estimator.fit(X, y{f', epochs={epochs}' if is_net else ''}).action_scores_",
        *issues,
    ]
