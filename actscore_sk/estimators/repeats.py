"""Several fits with seeds of their own as one fit: their scores averaged, and how far they are apart."""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils import check_random_state
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier

from actscore_sk.estimators.batchable import may_train_at_once
from actscore_sk.estimators.batched_training import train_at_once
from actscore_sk.estimators.fit_data import FitData
from actscore_sk.estimators.means import mean_of
from actscore_sk.estimators.merged_scores import MergedScores
from actscore_sk.recording.ranks import is_main, ranks_of
from actscore_sk.utils.interrupts import noticed
from actscore_sk.utils.typing import Positions

# What every net of a fit has in common, beside attributes that begin with an underscore.
_LEARNED = "classes_", "n_features_in_", "feature_names_in_"
_OWN = "_repeats", "_judged"
_PATHS = "store_trajectories", "store_units"

_log = logging.getLogger("actscore_sk")


class RepeatedFit:
    """Mix-in of the estimators: fits clones of itself, with one seed each, and merges what they have learnt.

    A clone has ``n_repeats=1``: whatever an estimator does in a fit, a repeat does as a single fit does it.
    """

    _repeats: tuple = ()
    n_repeats: int
    repeat_seeds_: Positions
    estimators_: list[Any]
    estimator: Any
    random_state: Any
    store_trajectories: Any
    train_sampler: Any
    estimator_: Any
    _recorder: Any
    _train: Any

    @property
    def _n_nets(self) -> int:
        """Number of nets that a fit which goes on has to find."""
        return self.n_repeats

    def _fit_repeats(self, data: FitData, rows: Sequence[Any] | None = None) -> None:
        """Train `n_repeats` nets, or one for each entry of `rows`, those that it holds out."""
        repeats = self._repeats if data.goes_on else self._new_repeats(rows)
        if data.goes_on and len(repeats) != self._n_nets:
            raise ValueError(
                f"n_repeats is {self.n_repeats}, but the fit that goes on has {max(1, len(repeats))}; call fit"
            )
        n_before = self._recorder.n_epochs_ if data.goes_on else 0
        if not data.goes_on:
            learned = {name: value for name, value in vars(self).items() if name in _LEARNED or name[0] == "_"}
            for each in repeats:
                vars(each).update({name: value for name, value in learned.items() if name not in _OWN})
        else:
            for each in repeats:
                each.estimator = self.estimator  # it may be told to make more stages by now
        trainings = [each._trainings(data) for each in repeats]
        first = next(trainings[0], None)  # none is asked for by a learner in stages
        if first is not None:
            trainings[0] = chain([first], trainings[0])
        if first is not None and self.train_sampler is None and may_train_at_once(first.net, data):
            self._fit_at_once(repeats, trainings, data)
        else:
            _log.info("n_repeats=%d: one after another", self.n_repeats)
            repeats = self._fit_in_turn(repeats, trainings, data)
        self._repeats, self.estimators_ = repeats, [each.estimator_ for each in repeats]
        for name in ("estimator_", "_adapter", "train_sampler_"):
            setattr(self, name, getattr(repeats[0], name))
        recorders, ranks = [each._recorder for each in repeats], ranks_of(self.estimator_)
        if ranks is not None and not ranks.is_main:
            ranks.all(None)  # until the main process has written the mean trajectories
        self._recorder = MergedScores(recorders, self.store_trajectories, n_before, is_writer=is_main(ranks))
        if ranks is not None and ranks.is_main:
            ranks.all(None)

    def _fit_at_once(self, repeats: tuple, trainings: Sequence[Iterator], data: FitData) -> None:
        """Make the trainings of all repeats at once, the first of each, then the second of those that ask for one."""
        pairs = [*zip(repeats, trainings, strict=True)]
        while now := [(each.random_state, it) for each, own in pairs if (it := next(own, None)) is not None]:
            seeds, begun = zip(*now, strict=True)
            run = partial(train_at_once, begun, seeds, data)
            with noticed() as came:
                self._train(lambda X, y, run=run: run(), data.X, data.targets, {})
            for each in repeats:
                each._interrupted = came()

    def _fit_in_turn(self, repeats: tuple, trainings: Sequence[Iterator], data: FitData) -> tuple:
        """Fit one after another; Ctrl-C ends with the one in hand, and those that never began are left out."""
        with noticed() as came:
            for number, (each, own) in enumerate(zip(repeats, trainings, strict=True), start=1):
                for training in own:
                    each._train_alone(training, data)
                if came() and number < len(repeats):
                    warnings.warn(
                        f"interrupted: {number} of {len(repeats)} nets were trained, over which scores are averaged"
                    )
                    break
        if not data.goes_on:
            repeats, self.repeat_seeds_ = repeats[:number], self.repeat_seeds_[:number]
        return repeats

    def _new_repeats(self, rows: Sequence[Any] | None = None) -> tuple:
        """Return clones with seeds drawn from `random_state`, or from torch's stream, as a single fit draws."""
        most, n_nets = np.iinfo(np.int32).max, len(rows) if rows else self.n_repeats
        if self.random_state is None:
            self.repeat_seeds_ = torch.randint(most, (n_nets,)).numpy()
        else:
            self.repeat_seeds_ = check_random_state(self.random_state).randint(most, size=n_nets)
        repeats = []
        for number, seed in enumerate(self.repeat_seeds_.tolist()):
            paths = {name: numbered(vars(self)[name], number) for name in _PATHS if name in vars(self)}
            repeats.append(clone(self).set_params(n_repeats=1, random_state=seed, **paths))
        return tuple(repeats)

    def _ask_nets(self, method: str, X: Any) -> Any:
        """Return the mean answer of the nets; classes are those of the mean probabilities."""
        net = self.estimator_
        if method == "predict" and isinstance(net, (NeuralNetClassifier, NeuralNetBinaryClassifier)):
            probabilities = self._ask_nets("predict_proba", X)
            if isinstance(net, NeuralNetBinaryClassifier):
                return (probabilities[:, 1] > net.threshold).astype(np.uint8)
            return probabilities.argmax(axis=1)
        answers = [each._ask_net(method, X) for each in self._repeats]
        if not all(isinstance(answer, np.ndarray) and answer.dtype.kind == "f" for answer in answers):
            raise ValueError(
                f"{method} of {type(net).__name__} does not answer in numbers that have a mean; ask the nets in "
                "estimators_ one by one"
            )
        return mean_of(answers)


def numbered(store: Any, number: int) -> Any:
    """Return a path for one of several repeats; leave anything but a path as it is.

    Examples
    --------
    >>> numbered("losses.npy", 2), numbered(True, 2), numbered("auto", 2)
    ('losses_2.npy', True, 'auto')
    """
    if not isinstance(store, (str, os.PathLike)) or store == "auto":
        return store
    path = Path(store)
    return str(path.with_name(f"{path.stem}_{number}{path.suffix}"))
