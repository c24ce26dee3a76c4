"""One cell of the label benchmarks: six nets trained on labels that are wrong in part, and what methods say of them."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from cleanlab.filter import find_label_issues as cleanlab_issues
from scipy.special import softmax
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold
from torch import nn

from actscore_sk import action_score, aum, confidence, el2n
from actscore_sk.label_issues.decision import LabelIssues, find_label_issues
from actscore_sk.metrics.epoch_window import class_entropy, epoch_weights
from actscore_sk.recording.epoch_plan import EpochPlan
from benchmarks.common.datasets import Table
from benchmarks.common.label_noise import N_FOLDS, Labels

BATCH = 32


@dataclass(frozen=True)
class Regime:
    """How a net is trained."""

    epochs: int
    lr: float
    weight_decay: float = 0.0
    dropout: float = 0.0


REGIMES = {"few": Regime(15, 0.003, 0.01, 0.2), "many": Regime(60, 0.005)}


def perceptron(n_features: int, n_classes: int, dropout: float) -> nn.Module:
    """Two hidden layers of 64."""
    hidden = [nn.Linear(n_features, 64), nn.ReLU(), nn.Dropout(dropout), nn.Linear(64, 64), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Dropout(dropout), nn.Linear(64, n_classes))


@dataclass(frozen=True)
class Fit:
    """Logits (n_epochs, n_samples, n_classes): at presentation, or after the epoch for rows not trained on."""

    logits: np.ndarray
    y: Labels
    held_out: np.ndarray

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits."""
        return softmax(self.logits, axis=2)

    def of_given(self, values: np.ndarray) -> np.ndarray:
        """Entries of the given labels (n_epochs, n_samples)."""
        return values[:, np.arange(len(self.y)), self.y]

    @property
    def margins(self) -> np.ndarray:
        """Of the logits (n_epochs, n_samples)."""
        is_given = np.eye(self.logits.shape[2], dtype=bool)[self.y]
        return self.of_given(self.logits) - np.where(is_given, -np.inf, self.logits).max(2)

    @property
    def losses(self) -> np.ndarray:
        """Cross-entropies (n_epochs, n_samples)."""
        return -np.log(self.of_given(self.probabilities) + 1e-12)


