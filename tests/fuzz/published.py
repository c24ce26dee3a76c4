"""From a list of visits to the numbers that the package publishes: sample by sample, visit by visit, in NumPy."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

EL2N_EPOCHS = 10


def n_visits(visits: list[Any], n_samples: int) -> np.ndarray:
    """How often each sample was visited."""
    count = np.zeros(n_samples, int)
    for visit in visits:
        np.add.at(count, visit.rows, 1)
    return count


def trajectories(visits: list[Any], n_samples: int, n_epochs: int) -> np.ndarray:
    """What each epoch added to the sum (n_epochs, n_samples); NaN = not visited."""
    rows = np.full((n_epochs, n_samples), np.nan)
    for visit in visits:
        for row, loss in zip(visit.rows, visit.losses, strict=True):
            rows[visit.epoch - 1, row] = np.nansum([rows[visit.epoch - 1, row], loss])
    return rows


def action_scores(visits: list[Any], n_samples: int, n_epochs: int, reduction: str) -> np.ndarray:
    """Scores (n_samples,) under a reduction; NaN = never visited."""
    added, count = trajectories(visits, n_samples, n_epochs), n_visits(visits, n_samples)
    scores = np.full(n_samples, np.nan)
    in_epoch = [n_visits([visit for visit in visits if visit.epoch == e + 1], n_samples) for e in range(n_epochs)]
    for i in np.flatnonzero(count):
        epochs = np.flatnonzero([n[i] for n in in_epoch])
        if reduction == "interpolated":
            means = [added[e, i] / in_epoch[e][i] for e in epochs]
            scores[i] = np.interp(np.arange(n_epochs), epochs, means).sum()
        else:
            scores[i] = added[epochs, i].sum() / (count[i] if reduction == "mean" else 1)
    return scores


def unit_scores(visits: list[Any], loss: Any, reduced: Any, n_samples: int) -> np.ndarray:
    """Scores of units (n_samples, ...); NaN = ignored, or never visited. A unit is reduced as a sample is."""
    blocks = []
    for visit in visits:
        units = loss.units(None, visit.output, visit.target).double()
        is_ignored = torch.zeros_like(units) if loss.unit_weights is None else loss.unit_weights(visit.target) == 0
        blocks.append(units.masked_fill(is_ignored.bool(), torch.nan).numpy())
    shape = blocks[0].shape[1:]
    scores = np.empty((n_samples, *shape))
    for place in np.ndindex(shape):
        at_place = [replace(visit, losses=block[:, *place]) for visit, block in zip(visits, blocks, strict=True)]
        scores[:, *place] = reduced(at_place, n_samples)
    last = {
        row: np.isnan(block[i]) for visit, block in zip(visits, blocks, strict=True) for i, row in enumerate(visit.rows)
    }
    for row, is_ignored in last.items():
        scores[row][is_ignored] = np.nan
    return scores


def other_metrics(visits: list[Any], n_samples: int) -> dict[str, np.ndarray]:
    """All metrics of classification but the score."""
    names = "aum", "confidence", "variability", "correctness", "el2n", "forgetting"
    found = {name: np.full(n_samples, np.nan) for name in names}
    for i in range(n_samples):
        places = [(visit, at) for visit in visits for at in np.flatnonzero(visit.rows == i)]
        seen = [(visit.epoch, visit.output[at].double().numpy(), int(visit.target[at])) for visit, at in places]
        if not seen:
            continue
        p = np.array([_softmax(scores) for _, scores, _ in seen])
        margins = np.array([scores[label] - np.delete(scores, label).max() for _, scores, label in seen])
        given = np.array([row[label] for row, (_, _, label) in zip(p, seen, strict=True)])
        right = np.array([scores.argmax() == label for _, scores, label in seen])  # of equal ones the first
        errors = [np.linalg.norm(row - np.eye(len(row))[label]) for row, (_, _, label) in zip(p, seen, strict=True)]
        early = [error for error, (epoch, _, _) in zip(errors, seen, strict=True) if epoch <= EL2N_EPOCHS]
        changes = (right[:-1] & ~right[1:]).sum()
        values = margins.mean(), given.mean(), given.std(), right.mean(), np.mean(early) if early else np.nan
        for name, value in zip(names, (*values, changes if right.any() else len(right)), strict=True):
            found[name][i] = value
    return found


def _softmax(scores: np.ndarray) -> np.ndarray:
    p = np.exp(scores - scores.max())
    return p / p.sum()
