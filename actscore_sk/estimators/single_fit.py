"""One net in a fit: cloned, recorded, trained."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.data.epoch_sampler import EpochSampler
from actscore_sk.estimators.dtypes import DtypeAdapter
from actscore_sk.utils.interrupts import noticed
from actscore_sk.utils.randomness import seeded


@dataclass(frozen=True)
class Training:
    """One net that is about to be trained, and all that records it.

    Parameters
    ----------
    net : NeuralNet
        A clone, or the one that goes on.
    recorder : ActionScoreRecorder
        Gets its scores.
    adapter : DtypeAdapter
        Lets X through to it.
    n_before : int
        Epochs recorded before.
    watch : dict
        Options of `ActionScoreRecorder.watching`.
    """

    net: Any
    recorder: Any
    adapter: Any
    n_before: int
    watch: dict[str, Any]

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record what is trained inside the block."""
        with self.recorder.watching(self.net, **self.watch), closing(self.adapter):
            yield


class SingleFit:
    """Mix-in of the estimators: trains one net on the samples of a fit."""

    estimator_: Any
    train_sampler_: EpochSampler | None
    _interrupted = False

    def _fit_once(self, data):
        """Train one net, or as many as it takes to have the one that is kept."""
        for training in self._trainings(data):
            self._train_alone(training, data)

    def _trainings(self, data):
        """Yield each training that a fit asks for, to be made before the next one is asked for."""
        training = self._begin(data)
        yield training
        self._end(training)

    def _train_alone(self, training, data):
        """Make a training, and record it."""
        seed = seeded(self.random_state, training.net.device, stream=training.n_before)
        with noticed() as came, seed, training.recorded():
            self._train(getattr(training.net, data.method), data.X, data.targets, data.fit_params)
        self._interrupted = came()

    def _begin(self, data):
        """Return the net to be trained, with all that records it; nothing is drawn at random yet."""
        goes_on, fit_params = data.goes_on, data.fit_params
        net = self.estimator_ if goes_on else self._clone_net(data.X, data.targets, data.weights)
        recorder = self._recorder if goes_on else self._new_recorder()
        recorder.eval_set = data.eval_set
        adapter = self._adapter if goes_on else DtypeAdapter(self._has_class_codes, fit_params)
        n_before = recorder.n_epochs_ if goes_on else 0
        watch = {"sample_weight": data.weights, "prepare": adapter, "align_targets": True}
        if data.groups is not None:
            watch["split_params"] = {"groups": np.asarray(data.groups)}
        watch["train_sampler"] = self.train_sampler_ if goes_on else self._clone_sampler()
        # `epochs` is what skorch's fit loop calls it
        watch["n_epochs"] = n_before + (fit_params.get("epochs") or net.max_epochs)
        return Training(net, recorder, adapter, n_before, watch)

    def _end(self, training):
        """Keep what was trained, and what was recorded of it."""
        self.estimator_, self._recorder, self._adapter = training.net, training.recorder, training.adapter
        self.train_sampler_ = training.watch["train_sampler"]

    def _train(self, fit, X, targets, fit_params):
        fit(X, targets, **fit_params)

    def _clone_sampler(self):
        if self.train_sampler is None:
            return None
        sampler = clone(self.train_sampler)
        sampler.validate()
        if sampler.random_state is None and self.random_state is not None:
            sampler.random_state = check_random_state(self.random_state).randint(2**31 - 1)
        return sampler

    def _new_recorder(self):
        names = vars(ActionScoreRecorder()).keys() & vars(self).keys() - {"eval_set"}
        return ActionScoreRecorder(**{name: getattr(self, name) for name in names})
