"""The lines of Python that repeat a command."""

import textwrap
from typing import Any

from skorch import NeuralNet

WIDTH = 100


def scoring_program(
    read: str, features: str, y: tuple[str, ...], estimator: Any, *, epochs: int, is_decided: bool = False
) -> list[str]:
    """Write the program that scores a table as ``actscore score`` does, to the bit.

    Parameters
    ----------
    read : str
        Expression that reads the table.
    features : str
        Expression of the other columns of ``table``.
    y : tuple of str
        Lines that make ``y`` of ``table``.
    estimator : ActionScoreClassifier or ActionScoreRegressor
        The one that was used; all of its parameters but a net are spelled out.
    epochs : int
        Of training of a net.
    is_decided : bool
        If True, the program ends in the table of labels.

    Returns
    -------
    lines : list of str

    Examples
    --------
    >>> from actscore_sk.estimators.regressor import ActionScoreRegressor
    >>> estimator = ActionScoreRegressor(random_state=0)
    >>> lines = scoring_program("pd.read_csv('t.csv')", "table[['kg']]", ("y = table['cm']",), estimator, epochs=20)
    >>> print(*lines[5:9], sep="\\n")
    table = pd.read_csv('t.csv')
    y = table['cm']
    X = TablePreprocessor().fit_transform(table[['kg']])
    estimator = ActionScoreRegressor(
    """
    name = type(estimator).__name__
    parameters, learner = estimator.get_params(deep=False), estimator.estimator
    is_net = learner is None or isinstance(learner, NeuralNet)
    if is_net:  # the default net with a progress bar is still the default net
        parameters["estimator"] = None
    modules = [f"import {module}" for module in ("json", "pyarrow", "sys") if f"{module}." in read]
    imports = [] if is_net else [f"from sklearn.ensemble import {type(learner).__name__}"]
    options = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    issues = ["issues = estimator.label_issues()"] if is_decided else []
    return [
        "import pandas as pd",
        "import torch",
        *modules,
        *imports,
        f"from actscore_sk import {name}, TablePreprocessor",
        "",
        "torch.set_num_threads(1)",
        f"table = {read}",
        *y,
        f"X = TablePreprocessor().fit_transform({features})",
        f"estimator = {name}(",
        *textwrap.wrap(options, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False),
        ")",
        f"scores = estimator.fit(X, y{f', epochs={epochs}' if is_net else ''}).action_scores_",
        *issues,
    ]
