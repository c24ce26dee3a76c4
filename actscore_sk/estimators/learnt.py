"""Class attributes for what fit sets: until it does, asking for one says what is missing."""

from typing import Any

from sklearn.utils.validation import check_is_fitted


class Learnt:
    """Class attribute for what `fit` sets on an instance; until it is set there, asking for it says what is missing.

    Parameters
    ----------
    keeper : str
        Sentence that says which option keeps it.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> class Scorer(BaseEstimator):
    ...     losses_ = Learnt("keep_losses=True keeps it")
    ...     def fit(self):
    ...         self.estimator_ = None
    >>> scorer = Scorer()
    >>> hasattr(scorer, "losses_")
    False
    >>> scorer.fit()
    >>> scorer.losses_
    Traceback (most recent call last):
    AttributeError: this Scorer has no losses_: keep_losses=True keeps it
    """

    def __init__(self, keeper: str) -> None:
        self._keeper = self.__doc__ = keeper

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        """Raise NotFittedError before `fit`, and an AttributeError after it; `hasattr` is False for both."""
        if instance is None:
            return self
        check_is_fitted(instance, "estimator_")
        raise AttributeError(f"this {owner.__name__} has no {self._name}: {self._keeper}")


def learnt(keeper: str = "fit sets it") -> Any:
    """Return a `Learnt`, of which type checkers know no more than what is set in its place."""
    return Learnt(keeper)