def train(module: nn.Module, table: Table, y: Labels, rows: np.ndarray, regime: Regime, seed: int) -> Fit:
    """Train on some rows by Adam, and keep the logits of all."""
    torch.manual_seed(seed)
    X, targets, rest = torch.from_numpy(table.X), torch.from_numpy(y), np.setdiff1d(np.arange(len(y)), rows)
    optimizer = torch.optim.Adam(module.parameters(), lr=regime.lr, weight_decay=regime.weight_decay)
    kept = np.empty((regime.epochs, len(y), table.n_classes), dtype=np.float32)
    for epoch in kept:
        module.train()
        for batch in torch.from_numpy(rows)[torch.randperm(len(rows))].split(max(BATCH, len(rows) // 100)):
            logits = module(X[batch])
            optimizer.zero_grad()
            nn.functional.cross_entropy(logits, targets[batch]).backward()
            optimizer.step()
            epoch[batch.numpy()] = logits.detach().numpy()
        module.eval()
        with torch.inference_mode():
            epoch[rest] = module(X[rest]).numpy()
    return Fit(kept, y, np.isin(np.arange(len(y)), rest))


@dataclass(frozen=True)
class Evidence:
    """What the nets of a cell recorded; averages over the window that the split fit finds.

    Parameters
    ----------
    y, labels : ndarray of int64 (n_samples,)
        True and given labels.
    held_out : ndarray of bool (n_samples,)
        Rows that the split fit did not train on.
    held_out_losses : ndarray (n_epochs,)
        Their mean loss.
    split_says, whole_says : ndarray (n_samples, n_classes)
        Probabilities, by the split fit and by one on all rows.
    split_margins, whole_margins : ndarray (n_samples,)
        Margins of the given labels.
    cross_says, unseen_says : ndarray (n_samples, n_classes)
        Probabilities: the mean of five nets, and by the net that did not train on the row.
    cross_margins : ndarray (n_samples,)
        Means of the five nets.
    out_of_fold : ndarray (n_samples, n_classes)
        What the five nets say last, for cleanlab.
    singles : ndarray (4, n_samples)
        Other rankings, of the fit on all rows.
    """

    y: Labels
    labels: Labels
    held_out: np.ndarray
    held_out_losses: np.ndarray
    split_says: np.ndarray
    split_margins: np.ndarray
    whole_says: np.ndarray
    whole_margins: np.ndarray
    cross_says: np.ndarray
    unseen_says: np.ndarray
    cross_margins: np.ndarray
    out_of_fold: np.ndarray
    singles: np.ndarray

    @property
    def fits(self) -> float:
        """Work of both fits, in fits on all rows: each ends where no later epoch counts."""
        n, losses = len(self.held_out_losses), self.held_out_losses.tolist()
        first = EpochPlan(ends_below=np.inf)
        ends = [epoch for epoch in range(1, n) if first.is_complete(losses[:epoch], int(self.held_out.sum()))]
        n_first = min(ends, default=n)
        n_second = np.flatnonzero(epoch_weights(losses[:n_first]))[-1] + 1
        return ((1 - self.held_out.mean()) * n_first + n_second) / n


def decide(seen: Evidence, method: str) -> LabelIssues:
    """What the estimators do with what they record: weights from a split, margins of the second fit if there is one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "only .* rows were held out|wrong labels and hard rows")
        if method == ONE:
            return find_label_issues(seen.split_margins, seen.split_says, seen.labels, seen.held_out)
        if method == CROSS:
            return find_label_issues(
                seen.cross_margins,
                seen.cross_says,
                seen.labels,
                np.ones(len(seen.labels), dtype=bool),
                held_out_probabilities=seen.unseen_says,
            )
        return find_label_issues(
            seen.whole_margins,
            seen.whole_says,
            seen.labels,
            seen.held_out,
            held_out_probabilities=seen.split_says[seen.held_out],
        )


CROSS, TWO, ONE, CLEANLAB = "cross-fit", "two fits", "one fit", "cleanlab"
SINGLES = ("action score", "AUM", "EL2N", "confidence", CLEANLAB)


def judge(table: Table, labels: Labels, scores: np.ndarray, flags: np.ndarray, says: np.ndarray, suggested: np.ndarray):
    """Hold what a method says against what is true; NaN where there is nothing wrong to find."""
    wrong, rate = labels != table.y, flags.mean()
    found = {"rate": rate, "rate error": abs(rate - wrong.mean()), "Brier": np.mean((says - wrong) ** 2)}
    if not wrong.any():
        return found | {"flagged if clean": rate}
    return found | {
        "average precision": average_precision_score(wrong, scores),
        "F1": 2 * (flags & wrong).sum() / (flags.sum() + wrong.sum()),
        "suggestions right": (suggested == table.y)[wrong].mean(),
    }


N_BINS = 10  # of probabilities, whose mean is held against the share of wrong labels


def judge_issues(table: Table, labels: Labels, issues: LabelIssues) -> dict[str, Any]:
    """The same for ours; a refusal flags nothing, and is counted."""
    scores, suggested = issues.wrong_label_scores, issues.suggested_labels
    if issues.refusal is not None:
        nothing = np.zeros(len(labels), dtype=bool)
        return judge(table, labels, scores, nothing, nothing.astype(float), suggested) | {"refused": 1.0}
    says, flags = issues.wrong_label_proba, issues.is_label_issue
    assert says is not None
    assert flags is not None
    assert issues.noise_rate_interval is not None
    low, high = issues.noise_rate_interval
    covered = low <= (labels != table.y).mean() <= high
    bins = np.minimum((says * N_BINS).astype(int), N_BINS - 1)
    wrong = (labels != table.y).astype(float)
    sums = [np.bincount(bins, what, minlength=N_BINS).tolist() for what in (np.ones(len(says)), says, wrong)]
    return (
        {"bins": sums}
        | judge(table, labels, scores, flags, says, suggested)
        | {"refused": 0.0, "interval covers": float(covered)}
    )


def train_cell(
    table: Table, labels: Labels, module: Callable[[float], nn.Module], regime: Regime, seed: int
) -> Evidence:
    """Train six nets: the first fold's net is that of the split."""
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    every = np.arange(len(labels))
    out_of_fold, unseen_says = np.empty((2, len(labels), table.n_classes))
    fits, averages, entropy = [], [], class_entropy(labels)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        parts = list(folds.split(every, labels))
    for rows, rest in parts:
        torch.manual_seed(seed)
        fit = train(module(regime.dropout), table, labels, rows, regime, seed)
        weights = epoch_weights(fit.losses[:, fit.held_out].mean(1), entropy)
        weights /= weights.sum()
        fits.append(fit)
        averages.append((np.tensordot(weights, fit.probabilities, 1), weights @ fit.margins, weights))
        out_of_fold[rest], unseen_says[rest] = fit.probabilities[-1, rest], averages[-1][0][rest]
    split, (split_says, split_margins, weights) = fits[0], averages[0]
    torch.manual_seed(seed)
    whole = train(module(regime.dropout), table, labels, every, regime, seed)
    errors = np.linalg.norm(whole.probabilities - np.eye(table.n_classes)[labels], axis=2)
    own = whole.of_given(whole.probabilities)
    return Evidence(
        table.y,
        labels,
        split.held_out,
        split.losses[:, split.held_out].mean(1),
        split_says,
        split_margins,
        np.tensordot(weights, whole.probabilities, 1),
        weights @ whole.margins,
        np.mean([says for says, _, _ in averages], axis=0),
        unseen_says,
        np.mean([margins for _, margins, _ in averages], axis=0),
        out_of_fold,
        np.array([action_score(whole.losses), -aum(whole.margins), el2n(errors), -confidence(own)]),
    )


def judge_cell(seen: Evidence) -> dict[str, dict[str, float]]:
    """Judge each method by what the nets of a cell recorded."""
    table, labels = Table(seen.y, seen.y), seen.labels
    given = seen.out_of_fold[np.arange(len(labels)), labels]
    flags = cleanlab_issues(labels, seen.out_of_fold, n_jobs=1)
    others = np.where(np.eye(seen.out_of_fold.shape[1], dtype=bool)[labels], -1, seen.out_of_fold)
    found = {
        CROSS: judge_issues(table, labels, decide(seen, CROSS)),
        TWO: judge_issues(table, labels, decide(seen, TWO)) | {"fits": seen.fits},
        ONE: judge_issues(table, labels, decide(seen, ONE)),
        CLEANLAB: judge(table, labels, 1 - given, flags, 1 - given, others.argmax(1)),
    }
    if (labels != table.y).any():
        for name, scores in zip(SINGLES, seen.singles, strict=False):
            found[name] = {"average precision": average_precision_score(labels != table.y, scores)}
    return found
