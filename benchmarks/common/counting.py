"""Fits, counted across processes."""

from pathlib import Path
from typing import Any, Self

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline


class FitCounter(TransformerMixin, BaseEstimator):
    """Pass X through, and write one byte to the file `log` a fit: small appends of several processes all arrive."""

    def __init__(self, log: str) -> None:
        self.log = log

    def fit(self, X: Any, y: Any = None) -> Self:
        """Count."""
        with Path(self.log).open("ab") as file:
            file.write(b".")
        return self

    def transform(self, X: Any) -> Any:
        """Return X."""
        return X

    def __sklearn_is_fitted__(self) -> bool:
        return True


def counted(estimator: BaseEstimator, log: Path) -> Pipeline:
    """Put an estimator behind a counter of its fits."""
    return Pipeline([("counter", FitCounter(str(log))), ("estimator", estimator)])


def n_fits(log: Path) -> int:
    """Read how many fits were counted."""
    return log.stat().st_size if log.exists() else 0
