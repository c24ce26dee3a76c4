"""The lines of Python that repeat a command."""

import textwrap
from typing import Any

WIDTH = 100


def scoring_program(
    read: str, target: str, y: tuple[str, ...], estimator: Any, *, epochs: int, is_decided: bool = False
) -> list[str]:
    """Write the program that scores a table as ``actscore score`` does, to the bit.

    Parameters
    ----------
    read : str
        Expression that reads the table.
    target : str
        Name of the target column.
    y : tuple of str
        Lines that make ``y`` of ``table``.
    estimator : ActionScoreClassifier or ActionScoreRegressor
        The one that was used; all of its parameters but the net are spelled out.
    epochs : int
        Of training.
    is_decided : bool
        If True, the program ends in the table of labels.

    Returns
    -------
    lines : list of str

    Examples
    --------
    >>> from actscore_sk.estimators.regressor import ActionScoreRegressor
    >>> estimator = ActionScoreRegressor(random_state=0)
    >>> lines = scoring_program("pd.read_csv('t.csv')", "cm", ("y = table['cm']",), estimator, epochs=20)
    >>> print(*lines[5:9], sep="\\n")
    table = pd.read_csv('t.csv')
    y = table['cm']
    X = TablePreprocessor().fit_transform(table.drop(columns='cm'))
    estimator = ActionScoreRegressor(
    """
    name = type(estimator).__name__
    # The default net with a progress bar is still the default net.
    parameters = estimator.get_params(deep=False) | {"estimator": None}
    options = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
    issues = ["issues = estimator.label_issues()"] if is_decided else []
    return [
        "import pandas as pd",
        "import torch",
        f"from actscore_sk import {name}, TablePreprocessor",
        "",
        "torch.set_num_threads(1)",
        f"table = {read}",
        *y,
        f"X = TablePreprocessor().fit_transform(table.drop(columns={target!r}))",
        f"estimator = {name}(",
        *textwrap.wrap(options, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False),
        ")",
        f"scores = estimator.fit(X, y, epochs={epochs}).action_scores_",
        *issues,
    ]
