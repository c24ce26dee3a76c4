"""What samplers that follow the difficulty of samples share: epochs, seeds, losses so far, a state to save."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sized
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from torch import Tensor
from torch.utils.data import Sampler


class EpochSampler(BaseEstimator, Sampler[int], ABC):
    """Base of samplers for torch's `DataLoader` that draw each epoch anew, by the losses of the samples so far.

    A subclass says what an epoch consists of, in `_draw`, and how many that are, in `_count`. What an epoch draws
    depends on the seed, on its number and on the losses at its start, and on no global random state.

    Attributes
    ----------
    n_samples_ : int
        Number of samples to draw from.
    n_epochs_ : int or None
        Number of epochs that are planned.
    epoch_ : int
        Number of the next epoch, from 0 on.
    losses_ : tensor of float32 (n_samples,)
        Latest loss of each sample; NaN = not known.
    scores_ : tensor of float64 (n_samples,)
        Score so far: mean over the epochs of the loss that was the latest at their end; NaN = not known.
    """

    _parameter_constraints: ClassVar[dict] = {
        "data_source": "no_validation",
        "random_state": ["random_state"],
    }
    needs_n_epochs: ClassVar[bool] = False
    uses_scores: ClassVar[bool] = True  # whether `_draw` goes by `scores_`, which costs a few passes over the samples
    data_source: Any
    random_state: Any
    n_epochs: int | None = None
    rows_: Tensor | None
    _drawn: tuple[Tensor, Tensor | None]  # the epoch started last: positions, weights of all samples
    _pending: tuple[Tensor, Tensor | None] | None  # what is left of an epoch that was interrupted
    _iterator: Iterator[int]

    # -- what a subclass decides --------------------------------------------------------------------------

    @abstractmethod
    def _draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Draw an epoch: positions (n_drawn,) int64, and weights (n_samples,) float32 in the loss, None: all 1."""

    @abstractmethod
    def _count(self) -> int:
        """Number of positions that the next epoch has."""

    # -- set up -------------------------------------------------------------------------------------------

    def validate(self) -> None:
        """Raise ValueError if a parameter is not what it can be."""
        self._validate_params()

    def bind(self, n_samples: int, n_epochs: int | None = None, rows: Any = None) -> "EpochSampler":
        """Say what to draw from; `data_source` and `n_epochs` of the constructor do so for a `DataLoader`.

        Parameters
        ----------
        n_samples : int
            Number of samples in X.
        n_epochs : int, optional
            Number of epochs that are planned; that of the constructor goes before it.
        rows : tensor of int64 (n_drawn_from,), optional
            Positions in X of the samples to draw from, if these are not all.

        Returns
        -------
        self : EpochSampler
            It goes on if it was bound to as many samples before, and starts anew if not.
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
        """Take what is known of samples along to another part of X, as a split that shuffles anew makes."""
        for known, nothing in ((self.losses_, torch.nan), (self._past[0], 0.0), (self._past[1], 0.0)):
            everywhere = known.new_full((n_samples,), nothing)
            everywhere[self.rows_] = known
            known.copy_(everywhere[rows])
        self._forget_epoch()

    def _check_bound(self, n_samples: int) -> None:
        """Raise ValueError if a parameter does not fit to so many samples."""

    def _new_seed(self) -> int:
        if self.random_state is None:  # of the system, so that nobody's generator is touched
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
        """Start the next epoch; those started before go on."""
        self._iterator = iter(self.draw().tolist())
        return self._iterator

    def draw(self) -> Tensor:
        """Start the next epoch.

        Returns
        -------
        positions : tensor of int64 (n_drawn,)
            In the order in which they are to be visited.
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
        """Mean latest loss over the epochs so far."""
        total, count = self._past + self._latest()
        return total / count

    @property
    def weights(self) -> Tensor:
        """Weight of each sample in the loss of the epoch started last, (n_samples,) float32.

        Multiply the losses of a batch with them before taking their mean.
        """
        self._ensure_bound()
        return torch.ones(self.n_samples_) if self._drawn[1] is None else self._drawn[1]

    def weights_at(self, positions: Tensor) -> Tensor | None:
        """Weights (n_positions,) of some samples; None if all weigh 1."""
        return None if self._drawn[1] is None else self._drawn[1][positions]

    def update(self, indices: Any, losses: Any) -> None:
        """Note the latest losses of some samples; the next epoch is drawn by them.

        Parameters
        ----------
        indices : array-like of int (n_updated,)
            Positions of the samples, as the sampler gave them.
        losses : array-like of float (n_updated,)
            Not weighted.
        """
        self._ensure_bound()
        indices = torch.as_tensor(indices).to("cpu", torch.int64)
        self.losses_[indices] = torch.as_tensor(losses).detach().to("cpu", torch.float32)

    def set_epoch(self, epoch: int) -> None:
        """Let the next epoch be number `epoch`, from 0 on."""
        self._ensure_bound()
        self.epoch_ = epoch
        self._forget_epoch()

    def _forget_epoch(self) -> None:
        self._drawn = torch.empty(0, dtype=torch.int64), None
        self._pending = None
        self._iterator = iter(())

    # -- to be resumed ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything that the coming epochs depend on beside the parameters; what is left of a running one, too.

        A loader with worker processes asks for indices ahead of the batches that it has given out: save between epochs.
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
        """Go on where `state_dict` was called.

        Raises
        ------
        ValueError
            If it is the state of a sampler of another number of samples.
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


def shuffled(positions: Tensor, generator: torch.Generator) -> Tensor:
    """Give positions in random order."""
    # several times as fast as indexing with brackets
    return positions.index_select(0, torch.randperm(len(positions), generator=generator))


def positions_where(mask: Tensor) -> Tensor:
    """Give the positions at which a mask holds, in order."""
    return torch.from_numpy(np.flatnonzero(mask.numpy()))  # ten times as fast as torch's nonzero
