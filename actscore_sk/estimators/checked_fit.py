"""What an estimator is passed, checked, and its targets as the net takes them."""

import numpy as np
from sklearn.utils import check_consistent_length
from torch.utils.data import Dataset

from actscore_sk.data.containers import n_samples_of
from actscore_sk.data.devices import on_host
from actscore_sk.data.own_targets import targets_in
from actscore_sk.data.sources import check_source
from actscore_sk.estimators.inputs import checked_X


class CheckedFit:
    """Mix-in of the estimators: checks X, y and the `eval_set`, and maps y to targets of the net.

    A subclass defines `_check_y`, `_learn_targets` and `_to_targets`; a fit calls them in this order.
    """

    def _check_y(self, y):
        """Validate y by its kind, before anything is learnt from it.

        Parameters
        ----------
        y : array-like of shape (n_samples, ...)
            As passed to `fit`.

        Returns
        -------
        y : ndarray or Tensor (n_samples, ...)
            In the form that `_learn_targets` and `_to_targets` take.
        """
        raise NotImplementedError

    def _learn_targets(self, X, y, classes):
        """Learn the map from y to targets of the net (`classes_`, say).

        Parameters
        ----------
        X : Any
            Checked.
        y : ndarray or None
            From `_check_y`; None for a data set that does not tell its targets.
        classes : array-like or None
            As passed to `partial_fit`.
        """
        raise NotImplementedError

    def _check_classes(self, classes):
        """Raise ValueError if `classes` of a later call differ from those of the first."""
        raise ValueError("classes is for ActionScoreClassifier; leave it out")

    def _to_targets(self, y):
        """Map y to targets of the net, by what `_learn_targets` has learnt."""
        raise NotImplementedError

    def _checked_X(self, X, *, reset):
        return checked_X(self, X, reset=reset)

    def _check_data(self, X, y, classes, *, reset):
        y = targets_in(X) if y is None else y
        X = self._checked_X(X, reset=reset)
        if y is None and not isinstance(X, Dataset):
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None; only a torch Dataset may "
                "hold the targets itself, or a table on disk in its column 'label'"
            )
        if y is not None:
            check_consistent_length(np.empty(n_samples_of(X)), np.empty(n_samples_of(y)))
            y = self._check_y(on_host(y))
        if reset:
            self._learn_targets(X, y, classes)
        elif classes is not None:
            self._check_classes(classes)
        return X, y, None if y is None else self._to_targets(y)

    def _check_eval_set(self, eval_set):
        if eval_set is None or isinstance(eval_set, Dataset):
            check_source(eval_set)
            return eval_set
        if not isinstance(eval_set, (tuple, list)) or len(eval_set) != 2:
            raise ValueError(f"eval_set must be a tuple (X_eval, y_eval) or a Dataset, got {type(eval_set).__name__}")
        X, y = eval_set
        if y is None:
            raise ValueError(
                "eval_set=(X_eval, y_eval) needs targets, but y_eval is None; only a Dataset may hold them"
            )
        X = self._checked_X(X, reset=False)
        check_consistent_length(np.empty(n_samples_of(X)), np.empty(n_samples_of(y)))
        return X, self._to_targets(self._check_y(on_host(y)))
