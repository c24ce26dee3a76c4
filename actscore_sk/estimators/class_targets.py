"""Labels of classes, and the codes that a net is trained on."""

import numpy as np
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from torch.utils.data import Dataset

from actscore_sk.estimators.inputs import explained_labels
from actscore_sk.utils.typing import Labels


class ClassTargets:
    """Mix-in of an estimator that learns classes; it comes before the base of the estimators."""

    classes_: Labels

    def _learn_targets(self, X, y, classes):
        self._has_codes = False
        if y is None and classes is None:
            self.classes_ = None  # known after training, from the width of the net's output
            return
        labels = y if classes is None else self._check_y(classes)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds one class only, {self.classes_.tolist()[0]!r}; a classifier needs at least two to tell apart"
            )
        if isinstance(X, Dataset) and labels.dtype.kind in "iu" and self.classes_[0] >= 0:
            # The net is trained on what the data set yields: its labels are the codes.
            self._has_codes, self.classes_ = True, np.arange(self.classes_[-1] + 1)

    def _check_classes(self, classes):
        if not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes are {np.unique(classes).tolist()}, but the first call gave {self.classes_.tolist()}; "
                "pass the same ones, or none"
            )

    def _check_y(self, y):
        y = column_or_1d(_plain(y), warn=True)
        with explained_labels(y):
            if y.dtype.kind in "fc":
                assert_all_finite(y, input_name="y")
            check_classification_targets(y)
        return y

    def _to_targets(self, y):
        if self.classes_ is None or _are_codes(y, self.classes_):
            return y  # no copy: 8 bytes per sample
        codes = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = self.classes_[codes] != y
        if unknown.any():
            raise ValueError(
                f"y holds {np.unique(y[unknown])[:5].tolist()}, but the classes are {self.classes_[:10].tolist()}; "
                "pass all of them as `classes` in the first partial_fit, or leave these samples out"
            )
        return codes


def _plain(y):
    """Return labels of a nullable type of pandas as NumPy's: scikit-learn makes floats of them, 1.0 of True."""
    dtype = getattr(y, "dtype", None)
    if isinstance(dtype, np.dtype) or getattr(dtype, "kind", "O") not in "iub" or not hasattr(dtype, "numpy_dtype"):
        return y
    return y if y.isna().any() else y.to_numpy(dtype=dtype.numpy_dtype)


def _are_codes(y, classes):
    if y.dtype != np.int64 or not np.array_equal(classes, np.arange(len(classes))):
        return False
    return len(y) == 0 or (y.min() >= 0 and y.max() < len(classes))
