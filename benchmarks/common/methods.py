"""How hard samples are, by everybody's rule: one method is one entry of `METHODS`, higher = harder.

Each method reads its scores off a run of the same net on the same data: one fit that records everything, one that
scores after each epoch, one that the `aum` package watches, or five fits for predictions out of fold. A run is made
when the first method asks for it, and timed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from aum import AUMCalculator
from cleanlab.classification import CleanLearning
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from imblearn.under_sampling import InstanceHardnessThreshold
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from skorch import NeuralNetClassifier
from skorch.dataset import ValidSplit
from torch import nn

from actscore_sk import ActionScoreClassifier
from actscore_sk.metrics import get_metric_names

N_FOLDS = 5


@dataclass
class Runs:
    """Trainings of one net on one data set, made when they are asked for.

    Parameters
    ----------
    net : NeuralNetClassifier
        Not trained; it is cloned.
    X, y : ndarray
        Samples and given labels, 0 to K - 1.
    n_wrong : int
        How many labels are wrong; only methods that must be told how many to drop get it.
    seed : int
        Of every run.
    """

    net: NeuralNetClassifier
    X: np.ndarray
    y: np.ndarray
    n_wrong: int
    seed: int
    seconds: dict[str, float] = field(default_factory=dict)

    def _timed(self, name: str, work: Callable[[], Any]) -> Any:
        torch.manual_seed(self.seed)
        np.random.seed(self.seed)  # noqa: NPY002 - cleanlab draws from it
        start = time.perf_counter()
        found = work()
        self.seconds[name] = time.perf_counter() - start
        return found

    def _scorer(self, **options: Any) -> ActionScoreClassifier:
        return ActionScoreClassifier(self.net, random_state=self.seed, **options)

    @cached_property
    def plain(self) -> Any:
        """The net alone, for its time."""
        return self._timed("plain", lambda: clone(self.net).fit(self.X, self.y))

    @cached_property
    def training(self) -> ActionScoreClassifier:
        """One fit, with all metrics and all trajectories."""
        scorer = self._scorer(metrics=get_metric_names(), store_trajectories=True)
        return self._timed("training", lambda: scorer.fit(self.X, self.y))

    @cached_property
    def auto(self) -> np.ndarray:
        """One fit of a net that holds a fifth out, and the losses up to where the held-out ones rise."""
        net = clone(self.net).set_params(train_split=ValidSplit(0.2, random_state=self.seed))
        scorer = ActionScoreClassifier(net, reduction="auto", random_state=self.seed)
        return self._timed("auto", lambda: comparable(scorer.fit(self.X, self.y)))

    @cached_property
    def epoch_end(self) -> np.ndarray:
        """One fit, and a pass over all samples after each epoch."""
        return self._timed("epoch_end", lambda: self._scorer(recording="epoch_end").fit(self.X, self.y).action_scores_)

    @cached_property
    def out_of_fold(self) -> np.ndarray:
        """Probabilities by nets that did not see the sample, (n_samples, n_classes)."""
        folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=self.seed)
        return self._timed(
            "out_of_fold", lambda: cross_val_predict(self._scorer(), self.X, self.y, cv=folds, method="predict_proba")
        )

    @cached_property
    def clean_learning(self) -> np.ndarray:
        """What cleanlab's own estimator says, from its own cross-validation."""
        alone = {"n_jobs": 1}  # data sets run side by side
        learner = CleanLearning(
            self._scorer(), cv_n_folds=N_FOLDS, seed=self.seed, find_label_issues_kwargs=alone, verbose=False
        )
        issues = self._timed("clean_learning", lambda: learner.find_label_issues(self.X, self.y))
        return 1 - issues["label_quality"].to_numpy()

    @cached_property
    def watched(self) -> np.ndarray:
        """AUM of the `aum` package, in a loop around the same module, optimizer and batches."""
        return self._timed("watched", lambda: train_watched(self.net, self.X, self.y))

    @cached_property
    def hardness(self) -> np.ndarray:
        """1 for samples that imbalanced-learn drops, told how many labels are wrong; its forest, its folds."""
        counts = np.bincount(self.y)
        keep = {label: round(n * (1 - self.n_wrong / len(self.y))) for label, n in enumerate(counts)}
        sampler = InstanceHardnessThreshold(
            estimator=RandomForestClassifier(random_state=self.seed), sampling_strategy=keep, random_state=self.seed
        )
        self._timed("hardness", lambda: sampler.fit_resample(_flat(self.X), self.y))
        return 1.0 - np.isin(np.arange(len(self.y)), sampler.sample_indices_)


