"""Several nets trained at once: each has skorch's loop of its own, and they make their training steps together.

The loop of a net stops where an epoch's pass over the training samples would be. When all have come that far, the pass
of all is made, batch by batch, and the loops go on: to validation, callbacks and the next epoch. Each loop sees the
random numbers of its own seed.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from actscore_sk.data.fetching import data_identity
from actscore_sk.estimators.batchable import may_step_at_once, tensor_slicer
from actscore_sk.estimators.batched_block import Block
from actscore_sk.estimators.batched_nets import BatchedNets
from actscore_sk.estimators.net_loop import NetLoop, Stream
from actscore_sk.utils.interrupts import noticed
from actscore_sk.utils.randomness import preserved_random_state

_MOST_PREPARED = 2**21  # numbers in the batches of an epoch: 16 MiB in double precision

_log = logging.getLogger("actscore_sk")


def train_at_once(trainings: Sequence[Any], seeds: Sequence[int], data: Any) -> None:
    """Train nets as ``net.fit`` does, one seed each.

    Parameters
    ----------
    trainings : sequence of Training
        A net and its recorder each.
    seeds : sequence of int
        One per net.
    data : FitData
        Samples, and the arguments of `fit`.
    """
    with preserved_random_state(trainings[0].net.device), ExitStack() as stack:
        loops = []
        for training, seed in zip(trainings, seeds, strict=True):
            stream = Stream(seed, training.net.device, training.n_before)
            stack.enter_context(training.recorded())
            loops.append(NetLoop(training.net, stream, data))
        passes = TrainingPasses()
        stack.callback(passes.release)
        came = stack.enter_context(noticed())
        live = [loop for loop in loops if loop.go_on()]
        while live and not came():
            try:
                passes.run_epoch(live)
            except KeyboardInterrupt:
                break
            live = [loop for loop in live if loop.go_on()]
        for loop in live:  # as skorch does after Ctrl-C, each net ends its training and is kept
            loop.interrupt()


class TrainingPasses:
    """Training passes of several nets at once."""

    def __init__(self) -> None:
        self._nets: BatchedNets | None = None
        self._data: list[Any] = []
        self._fetch: Any = None
        self._has_logged = False

    def release(self) -> None:
        """Give each net tensors of its own again."""
        if self._nets is not None:
            self._nets.release()
        self._nets = None

    def run_epoch(self, loops: Sequence[NetLoop]) -> None:
        """Train all nets for one epoch.

        Parameters
        ----------
        loops : sequence of NetLoop
            Of nets that stand before the pass.
        """
        self._look_at_data(loops[0].session.root)
        if self._fetch is None or not all(loop.may_draw for loop in loops):
            self._log_once("n_repeats=%d: one net after another, epoch by epoch", len(loops))
            for loop in loops:
                loop.run_alone()
            return
        orders, sizes = zip(*[loop.draw() for loop in loops], strict=True)
        steps: list[Tensor] = []
        if all(own == sizes[0] for own in sizes):
            steps = [*torch.stack(orders).split(sizes[0], 1)]
            while steps and not self._is_ready(loops):
                self._step_alone(loops, [[rows] for rows in steps.pop(0)])
        else:
            self._step_alone(loops, [order.split(own) for order, own in zip(orders, sizes, strict=True)])
        if steps:
            self._step_at_once(loops, steps)
        for loop, own in zip(loops, sizes, strict=True):
            loop.net.history.record("train_batch_count", len(own))

    def _step_alone(self, loops: Sequence[NetLoop], orders: Sequence[Sequence[Tensor]]) -> None:
        """Make steps on batches of each net by itself."""
        for loop, order in zip(loops, orders, strict=True):
            for rows in order:
                loop.step_alone(self._fetch(rows), rows)

    def _step_at_once(self, loops: Sequence[NetLoop], steps: Sequence[Tensor]) -> None:
        """Make steps of all nets, each on rows (n_nets, batch_size) of X."""
        self._gather(loops)
        block = Block(loops)
        try:
            for batch, rows in self._batches(loops[0].session, steps):
                _, inputs = block.path.forward(self._nets, *batch)
                self._nets.step(*block.losses(rows, inputs))  # type: ignore[union-attr]
        finally:
            block.close()

    def _batches(self, session: Any, steps: Sequence[Tensor]) -> Iterator[tuple[Any, Tensor]]:
        """Yield the batches of all nets, and their rows: on the device of the nets if the samples are stored there."""
        if session.placement.moves:
            rows = torch.cat([step.reshape(-1) for step in steps])
            store = session.placement.store(session.root, self._fetch)
            for (X, y), rows_there in store.batches(rows, rows, steps[0].numel()):
                yield (self._nets.prepare(X), y), rows_there.view(steps[0].shape[0], -1)  # type: ignore[union-attr]
        else:
            yield from zip(self._prepared(steps, len(session.root)), steps, strict=True)

    def _prepared(self, steps: Sequence[Tensor], n_samples: int) -> Iterator[tuple]:
        """Yield batches as the nets take them; where they are small, those of an epoch are made at once."""
        nets: Any = self._nets
        prepare, sizes = nets.prepare, [*map(Tensor.numel, steps)]
        X, y = self._fetch(torch.tensor([0]))
        if nets.on_gpu or not isinstance(y, Tensor) or X.numel() * sum(sizes) > _MOST_PREPARED:
            for step in steps:
                X, y = self._fetch(step.reshape(-1))
                yield prepare(X), y
            return
        X, y = self._fetch(torch.arange(n_samples))
        rows = torch.cat([step.reshape(-1) for step in steps])
        parts = [part.index_select(0, rows).split(sizes) for part in (prepare(X), y)]
        yield from zip(*parts, strict=True)

    def _log_once(self, text: str, n_nets: int) -> None:
        if not self._has_logged:
            _log.info(text, n_nets)
        self._has_logged = True

    def _look_at_data(self, root: Any) -> None:
        """Renew the slicer of X if the data set has other data than before."""
        found = data_identity(root)
        if len(found) != len(self._data) or any(one is not other for one, other in zip(found, self._data, strict=True)):
            self._data, self._fetch = found, tensor_slicer(root)

    def _is_ready(self, loops: Sequence[NetLoop]) -> bool:
        """Return True if the next step may be made at once: each net has made one, whose loss is known."""
        is_served = all(loop.session.n_steps and loop.session.path.serves(loop.net) for loop in loops)
        return is_served and may_step_at_once([loop.net for loop in loops])

    def _gather(self, loops: Sequence[NetLoop]) -> None:
        nets = [loop.net for loop in loops]
        if self._nets is None or not self._nets.is_of(nets):
            self.release()
            self._log_once("n_repeats=%d: one batched net", len(nets))
            self._nets = BatchedNets(nets, [loop.stream.generator for loop in loops])
        self._nets.take_options()
        for loop in loops:
            if not loop.session.path.has_mode(True):
                loop.net._set_training(True)
