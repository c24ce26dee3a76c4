"""Collect visits and evaluate many batches at once.

A per-sample loss of a small batch costs more in calls than in arithmetic. The criterion's inputs are therefore
kept, without their graph, until there are enough of them for one vectorised evaluation. The parameters of the net do
not matter to it: outputs and targets are those of the step, so the result is that of the step however late it is
computed.
"""

from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor

from actscore_sk.data.fetching import bytes_per_sample
from actscore_sk.exceptions import SampleLossError
from actscore_sk.losses.details import LossDetails
from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.books import HALF_PRECISION, Books
from actscore_sk.utils.interrupts import uninterrupted

# Numbers of the net's output held back: 256 KiB in float32, enough to hide the cost of a call where outputs are small.
CAPACITY = 2**16
HELD_BYTES = 2**21  # of X that passed since the last evaluation


class Visit:
    """One batch that passed through the loss.

    Parameters
    ----------
    rows : Tensor of int64 (n_samples,)
        Positions in X, on the CPU or on the device of the net; negative for a sample that is trained on and does not
        count, see `TrackedLoader`.
    inputs : tuple or None
        Arguments of the criterion, kept without gradient; None if it was called more than once, or with anything but
        tensors of one row per sample.
    details : LossDetails or None
        Losses of samples, parts and units; None if they can be computed from `inputs` at any time.
    sample_loss : SampleLoss
        View of the criterion.
    trained : Tensor, float or None
        Loss that the net was trained on, a scalar, or a number where nobody has to wait for it; None if the visit
        trains nothing, or the books cannot know.
    expected : Tensor or None
        The same, put together from the recorded losses; None: from `inputs`, later.

    Attributes
    ----------
    n_samples : int
        Number of samples in the batch.
    size : int
        Numbers in the net's output, held back as long as the visit is.

    Examples
    --------
    >>> from torch import nn
    >>> inputs = torch.ones(2, 1), torch.zeros(2, 1)
    >>> visit = Visit(torch.tensor([7, 3]), inputs, None, SampleLoss(nn.MSELoss()))
    >>> visit.size, visit.was_changed()
    (2, False)
    >>> _ = inputs[0].zero_()
    >>> visit.was_changed()
    True
    """

    __slots__ = ("_versions", "details", "expected", "inputs", "n_samples", "rows", "sample_loss", "size", "trained")

    def __init__(
        self,
        rows: Tensor,
        inputs: tuple | None,
        details: LossDetails | None,
        sample_loss: SampleLoss,
        trained: Tensor | None = None,
        expected: Tensor | None = None,
    ) -> None:
        self.rows, self.details, self.sample_loss = rows, details, sample_loss
        self.n_samples = rows.shape[0]  # len() of a tensor takes several times as long
        if trained is not None:  # half precision stays what it is, since the books compare it less strictly
            if inputs is not None and inputs[0].dtype in HALF_PRECISION:
                trained = trained.to(inputs[0].dtype)  # it may come in single precision, and is no better for it
            is_number = trained.is_cpu and trained.dtype not in HALF_PRECISION
            trained = trained.item() if is_number else trained.detach()  # type: ignore[assignment]
        self.trained, self.expected = trained, expected
        self.inputs, self.size = inputs, 1
        if inputs is not None:  # the graph behind the output must not stay alive
            self.inputs = tuple([part.detach() if part.requires_grad else part for part in inputs])
            self.size = inputs[0].numel()
        self._versions = self._count_changes()

    @property
    def kind(self) -> tuple:
        """Equal for visits that can be evaluated together: one criterion, the same kinds of values, shapes, devices."""
        shapes = [(part.shape[1:], part.dtype) for part in self.inputs or ()]
        return self.sample_loss, self.details is None, type(self.trained), shapes, self.rows.device

    def was_changed(self) -> bool:
        """Return True if somebody wrote into the criterion's arguments since the visit was made.

        torch counts the writes to each tensor, which costs nothing; a copy of the arguments would.
        """
        return self._count_changes() != self._versions

    def _count_changes(self) -> list[int]:
        try:
            return [tensor._version for tensor in self.inputs or ()]
        except RuntimeError:  # made in inference mode, where changes are not counted
            return []


