"""The encoders of the blocks of a table: scikit-learn's, with its numbers, in less time and memory."""

from typing import Any, Self

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, RobustScaler, StandardScaler

from actscore_sk.utils.optional import import_optional

# Columns that a category may take: its most frequent values, and one for all others.
_ONE_HOT = {"max_categories": 32, "min_frequency": 2, "handle_unknown": "infrequent_if_exist"}
# Numbers are scaled by the range between: one row in twenty may be wild at either end.
_QUANTILES = (5.0, 95.0)


class TextEncoder(OneHotEncoder):
    """scikit-learn's `OneHotEncoder` of texts, fitted on their numbers: it counts objects one by one, in Python."""

    def fit(self, X: Any, y: None = None) -> Self:
        """Learn the texts of each column.

        Parameters
        ----------
        X : ndarray of object (n_samples, n_columns)
            Texts, with None for missing.
        y : None
            Ignored.

        Returns
        -------
        self : TextEncoder
            As if fitted by scikit-learn.

        Examples
        --------
        >>> X = np.array([["red"], [None], ["blue"]], dtype=object)
        >>> TextEncoder().fit(X).categories_
        [array(['blue', 'red', None], dtype=object)]
        """
        numbered = [_numbered(column) for column in X.T]
        super().fit(np.column_stack([numbers for numbers, _ in numbered]))
        self.categories_ = [texts for _, texts in numbered]
        return self


def _numbered(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each text among the sorted ones, and these; the missing one is the last."""
    pd = import_optional("pandas", extra="cli", purpose="read tables")
    codes, texts = pd.factorize(column)
    order = np.argsort(texts)
    numbers = np.empty(len(texts) + 1, np.int64)
    numbers[order], numbers[-1] = np.arange(len(texts)), len(texts)  # the code of a missing text is -1
    missing = [None] if codes.min() < 0 else []
    return numbers[codes], np.array([*texts[order], *missing], dtype=object)


def arcsinh_in_place(X: np.ndarray) -> np.ndarray:
    """Return arcsinh of the numbers, which are overwritten."""
    return np.arcsinh(X, out=X)


def number_encoder() -> Pipeline:
    """Build the encoder of numbers: it overwrites those that it gets."""
    # The logarithm far from the median comes before the standard deviation, which wild values would blow up.
    return make_pipeline(
        RobustScaler(quantile_range=_QUANTILES, copy=False),
        FunctionTransformer(arcsinh_in_place, feature_names_out="one-to-one"),
        StandardScaler(copy=False),
        SimpleImputer(strategy="median", add_indicator=True, copy=False),
    )


def code_encoder() -> OneHotEncoder:
    """Build the encoder of whole numbers with few values."""
    return OneHotEncoder(**_ONE_HOT, sparse_output=False, dtype=np.float32)


def text_encoder() -> TextEncoder:
    """Build the encoder of texts."""
    return TextEncoder(**_ONE_HOT, sparse_output=False, dtype=np.float32)
