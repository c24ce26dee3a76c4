"""Scores of units of which samples have different numbers: boxes, tokens."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class RaggedScores:
    """Scores of units of which samples have different numbers; ``scores[i]`` are those of sample i.

    Parameters
    ----------
    values : ndarray (n_units,)
        Scores, sample after sample.
    offsets : ndarray of int64 (n_samples + 1,)
        Sample i has ``values[offsets[i]:offsets[i + 1]]``; none if it was never visited.

    Examples
    --------
    >>> scores = RaggedScores(np.array([0.5, 2.0, 1.0]), np.array([0, 2, 2, 3]))
    >>> len(scores), scores[0], scores.sample_indices
    (3, array([0.5, 2. ]), array([0, 0, 2]))
    """

    values: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, sample: int) -> np.ndarray:
        sample = range(len(self))[sample]
        return self.values[self.offsets[sample] : self.offsets[sample + 1]]

    @property
    def sample_indices(self) -> np.ndarray:
        """Position in X of the sample of each unit, (n_units,) int64."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))