def comparable(scorer: ActionScoreClassifier) -> np.ndarray:
    """Give each held-out sample the score that has its rank among the trained ones: its losses are of another kind."""
    scores, held_out = scorer.action_scores_.copy(), scorer.validation_mask_
    ranks = rankdata(scores[held_out]) / (held_out.sum() + 1)
    scores[held_out] = np.quantile(scores[~held_out], ranks)
    return scores


def _flat(X: np.ndarray) -> np.ndarray:
    return X.reshape(len(X), -1)


def train_watched(net: NeuralNetClassifier, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Train as the net would, and tell `aum` each batch; give minus its area under the margin (n_samples,)."""
    module, size = net.module(), net.batch_size
    optimizer, criterion = net.optimizer(module.parameters(), lr=net.lr), nn.CrossEntropyLoss()
    calculator = AUMCalculator(save_dir="")
    inputs, labels = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(net.max_epochs):
        batches = list(torch.randperm(len(X)).split(size))
        if len(batches) > 1 and len(batches[-1]) == 1:  # the calculator fails on a batch of one
            batches[-2:] = [torch.cat(batches[-2:])]
        for index in batches:
            logits = module(inputs[index])
            calculator.update(logits.detach(), labels[index], index.tolist())
            optimizer.zero_grad()
            criterion(logits, labels[index]).backward()
            optimizer.step()
    return np.array([-calculator.sums[i] / calculator.counts[i] for i in range(len(X))])


def flagged(runs: Runs) -> np.ndarray:
    """Labels that cleanlab's filter calls issues, by its own rank; all others tie."""
    issues = find_label_issues(runs.y, runs.out_of_fold, return_indices_ranked_by="self_confidence", n_jobs=1)
    scores = np.zeros(len(runs.y))
    scores[issues] = np.arange(len(issues), 0, -1)
    return scores


@dataclass(frozen=True)
class Method:
    """A rule: how to read the scores off the runs, and what they cost.

    Parameters
    ----------
    read : callable
        Takes `Runs`, and gives scores (n_samples,), higher = harder.
    run : str
        The run that it needs, by the name of its time; "" for none.
    fits : float
        Trainings of the net that it needs, as a share of epochs times samples of one.
    passes : str
        Forward passes over all samples beside training, an epoch or in all.
    """

    read: Callable[[Runs], np.ndarray]
    run: str
    fits: float
    passes: str = "0"


def metric(name: str, sign: int = 1) -> Method:
    """A metric of the one fit that records everything."""
    return Method(lambda runs: sign * runs.training.sample_metrics_[name], "training", 1)


def quality(name: str) -> Method:
    """A label quality score of cleanlab, low = suspicious, from predictions out of fold."""
    return Method(
        lambda runs: 1 - get_label_quality_scores(runs.y, runs.out_of_fold, method=name), "out_of_fold", 4, "1"
    )


ACTION, AUTO, RANDOM = "action score", 'action score, "auto"', "random"
METHODS: dict[str, Method] = {
    ACTION: metric("action_score"),
    AUTO: Method(lambda runs: runs.auto, "auto", 0.8, "0.2 an epoch"),
    "mean loss (H-CAT)": Method(lambda runs: np.nanmean(runs.training.trajectories_, axis=0), "training", 1),
    "epoch-end loss (authors)": Method(lambda runs: runs.epoch_end, "epoch_end", 1, "1 an epoch"),
    "last epoch's loss": Method(lambda runs: runs.training.trajectories_[-1], "training", 1),
    "AUM": metric("aum", -1),
    "AUM, aum 1.0.2": Method(lambda runs: runs.watched, "watched", 1),
    "EL2N": metric("el2n"),
    "forgetting": metric("forgetting"),
    "confidence": metric("confidence", -1),
    "variability": metric("variability"),
    "cleanlab, self-confidence": quality("self_confidence"),
    "cleanlab, normalized margin": quality("normalized_margin"),
    "cleanlab, find_label_issues": Method(flagged, "out_of_fold", 4, "1"),
    "CleanLearning": Method(lambda runs: runs.clean_learning, "clean_learning", 4, "1"),
    "InstanceHardnessThreshold": Method(lambda runs: runs.hardness, "hardness", 0),
    RANDOM: Method(lambda runs: np.random.default_rng(runs.seed).random(len(runs.y)), "", 0),
}
