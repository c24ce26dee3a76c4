"""Of which library or class a learner is, by names: to import the class itself costs memory in every training."""

from typing import Any


def is_of(learner: Any, library: str) -> bool:
    """Return True if the class of a learner comes from a library, or inherits from one that does.

    Parameters
    ----------
    learner : object
        Any estimator.
    library : str
        Name of a package, which need not be installed.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> is_of(GaussianNB(), "sklearn"), is_of(GaussianNB(), "xgboost")
    (True, False)
    """
    return any(base.__module__.partition(".")[0] == library for base in type(learner).__mro__)


def inherits(learner: Any, *names: str) -> bool:
    """Return True if a learner is of one of scikit-learn's ensembles of these names, or of a subclass.

    Examples
    --------
    >>> from sklearn.ensemble import AdaBoostClassifier
    >>> inherits(AdaBoostClassifier(), "AdaBoostClassifier"), inherits(AdaBoostClassifier(), "AdaBoostRegressor")
    (True, False)
    """
    bases = type(learner).__mro__
    return any(base.__name__ in names and base.__module__.startswith("sklearn.ensemble.") for base in bases)
