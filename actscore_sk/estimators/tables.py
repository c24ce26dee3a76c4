"""From the columns of a table to the matrix that a net is trained on."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from actscore_sk.estimators.table_columns import are_whole, content_kind, read_column
from actscore_sk.estimators.table_encoders import code_encoder, number_encoder, text_encoder
from actscore_sk.utils.optional import import_optional
from actscore_sk.utils.sklearn_private import check_feature_names_in
from actscore_sk.utils.typing import Labels

# Whole numbers with so few values are codes more often than amounts (months, grades, yes and no).
_MAX_CODES = 10
# Standard deviations: a net trains on no larger number, or one wild value would drown its row and its batch.
_MAX_DEVIATION = 10.0
# What the encoders make of them is a second copy of the features.
_ROWS_AT_ONCE = 2**14

# How the values of each kind are read (see `read_column`), and the block of features that they belong to.
_KINDS = {
    "number": ("number", "numbers"),
    "date": ("date", "numbers"),
    "duration": ("duration", "numbers"),
    "code": ("number", "codes"),
    "category": ("category", "categories"),
}


_ENCODERS = {"numbers": number_encoder, "codes": code_encoder, "categories": text_encoder}


class TablePreprocessor(TransformerMixin, BaseEstimator):
    """Turn the columns of a table into finite numbers of about unit scale, for a net.

    Each column is used by what it holds:

    ============  =====================================================  ==============================================
    kind          columns                                                features
    ============  =====================================================  ==============================================
    "number"      numbers, decimals                                      one, scaled; missing = median, and a second
                                                                         feature tells where
    "date"        dates, also as text (2024-01-31, 2024-01-31T10:00)     as of a number: seconds
    "duration"    durations                                              as of a number: seconds
    "code"        whole numbers with up to ten values                    one per value (one-hot); missing is a value
    "category"    text, booleans, categories, anything else              one per value, 32 at most: the rare ones,
                                                                         those of one row, and unknown ones share one
    ============  =====================================================  ==============================================

    Columns that tell nothing about a row are left out: those that are always the same, text without a value that
    repeats, and the row numbers that pandas writes to CSV (``Unnamed: 0``), which give away the class in a sorted
    table. Numbers are shifted by their median, divided by the range that holds nine tenths of them, compressed by
    arcsinh (about linear within that range, a logarithm far outside, so that wild values do not squeeze the others),
    and standardised; they end at ± 10. Infinite is missing.

    Attributes
    ----------
    column_kinds_ : list of str (n_features,)
        Kind of each column, or the reason why it is left out: "always the same", "no value repeats" or "row numbers".
    encoders_ : dict of str to transformer
        The fitted scikit-learn transformers of the blocks "numbers", "codes" and "categories", in the order of the
        features.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str (n_features,)
        Only if all column names are strings.

    See Also
    --------
    ActionScoreClassifier : Trains on the result, and scores the rows.

    Examples
    --------
    >>> import pandas as pd
    >>> garden = pd.DataFrame({"height": [3.5, None, 4.5, 9.5], "colour": ["red", "blue", "red", "blue"]})
    >>> preprocessor = TablePreprocessor()
    >>> preprocessor.fit_transform(garden).round(1)
    array([[-0.9,  0. ,  0. ,  1. ],
           [-0.5,  1. ,  1. ,  0. ],
           [-0.5,  0. ,  0. ,  1. ],
           [ 1.4,  0. ,  1. ,  0. ]], dtype=float32)
    >>> preprocessor.get_feature_names_out().tolist()
    ['height', 'missingindicator_height', 'colour_blue', 'colour_red']
    """

    column_kinds_: list[str]
    encoders_: dict[str, Any]

    def fit(self, X: Any, y: None = None) -> Self:
        """Learn the kind of each column, the scale of numbers and the values of categories.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            A DataFrame of pandas, or of any library that converts to pandas; or an array.
        y : None
            Ignored.

        Returns
        -------
        self : TablePreprocessor
            Fitted.

        Raises
        ------
        ValueError
            If no column tells one row from another.
        """
        self._fit(X)
        return self

    def fit_transform(self, X: Any, y: None = None) -> Any:
        """Fit and transform the same table, reading each column once.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            As in `fit`.
        y : None
            Ignored.

        Returns
        -------
        features : ndarray of float32 (n_samples, n_features)
            Finite.
        """
        return self._encode(self._fit(X))

    def transform(self, X: Any) -> Any:
        """Turn a table with the columns of the fitted one into numbers.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)
            As in `fit`, the same columns in the same order.

        Returns
        -------
        features : ndarray of float32 (n_samples, n_features)
            Finite.

        Raises
        ------
        ValueError
            If a column holds values of another kind than in `fit`, or the columns are others.
        """
        check_is_fitted(self, "encoders_")
        columns = self._columns(X, reset=False)
        used = [(kind, column) for kind, column in zip(self.column_kinds_, columns, strict=True) if kind in _KINDS]
        values = [(kind, read_column(column, _KINDS[kind][0])) for kind, column in used]
        return self._encode(_blocks(values))

    def get_feature_names_out(self, input_features: Any = None) -> Labels:
        """Name the features that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str (n_features,), optional
            Names of the columns, if those seen in `fit` had none.

        Returns
        -------
        names : ndarray of str (n_features,)
            Of the column, with ``missingindicator_`` before it or the value behind it.
        """
        check_is_fitted(self, "encoders_")
        names = check_feature_names_in(self, input_features)
        named = _blocks(zip(self.column_kinds_, names, strict=True))
        found = [encoder.get_feature_names_out(named[block]) for block, encoder in self.encoders_.items()]
        return np.concatenate(found).astype(object)

    def _fit(self, X):
        """Fit, and return the columns that are used, by block."""
        columns = self._columns(X, reset=True)
        read = [_read_new(column) for column in columns]
        self.column_kinds_ = [kind for kind, _ in read]
        blocks = _blocks(read)
        if not blocks:
            ignored = [f"{_name(column, i)} ({read[i][0]})" for i, column in enumerate(columns)]
            raise ValueError(
                f"no column tells one row from another (n_samples={len(columns[0]) if columns else 0}); "
                f"ignored: {', '.join(ignored) or 'none'}"
            )
        self.encoders_ = {block: _ENCODERS[block]().fit(np.column_stack(found)) for block, found in blocks.items()}
        return blocks

    def _encode(self, blocks):
        n_rows, features = len(next(iter(blocks.values()))[0]), None
        for start in range(0, max(n_rows, 1), _ROWS_AT_ONCE):  # of no row, scikit-learn says so
            rows = slice(start, start + _ROWS_AT_ONCE)
            parts = {block: np.column_stack([column[rows] for column in found]) for block, found in blocks.items()}
            encoded = [encoder.transform(parts[block]) for block, encoder in self.encoders_.items()]
            part = np.concatenate(encoded, axis=1, dtype=np.float32, casting="same_kind")  # the type that nets take
            if features is None:
                features = np.empty((n_rows, part.shape[1]), np.float32)
            np.clip(part, -_MAX_DEVIATION, _MAX_DEVIATION, out=features[rows])
        return features

    def _columns(self, X, *, reset):
        """Split a table into columns: Series of pandas, or arrays of numbers."""
        if hasattr(X, "iloc") or hasattr(X, "to_pandas"):
            validate_data(self, X, reset=reset, skip_check_array=True)
            frame = X if hasattr(X, "iloc") else X.to_pandas()
        else:
            X = validate_data(
                self, X, reset=reset, dtype=None, ensure_all_finite=False, ensure_min_samples=2 if reset else 1
            )
            if X.dtype.kind in "fiub":
                return list(X.T)
            pandas = import_optional("pandas", extra="cli", purpose="read arrays of anything but numbers")
            frame = pandas.DataFrame(X).infer_objects()
        return [frame.iloc[:, position] for position in range(frame.shape[1])]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _read_new(column):
    """Return the kind of a column that was not seen before, or the reason to leave it out, and its values."""
    kind = "number" if isinstance(column, np.ndarray) else content_kind(column)
    values = read_column(column, kind)
    if kind == "category":
        n_distinct = len(set(values))
        if n_distinct < 2:
            return "always the same", values
        return ("no value repeats" if n_distinct == len(values) else kind), values
    distinct = np.unique(values)  # NaN counts once
    if len(distinct) < 2:
        return "always the same", values
    if kind != "number" or not are_whole(distinct):
        return kind, values
    # In a sorted table the number of a row would give its class away.
    if str(_name(column, 0)).startswith("Unnamed: ") and (np.diff(values) > 0).all():
        return "row numbers", values
    n_known = np.count_nonzero(~np.isnan(distinct))
    return ("code" if n_known <= min(_MAX_CODES, len(values) // 2) else kind), values


def _blocks(columns):
    """Collect what belongs to columns of given kinds by block, in the order of `_ENCODERS`; leave out empty blocks."""
    found = {block: [] for block in _ENCODERS}
    for kind, value in columns:
        if kind in _KINDS:
            found[_KINDS[kind][1]].append(value)
    return {block: values for block, values in found.items() if values}


def _name(column, position):
    return getattr(column, "name", position)
