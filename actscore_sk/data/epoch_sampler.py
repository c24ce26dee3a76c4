"""Base of the samplers that follow the difficulty of samples: epochs, seeds, losses so far, a state to save."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sized
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from torch import Tensor
from torch.utils.data import Sampler


class EpochSampler(BaseEstimator, Sampler[int], ABC):
    """Base of samplers for torch's `DataLoader` that draw each epoch anew, by the losses of the samples so far.

    A subclass draws the positions of an epoch in `_draw`, and counts them in `_count`. An epoch depends on the seed, on
    its number and on the losses at its start, and on no global random state.

    Attributes
    ----------
    n_samples_ : int
        Number of samples to draw from.
    n_epochs_ : int or None
        Planned number of epochs.
    epoch_ : int
        Number of the next epoch, from 0 on.
    losses_ : tensor of float32 (n_samples,)
        Latest loss of each sample, not weighted; NaN = never visited. An estimator tells it once per epoch: the mean
        over the sample's visits in the last epoch that had any.
    scores_ : tensor of float64 (n_samples,)
        Score so far: mean over the epochs of the loss that was the latest at their end, higher = harder; NaN = never
        visited.
    """

    _parameter_constraints: ClassVar[dict] = {
        "data_source": "no_validation",
        "random_state": ["random_state"],
    }
    needs_n_epochs: ClassVar[bool] = False
    uses_scores: ClassVar[bool] = True  # False saves the sums behind `scores_`: a few passes over the samples per epoch
    data_source: Any
    random_state: Any
    n_epochs: int | None = None
    rows_: Tensor | None
    n_epochs_: int | None
    n_samples_: int
    epoch_: int
    losses_: Tensor
    _drawn: tuple[Tensor, Tensor | None]  # the epoch started last: positions, weights of all samples
    _pending: tuple[Tensor, Tensor | None] | None  # the rest of an epoch that was interrupted
    _iterator: Iterator[int]

    # -- decided by a subclass ---------------------------------------------------------------------------

    @abstractmethod
    def _draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Draw an epoch.

        Returns
        -------
        positions : tensor of int64 (n_drawn,)
            In the order of their visits.
        weights : tensor of float32 (n_samples,) or None
            Weight of each sample in the loss; None: all 1.
        """

    @abstractmethod
    def _count(self) -> int:
        """Return the number of visits in the next epoch."""

    # -- set up -------------------------------------------------------------------------------------------

    def validate(self) -> None:
        """Raise ValueError if a parameter has a value that it cannot have."""
        self._validate_params()

    def bind(self, n_samples: int, n_epochs: int | None = None, rows: Any = None) -> Self:
        """Set the samples to draw from; a `DataLoader` needs `data_source` and `n_epochs` of the constructor instead.

        Parameters
        ----------
        n_samples : int
            Number of samples in X.
        n_epochs : int, optional
            Planned number of epochs; `n_epochs` of the constructor goes before it.
        rows : tensor of int64 (n_drawn_from,), optional
            Positions in X of the samples to draw from. None: all.

        Returns
        -------
        self : EpochSampler
            It continues if it was bound to as many samples before, and starts anew if not.

        Raises
        ------
        ValueError
            If a parameter is invalid, there is nothing to draw from, or the number of epochs is needed and not known.
        """
        self.validate()
        self._check_bound(n_samples)
        n_own = n_samples if rows is None else len(rows)
        if n_own < 1:
            raise ValueError(f"{type(self).__name__} got {n_own} samples to draw from; expected at least one")
        self.n_epochs_ = n_epochs if self.n_epochs is None else self.n_epochs
        if self.n_epochs_ is None and self.needs_n_epochs:
            raise ValueError(f"{type(self).__name__} has to know how many epochs there will be; set n_epochs")
        if getattr(self, "n_samples_", None) != n_own:
            self.n_samples_, self.epoch_ = n_own, 0
            self.losses_ = torch.full((n_own,), torch.nan)
            self._past = torch.zeros(2, n_own, dtype=torch.float64)  # sums of latest losses, and how many they are
            self.seed_ = self._new_seed()
            self._forget_epoch()
        elif rows is not None and self.rows_ is not None and not torch.equal(rows, self.rows_):
            self._move(rows, n_samples)
        self.rows_ = rows
        return self

    def _move(self, rows: Tensor, n_samples: int) -> None:
        """Carry the losses and scores over to another part of X: a split that shuffles draws one at each fit."""
        for known, nothing in ((self.losses_, torch.nan), (self._past[0], 0.0), (self._past[1], 0.0)):
            everywhere = known.new_full((n_samples,), nothing)
            everywhere[self.rows_] = known
            known.copy_(everywhere[rows])
        self._forget_epoch()

    def _check_bound(self, n_samples: int) -> None:
        """Raise ValueError if a parameter does not fit the number of samples."""

    def _new_seed(self) -> int:
        if self.random_state is None:  # from the system: NumPy's global generator stays as it is
            return int(np.random.SeedSequence().generate_state(1)[0])
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _ensure_bound(self) -> None:
        if hasattr(self, "n_samples_"):
            return
        if not isinstance(self.data_source, (Integral, Sized)):
            raise ValueError(
                f"{type(self).__name__} does not know its data; give it the data set, or the number of samples, as "
                "data_source, or hand it to an estimator as train_sampler"
            )
        self.bind(int(self.data_source) if isinstance(self.data_source, Integral) else len(self.data_source))

    # -- epochs -------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Number of samples in the next epoch."""
        self._ensure_bound()
        return self._count() if self._pending is None else len(self._pending[0])

    def __iter__(self) -> Iterator[int]:
        """Start the next epoch; iterators of earlier epochs stay valid."""
        self._iterator = iter(self.draw().tolist())
        return self._iterator

    def draw(self) -> Tensor:
        """Start the next epoch.

        Returns
        -------
        positions : tensor of int64 (n_drawn,)
            In the order of their visits.
        """
        self._ensure_bound()
        if self._pending is None:
            seed = np.random.SeedSequence([self.seed_, self.epoch_]).generate_state(1, np.uint64)[0]
            self._drawn = self._draw(torch.Generator().manual_seed(int(seed >> 1)))
            if self.uses_scores:
                self._past += self._latest()
            self.epoch_ += 1
        else:
            self._drawn, self._pending = self._pending, None
        self._iterator = iter(())
        return self._drawn[0]

    def _latest(self) -> Tensor:
        return torch.stack([self.losses_.nan_to_num(nan=0.0), ~self.losses_.isnan()])

    @property
    def scores_(self) -> Tensor:
        """Score of each sample so far, (n_samples,) float64, higher = harder; NaN = never visited."""
        total, count = self._past + self._latest()
        return total / count

    @property
    def weights(self) -> Tensor:
        """Weight of each sample in the loss of the latest epoch, (n_samples,) float32.

        Multiply the losses of a batch by them before taking their mean.
        """
        self._ensure_bound()
        return torch.ones(self.n_samples_) if self._drawn[1] is None else self._drawn[1]

    def weights_at(self, positions: Tensor) -> Tensor | None:
        """Return the weights of some samples in the loss of the latest epoch.

        Parameters
        ----------
        positions : tensor of int64 (n_positions,)
            The samples.

        Returns
        -------
        weights : tensor of float32 (n_positions,) or None
            None if all weigh 1.
        """
        return None if self._drawn[1] is None else self._drawn[1][positions]

    def update(self, indices: Any, losses: Any) -> None:
        """Store the latest losses of some samples; the next epoch is drawn by them.

        Parameters
        ----------
        indices : array-like of int (n_updated,)
            Positions of the samples, as the sampler yielded them.
        losses : array-like of float (n_updated,)
            Their losses, not multiplied by `weights`.
        """
        self._ensure_bound()
        indices = torch.as_tensor(indices).to("cpu", torch.int64)
        self.losses_[indices] = torch.as_tensor(losses).detach().to("cpu", torch.float32)

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the next epoch, as a training loop that resumes does.

        Parameters
        ----------
        epoch : int
            From 0 on.
        """
        self._ensure_bound()
        self.epoch_ = epoch
        self._forget_epoch()

    def _forget_epoch(self) -> None:
        self._drawn = torch.empty(0, dtype=torch.int64), None
        self._pending = None
        self._iterator = iter(())

    # -- to be resumed ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next epochs depend on, except for the parameters.

        The state includes the rest of an epoch that is running. A loader with worker processes draws indices ahead of
        the batches that it yields: save between epochs.
        """
        self._ensure_bound()
        order, weights = self._drawn if self._pending is None else self._pending
        n_left = len(order) if self._pending is not None else operator.length_hint(self._iterator)
        left = order[len(order) - n_left :].clone() if n_left else None
        return {
            "epoch": self.epoch_,
            "seed": self.seed_,
            "n_epochs": self.n_epochs_,
            "losses": self.losses_.clone(),
            "past": self._past.clone(),
            "left": left,
            "weights": None if weights is None or left is None else weights.clone(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was called.

        Parameters
        ----------
        state : dict
            From `state_dict` of a sampler of the same data.

        Raises
        ------
        ValueError
            If the state belongs to a sampler of another number of samples.
        """
        self._ensure_bound()
        if len(state["losses"]) != self.n_samples_:
            raise ValueError(
                f"the state is that of a sampler of {len(state['losses'])} samples, but this one draws from "
                f"{self.n_samples_}; give it the same data"
            )
        self.epoch_, self.seed_, self.n_epochs_ = state["epoch"], state["seed"], state["n_epochs"]
        self.losses_, self._past = state["losses"].clone(), state["past"].clone()
        self._forget_epoch()
        if state["left"] is not None:
            self._pending = state["left"].clone(), state["weights"]