class VisitBuffer:
    """Visits that wait for their evaluation.

    Parameters
    ----------
    on_flush : callable
        Gets rows (n,) int64 and losses (n,) on the net's device, the criterion's inputs or None, and one of
        the visits; called without gradient, and never interrupted half-way.
    on_details : callable
        Gets rows and `LossDetails` of the same visits, if they have parts or units.
    keep_inputs : bool
        True if `on_flush` needs the criterion's inputs.
    capacity : int
        Numbers to hold at most before they are evaluated.
    max_rows : int, optional
        Samples to hold at most. What is held lies between the batches of X in memory, and keeps the allocator from
        using their places again: large samples must not wait in large numbers.
    books : Books
        Compares the loss trained on with the losses recorded. The first visit does not wait, so that an error in it
        is known before the net changes.
    may_skip : bool
        True if some visits do not count.

    Examples
    --------
    >>> from torch import nn
    >>> def on_flush(rows, losses, inputs, visit):
    ...     print(rows.tolist(), losses.tolist())
    >>> buffer, loss = VisitBuffer(on_flush, keep_inputs=False), SampleLoss(nn.MSELoss())
    >>> for row in (4, 0, 2):
    ...     buffer.add(Visit(torch.tensor([row]), (torch.full((1, 1), row), torch.zeros(1, 1)), None, loss))
    [4] [16.0]
    >>> buffer.flush()                                                       # two batches, one evaluation
    [0, 2] [0.0, 4.0]
    """

    def __init__(
        self,
        on_flush: Callable[[Tensor, Tensor, tuple | None, Visit], None],
        on_details: Callable[[Tensor, LossDetails], None] | None = None,
        *,
        keep_inputs: bool,
        capacity: int = CAPACITY,
        max_rows: int | None = None,
        books: Books | None = None,
        may_skip: bool = False,
    ) -> None:
        self.on_flush, self.on_details = on_flush, on_details
        self.keep_inputs, self.capacity, self.books = keep_inputs, capacity, Books() if books is None else books
        self._visits: list[Visit] = []
        self._settings: list[tuple] | None = None
        self._size, self._is_first = 0, True
        self._n_rows, self._max_rows = 0, max_rows
        self._last_output: Tensor | None = None
        self._may_skip = may_skip

    def add(self, visit: Visit) -> None:
        """Hold a visit; evaluate those held if there are enough, or if units are among its details.

        Parameters
        ----------
        visit : Visit
            Of the running step.

        Raises
        ------
        SampleLossError
            See `flush`.
        """
        if visit.details is None and self._settings is None:
            self._settings = visit.sample_loss.settings()
        if visit.inputs is not None and visit.inputs[0].is_cuda:
            self._look_at_memory(visit.inputs[0])
        self._visits.append(visit)
        self._size += visit.size
        self._n_rows += visit.n_samples
        is_full = self._size >= self.capacity or (self._max_rows is not None and self._n_rows >= self._max_rows)
        if self._is_first or is_full:
            self._is_first = False
            self.flush()
        elif self.on_details is not None and visit.details is not None and visit.details.is_more:
            self.flush()  # units are too many to be held

    def _look_at_memory(self, output: Tensor) -> None:
        """Hold no visit from now on if this output was written over the last one, as a CUDA graph does.

        The first visit of all is not held, so that none is lost when the second shows it.
        """
        last, self._last_output = self._last_output, output  # kept, or its memory could be used again by chance
        if last is None:
            return
        try:
            is_same = last.data_ptr() == output.data_ptr()
        except RuntimeError:  # torch's own graphs do not show an output that a later run has written over
            is_same = True
        if is_same:
            self.capacity = 0

    def flush(self) -> None:
        """Evaluate the visits held, in order; visits whose inputs have one shape are evaluated together.

        Raises
        ------
        SampleLossError
            If an input, or a setting of the criterion, was changed since; or if the books do not balance in the first
            batch.
        """
        if self._visits:
            # A net that validates in inference mode calls from inside of it, where no state can be allocated.
            with torch.inference_mode(False), torch.no_grad(), uninterrupted():
                held, self._visits, self._size, self._n_rows = self._visits, [], 0, 0
                for _, alike in groupby(held, attrgetter("kind")):
                    self._evaluate(list(alike))
                self._settings = None

    def _evaluate(self, visits: list[Visit]) -> None:
        """Hand on the losses of visits of one kind: those they came with, or those of their inputs."""
        visit = visits[0]
        is_other_loss = visit.details is None and visit.sample_loss.settings() != self._settings
        if is_other_loss or any(each.was_changed() for each in visits):
            raise SampleLossError(
                "an output of the net, a target or a setting of the criterion was changed in place after the loss was "
                "computed, so the loss of single samples is lost; change a copy, or change it at the end of an epoch"
            )
        inputs = None
        if visit.inputs is not None and (self.keep_inputs or visit.details is None):
            inputs = tuple(_join(parts) for parts in zip(*[each.inputs for each in visits], strict=True))
        rows = torch.cat([each.rows for each in visits])
        if visit.details is None:
            losses = self._evaluated(visits, rows, inputs)  # type: ignore[arg-type]
        else:
            losses = torch.cat([each.details.samples for each in visits if each.details is not None])
            for each in visits:
                if self.on_details is not None:
                    self.on_details(each.rows, each.details)  # type: ignore[arg-type]
                self.books.add([each.trained], each.expected)
        if self._may_skip:
            places = (rows >= 0).nonzero()[:, 0]
            if not len(places):
                return
            rows, places = rows[places], places.to(losses.device)
            losses, inputs = losses[places], inputs and tuple(part[places] for part in inputs)
        self.on_flush(rows.to(losses.device), losses, inputs, visit)

    def _evaluated(self, visits: list[Visit], rows: Tensor, inputs: tuple) -> Tensor:
        """Return the losses (n,) of visits whose inputs were held."""
        sample_loss = visits[0].sample_loss
        units = sample_loss.units(inputs, len(rows))
        losses = sample_loss.values(units, inputs)
        if self.on_details is not None and units.ndim > 1:
            self.on_details(rows, LossDetails(losses, units=sample_loss.unit_losses(units, inputs)))
        self.books.add_block(
            sample_loss, units, inputs, [each.n_samples for each in visits], [each.trained for each in visits]
        )
        return losses


def _join(parts: tuple[Tensor, ...]) -> Tensor:
    """Return the parts of several batches as one tensor, in single precision at least."""
    joined = parts[0] if len(parts) == 1 else torch.cat(parts)
    # Half precision is trained on under autocast, which computes losses in float32.
    return joined.float() if joined.dtype in HALF_PRECISION else joined


def most_held(dataset: Any, device: Any) -> int | None:
    """Return how many samples of a data set may pass between two evaluations; None: any number.

    The allocators of other devices keep small and large tensors apart, and batches there are not made one by one.
    """
    n_bytes = bytes_per_sample(dataset) if device in (None, "cpu") else 0
    return HELD_BYTES // n_bytes if n_bytes else None
